--- A simulated k8ssandra: a CassandraDatacenter with its pods, and Medusa's jobs, moved through the
--- states that cass-operator and k8ssandra-operator move them through.
---
---   local world <close> = medusa.start{kubeconfig = file, namespace = "prod"}
local operator = require("worlds.operator")
local salvor = require("salvor")
local task = require("salvor.task")

local CRDS = "tests/worlds/medusa/crds.yaml"
local API = "medusa.k8ssandra.io/v1alpha1"
local DATACENTERS = "cassandradatacenters.cassandra.datastax.com"
local STATE = "cassandra.datastax.com/node-state"

local medusa = {}

local World = operator.new_class()

--- The kinds of k8ssandra's Medusa, or the same ones of another API.
local function install(client, api)
    local group, version = api:match("^(.*)/(.*)$")
    operator.install(client, CRDS, function(text)
        return (text:gsub("medusa%.k8ssandra%.io", group):gsub("v1alpha1", version))
    end)
end

local function now()
    return os.date("!%Y-%m-%dT%H:%M:%SZ")
end

local function labels(self)
    return {["cassandra.datastax.com/cluster"] = self.cluster,
            ["cassandra.datastax.com/datacenter"] = self.datacenter}
end

local function datacenter(self)
    return must(self.client:get(DATACENTERS, self.datacenter))
end

-- Pods

function World:pod_names()
    local names = {}
    for index = 1, self.nodes do
        names[index] = string.format("%s-%s-rack1-sts-%d", self.cluster, self.datacenter, index - 1)
    end
    return salvor.list(names)
end

--- faults.pod: the one that does not start.
local function add_pod(self, name)
    local own = labels(self)
    own["cassandra.datastax.com/rack"] = "rack1"
    own[STATE] = self.faults.pod == name and "Starting" or "Started"
    self:running_pod(name, own, {{name = "cassandra", image = "cassandra:4.0.11"},
                                 {name = "medusa", image = "medusa:0.16.1"}})
end

local function set_datacenter(self, object, goal)
    local opposite = goal == "Ready" and "Stopped" or "Ready"
    self:set_status(object, {
        observedGeneration = object.metadata.generation,
        cassandraOperatorProgress = "Ready",
        conditions = salvor.list({
            {type = goal, status = "True", lastTransitionTime = now()},
            {type = opposite, status = "False", lastTransitionTime = now()},
            {type = "Initialized", status = "True", lastTransitionTime = now()},
        }),
    })
end

--- Pods are there when the datacenter is to run, and gone when it is stopped.
local function reconcile_datacenter(self, event)
    -- An event may be older than what was made of the one before.
    local object = self.client:get(DATACENTERS, event.metadata.name)
    if not object then
        return
    end
    local stopped = object.spec.stopped == true
    if salvor.dig(object, "status", "observedGeneration") == object.metadata.generation then
        return
    end
    self:set_status(object, {cassandraOperatorProgress = "Updating"})
    task.sleep(self.delays.datacenter)
    for _, name in ipairs(self:pod_names()) do
        if stopped then
            self.client:delete("pods", name)
        else
            add_pod(self, name)
        end
    end
    set_datacenter(self, object, stopped and "Stopped" or "Ready")
end

local function stop_or_start(self, stopped)
    must(self.client:patch(DATACENTERS, self.datacenter, {spec = {stopped = stopped}}))
    operator.eventually("the datacenter", function()
        local object = datacenter(self)
        return salvor.dig(object, "status", "observedGeneration") == object.metadata.generation
    end)
end

-- Backups

--- What Medusa says of a backup that is whole.
local function backup_status(self, ended)
    local nodes = {}
    for index, name in ipairs(self:pod_names()) do
        nodes[index] = {host = name, datacenter = self.datacenter, rack = "rack1",
                        tokens = salvor.list({index * 1000})}
    end
    return {
        startTime = os.date("!%Y-%m-%dT%H:%M:%SZ", ended - 60),
        finishTime = os.date("!%Y-%m-%dT%H:%M:%SZ", ended),
        totalNodes = self.nodes, finishedNodes = self.nodes, nodes = salvor.list(nodes),
        totalFiles = 2998, totalSize = "21.69 MB", status = "SUCCESS",
    }
end

--- Creates a MedusaBackup that ended `age` seconds ago; `status`: fields that differ.
function World:add_backup(name, age, status)
    local object = must(self.client:create({
        apiVersion = self.api, kind = "MedusaBackup",
        metadata = {name = name, labels = labels(self)},
        spec = {cassandraDatacenter = self.datacenter, backupType = "full"},
    }))
    local all = backup_status(self, os.time() - age)
    for field, value in pairs(status or {}) do
        all[field] = value
    end
    self:set_status(object, all)
    self.stored[name] = true
end

--- faults.backup: the pod on which a backup fails.
local function reconcile_backup_job(self, object)
    local pods, failing = self:pod_names(), self.faults.backup
    local status = {startTime = now(), inProgress = pods, finished = salvor.list({}),
                    failed = salvor.list({})}
    self:set_status(object, status)
    task.sleep(self.delays.backup)
    for _, pod in ipairs(pods) do
        table.insert(pod == failing and status.failed or status.finished, pod)
    end
    status.inProgress, status.finishTime = salvor.list({}), now()
    if not failing then
        self:add_backup(object.metadata.name, 0)
    end
    self:set_status(object, status)
end

-- Restores

local function host_map(self)
    local map = {}
    for _, name in ipairs(self:pod_names()) do
        map[name] = {source = salvor.list({name}), seed = false}
    end
    return map
end

--- Why the operator refuses the backup, in its words; nil when it does not.
local function refusal(self, backup)
    local status = backup.status or {}
    if not status.finishTime then
        return "target backup has not finished"
    elseif status.status ~= "SUCCESS" then
        return "target backup has not completed successfully"
    elseif #(status.nodes or {}) ~= self.nodes then
        return "node counts differ for source backup and destination datacenter"
    elseif status.nodes[1].datacenter ~= self.datacenter then
        return "target datacenter has different name than backup"
    end
end

--- A restore whose backup is not in the cluster does not begin before it is. (What has been created
--- and does not tell its state yet is as good as not there.)
local function await_backup(self, name)
    while true do
        local backup = self.client:get(self.api .. "/MedusaBackup", name)
        if backup and backup.status then
            return backup
        end
        task.sleep(0.05)
    end
end

--- faults.restore: fields of the status that it ends with after its datacenter was stopped, or
--- "refused": it ends before it has begun, or "stuck", or "forgotten": the backup is not in the
--- cluster any more, or "ignored": its operator does not run.
local function reconcile_restore_job(self, object)
    if self.faults.restore == "ignored" then
        return
    elseif self.faults.restore == "forgotten" then
        must(self.client:delete(self.api .. "/MedusaBackup", object.spec.backup))
        self.faults.restore = nil
    end
    local backup = await_backup(self, object.spec.backup)
    if self.faults.restore == "refused" then
        self:set_status(object, {finishTime = now(), message = "target backup has not finished"})
        return
    end
    local status = {startTime = now(), restoreKey = operator.hex(16)}
    local problem = refusal(self, backup)
    if problem then
        status.message, status.finishTime = problem, now()
        self:set_status(object, status)
        return
    end
    self:set_status(object, status)
    task.sleep(self.delays.restore)
    status.restorePrepared = true
    status.restoreMapping = {in_place = true, host_map = host_map(self)}
    self:set_status(object, status)
    stop_or_start(self, true)
    status.datacenterStopped = now()
    self:set_status(object, status)
    if self.faults.restore == "stuck" then
        return
    end
    stop_or_start(self, false)
    status.finishTime = now()
    for field, value in pairs(self.faults.restore or {}) do
        status[field] = value
    end
    self:set_status(object, status)
    self.restored = object.spec.backup
end

--- What storage knows and the cluster does not. It comes without a number of files and a size.
local function bring_missing(self)
    for name in pairs(self.stored) do
        if not self.client:get(self.api .. "/MedusaBackup", name) then
            self:add_backup(name, 3600, {totalFiles = salvor.null, totalSize = salvor.null})
        end
    end
end

local function remove_strangers(self)
    for _, backup in ipairs(must(self.client:list(self.api .. "/MedusaBackup"))) do
        if not self.stored[backup.metadata.name] then
            must(self.client:delete(self.api .. "/MedusaBackup", backup.metadata.name))
        end
    end
end

--- sync: what is in storage and not in the cluster comes, the other way round it goes.
local function reconcile_task(self, object)
    self:set_status(object, {startTime = now()})
    if object.spec.operation == "sync" then
        bring_missing(self)
        remove_strangers(self)
    end
    self:set_status(object, {startTime = now(), finishTime = now(), finished = salvor.list({})})
end

local function has_not_begun(object)
    return not (object.metadata.labels or {})[operator.SEEDED]
        and not salvor.dig(object, "status", "startTime")
end

local function always()
    return true
end

--- start(options) -> the world. options: kubeconfig, namespace, api (of Medusa's kinds), cluster
--- ("main"), datacenter ("dc1"), nodes (3), backups (list of {name, age in seconds, fields of
--- status}; one by default), remote (names of backups that are in storage alone), delays
--- {datacenter, backup, restore} in seconds, faults {backup, restore, pod}. `stored` of the world:
--- the set of the backups in the storage that is looked at, empty when that is another one.
function medusa.start(options)
    local delays = options.delays or {}
    local self = operator.start(World, options, {
        api = options.api or API,
        cluster = options.cluster or "main",
        datacenter = options.datacenter or "dc1",
        nodes = options.nodes or 3,
        stored = {},
        delays = {datacenter = delays.datacenter or 0.01, backup = delays.backup or 0.02,
                  restore = delays.restore or 0.02},
        faults = options.faults or {},
    })
    for _, name in ipairs(options.remote or {}) do
        self.stored[name] = true
    end
    install(self.client, self.api)
    self:control(DATACENTERS, reconcile_datacenter,
        {object = always, types = {ADDED = true, MODIFIED = true}})
    for kind, reconcile in pairs({MedusaBackupJob = reconcile_backup_job,
                                  MedusaRestoreJob = reconcile_restore_job,
                                  MedusaTask = reconcile_task}) do
        self:control(self.api .. "/" .. kind, reconcile, {object = has_not_begun})
    end
    must(self.client:create({
        apiVersion = "cassandra.datastax.com/v1beta1", kind = "CassandraDatacenter",
        metadata = {name = self.datacenter},
        spec = {clusterName = self.cluster, size = self.nodes, serverType = "cassandra",
                serverVersion = "4.0.11"},
    }))
    must(self.client:wait(DATACENTERS, self.datacenter, {timeout = operator.PATIENCE}))
    for _, backup in ipairs(options.backups or {{"cassandra-1777881600", 3600}}) do
        self:add_backup(table.unpack(backup))
    end
    return self
end

return medusa
