--- Backups of management and portal at the same time: what apic-v10/backup does.
---
--- ctx.facts: management {name, uid, version, owner, backup}, portal {name, uid, version, backup};
--- a backup is {name, id, server, time}.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.backup")
local errors = require("salvor.error")
local management_restore = require("salvor.apiconnect.management_restore")
local pair = require("salvor.apiconnect.pair")
local part = require("salvor.apiconnect.part")
local portal_backup = require("salvor.apiconnect.portal_backup")
local portal_restore = require("salvor.apiconnect.portal_restore")
local prepare = require("salvor.apiconnect.prepare")
local task = require("salvor.task")

local both = {}

local SUBSYSTEMS = {
    management = prepare.subsystem({kind = "ManagementCluster", plural = apiconnect.MANAGEMENT,
                                    backup_field = "databaseBackup", name_param = "management"}),
    portal = prepare.subsystem({kind = "PortalCluster", plural = apiconnect.PORTAL,
                                backup_field = "portalBackup", name_param = "portal"}),
}

local NEEDED = {"host", "path", "credentials"} -- by either protocol

--- The ctx of the checks that prepare has for one subsystem.
local function of(ctx, name)
    return part.of(ctx, name, {params = function(whole, param)
        return param == "name" and whole.params[name] or nil
    end})
end

-- Checks

--- check(name) -> the check of one subsystem: there, healthy, its backups leave the cluster.
function both.check(name)
    return function(ctx)
        local own, subsystem = of(ctx, name), SUBSYSTEMS[name]
        subsystem:find(own)
        if own.facts.version then
            subsystem:check_health(own)
            subsystem:check_backup_settings(own, NEEDED)
        end
    end
end

function both.check_database(ctx)
    local facts = ctx.facts.management
    local database = ctx.params.database ~= "auto" and ctx.params.database
        or apiconnect.database(facts.version)
    if not database then
        return ctx:problem("version " .. facts.version .. " may keep its backups as"
            .. " ManagementBackup or as EDB Backup", "say which: -p database=crunchy or edb")
    end
    facts.owner = {
        name = facts.name,
        database = database,
        database_cluster = apiconnect.database_cluster(
            must(ctx.k8s:get(apiconnect.MANAGEMENT, facts.name)), database),
    }
end

function both.check_versions(ctx)
    local management, portal = ctx.facts.management.version, ctx.facts.portal.version
    if management ~= portal then
        ctx:warn("management has version " .. management .. ", the portal " .. portal,
            "for a recovery all subsystems must have the same version and fix pack")
    end
end

--- What is restored right now is not worth a backup, and a backup may disturb it.
function both.check_restores(ctx)
    local found = {ManagementRestore = management_restore.all(ctx.k8s, ctx.facts.management.name),
                   PortalRestore = portal_restore.all(ctx.k8s, ctx.facts.portal.name)}
    for kind, restores in pairs(found) do
        for _, name in ipairs(restores.in_flight) do
            ctx:problem(kind .. " " .. name .. " is in flight", "wait until it has ended")
        end
    end
end

local function record_store(ctx)
    return ctx:store(ctx.params.record)
end

function both.check_record(ctx)
    local store <close> = record_store(ctx)
    local _, others = pair.all(store)
    for _, path in ipairs(others) do
        ctx:warn(path .. " in " .. store.url .. " is no record of a pair")
    end
end

-- Steps

--- Both are begun before either is waited for; when one fails the other one goes on in the cluster.
function both.take(ctx)
    local management, portal = ctx.facts.management, ctx.facts.portal
    local timeout = ctx.params.backup_timeout
    local function of_management()
        management.backup = backup.take(ctx.k8s, management.owner, ctx:name(management.name),
            timeout)
    end
    local function of_portal()
        portal.backup = portal_backup.take(ctx.k8s, portal.name, ctx:name(portal.name), timeout)
        portal.backup.ended = os.time()
    end
    if ctx.planning then
        of_management()
        return of_portal()
    end
    task.all({of_management, of_portal})
    ctx:note("management " .. tostring(management.backup.id) .. ", portal " .. portal.backup.name)
end

function both.are_taken(ctx)
    local management, portal = ctx.facts.management, ctx.facts.portal
    return management.backup ~= nil and portal.backup ~= nil
        and backup.is_usable(ctx.k8s, management.owner, management.backup.name)
        and portal_backup.is_usable(ctx.k8s, portal.backup.name)
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

function both.compare(ctx)
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

function both.record(ctx)
    local store <close> = record_store(ctx)
    local path, text = record(ctx)
    must(store:write(path, text))
    if not ctx.planning then
        ctx:note("recorded in " .. store.url .. "/" .. path)
    end
end

function both.is_recorded(ctx)
    local store <close> = record_store(ctx)
    local path, text = record(ctx)
    return store:read(path) == text
end

return both
