--- What recovers a management subsystem: the steps of apic-v10/recover-management.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.backup")
local backup_copy = require("salvor.apiconnect.backup_copy")
local difference = require("salvor.apiconnect.difference")
local errors = require("salvor.error")
local management_restore = require("salvor.apiconnect.management_restore")
local merge = require("salvor.copy").merge
local subsystem = require("salvor.apiconnect.recover_management.subsystem")
local task = require("salvor.task")

local steps = {}

-- Seconds between looks at which backups there are.
local LOOK, SHORTEST = 2, 0.1

function steps.apply_secrets(ctx)
    subsystem:apply_secrets(ctx)
end

function steps.has_secrets(ctx)
    return subsystem:has_secrets(ctx)
end

--- Before the operator first looks at the new path.
function steps.copy_backups(ctx)
    local kit, to = subsystem:kit_of(ctx), ctx.params.copy_backups_to
    local settings, database = kit.spec.databaseBackup, ctx.facts.database
    local secrets = subsystem.backup_secrets(ctx, kit)
    ctx:perform({
        verb = "copy",
        target = "the backups in s3://" .. settings.path .. " to s3://" .. to,
        run = function()
            return backup_copy.run(secrets, settings, to, database)
        end,
        summary = function(done)
            return {copied = done.copied, skipped = done.skipped, bytes = done.bytes}
        end,
    })
end

function steps.edit_file(ctx)
    subsystem:edit_file(ctx)
end

function steps.is_file_edited(ctx)
    return subsystem:is_file_edited(ctx)
end

function steps.apply_resource(ctx)
    subsystem:apply_resource(ctx)
end

function steps.needs_no_change(ctx)
    return subsystem:needs_no_change(ctx)
end

function steps.is_resource_applied(ctx)
    return subsystem:is_resource_applied(ctx)
end

function steps.await_operator(ctx)
    subsystem:await_operator(ctx, ctx.params.install_timeout)
end

--- The backup of that id (or "newest") among the usable ones, or nil; how many backups there are.
local function choose(ctx, owner)
    local newest, count = backup.newest(ctx.k8s, owner)
    if ctx.params.backup == "newest" then
        return newest, count
    end
    return backup.find(ctx.k8s, owner, ctx.params.backup), count
end

local function owner_of(ctx)
    local management = must(ctx.k8s:get(apiconnect.MANAGEMENT, ctx.facts.name))
    return {name = ctx.facts.name, database = ctx.facts.database,
            database_cluster = apiconnect.database_cluster(management, ctx.facts.database)}
end

local function no_backup(ctx, count)
    error(errors.new({
        code = "Timeout",
        message = count == 0 and "no backup of the old subsystem has appeared"
            or string.format("%d backups have appeared, and %s is not among them", count,
                ctx.params.backup == "newest" and "a usable one" or ctx.params.backup),
        hint = "name, siteName, and databaseBackup's host and path must be those of the old"
            .. " subsystem, and its credentials must open that place; -p backups_timeout=… waits"
            .. " longer",
    }), 0)
end

--- The operator makes objects of the backups in storage, one after the other, some time after it is
--- up: the newest is known when no more have come for a while.
function steps.await_backups(ctx)
    if ctx.planning then
        ctx.facts.backup = {name = ctx.params.backup .. "-backup"}
        ctx:note("the backup is chosen when the operator has found those in storage")
        return
    end
    local owner, settle = owner_of(ctx), ctx.params.backups_settle
    local deadline = task.now() + ctx.params.backups_timeout
    local seen, since = nil, task.now()
    while true do
        local found, count = choose(ctx, owner)
        if count ~= seen then
            seen, since = count, task.now()
        elseif found and (ctx.params.backup ~= "newest" or task.now() - since >= settle) then
            ctx.facts.backup = found
            return ctx:note("backup " .. tostring(found.id) .. " (" .. found.name .. ")")
        elseif task.now() > deadline then
            no_backup(ctx, count)
        end
        task.sleep(math.max(SHORTEST, math.min(LOOK, settle / 4)))
    end
end

function steps.restore(ctx)
    local kit = subsystem:kit_of(ctx)
    ctx.facts.restore = management_restore.run(ctx.k8s, ctx:name(kit.name), {
        database = ctx.facts.database,
        subsystem = kit.name,
        backup = ctx.facts.backup,
        settings = merge(kit.spec.databaseBackup, {path = ctx.params.copy_backups_to}),
        pitr_target = ctx.params.pitr_target,
    }, ctx.params.restore_timeout)
end

function steps.is_restored(ctx)
    return management_restore.is_complete(ctx.k8s, ctx:name(ctx.facts.name))
end

local function refuse(message, hint)
    error(errors.new({code = "Failed", message = message, hint = hint}), 0)
end

--- The subsystem is up again, with the old secrets and identity.
function steps.verify(ctx)
    local kit = subsystem:kit_of(ctx)
    local management = must(ctx.k8s:wait(apiconnect.MANAGEMENT, kit.name,
        {timeout = ctx.params.install_timeout, create = true}))
    if ctx.planning then
        return
    end
    local found = subsystem:differences_of(ctx, kit, management)
    if found[1] then
        refuse("after the restore the resource has another value than it must have: "
            .. difference.describe(found[1]), "look who has changed it")
    elseif not steps.has_secrets(ctx) then
        refuse("after the restore a secret is not the kit's any more", "look who has changed it")
    end
    local _, text = apiconnect.ready(management)
    ctx:note("ManagementCluster " .. kit.name .. ": " .. text .. "; restored: "
        .. tostring(ctx.facts.backup.id))
end

return steps
