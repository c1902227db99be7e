--- ManagementRestores of API Connect v10: what one looks like in either generation of the database,
--- and the way out of one that failed.
local action = require("salvor.action")
local apiconnect = require("salvor.apiconnect")
local copy = require("salvor.copy")
local dig = require("salvor").dig
local errors = require("salvor.error")
local find = require("salvor.k8s.find")
local restores = require("salvor.apiconnect.restores")

local restore = {KIND = "ManagementRestore", PLURAL = apiconnect.MANAGEMENT_RESTORE}

local API = "management.apiconnect.ibm.com/v1beta1"
local EDB_ANNOTATION = {["apiconnect-operator/management-db"] = "edb"}

--- The settings of databaseBackup that a restore is not given: they are of taking backups.
local NOT_FOR_A_RESTORE = {"schedule", "repoRetentionFull", "retries", "restartDB"}

--- The ConfigMap by which the operator locks a subsystem.
local function lock_of(name)
    return name .. "-oplock"
end

--- A restore says whose it is in its status; one that the operator has not seen yet may not.
function restore.belongs(object, name)
    local whose = dig(object, "status", "subsysName") or dig(object, "spec", "subsystemName")
    return whose == nil or whose == name
end

--- new(wanted) -> the object, without a name. wanted: database, subsystem (its name), backup {name,
--- id, server}, settings (databaseBackup), pitr_target.
local function new(wanted)
    local object = {apiVersion = API, kind = restore.KIND}
    if wanted.database == "crunchy" then
        object.spec = {backupName = wanted.backup.name, pitrTarget = wanted.pitr_target}
        return object
    end
    local settings = copy.merge(wanted.settings,
        {path = wanted.settings.path .. "/" .. wanted.backup.server})
    for _, field in ipairs(NOT_FOR_A_RESTORE) do
        settings[field] = nil
    end
    object.metadata = {annotations = EDB_ANNOTATION}
    object.spec = {subsystemName = wanted.subsystem, backupId = wanted.backup.id,
                   backup = settings, pitrTarget = wanted.pitr_target}
    return object
end

--- The moment behind a backup's end, as a restore that is repeated must name it.
local function moment_behind(backup)
    return backup.time and os.date("!%Y-%m-%d %H:%M:%S+00", backup.time + 1)
end

--- way_out(name, backup) -> what the vendor's playbooks do after a restore that failed.
local function way_out(name, backup)
    local moment = moment_behind(backup or {})
    return "turn the template lur-schema off (enabled: false), scale the deployment ibm-apiconnect"
        .. " to 0, delete ConfigMap " .. lock_of(name) .. " and the ManagementBackups and"
        .. " ManagementRestores that are neither Ready nor Complete, scale it up, and restore again"
        .. (moment and ", to the moment behind the backup in a new run: -p 'pitr_target=" .. moment
            .. "'" or "")
end

--- left_lock(client, name) -> the error that it is when no restore of the subsystem is in flight,
--- and its lock is there all the same; nil when it is not.
function restore.left_lock(client, name)
    local lock = lock_of(name)
    return find.object(client, "configmaps", lock) and errors.new({
        code = "Conflict",
        message = "ConfigMap " .. lock .. " is there and no restore is in flight: one that failed"
            .. " has left it",
        hint = way_out(name),
    })
end

--- Raises when another restore is in flight, or one that is over has left the lock.
local function refuse_others(client, subsystem)
    restores.refuse(client, restore, subsystem)
    local err = restore.left_lock(client, subsystem)
    if err then
        error(err, 0)
    end
end

--- run(client, name, wanted, timeout): restores; see action.run(). Raises when it fails, at once,
--- with the operator's own reason and the way out.
function restore.run(client, name, wanted, timeout)
    local ok, err = pcall(action.run, client, restore.PLURAL, new(wanted), name, timeout,
        {before = function()
            refuse_others(client, wanted.subsystem)
        end})
    if not ok and errors.is(err, "Failed") then
        err = errors.new({code = err.code, op = err.op, cause = err, message = err.message,
                          hint = way_out(wanted.subsystem, wanted.backup)})
    end
    if not ok then
        error(err, 0)
    end
end

--- is_done(client, name) -> boolean: the restore that run() began with that name has succeeded.
function restore.is_done(client, name)
    return action.is_done(client, restore.PLURAL, name)
end

return restore
