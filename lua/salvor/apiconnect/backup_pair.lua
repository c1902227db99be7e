--- Backups of management and portal at the same time: what apic-v10/backup does.
---
--- ctx.facts: management {name, uid, version, owner, backup}, portal {name, uid, version, backup};
--- a backup is {name, id, server, time}.
local errors = require("salvor.error")
local pair = require("salvor.apiconnect.pair")
local part = require("salvor.apiconnect.part")
local subsystems = require("salvor.apiconnect.subsystems")
local task = require("salvor.task")

local backup_pair = {}

local SUBSYSTEMS = subsystems.both()

-- Checks

--- find(name) -> the check that finds one of them.
function backup_pair.find(name)
    return function(ctx)
        SUBSYSTEMS[name]:find(part.of(ctx, name))
    end
end

--- check_state(name) -> the check that it is healthy, and that its backups leave the cluster.
function backup_pair.check_state(name)
    return function(ctx)
        local own = part.of(ctx, name)
        SUBSYSTEMS[name]:check_health(own)
        SUBSYSTEMS[name]:check_backup_settings(own)
    end
end

function backup_pair.check_database(ctx)
    SUBSYSTEMS.management:owner(part.of(ctx, "management"))
end

function backup_pair.check_versions(ctx)
    local management = SUBSYSTEMS.management:known(part.of(ctx, "management")).version
    local portal = SUBSYSTEMS.portal:known(part.of(ctx, "portal")).version
    if management ~= portal then
        ctx:warn("management has version " .. management .. ", the portal " .. portal,
            "for a recovery all subsystems must have the same version and fix pack")
    end
end

--- What is restored right now is not worth a backup, and a backup may disturb it.
function backup_pair.check_restores(ctx)
    for _, name in ipairs({"management", "portal"}) do
        SUBSYSTEMS[name]:check_restores(part.of(ctx, name))
    end
end

local function record_store(ctx)
    return ctx:store(ctx.params.record)
end

--- What is asked of the place of a kit holds for that of a record.
function backup_pair.check_record(ctx)
    local ok, err = ctx:kit(ctx.params.record):check_place()
    if not ok then
        return ctx:problem(err.message, "name another place with -p record=…")
    end
    local store <close> = record_store(ctx)
    local _, others = pair.all(store)
    for _, path in ipairs(others) do
        ctx:warn(path .. " in " .. store.url .. " is no record of a pair")
    end
end

-- Steps

--- Takes the backup of one of them.
local function taker(ctx, name)
    local own = part.of(ctx, name)
    return function()
        own.facts.backup = SUBSYSTEMS[name]:take(own)
    end
end

--- Both are begun before either is waited for; when one fails the other one goes on in the cluster.
function backup_pair.take(ctx)
    local of_management, take_portal = taker(ctx, "management"), taker(ctx, "portal")
    local function of_portal()
        take_portal()
        -- Its time is that of its beginning.
        ctx.facts.portal.backup.ended = os.time()
    end
    if ctx.planning then
        of_management()
        return of_portal()
    end
    task.all({of_management, of_portal})
    ctx:note("management " .. tostring(ctx.facts.management.backup.id) .. ", portal "
        .. ctx.facts.portal.backup.name)
end

function backup_pair.are_taken(ctx)
    for name, subject in pairs(SUBSYSTEMS) do
        local taken = (ctx.facts[name] or {}).backup
        if not taken or not subject:is_usable(part.of(ctx, name), taken.name) then
            return false
        end
    end
    return true
end

local function known(ctx)
    local function half(name)
        local facts = ctx.facts[name]
        return {cluster = facts.name, uid = facts.uid, version = facts.version,
                name = facts.backup.name, id = facts.backup.id, server = facts.backup.server,
                time = facts.backup.time, ended = facts.backup.ended}
    end
    return {run = ctx.run, namespace = ctx.namespace, management = half("management"),
            portal = half("portal")}
end

function backup_pair.compare(ctx)
    if ctx.planning then
        return
    end
    local apart, limit = pair.apart(known(ctx)), ctx.params.max_skew
    if apart > limit then
        error(errors.new({
            code = "Failed",
            message = string.format("the backups are %d seconds apart, %d are allowed", apart,
                limit),
            hint = "portal sites may not be consistent with the management database: run the"
                .. " procedure anew, or with a larger -p max_skew",
        }), 0)
    end
    ctx:note(string.format("%d seconds apart", apart))
end

local function record(ctx)
    if ctx.planning then
        return pair.FOLDER .. "/TIME.json", ""
    end
    return pair.path(ctx.facts.management.backup.time), pair.encode(known(ctx))
end

function backup_pair.record(ctx)
    local store <close> = record_store(ctx)
    local path, text = record(ctx)
    must(store:write(path, text))
    if not ctx.planning then
        ctx:note("recorded in " .. store.url .. "/" .. path)
    end
end

function backup_pair.is_recorded(ctx)
    local store <close> = record_store(ctx)
    local path, text = record(ctx)
    return store:read(path) == text
end

return backup_pair
