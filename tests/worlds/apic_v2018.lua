--- A simulated API Connect v2018: its database's kind on a real API server, and controllers that
--- move database, pods and restore jobs through the states the real ones do.
---
---   local world <close> = world.start{kubeconfig = file, namespace = "apic", pods = 3}
---
--- start() returns when all Cassandra pods run. The stand-ins for apicup and apicops
--- (tests/support/bin) find what they list, and how they fail, in the ConfigMap `world`.
local json = require("salvor.json")
local operator = require("worlds.operator")
local salvor = require("salvor")
local task = require("salvor.task")

local CRDS = "tests/worlds/apic-v2018/crds.yaml"

local world = {
    KIND = "cassandraclusters.apic.ibm.com",
    CLUSTER = "rdd94fb4a21-apiconnect-cc",
    -- All that the Management subsystem serves, and the others.
    ENDPOINTS = {
        ["api-manager-ui"] = "manager.example.org",
        ["cloud-admin-ui"] = "admin.example.org",
        ["consumer-api"] = "consumer.example.org",
        ["platform-api"] = "api.example.org",
        ["api-gateway"] = "gateway.example.org",
        ["api-gw-service"] = "gateway-service.example.org",
        ["analytics-ingestion"] = "ingestion.example.org",
        ["analytics-client"] = "analytics.example.org",
        ["portal-admin"] = "portal-admin.example.org",
        ["portal-www"] = "portal.example.org",
    },
}

local World = operator.new_class()

function world.install(client)
    operator.install(client, CRDS)
end

-- The database

local function pod_object(self, name)
    return {
        apiVersion = "v1", kind = "Pod",
        metadata = {name = name, labels = {["app.kubernetes.io/name"] = "cassandra"}},
        spec = self.pod_spec or {containers = {{name = "cassandra", image = "cassandra:3"}}},
    }
end

--- Pods of the plain lab have no kubelet that would say it.
local function run_pod(self, name)
    local pod, err = self.client:create(pod_object(self, name))
    if not pod and err.code == "AlreadyExists" then
        return
    end
    if not self.pod_spec then
        self:set_status(must(pod, err), {
            phase = "Running",
            conditions = {{type = "Ready", status = "True"}},
            containerStatuses = {{name = "cassandra", ready = true, restartCount = 0,
                                  image = "cassandra:3", imageID = "",
                                  state = {running = {startedAt = "2020-04-22T09:00:00Z"}}}},
        })
    end
end

local function reconcile_cluster(self, object)
    self:set_status(object, {ConfiguredMode = "daemonset"})
    task.sleep(self.delays.install)
    -- Whoever waits for the first ones is to find how many there are.
    for index = self.pods - 1, 0, -1 do
        run_pod(self, object.metadata.name .. "-" .. index)
    end
end

-- Restores

local function set_restore_status(self, text)
    local cluster = must(self.client:get(world.KIND, self.cluster))
    self:set_status(cluster, {ClusterRestoreStatus = text})
    task.sleep(self.delays.restore)
end

--- "Init:0/2": which of the two init containers of the restore's pod has ended.
local function set_pod_status(self, pod, ended, phase)
    local statuses = {}
    for number, name in ipairs({"restore", "cleanup"}) do
        local state = {waiting = {reason = "PodInitializing"}}
        if number <= ended then
            state = {terminated = {exitCode = 0, reason = "Completed"}}
        elseif number == ended + 1 then
            state = {running = {startedAt = "2020-04-22T10:00:00Z"}}
        end
        statuses[number] = {name = name, ready = number <= ended, restartCount = 0,
                            image = "restore:1", imageID = "", state = state}
    end
    self:set_status(pod, {phase = phase or "Pending", initContainerStatuses = statuses})
end

local function restore_pod(self, job)
    local container = {name = "done", image = "restore:1"}
    local pod, err = self.client:create({
        apiVersion = "v1", kind = "Pod",
        metadata = {name = job.metadata.name .. "-" .. operator.hex(3):sub(1, 5),
                    ownerReferences = operator.owner_reference(job)},
        spec = {restartPolicy = "Never", containers = {container, {name = "logs",
                                                                   image = "restore:1"}},
                initContainers = {{name = "restore", image = "restore:1"},
                                  {name = "cleanup", image = "restore:1"}}},
    })
    return must(pod, err)
end

local function end_job(self, job, condition, reason, message)
    self:set_status(job, {
        active = salvor.null,
        succeeded = condition == "Complete" and 1 or salvor.null,
        failed = condition == "Failed" and 1 or salvor.null,
        conditions = {{type = condition, status = "True", reason = reason, message = message}},
    })
end

local function fail_job(self, job, pod)
    self:set_status(pod, {phase = "Failed"})
    end_job(self, job, "Failed", "BackoffLimitExceeded",
        "Job has reached the specified backoff limit")
end

local BACKUP = "salvor-test-backup"

local function id_of(job)
    return job.metadata.annotations[BACKUP]
end

local function check_files(self, job, pod)
    for index = 0, self.pods - 1 do
        local name = self.cluster .. "-" .. index
        set_restore_status(self, string.format("Running Retrieve checks on backup file"
            .. " %s-%d-%d.tar.gz  for pod %s", id_of(job), index, self.pods, name))
        if self.faults.restore == "checks" then
            set_restore_status(self, "Restore prelim checks failed for " .. name)
            return nil
        elseif self.faults.restore == "job" then
            return fail_job(self, job, pod)
        end
        set_restore_status(self, "Restore prelim checks passed for " .. name)
    end
    return true
end

--- The job is complete before the database is restored, as the vendor warns.
local function reconcile_restore(self, job)
    table.insert(self.restores, id_of(job))
    local pod = restore_pod(self, job)
    self:set_status(job, {active = 1, startTime = "2020-04-22T10:00:00Z"})
    set_pod_status(self, pod, 0)
    -- The status of an earlier restore stays for a while, and other fields of it move.
    must(self.client:patch(world.KIND, self.cluster, {status = {ConfiguredMode = "restore"}},
        {subresource = "status"}))
    task.sleep(self.delays.restore)
    if self.faults.restore == "hang" or not check_files(self, job, pod) then
        return
    end
    set_pod_status(self, pod, 1)
    set_restore_status(self, "Running Restore of keyspaces")
    set_pod_status(self, pod, 2, "Succeeded")
    end_job(self, job, "Complete")
    task.sleep(self.delays.late)
    if self.faults.restore ~= "incomplete" then
        self.ended = self.ended + 1
        set_restore_status(self, "completed")
    end
end

local function is_new_restore(job)
    return job.metadata.name:find("^restore%-") ~= nil
        and not (job.metadata.labels or {})[operator.SEEDED]
        and not salvor.dig(job, "status", "startTime")
end

local function is_new_cluster(cluster)
    return not salvor.dig(cluster, "status", "ConfiguredMode")
end

-- What tests ask and do

function World:cassandra()
    return must(self.client:get(world.KIND, self.cluster))
end

function World:pod(index)
    return self.cluster .. "-" .. index
end

--- The restore jobs there are.
function World:jobs()
    local found = {}
    for job in self.client:each("jobs.batch") do
        found[#found + 1] = job.metadata.name:find("^restore%-") and job or nil
    end
    return found
end

--- What the stand-ins find: see tests/support/apicup.lua. A field that is given takes the place.
function World:tell(fields)
    for name, value in pairs(fields) do
        self.told[name] = value
    end
    must(self.client:apply({
        apiVersion = "v1", kind = "ConfigMap", metadata = {name = "world"},
        data = {told = must(json.encode(self.told))},
    }, {force = true, field_manager = "world"}))
end

--- What they find now: apicops takes stuck tasks away.
function World:now_told()
    local found = must(self.client:get("configmaps", "world"))
    return must(json.decode(found.data.told))
end

--- Starts a restore, as apicup has the management subsystem do; is_mute: of restore_job(). Its Job.
function World:start_restore(id, is_mute)
    return must(self.client:create(world.restore_job(id, is_mute)))
end

--- A restore of an earlier day: its job (state "Complete", "Failed" or nil: at work) and status.
function World:add_restore(name, state, text)
    local job = must(self.client:create({
        apiVersion = "batch/v1", kind = "Job",
        metadata = {name = name, labels = {[operator.SEEDED] = "true"}},
        spec = {template = {spec = {restartPolicy = "Never", containers = {
            {name = "done", image = "restore:1", args = {"restore", "1"}}}}}},
    }))
    if state then
        end_job(self, job, state, "BackoffLimitExceeded", "it was long ago")
    else
        self:set_status(job, {active = 1})
    end
    self:set_status(self:cassandra(), {ClusterRestoreStatus = text})
end

--- Creates the database, as the installation does.
function World:add_database()
    must(self.client:create({
        apiVersion = "apic.ibm.com/v1", kind = "CassandraCluster",
        metadata = {name = self.cluster}, spec = {},
    }))
    for index = 0, self.pods - 1 do
        must(self.client:wait("pods", self:pod(index), {create = true, timeout = 60}))
    end
end

--- start(options) -> the world. options: kubeconfig, namespace (it exists), pods (3), disaster
--- (true: nothing is installed), version (that apicops tells), pod_spec (of real Cassandra pods,
--- where there is a node), delays {install, restore, late} in seconds, faults {restore = "checks"
--- (they fail), "job" (it fails), "hang" or "incomplete" (the job is complete, the database not)}.
function world.start(options)
    local delays = options.delays or {}
    local self = operator.start(World, options, {
        cluster = world.CLUSTER,
        pods = options.pods or 3,
        pod_spec = options.pod_spec,
        delays = {install = delays.install or 0.01, restore = delays.restore or 0.02,
                  late = delays.late or 0.05},
        faults = options.faults or {},
        restores = {}, -- ids of backups
        ended = 0, -- restores, to the very end
        told = {version = options.version or "2018.4.1.10", backups = {}, stuck = {},
                cluster = world.CLUSTER, namespace = options.namespace},
    })
    world.install(self.client)
    self:control(world.KIND, reconcile_cluster, {object = is_new_cluster})
    self:control("jobs.batch", reconcile_restore, {object = is_new_restore})
    self:tell({})
    if not options.disaster then
        self:add_database()
        for endpoint, host in pairs(world.ENDPOINTS) do
            must(self.client:create(world.ingress(endpoint, host)))
        end
    end
    return self
end

--- The Job that restores the backup. is_mute: it does not name that, as no public text says that it
--- does; but the operator knows it.
function world.restore_job(id, is_mute)
    return {
        apiVersion = "batch/v1", kind = "Job",
        metadata = {generateName = "restore-", annotations = {[BACKUP] = id}},
        spec = {template = {spec = {restartPolicy = "Never", containers = {
            {name = "done", image = "restore:1", args = {"restore", not is_mute and id or nil}}}}}},
    }
end

--- What makes an endpoint reachable.
function world.ingress(endpoint, host)
    return {
        apiVersion = "networking.k8s.io/v1", kind = "Ingress", metadata = {name = endpoint},
        spec = {rules = {{host = host, http = {paths = {{
            path = "/", pathType = "Prefix",
            backend = {service = {name = endpoint, port = {number = 443}}},
        }}}}}},
    }
end

return world
