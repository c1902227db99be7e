--- The two subsystems of API Connect v10: what salvor.apiconnect.subsystem cannot say of both.
---
---     local portal = subsystems.portal()
---     portal:find(ctx)
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.management_backup")
local management = require("salvor.apiconnect.management")
local management_restore = require("salvor.apiconnect.management_restore")
local portal = require("salvor.apiconnect.portal")
local portal_backup = require("salvor.apiconnect.portal_backup")
local portal_restore = require("salvor.apiconnect.portal_restore")
local restores = require("salvor.apiconnect.restores")
local schedule = require("salvor.apiconnect.schedule")
local subsystem = require("salvor.apiconnect.subsystem")

local subsystems = {}

local HOUR = 3600

-- Management

local Management = subsystem.class({
    kind = management.KIND,
    plural = apiconnect.MANAGEMENT,
    backup_field = management.BACKUP_FIELD,
    restores = management_restore,
    needs_site = true,
})

--- secrets(object, version) -> list of salvor.apiconnect.secrets.item: what a recovery needs.
function Management.secrets(_, object, version)
    return management.secrets(object, version)
end

--- schedule_problem(text, version): as salvor.apiconnect.schedule.problem.
function Management.schedule_problem(_, text, version)
    return schedule.problem(text, version)
end

--- Check: nothing is being restored, and no restore that failed has left the operator's lock.
function Management:check_restores(ctx)
    local is_idle = restores.check(ctx, self.restores, self:known(ctx).name)
    local err = is_idle and management_restore.left_lock(ctx.k8s, ctx.facts.name)
    if err then
        ctx:problem(err.message, err.hint)
    end
end

--- By what its backups are found, see salvor.apiconnect.management_backup; raises when the version
--- does not tell and the operator has not said.
function Management:owner(ctx)
    if not ctx.facts.owner then
        ctx.facts.owner = must(backup.owner(self:get(ctx), ctx.facts.version, ctx.params.database))
    end
    return ctx.facts.owner
end

--- newest(ctx) -> the newest backup that can be used, or nil; how many there are in all; what tells
--- them from others'.
function Management:newest(ctx)
    local owner = self:owner(ctx)
    local newest, count = backup.newest(ctx.k8s, owner)
    return newest, count, backup.belonging(owner)
end

--- take(ctx) -> a new backup when it can be used; raises when it fails. A run that is resumed goes
--- on with the same one, unless that has failed.
function Management:take(ctx)
    return backup.take(ctx.k8s, self:owner(ctx), ctx:name(self:known(ctx).name),
        ctx.params.backup_timeout)
end

--- Whether the backup of that name exists and can be used.
function Management:is_usable(ctx, name)
    return backup.is_usable(ctx.k8s, self:owner(ctx), name)
end

-- The portal

local Portal = subsystem.class({
    kind = portal.KIND,
    plural = apiconnect.PORTAL,
    backup_field = portal.BACKUP_FIELD,
    restores = portal_restore,
    default_interval = 24 * HOUR, -- of backups without a schedule; management has none
})

function Portal.secrets(_, object)
    return portal.secrets(object)
end

--- The vendor's examples have five fields in every version; from 10.0.8 on both forms pass.
function Portal.schedule_problem(_, text, version)
    local problem, example = schedule.problem(text, version)
    if problem and schedule.problem(text, "10.0.5") then
        return problem, example
    end
end

local function plain(found)
    return found and {name = found.name, id = found.id, time = found.time}
end

--- The newest of the system, and as a fourth value the whole set, see portal_backup.set().
function Portal:newest(ctx)
    local name = self:known(ctx).name
    local usable, count, unnamed = portal_backup.of(ctx.k8s, name)
    if unnamed then
        ctx:warn(unnamed, "a backup of apic-v10/backup names its portal")
    end
    local set = portal_backup.set(usable, "now")
    return plain(set.system), count, "PortalBackup of the system with spec.portalCluster "
        .. name, set
end

function Portal:take(ctx)
    local name = self:known(ctx).name
    return plain(portal_backup.take(ctx.k8s, name, ctx:name(name), ctx.params.backup_timeout))
end

function Portal.is_usable(_, ctx, name)
    return portal_backup.is_usable(ctx.k8s, name)
end

--- The one whose resource the parameter `name` names, of a procedure for management alone.
function subsystems.management()
    return setmetatable({param = "name"}, Management)
end

--- The same of the portal.
function subsystems.portal()
    return setmetatable({param = "name"}, Portal)
end

--- both() -> {management, portal}, of a procedure for the two, whose parameters are called so.
function subsystems.both()
    return {management = setmetatable({param = "management"}, Management),
            portal = setmetatable({param = "portal"}, Portal)}
end

return subsystems
