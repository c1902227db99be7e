-- When an object of a kind is ready, has failed, or is waited for, and the reason: a table of
-- states.
local ready = require("salvor.k8s.ready")
local salvor = require("salvor")

--- A condition: "Ready=False:Reason:message".
local function conditions(...)
    local list = {}
    for index, words in ipairs({...}) do
        local name, status, reason, message = words:match("^(%w+)=(%w+):?([^:]*):?(.*)$")
        list[index] = {type = name, status = status, reason = reason, message = message}
    end
    return list
end

local function with(base, ...)
    local result = {}
    for _, part in ipairs({base, ...}) do
        for key, value in pairs(part) do
            result[key] = value
        end
    end
    return result
end

--- CASES[apiVersion/kind] = list of {title, object, state, reason (a part of it)}.
local CASES = {}

-- Workloads

local deployment = {observedGeneration = 3, replicas = 2, updatedReplicas = 2,
                    availableReplicas = 2}
local function of_deployment(status, spec)
    return {metadata = {generation = 3}, spec = with({replicas = 2}, spec or {}),
            status = with(deployment, status or {})}
end

CASES["apps/v1/Deployment"] = {
    {"rolled out", of_deployment(), "ready"},
    {"of no replicas", of_deployment({replicas = 0, updatedReplicas = 0, availableReplicas = 0},
        {replicas = 0}), "ready"},
    {"changed just now", of_deployment({observedGeneration = 2}), "waiting", "has not seen"},
    {"new", {metadata = {generation = 1}, spec = {replicas = 1}}, "waiting", "has not seen"},
    {"half updated", of_deployment({updatedReplicas = 1}), "waiting",
     "1 of 2 replicas are of the new version"},
    {"paused", of_deployment({updatedReplicas = 1}, {paused = true}), "waiting", "paused"},
    {"with old pods", of_deployment({replicas = 3}), "waiting", "1 old replicas"},
    {"half available", of_deployment({availableReplicas = 1}), "waiting",
     "1 of 2 replicas are available"},
    {"without a quota left", of_deployment({updatedReplicas = 0, replicas = 0, conditions =
        conditions("ReplicaFailure=True:FailedCreate:exceeded quota")}), "waiting",
     "FailedCreate: exceeded quota"},
    {"given up", of_deployment({availableReplicas = 1, conditions =
        conditions("Progressing=False:ProgressDeadlineExceeded:has timed out progressing")}),
     "failed", "has timed out progressing"},
}

CASES["apps/v1/ReplicaSet"] = {
    {"complete", {metadata = {generation = 1}, status = {observedGeneration = 1, replicas = 1,
        availableReplicas = 1}}, "ready"},
    {"too small", {spec = {replicas = 3}, status = {observedGeneration = 1, replicas = 1,
        availableReplicas = 1}}, "waiting", "1 of 3 replicas"},
    {"too large", {spec = {replicas = 0}, status = {observedGeneration = 1, replicas = 1}},
     "waiting", "1 replicas too many"},
}

local stateful = {observedGeneration = 1, replicas = 3, readyReplicas = 3, updatedReplicas = 3,
                  currentRevision = "a", updateRevision = "a"}
local function of_stateful(status, spec)
    return {metadata = {generation = 1}, spec = with({replicas = 3}, spec or {}),
            status = with(stateful, status or {})}
end
local partition = {updateStrategy = {type = "RollingUpdate", rollingUpdate = {partition = 2}}}

CASES["apps/v1/StatefulSet"] = {
    {"complete", of_stateful(), "ready"},
    {"changed just now", of_stateful({observedGeneration = 0}), "waiting", "has not seen"},
    {"starting", of_stateful({readyReplicas = 1}), "waiting", "1 of 3 replicas are ready"},
    {"not ready for long", of_stateful({availableReplicas = 2}, {minReadySeconds = 10}), "waiting",
     "2 of 3 replicas"},
    {"shrinking", of_stateful({replicas = 4}), "waiting", "1 replicas too many"},
    {"in the middle of an update", of_stateful({updateRevision = "b", updatedReplicas = 2}),
     "waiting", "2 of 3 replicas are of the new version"},
    {"updated above its partition", of_stateful({updateRevision = "b", updatedReplicas = 1},
        partition), "ready"},
    {"not updated above its partition", of_stateful({updateRevision = "b", updatedReplicas = 0},
        partition), "waiting", "0 of 1 replicas above the partition"},
    {"with OnDelete", of_stateful({updateRevision = "b", updatedReplicas = 0},
        {updateStrategy = {type = "OnDelete"}}), "ready"},
    {"of no replicas", of_stateful({replicas = 0, readyReplicas = 0, updateRevision = "b"},
        {replicas = 0}), "ready"},
}

local daemon = {observedGeneration = 1, desiredNumberScheduled = 2, updatedNumberScheduled = 2,
                numberAvailable = 2}

CASES["apps/v1/DaemonSet"] = {
    {"complete", {metadata = {generation = 1}, status = daemon}, "ready"},
    {"on no node", {status = with(daemon, {desiredNumberScheduled = 0})}, "ready"},
    {"new", {metadata = {generation = 1}, status = {}}, "waiting", "has not seen"},
    {"half updated", {status = with(daemon, {updatedNumberScheduled = 1})}, "waiting",
     "1 of 2 nodes have the new version"},
    {"with OnDelete", {spec = {updateStrategy = {type = "OnDelete"}},
                       status = with(daemon, {updatedNumberScheduled = 0})}, "ready"},
    {"half available", {status = with(daemon, {numberAvailable = 1})}, "waiting", "1 of 2 nodes"},
}

CASES["batch/v1/Job"] = {
    {"complete", {status = {conditions = conditions("Complete=True"), succeeded = 1}}, "ready"},
    {"given up", {status = {conditions = conditions("Failed=True:BackoffLimitExceeded:too many")}},
     "failed", "BackoffLimitExceeded: too many"},
    {"about to be failed", {status = {conditions =
        conditions("FailureTarget=True:DeadlineExceeded:too long")}}, "failed",
     "DeadlineExceeded: too long"},
    {"about to be complete", {status = {conditions = conditions("SuccessCriteriaMet=True")}},
     "waiting", "0 of 1 completed"},
    {"suspended", {spec = {suspend = true}}, "waiting", "suspended"},
    {"running", {spec = {completions = 3, backoffLimit = 4},
                 status = {active = 1, succeeded = 1, failed = 2}}, "waiting",
     "1 active, 1 of 3 completed, 2 failed (backoffLimit 4)"},
}

-- Pods

local function container(state, more)
    return with({name = "db", restartCount = 0, ready = false, state = state}, more or {})
end
local function pod(...)
    return {status = {phase = "Pending", containerStatuses = {...}}}
end
local function waits(reason, message)
    return {waiting = {reason = reason, message = message}}
end
local crashed = {lastState = {terminated = {exitCode = 1, reason = "Error"}}, restartCount = 4}

CASES["v1/Pod"] = {
    {"ready", {status = {phase = "Running", conditions = conditions("Ready=True")}}, "ready"},
    {"done", {status = {phase = "Succeeded"}}, "ready"},
    {"evicted", {status = {phase = "Failed", reason = "Evicted", message = "low on memory"}},
     "failed", "Evicted: low on memory"},
    {"failed by its container", {status = {phase = "Failed", containerStatuses = {
        container({terminated = {exitCode = 137, reason = "OOMKilled"}})}}}, "failed",
     "container db: OOMKilled: exit code 137"},
    {"placed nowhere", {status = {phase = "Pending", conditions =
        conditions("PodScheduled=False:Unschedulable:0/3 nodes are available")}}, "waiting",
     "Unschedulable: 0/3 nodes are available"},
    {"starting", pod(container(waits("ContainerCreating"))), "waiting",
     "container db: ContainerCreating"},
    {"without its image", pod(container(waits("ImagePullBackOff", "Back-off pulling image"))),
     "waiting", "ImagePullBackOff: Back-off pulling image"},
    {"without its Secret", pod(container(waits("CreateContainerConfigError",
        'secret "s" not found'))), "waiting", 'secret "s" not found'},
    {"crashing", pod(container(waits("CrashLoopBackOff", "back-off 5m0s"), crashed)), "waiting",
     "container db: CrashLoopBackOff: exit code 1"},
    {"killed by a signal", pod(container({terminated = {signal = 9, exitCode = 137}})), "waiting",
     "signal 9"},
    {"running, but not ready", pod(container({running = {}})), "waiting", "running, not ready"},
    {"with a name that is none", pod(container(waits("InvalidImageName", "couldn't parse"))),
     "failed", "InvalidImageName: couldn't parse"},
    {"never to be pulled", pod(container(waits("ErrImageNeverPull"))), "failed",
     "ErrImageNeverPull"},
    {"with a crash beside a calm one", pod(container(waits("ContainerCreating"), {name = "calm"}),
        container(waits("CrashLoopBackOff"), crashed)), "waiting", "container db"},
    {"in its init container", {status = {phase = "Pending",
        initContainerStatuses = {container(waits("CrashLoopBackOff"), with(crashed,
            {name = "init"}))},
        containerStatuses = {container(waits("PodInitializing"))}}}, "waiting",
     "init container init: CrashLoopBackOff: exit code 1"},
    {"behind a readiness gate", {status = {phase = "Running", conditions =
        conditions("Ready=False:ReadinessGatesNotReady:gate x is not True"),
        containerStatuses = {container({running = {}}, {ready = true})}}}, "waiting",
     "gate x is not True"},
    {"being deleted", {metadata = {deletionTimestamp = "2026-01-01T00:00:00Z"},
                       status = {conditions = conditions("Ready=True")}}, "waiting",
     "being deleted"},
}

-- The cluster

CASES["v1/PersistentVolumeClaim"] = {
    {"bound", {status = {phase = "Bound"}}, "ready"},
    {"lost", {status = {phase = "Lost"}}, "failed", "volume is gone"},
    {"pending", {spec = {storageClassName = "fast"}, status = {phase = "Pending"}}, "waiting",
     "storage class fast; with WaitForFirstConsumer it waits for its first pod"},
    {"promised", {spec = {volumeName = "pv1"}, status = {phase = "Pending"}}, "waiting",
     "volume pv1"},
}
CASES["v1/PersistentVolume"] = {
    {"bound", {status = {phase = "Bound"}}, "ready"},
    {"free", {status = {phase = "Available"}}, "ready"},
    {"released", {status = {phase = "Released"}}, "waiting", "claimRef"},
    {"failed", {status = {phase = "Failed", message = "no recycler"}}, "failed", "no recycler"},
    {"new", {}, "waiting", "phase (none)"},
}
CASES["v1/Namespace"] = {
    {"active", {status = {phase = "Active"}}, "ready"},
    {"ending", {status = {phase = "Terminating", conditions =
        conditions("NamespaceFinalizersRemaining=True:Some:held by a finalizer")}}, "waiting",
     "phase Terminating: held by a finalizer"},
}
CASES["v1/Node"] = {
    {"ready", {status = {conditions = conditions("Ready=True")}}, "ready"},
    {"lost", {status = {conditions = conditions("Ready=Unknown:NodeStatusUnknown:no heartbeat")}},
     "waiting", "NodeStatusUnknown: no heartbeat"},
}
local address = {loadBalancer = {ingress = {{ip = "10.0.0.1"}}}}
CASES["v1/Service"] = {
    {"inside", {spec = {type = "ClusterIP"}}, "ready"},
    {"with an address", {spec = {type = "LoadBalancer"}, status = address}, "ready"},
    {"with a name", {spec = {type = "LoadBalancer"},
                     status = {loadBalancer = {ingress = {{hostname = "x.example"}}}}}, "ready"},
    {"without one", {spec = {type = "LoadBalancer"}, status = {loadBalancer = {}}}, "waiting",
     "no address"},
}
CASES["networking.k8s.io/v1/Ingress"] = {
    {"with an address", {status = address}, "ready"},
    {"without one", {status = {}}, "waiting", "no address"},
}
CASES["apiextensions.k8s.io/v1/CustomResourceDefinition"] = {
    {"served", {status = {conditions = conditions("Established=True", "NamesAccepted=True")}},
     "ready"},
    {"new", {}, "waiting", "no condition Established"},
    {"in conflict", {status = {conditions = conditions("NamesAccepted=False:Conflict:in use")}},
     "failed", "Conflict: in use"},
}
CASES["apiregistration.k8s.io/v1/APIService"] = {
    {"up", {status = {conditions = conditions("Available=True")}}, "ready"},
    {"down", {status = {conditions = conditions("Available=False:ServiceNotFound:no service")}},
     "waiting", "ServiceNotFound: no service"},
}
CASES["v1/ConfigMap"] = {{"that exists", {}, "ready"}}
CASES["other.example/v1/Anything"] = {
    {"with its condition", {status = {conditions = conditions("ready=True")}}, "ready"},
    {"without", {status = {}}, "waiting", "no condition Ready"},
    {"not ready", {status = {conditions = conditions("Ready=False:Because:so")}}, "waiting",
     "Because: so"},
    {"with an old condition", {metadata = {generation = 2}, status = {conditions = {
        {type = "Ready", status = "True", observedGeneration = 1}}}}, "waiting", "no condition"},
}

-- API Connect

local subsystem = {
    {"up", {status = {phase = "Running", state = "18/18", message = "Management is ready"}},
     "ready"},
    {"coming up", {status = {phase = "Running", state = "12/18"}}, "waiting",
     "phase Running, state 12/18"},
    {"pending", {status = {phase = "Pending", state = "18/18"}}, "waiting", "phase Pending"},
    {"of no parts", {status = {phase = "Running", state = "0/0"}}, "waiting", "state 0/0"},
    {"new", {}, "waiting", "phase (none)"},
    {"with a message", {status = {phase = "Pending", state = "0/18", message = "soon"}}, "waiting",
     "phase Pending, state 0/18, message soon"},
}
CASES["management.apiconnect.ibm.com/v1beta1/ManagementCluster"] = subsystem
CASES["portal.apiconnect.ibm.com/v1beta1/PortalCluster"] = subsystem
for _, kind in ipairs({"apiconnect.ibm.com/v1beta1/APIConnectCluster",
                       "analytics.apiconnect.ibm.com/v1beta1/AnalyticsCluster",
                       "gateway.apiconnect.ibm.com/v1beta1/GatewayCluster"}) do
    CASES[kind] = table.move(subsystem, 1, #subsystem, 2,
        {{"called Ready", {status = {phase = "Ready", state = "4/4"}}, "ready"}})
end

local function phases(good, ...)
    local cases = {
        {"done", {status = {phase = good}}, "ready"},
        {"new", {}, "waiting", "not begun"},
        {"failed", {status = {phase = "Failed", message = "no space left"}}, "failed",
         "no space left"},
    }
    for _, phase in ipairs({...}) do
        cases[#cases + 1] = {phase, {status = {phase = phase, state = "so far"}}, "waiting",
                             "phase " .. phase .. ", state so far"}
    end
    return cases
end
CASES["management.apiconnect.ibm.com/v1beta1/ManagementBackup"] = phases("Ready", "Pending",
    "Running", "Complete")
CASES["management.apiconnect.ibm.com/v1beta1/ManagementRestore"] = phases("Complete", "Pending",
    "Running", "SFTPBackupDownloadSuccessful", "RestoreInProgress", "RestoreSuccessful", "Ready")
CASES["management.apiconnect.ibm.com/v1beta1/ManagementDBUpgrade"] = phases("Complete", "Running")
CASES["portal.apiconnect.ibm.com/v1beta1/PortalBackup"] = phases("Ready", "Pending", "Running")
CASES["portal.apiconnect.ibm.com/v1beta1/PortalRestore"] = phases("Ready", "Pending", "Running")
table.insert(CASES["management.apiconnect.ibm.com/v1beta1/ManagementRestore"],
    {"failed in other words", {status = {phase = "RestoreFailed", state = "wrong key"}}, "failed",
     "wrong key"})

CASES["apic.ibm.com/v1/CassandraCluster"] = {
    {"restored", {status = {ClusterRestoreStatus = "completed"}}, "ready"},
    {"restored, by its other spelling", {status = {CassandraRestoreStatus = "completed"}}, "ready"},
    {"restored by one spelling, not by the other", {status = {
        ClusterRestoreStatus = "completed", CassandraRestoreStatus = "Running"}},
        "waiting", "restore: Running"},
    {"failed", {status = {ClusterRestoreStatus = "Restore prelim checks failed for cc-0"}},
        "failed", "restore: Restore prelim checks failed for cc-0"},
    {"checking", {status = {ClusterRestoreStatus = "Restore prelim checks passed for cc-0"}},
     "waiting", "prelim checks passed for cc-0"},
    {"untouched", {status = {ConfiguredMode = "daemonset"}}, "waiting", "no restore"},
}

-- Its databases

CASES["crunchydata.com/v1/Pgcluster"] = {
    {"up", {status = {state = "pgcluster Initialized"}}, "ready"},
    {"restoring", {status = {state = "pgcluster Restoring"}}, "waiting", "pgcluster Restoring"},
}
CASES["postgresql.k8s.enterprisedb.io/v1/Cluster"] = {
    {"up", {spec = {instances = 3}, status = {phase = "Cluster in healthy state",
                                              readyInstances = 3}}, "ready"},
    {"short of one", {spec = {instances = 3}, status = {phase = "Cluster in healthy state",
                                                        readyInstances = 2}}, "waiting",
     "2 of 3 instances"},
    {"failing over", {status = {phase = "Failing over", readyInstances = 1}}, "waiting",
     "Failing over"},
}
CASES["postgresql.k8s.enterprisedb.io/v1/Backup"] = {
    {"done", {status = {phase = "completed"}}, "ready"},
    {"failed", {status = {phase = "failed", error = "no such bucket"}}, "failed", "no such bucket"},
    {"held up", {status = {phase = "walArchivingFailing"}}, "waiting", "walArchivingFailing"},
    {"new", {}, "waiting", "not begun"},
}

-- Cassandra

CASES["medusa.k8ssandra.io/v1alpha1/MedusaBackup"] = {
    {"whole", {status = {status = "SUCCESS", totalNodes = 3, finishedNodes = 3}}, "ready"},
    {"partial", {status = {status = "SUCCESS", totalNodes = 3, finishedNodes = 1}}, "failed",
     "cannot be restored: 1 of 3 nodes"},
    {"of more nodes than there were", {status = {status = "SUCCESS", totalNodes = 1,
                                                 finishedNodes = 3}}, "failed", "3 of 1 nodes"},
    {"failed", {status = {status = "FAILED"}}, "failed", "FAILED"},
    {"in progress", {status = {status = "IN_PROGRESS", totalNodes = 3}}, "waiting", "IN_PROGRESS"},
    {"unknown", {status = {status = "UNKNOWN"}}, "waiting", "UNKNOWN"},
    {"without numbers", {status = {status = "SUCCESS"}}, "waiting", "without the number"},
}
local begun = {startTime = "2026-01-01T00:00:00Z"}
local over = with(begun, {finishTime = "2026-01-01T00:09:00Z"})
local pods_jobs = {
    {"done", {status = with(over, {finished = {"a", "b"}})}, "ready"},
    {"in progress", {status = with(begun, {inProgress = {"a", "b"}})}, "waiting",
     "in progress on a, b"},
    {"finished, but failed", {status = with(over, {failed = {"b"}})}, "failed", "failed on b"},
    {"failing", {status = with(begun, {inProgress = {"a"}, failed = {"b"}})}, "failed",
     "failed on b"},
    {"new", {}, "waiting", "not begun"},
}
CASES["medusa.k8ssandra.io/v1alpha1/MedusaBackupJob"] = pods_jobs
CASES["medusa.k8ssandra.io/v1alpha1/MedusaTask"] = pods_jobs
local stopped = {datacenterStopped = "2026-01-01T00:01:00Z"}
CASES["medusa.k8ssandra.io/v1alpha1/MedusaRestoreJob"] = {
    {"done", {status = with(over, stopped, {restorePrepared = true})}, "ready"},
    {"finished with a message", {status = with(over, {message = "rack names must match"})},
     "failed", "rack names must match"},
    {"finished with a failed pod", {status = with(over, stopped, {failed = {"a"}})}, "failed",
     "failed on a"},
    {"finished without a stop", {status = over}, "failed", "nothing was restored"},
    {"finished before the stop", {status = with(over, {datacenterStopped =
        "2026-01-01T00:10:00Z"})}, "failed", "nothing was restored"},
    {"for a backup that is not there", {}, "waiting", "operation sync"},
    {"being prepared", {status = begun}, "waiting", "prepared"},
    {"stopping", {status = with(begun, {restorePrepared = true})}, "waiting", "being stopped"},
    {"restoring", {status = with(begun, stopped, {restorePrepared = true})}, "waiting", "restored"},
}
CASES["medusa.k8ssandra.io/v1alpha1/MedusaBackupSchedule"] = {
    {"set", {status = {nextSchedule = "2026-01-02T00:00:00Z"}}, "ready"},
    {"disabled", {spec = {disabled = true}}, "waiting", "disabled"},
}

local served = {cassandraOperatorProgress = "Ready", conditions = conditions("Ready=True")}
CASES["cassandra.datastax.com/v1beta1/CassandraDatacenter"] = {
    {"up", {status = served}, "ready"},
    {"being changed", {metadata = {generation = 2}, status = with(served,
        {observedGeneration = 1})}, "waiting", "last change"},
    {"updating", {status = with(served, {cassandraOperatorProgress = "Updating"})}, "waiting",
     "operator progress: Updating"},
    {"scaling", {status = with(served, {conditions = conditions("Ready=True",
        "ScalingUp=True:More:nodes")})}, "waiting", "ScalingUp: More: nodes"},
    {"not valid", {status = with(served, {conditions = conditions("Ready=True",
        "Valid=False:Bad:size")})}, "waiting", "not valid: Bad: size"},
    {"stopped against its will", {status = with(served, {conditions = conditions("Ready=False")})},
     "waiting", "condition Ready is not True"},
    {"stopped as it should be", {spec = {stopped = true}, status = with(served,
        {conditions = conditions("Stopped=True", "Ready=False")})}, "ready"},
    {"to be stopped", {spec = {stopped = true}, status = served}, "waiting", "Stopped is not True"},
}
local spec = {cassandra = {datacenters = {{metadata = {name = "dc1"}}}}}
CASES["k8ssandra.io/v1alpha1/K8ssandraCluster"] = {
    {"up", {spec = spec, status = {datacenters = {dc1 = {cassandra = served}}}}, "ready"},
    {"being changed", {metadata = {generation = 2}, spec = spec, status = {observedGeneration = 1,
        datacenters = {dc1 = {cassandra = served}}}}, "waiting", "last change"},
    {"without its datacenter", {spec = spec, status = {}}, "waiting", "datacenter dc1"},
    {"in error", {spec = spec, status = {error = "no such secret", datacenters =
        {dc1 = {cassandra = served}}}}, "waiting", "no such secret"},
    {"of nothing", {}, "waiting", "no datacenters"},
}

local function object_of(kind, object)
    local api_version, name = kind:match("^(.*)/(.-)$")
    return with({apiVersion = api_version, kind = name, metadata = {}}, object)
end

describe("the state of an object", function()
    for _, kind in ipairs(salvor.keys(CASES)) do
        for _, case in ipairs(CASES[kind]) do
            local title, object, expected, words = table.unpack(case)
            it(kind:match("[^/]+$") .. ": " .. title .. ": " .. expected, function()
                local state, reason = ready.state(object_of(kind, object))
                assert.are.equal(expected, state)
                if state ~= "ready" then
                    assert.is_truthy(reason and reason:find(words, 1, true),
                        tostring(reason) .. " does not say: " .. tostring(words))
                end
            end)
        end
    end

    it("is known of the same objects without their kinds being spelt twice", function()
        for _, kind in ipairs(salvor.keys(CASES)) do
            local group = kind:match("^(.*)/[^/]+/[^/]+$") or ""
            local rule = ready.rule({group = group, kind = kind:match("[^/]+$")})
            local object = object_of(kind, CASES[kind][1][2])
            assert.are.equal(ready.state(object), (rule(object)))
        end
    end)
end)

-- Where an object's part should be a map, a list, a text or a number, something else.
local STRANGE = {"text", 7, -1, 1.5, true, false, salvor.null, {}, {1, "x", false}, {{}}, {a = {}},
                 {{type = 1, status = {}}}, {{type = "Ready", status = true, message = 5}}}

--- Every field that a case above has, at any depth, replaced by something strange, one at a time.
local function each_spoilt(value, yield, rebuild)
    for _, strange in ipairs(STRANGE) do
        yield(rebuild(strange))
    end
    if type(value) ~= "table" then
        return
    end
    for key, part in pairs(value) do
        each_spoilt(part, yield, function(new)
            local copy = with(value)
            copy[key] = new
            return rebuild(copy)
        end)
    end
end

describe("an object that is not as it should be", function()
    for _, kind in ipairs(salvor.keys(CASES)) do
        it("has a state all the same: " .. kind, function()
            local states = {ready = true, failed = true, waiting = true}
            for _, case in ipairs(CASES[kind]) do
                each_spoilt(with({metadata = {generation = 1}, spec = {}, status = {}}, case[2]),
                    function(object)
                        local whole = type(object) == "table" and object_of(kind, object) or object
                        local state, reason = ready.state(whole)
                        assert.is_true(states[state])
                        assert.is_true(reason == nil or type(reason) == "string")
                    end, function(new) return new end)
            end
        end)
    end

    it("is described in one harmless line, and compared", function()
        local status = require("salvor.k8s.status")
        for _, strange in ipairs(STRANGE) do
            for _, object in ipairs({{status = strange}, {metadata = strange},
                                     {status = {conditions = strange, phase = strange}}}) do
                assert.is_string(status.describe(object))
                assert.is_string(status.fingerprint(object))
                assert.is_nil(status.condition(object, "None"))
            end
        end
        assert.are.equal("phase a b \\x1b[31m",
            status.describe({status = {phase = "a\nb \27[31m"}}))
    end)
end)
