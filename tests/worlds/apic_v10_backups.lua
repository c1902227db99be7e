--- The backups of a simulated API Connect v10 management database, of either generation: what they
--- look like, and the controller that takes them.
local apiconnect = require("salvor.apiconnect")
local operator = require("worlds.operator")
local salvor = require("salvor")
local task = require("salvor.task")

local backups = {}

local MANAGEMENT_API = "management.apiconnect.ibm.com/v1beta1"
local EDB_API = "postgresql.k8s.enterprisedb.io/v1"

function backups.id(database, time)
    if database == "edb" then
        return os.date("!%Y%m%dT%H%M%S", time)
    end
    return os.date("!%Y%m%d-%H%M%SF", time)
end

--- Where EDB's backups stand below the path of databaseBackup.
function backups.server_name(database_cluster)
    return database_cluster .. "-2026-01-01T000000Z"
end

--- The states of a ManagementBackup that ends at `time`.
local function crunchy_status(self, time, phase, reason)
    local id = backups.id("crunchy", time)
    -- Not "": the API server takes an empty text that must be there for null.
    local status = {phase = phase, id = "n/a", clusterName = self.name, subsysName = self.name,
                    crType = "create", conditions = salvor.list({}), state = reason}
    if phase == "Ready" then
        status.id = id
        status.info = {id = id, type = "full", size = "83.1MB", totalsize = "83.1MB",
                       rangeStart = time - 60, rangeEnd = time,
                       range = os.date("!%c", time - 60) .. " - " .. os.date("!%c", time)}
    end
    return status
end

local function edb_status(self, time, phase, reason)
    local status = {phase = phase, error = reason}
    if phase == "completed" then
        status.backupId = backups.id("edb", time)
        status.startedAt = os.date("!%Y-%m-%dT%H:%M:%SZ", time - 60)
        status.stoppedAt = os.date("!%Y-%m-%dT%H:%M:%SZ", time)
        status.serverName = backups.server_name(self.database_cluster)
        status.destinationPath = "s3://edb-backups"
    end
    return status
end

--- Each: kind, the phases of one that succeeds, the phase of one that failed, status(world, time,
--- phase, reason), object(world, type).
backups.GENERATION = {
    crunchy = {
        kind = apiconnect.MANAGEMENT_BACKUP,
        phases = {"Pending", "Running", "Ready"},
        failed = "Failed",
        status = crunchy_status,
        object = function(self, type)
            return {apiVersion = MANAGEMENT_API, kind = "ManagementBackup",
                    spec = {type = "full", crType = type, clusterName = self.name}}
        end,
    },
    edb = {
        kind = apiconnect.EDB_BACKUP,
        phases = {"pending", "running", "completed"},
        failed = "failed",
        status = edb_status,
        object = function(self)
            return {apiVersion = EDB_API, kind = "Backup",
                    spec = {cluster = {name = self.database_cluster}}}
        end,
    },
}

--- A backup that is there already: one that ended at `time` in the phase, a usable one when nil.
function backups.add(self, name, time, phase)
    local generation = backups.GENERATION[self.database]
    local object = generation.object(self, "record")
    object.metadata = {name = name, labels = {[operator.SEEDED] = "true"}}
    local created, err = self.client:create(object)
    -- A backup is recorded once, however often the resource is looked at.
    if not created and err.code == "AlreadyExists" then
        return
    end
    self:set_status(must(created, err), generation.status(self, time,
        phase or generation.phases[#generation.phases], phase and "made so by the test"))
end

--- The controller.
function backups.reconcile(self, object)
    local generation = backups.GENERATION[self.database]
    local failure = self.faults.backup
    for index, phase in ipairs(generation.phases) do
        if index == #generation.phases and self.hold_backups then
            self.hold_backups()
        end
        if index == #generation.phases and failure then
            self:set_status(object, generation.status(self, os.time(), generation.failed, failure))
        else
            self:set_status(object, generation.status(self, os.time(), phase))
            task.sleep(self.delays.backup)
        end
    end
end

return backups
