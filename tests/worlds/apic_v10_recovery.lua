--- A simulated API Connect v10 operator on a replacement cluster: what it finds in the storage of a
--- subsystem that was lost, its ManagementRestores, and the APIConnectCluster above.
---
--- What is in that storage is a table, as remote() makes it of the old world: host, path,
--- database_cluster, server_name, original_uid, key (the data of the encryption secret), and
--- times, when its backups ended.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.management_backup")
local backups = require("worlds.apic_v10_backups")
local dig = require("salvor").dig
local operator = require("worlds.operator")
local s3_place = require("salvor.apiconnect.s3_place")
local salvor = require("salvor")
local task = require("salvor.task")

local recovery = {}

local EDB_ANNOTATION = "apiconnect-operator/management-db"
local OPLOCK = "-oplock"

--- What a world's backup storage holds, for a later world.
function recovery.remote(world)
    local spec, times = world:management().spec, {}
    for index, object in ipairs(world:backups()) do
        times[index] = backup.to_epoch(object.status.id or object.status.backupId)
    end
    table.sort(times)
    return {
        host = spec.databaseBackup.host,
        path = spec.databaseBackup.path,
        database_cluster = world.database_cluster,
        server_name = backups.server_name(world.database_cluster),
        original_uid = spec.originalUID,
        key = world.secrets.encryptionSecret.data["encryption_secret.bin"],
        times = times,
    }
end

-- Records of what is in storage

local function sees(self)
    local settings, remote = self.used or {}, self.remote
    return remote and settings.host == remote.host
        and (settings.path == remote.path or settings.protocol == "objstore")
        and self.client:get("secrets", settings.credentials) ~= nil
        and self.database_cluster == remote.database_cluster
end

--- Makes a ManagementBackup of each backup in the storage that the subsystem uses, as the operator
--- does some time after that is up. Of EDB's backups there are no records.
function recovery.record_backups(self)
    if self.database ~= "crunchy" or self.has_recorded or not sees(self) then
        return
    end
    self.has_recorded = true
    task.sleep(self.delays.records or 0.02)
    -- The newest first: a test that has waited too briefly has the one that is meant.
    for number = #self.remote.times, 1, -1 do
        backups.add(self, self.name .. "-rec" .. number, self.remote.times[number])
    end
end

-- Other settings of a subsystem that is installed

local function set_management(self, management, phase, up, message)
    self:set_status(management, {phase = phase, state = up .. "/18", message = message})
end

--- Up to 10.0.5 the database takes settings of S3 only by a restart, and waits for the consent.
local function restart(self, object, settings)
    if dig(settings, "restartDB", "accept") ~= true then
        set_management(self, object, "Running", 18, "restartDB.accept is not true")
        return false
    end
    set_management(self, object, "Pending", 11, "The database restarts")
    task.sleep(self.delays.install)
    set_management(self, object, "Running", 18, "Management is ready")
    return true
end

--- The controller of a ManagementCluster that has changed. `used` of the world is what it works
--- with.
function recovery.reconcile_settings(self, object)
    local settings = dig(object, "spec", "databaseBackup") or {}
    if object.metadata.name ~= self.name or not self.used
        or dig(object, "status", "phase") ~= "Running" or s3_place.is_set(self.used, settings) then
        return
    end
    local restarts = self.database == "crunchy" and settings.protocol == "objstore"
    if not restarts or restart(self, object, settings) then
        self.used = settings
        recovery.record_backups(self)
    end
end

-- Restores

local function status_of(self, phase, text)
    return {phase = phase, state = text or salvor.null, clusterName = self.name,
            subsysName = self.name, enableAutoFail = false, conditions = salvor.list({})}
end

local function exists_at(remote, database, id)
    for _, time in ipairs(remote.times) do
        if backups.id(database, time) == id then
            return true
        end
    end
end

--- The id of the backup that the restore names; nil and why there is none.
local function backup_named(self, object)
    local spec = object.spec
    if self.database == "crunchy" then
        local found = spec.backupName
            and self.client:get(apiconnect.MANAGEMENT_BACKUP, spec.backupName)
        return dig(found, "status", "id"), "backup " .. tostring(spec.backupName) .. " not found"
    elseif dig(object, "metadata", "annotations", EDB_ANNOTATION) ~= "edb" then
        return nil, "the annotation " .. EDB_ANNOTATION .. " is not there"
    end
    local place = spec.backup or {}
    local is_there = spec.subsystemName == self.name and place.host == self.remote.host
        and place.path == self.remote.path .. "/" .. self.remote.server_name
        and exists_at(self.remote, "edb", spec.backupId)
    return is_there and spec.backupId or nil,
        "no backup " .. tostring(spec.backupId) .. " in " .. tostring(place.path)
end

local function why_it_fails(self, object, management)
    local id, problem = backup_named(self, object)
    local original = dig(management, "spec", "originalUID")
    if self.faults.restore then
        return self.faults.restore
    elseif not id then
        return problem
    elseif self.remote and original ~= self.remote.original_uid then
        return "originalUID " .. tostring(original) .. " is not that of the backup"
    end
    return nil, id
end

local function lock(self)
    self.client:create({apiVersion = "v1", kind = "ConfigMap",
                        metadata = {name = self.name .. OPLOCK}})
end

--- Whether the restored database can be read: the key is the one that it was written with.
local function is_readable(self, management)
    local secret = self.client:get("secrets", dig(management, "status", "encryptionSecret") or "")
    return not self.remote or dig(secret, "data", "encryption_secret.bin") == self.remote.key
end

local function pass(self, object, phase, text)
    self:set_status(object, status_of(self, phase, text))
    task.sleep(self.delays.restore or 0.02)
end

--- The controller of ManagementRestores.
function recovery.reconcile_restore(self, object)
    local management = must(self.client:get(apiconnect.MANAGEMENT, self.name))
    lock(self)
    pass(self, object, "Pending")
    pass(self, object, "Running")
    local failure, id = why_it_fails(self, object, management)
    if failure then
        -- The lock stays, as the vendor's description of the way out of it has it.
        return self:set_status(object, status_of(self,
            self.faults.restore_phase or "RestoreFailed", failure))
    elseif dig(management, "spec", "databaseBackup", "protocol") == "sftp" then
        pass(self, object, "SFTPBackupDownloadSuccessful")
    end
    set_management(self, management, "Pending", 0, "Restoring")
    pass(self, object, "RestoreInProgress", "Waiting on management services to disable")
    if self.faults.restore_hangs then
        return
    end
    pass(self, object, "RestoreSuccessful")
    self:set_status(object, status_of(self, "Complete"))
    task.sleep(self.delays.restore or 0.02)
    table.insert(self.restored, {id = id, is_readable = is_readable(self, management)})
    self.client:delete("configmaps", self.name .. OPLOCK)
    set_management(self, management, "Running", 18, "Management is ready")
end

-- The resource above

--- Makes, or changes, the ManagementCluster that an APIConnectCluster describes.
function recovery.reconcile_top(self, object)
    local wanted = object.spec.management
    local name = wanted.name or object.metadata.name .. "-mgmt"
    local spec = self:management_spec({spec = wanted, bare = true})
    spec.name = nil
    local made, err = self.client:create({
        apiVersion = "management.apiconnect.ibm.com/v1beta1",
        kind = "ManagementCluster",
        metadata = {name = name, ownerReferences = operator.owner_reference(object)},
        spec = spec,
    })
    if not made and err.code == "AlreadyExists" then
        spec.siteName = nil
        task.sleep(self.delays.top)
        must(self.client:patch(apiconnect.MANAGEMENT, name, {spec = spec}))
    end
end

return recovery
