--- What recovers a management subsystem, beside salvor.apiconnect.recover: the steps of
--- apic-v10/recover-management.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.management_backup")
local backup_copy = require("salvor.apiconnect.backup_copy")
local errors = require("salvor.error")
local known = require("salvor.apiconnect.recover_management.known")
local management_restore = require("salvor.apiconnect.management_restore")
local merge = require("salvor.copy").merge
local settled = require("salvor.apiconnect.recover.settled")
local subsystem = require("salvor.apiconnect.recover_management.subsystem")

local steps = {}

function steps.is_crunchy(ctx)
    return known(ctx, "database") == "crunchy"
end

--- Before the operator first looks at the new path.
function steps.copy_backups(ctx)
    local kit, to = subsystem:kit_of(ctx), ctx.params.copy_backups_to
    local settings, database = kit.spec.databaseBackup, known(ctx, "database")
    local secrets = subsystem:backup_secrets(ctx, kit)
    ctx:perform({
        verb = "copy",
        target = "the backups in s3://" .. settings.path .. " to s3://" .. to,
        run = function()
            return backup_copy.run(secrets, settings, to, database)
        end,
        summary = backup_copy.describe,
    })
end

-- Which backup

local function no_backup(wanted, count)
    return errors.new({
        code = "Timeout",
        message = count == 0 and "no backup of the old subsystem has appeared"
            or string.format("%d backups have appeared, and %s is not among them", count,
                wanted == "newest" and "a usable one" or wanted),
        hint = "name, siteName, and databaseBackup's host and path must be those of the old"
            .. " subsystem, and its credentials must open that place; -p backups_timeout=… waits"
            .. " longer",
    })
end

--- look() as salvor.apiconnect.recover.settled calls it.
local function looking_for(ctx, kit, wanted)
    local management = must(ctx.k8s:get(apiconnect.MANAGEMENT, kit.name))
    local owner = must(backup.owner(management, subsystem:version(ctx, kit),
        known(ctx, "database")))
    return function()
        local found, count = backup.newest(ctx.k8s, owner)
        if wanted ~= "newest" then
            found = backup.find(ctx.k8s, owner, wanted)
        end
        return found, count, not found and no_backup(wanted, count) or nil
    end
end

--- The operator makes objects of the backups in storage, one after the other, some time after it is
--- up.
function steps.await_backups(ctx)
    local kit, wanted = subsystem:kit_of(ctx), ctx.params.backup
    local found = subsystem.guard(ctx, kit, function()
        return settled(ctx, {
            target = "backups of ManagementCluster " .. kit.name,
            wanted = "to be found in storage",
            timeout = ctx.params.backups_timeout,
            settle = ctx.params.backups_settle,
            any = wanted ~= "newest",
        }, ctx.planning or looking_for(ctx, kit, wanted))
    end)
    ctx.facts.backup = found or {name = wanted .. "-backup"}
    if found then
        ctx:note("backup " .. tostring(found.id) .. " (" .. found.name .. ")")
    end
end

-- Restoring

--- What is lost. That is asked before anything is changed, so what the restore cannot do without
--- must be known.
function steps.loss(ctx)
    if not steps.is_crunchy(ctx) then
        known(ctx, "backup")
    end
    return "everything in the database of ManagementCluster " .. subsystem:name(ctx)
        .. " in namespace " .. ctx.namespace
end

local function restore_name(ctx)
    return ctx:name(subsystem:name(ctx))
end

function steps.restore(ctx)
    local kit = subsystem:kit_of(ctx)
    management_restore.run(ctx.k8s, restore_name(ctx), {
        database = known(ctx, "database"),
        subsystem = kit.name,
        backup = known(ctx, "backup"),
        settings = merge(kit.spec.databaseBackup, {path = ctx.params.copy_backups_to}),
        pitr_target = ctx.params.pitr_target,
    }, ctx.params.restore_timeout)
    if not ctx.planning then
        ctx:note("restored: " .. tostring(ctx.facts.backup.id))
    end
end

function steps.is_restored(ctx)
    return management_restore.is_done(ctx.k8s, restore_name(ctx))
end

return steps
