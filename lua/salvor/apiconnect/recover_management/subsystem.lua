--- The management subsystem as salvor.apiconnect.recover takes it.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local errors = require("salvor.error")
local find = require("salvor.k8s.find")
local management = require("salvor.apiconnect.management")
local management_backup = require("salvor.apiconnect.management_backup")
local management_kit = require("salvor.apiconnect.management_kit")
local management_restore = require("salvor.apiconnect.management_restore")
local recover = require("salvor.apiconnect.recover")
local stanza = require("salvor.apiconnect.stanza")
local stanza_job = require("salvor.apiconnect.stanza_job")
local task = require("salvor.task")

local LOOK = 2 -- seconds between looks at the Job

--- The parameters of apic-v10/configure-s3-backup that the cures of a failed stanza name, and what
--- they are called here, where the settings are those of the kit.
local CALLED = {copy_from = "-p copy_backups_to", host = "databaseBackup.host",
                style = "databaseBackup.backups3URIStyle", ca = "databaseBackup.backupCerts"}

local function job_failure(client, job, reason)
    local err = stanza_job.failure(client, job, reason)
    return errors.new({code = err.code, message = err.message,
                       hint = (err.hint:gsub("%-p ([%w_]+)", CALLED))})
end

--- Without a stanza the operator reaches no backups on S3: its Job makes one, or fails.
local function await_failure(ctx, kit)
    local cluster = apiconnect.database_cluster({metadata = {name = kit.name}, spec = kit.spec},
        ctx.facts.database)
    local name = stanza.job(cluster)
    while true do
        task.sleep(LOOK)
        local job = find.object(ctx.k8s, stanza.JOBS, name)
        local state, reason
        if job then
            state, reason = stanza.state(job, ctx.facts.job)
        end
        if state == "failed" then
            error(job_failure(ctx.k8s, name, reason), 0)
        end
    end
end

local function guard(ctx, kit, fn)
    local has_stanza = ctx.facts.database == "crunchy"
        and kit.spec.databaseBackup.protocol == "objstore"
    if not has_stanza then
        return fn()
    end
    return task.race({fn, function()
        await_failure(ctx, kit)
    end})
end

local function is_of_backups(one)
    for _, key in ipairs(one.path) do
        if key == management.BACKUP_FIELD then
            return true
        end
    end
    return false
end

--- An installed database takes other settings of S3 only by a restart; from 10.0.8 on it is another
--- database, which needs none. facts.job is the Job of the settings before: how that has ended says
--- nothing of the new ones, for which the operator makes another.
local function restarts(ctx, kit, object, differences)
    local changes = false
    for _, one in ipairs(differences) do
        changes = changes or is_of_backups(one)
    end
    local database = management_backup.generation(ctx.facts.version, ctx.params.database)
    if not changes or kit.spec.databaseBackup.protocol ~= "objstore" or database ~= "crunchy" then
        return false
    end
    local cluster = apiconnect.database_cluster(object, "crunchy")
    local job = find.object(ctx.k8s, stanza.JOBS, stanza.job(cluster))
    ctx.facts.job = dig(job, "metadata", "uid")
    return stanza.is_installed(object, job)
end

local subsystem = recover.subsystem({
    section = "management",
    kind = management.KIND,
    plural = apiconnect.MANAGEMENT,
    prepared_by = management_kit.PROCEDURE,
    read_kit = management_kit.read,
    restores = management_restore,
    fixed = {siteName = "the name of its database cluster goes by it",
             encryptionSecret = "its database was made with another key"},
    together = "the developer portal must be restored immediately afterwards, from a backup of the"
        .. " same time",
    guard = guard,
    restarts = restarts,
    backup_path = function(params)
        return params.copy_backups_to
    end,
})

--- The secrets that open the place of the backups, the living ones where there are any:
--- {["databaseBackup.credentials"] = object, ...}
function subsystem:backup_secrets(ctx, kit)
    local found = {}
    for _, item in ipairs(kit.secrets) do
        if self:is_for_backups(item) then
            found[item.role] = find.object(ctx.k8s, "secrets", item.object.metadata.name)
                or item.object
        end
    end
    return found
end

return subsystem
