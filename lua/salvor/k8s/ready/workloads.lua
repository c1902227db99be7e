--- Pods, Deployments, ReplicaSets, StatefulSets, DaemonSets and Jobs: when a roll-out is complete,
--- as `kubectl rollout status` decides it, and why it is not.
local fields = require("salvor.k8s.fields")
local pods = require("salvor.k8s.pods")
local status = require("salvor.k8s.status")

local count, text = fields.count, fields.text

local rules = {["/Pod"] = pods.state}

local UNSEEN = "its controller has not seen the last change yet"

local function is_observed(object)
    local observed = fields.integer(object, "status", "observedGeneration")
    return observed ~= nil and observed >= count(object, "metadata", "generation")
end

local function wanted(object)
    return fields.integer(object, "spec", "replicas") or 1
end

--- "2 of 3 replicas are available"
local function progress(have, want, what)
    return string.format("%d of %d %s", have, want, what)
end

--- The words of a condition that has that status; nil when it has not.
local function words(object, name, wanted_status)
    local condition = status.condition(object, name)
    if condition and condition.status == wanted_status then
        return status.reason(condition) or name
    end
    return nil
end

--- Why there are too few pods, when the controller is not allowed to make them.
local function with_cause(object, reason)
    return "waiting", fields.join(reason, words(object, "ReplicaFailure", "True"))
end

rules["apps/Deployment"] = function(object)
    local now, replicas = fields.map(object, "status"), wanted(object)
    local updated, available = count(now, "updatedReplicas"), count(now, "availableReplicas")
    local progressing = status.condition(object, "Progressing")
    if progressing and progressing.reason == "ProgressDeadlineExceeded" then
        return "failed", text(progressing, "message") or "ProgressDeadlineExceeded"
    elseif not is_observed(object) then
        return "waiting", UNSEEN
    elseif updated < replicas then
        local paused = fields.map(object, "spec").paused == true
        return with_cause(object, paused and "its roll-out is paused"
            or progress(updated, replicas, "replicas are of the new version"))
    elseif count(now, "replicas") > updated then
        return "waiting", string.format("%d old replicas have not ended yet",
            count(now, "replicas") - updated)
    elseif available < updated then
        return with_cause(object, progress(available, updated, "replicas are available"))
    end
    return "ready"
end

local function replica_set(object)
    local now, replicas = fields.map(object, "status"), wanted(object)
    if not is_observed(object) then
        return "waiting", UNSEEN
    elseif count(now, "replicas") > replicas then
        return "waiting", string.format("%d replicas too many", count(now, "replicas") - replicas)
    elseif count(now, "availableReplicas") < replicas then
        return with_cause(object, progress(count(now, "availableReplicas"), replicas,
            "replicas are available"))
    end
    return "ready"
end

rules["apps/ReplicaSet"] = replica_set
rules["/ReplicationController"] = replica_set

--- How far the new version has got, of a StatefulSet whose pods all run. With OnDelete a person
--- decides when a pod takes it; with a partition the pods below that keep the old one.
local function stateful_update(object, replicas)
    local now, strategy = fields.map(object, "status"), fields.map(object, "spec", "updateStrategy")
    local partition = count(strategy, "rollingUpdate", "partition")
    if strategy.type == "OnDelete" or replicas == 0 then
        return "ready"
    elseif partition > 0 then
        local target = math.max(replicas - partition, 0)
        if count(now, "updatedReplicas") < target then
            return "waiting", progress(count(now, "updatedReplicas"), target,
                "replicas above the partition are of the new version")
        end
    elseif now.updateRevision ~= now.currentRevision then
        return "waiting", progress(count(now, "updatedReplicas"), replicas,
            "replicas are of the new version")
    end
    return "ready"
end

rules["apps/StatefulSet"] = function(object)
    local now, replicas = fields.map(object, "status"), wanted(object)
    local available = now.readyReplicas
    if count(object, "spec", "minReadySeconds") > 0 and now.availableReplicas then
        available = now.availableReplicas
    end
    if not is_observed(object) then
        return "waiting", UNSEEN
    elseif count({available}, 1) < replicas then
        return "waiting", progress(count({available}, 1), replicas, "replicas are ready")
    elseif count(now, "replicas") > replicas then
        return "waiting", string.format("%d replicas too many", count(now, "replicas") - replicas)
    end
    return stateful_update(object, replicas)
end

rules["apps/DaemonSet"] = function(object)
    local now = fields.map(object, "status")
    local nodes = fields.integer(now, "desiredNumberScheduled")
    local on_delete = fields.map(object, "spec", "updateStrategy").type == "OnDelete"
    if not is_observed(object) or not nodes then
        return "waiting", UNSEEN
    elseif not on_delete and count(now, "updatedNumberScheduled") < nodes then
        return "waiting", progress(count(now, "updatedNumberScheduled"), nodes,
            "nodes have the new version")
    elseif count(now, "numberAvailable") < nodes then
        return "waiting", progress(count(now, "numberAvailable"), nodes, "nodes have it available")
    end
    return "ready"
end

local function job_progress(object)
    local now, spec = fields.map(object, "status"), fields.map(object, "spec")
    if spec.suspend == true or words(object, "Suspended", "True") then
        return "it is suspended"
    end
    local parts = {string.format("%d active", count(now, "active")),
                   progress(count(now, "succeeded"), fields.integer(spec, "completions") or 1,
                       "completed")}
    if count(now, "failed") > 0 then
        parts[3] = string.format("%d failed (backoffLimit %d)", count(now, "failed"),
            fields.integer(spec, "backoffLimit") or 6)
    end
    return table.concat(parts, ", ")
end

--- FailureTarget says that the Job fails for good although pods of it still end; SuccessCriteriaMet
--- is no end, since the pods that are left may still write.
rules["batch/Job"] = function(object)
    local failure = words(object, "Failed", "True") or words(object, "FailureTarget", "True")
    if failure then
        return "failed", failure
    elseif words(object, "Complete", "True") then
        return "ready"
    end
    return "waiting", job_progress(object)
end

return rules
