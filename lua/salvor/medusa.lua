--- Medusa, the backups of Cassandra in Kubernetes (k8ssandra): what its kinds say, and its jobs.
local dates = require("salvor.store.dates")
local fields = require("salvor.k8s.fields")
local rules = require("salvor.k8s.ready.cassandra")

local text = fields.text

local medusa = {}

medusa.API = "medusa.k8ssandra.io/v1alpha1"

-- The rules know Medusa's kinds by its own group, whatever the group of a distribution's.
local GROUP = "medusa.k8ssandra.io/"
local KINDS = {backup = "MedusaBackup", backup_job = "MedusaBackupJob",
               restore_job = "MedusaRestoreJob", task = "MedusaTask",
               schedule = "MedusaBackupSchedule"}

--- kinds(api) -> {backup, backup_job, restore_job, task, schedule}: the names of the kinds, as a
--- client takes them, of an API such as medusa.API.
function medusa.kinds(api)
    local kinds = {}
    for name, kind in pairs(KINDS) do
        kinds[name] = api .. "/" .. kind
    end
    return kinds
end

--- state(which, object) -> "ready", "failed" or "waiting", and why. `which`: a name in kinds().
function medusa.state(which, object)
    return rules[GROUP .. KINDS[which]](object)
end

--- Options for client:wait that go by these rules.
function medusa.wait_options(which, timeout)
    return {
        timeout = timeout,
        ready = function(object)
            local state, why = medusa.state(which, object)
            return state == "ready", why
        end,
        failed = function(object)
            local state, why = medusa.state(which, object)
            return state == "failed", why
        end,
    }
end

local function describe(object)
    local state, why = medusa.state("backup", object)
    return {
        name = object.metadata.name,
        datacenter = text(object, "spec", "cassandraDatacenter"),
        type = text(object, "spec", "backupType"),
        finished = dates.iso(text(object, "status", "finishTime")),
        nodes = fields.integer(object, "status", "totalNodes"),
        finished_nodes = fields.integer(object, "status", "finishedNodes"),
        files = fields.integer(object, "status", "totalFiles"),
        size = text(object, "status", "totalSize"),
        usable = state == "ready",
        why = why,
    }
end

--- backups(client, kinds, datacenter) -> list of {name, type, finished (seconds since 1970, nil
--- when it has not), nodes, finished_nodes, files, size (text), usable, why (it is not)} of the
--- datacenter, the oldest first.
function medusa.backups(client, kinds, datacenter)
    local found = {}
    for object in client:each(kinds.backup) do
        local backup = describe(object)
        if backup.datacenter == datacenter then
            found[#found + 1] = backup
        end
    end
    table.sort(found, function(a, b)
        local first, second = a.finished or math.huge, b.finished or math.huge
        if first ~= second then
            return first < second
        end
        return a.name < b.name
    end)
    return found
end

--- newest(backups) -> the newest of such a list that can be restored, or nil
function medusa.newest(backups)
    local best
    for _, backup in ipairs(backups) do
        if backup.usable and backup.finished then
            best = backup
        end
    end
    return best
end

--- get(client, kinds, name) -> the backup as in backups(), or nil and an error
function medusa.get(client, kinds, name)
    local object, err = client:get(kinds.backup, name)
    return object and describe(object), err
end

--- Creates the object, whose name is the run's own; one that is there already is that of an
--- interrupted attempt.
local function create_job(client, kinds, which, datacenter, name, spec)
    local api, kind = kinds[which]:match("^(.*)/([^/]+)$")
    spec.cassandraDatacenter = datacenter.name
    must(client:create({
        apiVersion = api, kind = kind,
        metadata = {name = name, labels = {
            ["cassandra.datastax.com/cluster"] = datacenter.cluster,
            ["cassandra.datastax.com/datacenter"] = datacenter.name,
        }},
        spec = spec,
    }))
end

--- take(client, kinds, datacenter, name, timeout) -> the new full backup; raises when it fails,
--- with the pods that it failed on. datacenter: {cluster, name}.
function medusa.take(client, kinds, datacenter, name, timeout)
    create_job(client, kinds, "backup_job", datacenter, name, {backupType = "full"})
    must(client:wait(kinds.backup_job, name, medusa.wait_options("backup_job", timeout)))
    local options = medusa.wait_options("backup", timeout)
    options.create = true
    return describe(must(client:wait(kinds.backup, name, options)))
end

--- restore(client, kinds, datacenter, name, backup, timeout): restores the backup of that name;
--- raises when it fails. Done is what stopped the datacenter, finished, and has no message.
function medusa.restore(client, kinds, datacenter, name, backup, timeout)
    create_job(client, kinds, "restore_job", datacenter, name, {backup = backup})
    must(client:wait(kinds.restore_job, name, medusa.wait_options("restore_job", timeout)))
end

return medusa
