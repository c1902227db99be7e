--- Cassandra: cass-operator, k8ssandra-operator and its Medusa.
---
--- Medusa's kinds have no conditions, and their "finished" may mean failed: a restore whose
--- validation fails has a finishTime too.
local fields = require("salvor.k8s.fields")
local status = require("salvor.k8s.status")

local text = fields.text

local rules = {}

local MEDUSA = "medusa.k8ssandra.io/"

--- The names on a list of names, or of objects with a podName; nil when it is empty.
local function names(object, list)
    local found = {}
    for _, item in ipairs(fields.map(object, "status", list)) do
        found[#found + 1] = text({item}, 1) or text(item, "podName")
    end
    return found[1] and table.concat(found, ", ") or nil
end

--- A backup that not all nodes have finished cannot be restored, whatever it says of itself.
rules[MEDUSA .. "MedusaBackup"] = function(object)
    local word = text(object, "status", "status")
    local total = fields.integer(object, "status", "totalNodes")
    local finished = fields.integer(object, "status", "finishedNodes")
    if word == "FAILED" then
        return "failed", "status FAILED"
    elseif word ~= "SUCCESS" or not total or not finished then
        return "waiting", word and "status " .. word .. (word == "SUCCESS"
            and ", without the number of its nodes" or "") or "no status yet"
    elseif finished ~= total or total == 0 then
        return "failed", string.format("it cannot be restored: %d of %d nodes have finished",
            finished, total)
    end
    return "ready"
end

--- A job over pods. One failed pod is enough: no complete backup comes of it.
local function pods_job(object)
    local failed, running = names(object, "failed"), names(object, "inProgress")
    if failed then
        return "failed", "failed on " .. failed
    elseif text(object, "status", "finishTime") and not running then
        return "ready"
    end
    return "waiting", running and "in progress on " .. running
        or text(object, "status", "startTime") and "started" or "its operator has not begun yet"
end

rules[MEDUSA .. "MedusaBackupJob"] = pods_job
rules[MEDUSA .. "MedusaTask"] = pods_job

local function restore_progress(object)
    local now = fields.map(object, "status")
    if not text(now, "startTime") then
        return "not begun: when its MedusaBackup is not in the cluster this stays so for ever;"
            .. " a MedusaTask with operation sync brings it"
    elseif now.restorePrepared ~= true then
        return "being prepared"
    elseif not text(now, "datacenterStopped") then
        return "the datacenter is being stopped"
    end
    return "the datacenter is being restored and started"
end

--- Done is what began, stopped the datacenter and finished, in this order, without a message and a
--- failed pod. Whether the pods serve again only they say.
rules[MEDUSA .. "MedusaRestoreJob"] = function(object)
    local now = fields.map(object, "status")
    local message, failed = text(now, "message"), names(object, "failed")
    local started, stopped = text(now, "startTime"), text(now, "datacenterStopped")
    local finished = text(now, "finishTime")
    if not finished then
        return "waiting", fields.join(message, failed and "failed on " .. failed)
            or restore_progress(object)
    elseif message or failed then
        return "failed", fields.join(message, failed and "failed on " .. failed)
    elseif not started or not stopped or started > stopped or stopped > finished then
        return "failed", "it finished without stopping the datacenter: nothing was restored"
    end
    return "ready"
end

rules[MEDUSA .. "MedusaBackupSchedule"] = function(object)
    if fields.map(object, "spec").disabled == true then
        return "waiting", "it is disabled"
    elseif text(object, "status", "nextSchedule") then
        return "ready"
    end
    return "waiting", "its next time is not set yet"
end

local function is_true(datacenter, name)
    local condition = status.condition(datacenter, name)
    return condition ~= nil and condition.status == "True"
end

local function condition_words(datacenter, name)
    local condition = status.condition(datacenter, name)
    return condition and status.reason(condition)
end

local UNSEEN = "its operator has not seen the last change yet"

local TRANSITIONS = {"ReplacingNodes", "ScalingUp", "ScalingDown", "Updating", "Resuming",
                     "RollingRestart", "Decommission", "ResizingVolumes"}

--- Why the operator of that datacenter is not done; nil when it is.
local function unfinished(datacenter)
    local observed = fields.integer(datacenter, "status", "observedGeneration")
    local progress = text(datacenter, "status", "cassandraOperatorProgress")
    if observed and observed < fields.count(datacenter, "metadata", "generation") then
        return UNSEEN
    end
    for _, name in ipairs(TRANSITIONS) do
        if is_true(datacenter, name) then
            return fields.join(name, condition_words(datacenter, name))
        end
    end
    if progress ~= "Ready" then
        return "operator progress: " .. (progress or "none yet")
    end
    return nil
end

--- A datacenter with spec.stopped is ready when it has stopped.
rules["cassandra.datastax.com/CassandraDatacenter"] = function(object)
    local valid = status.condition(object, "Valid")
    if valid and valid.status == "False" then
        return "waiting", fields.join("not valid", condition_words(object, "Valid"))
    end
    local goal = fields.map(object, "spec").stopped == true and "Stopped" or "Ready"
    local reason = unfinished(object)
    if not reason and is_true(object, goal) then
        return "ready"
    end
    return "waiting", reason or fields.join("condition " .. goal .. " is not True",
        condition_words(object, goal))
end

--- Each datacenter of the spec has its own state in the status of the cluster, whose form is that
--- of a CassandraDatacenter's. Reaper and Stargate do not count: data is served without them.
rules["k8ssandra.io/K8ssandraCluster"] = function(object)
    local problem = text(object, "status", "error")
    if problem and problem ~= "None" then
        return "waiting", problem
    end
    local observed = fields.integer(object, "status", "observedGeneration")
    if observed and observed < fields.count(object, "metadata", "generation") then
        return "waiting", UNSEEN
    end
    local wanted = fields.items(object, "spec", "cassandra", "datacenters")
    for _, entry in ipairs(wanted) do
        local name = text(entry, "metadata", "name") or "?"
        local datacenter = {status = fields.map(object, "status", "datacenters", name, "cassandra")}
        local goal = entry.stopped == true and "Stopped" or "Ready"
        local reason = unfinished(datacenter)
        if reason or not is_true(datacenter, goal) then
            return "waiting", fields.join("datacenter " .. name, reason
                or "condition " .. goal .. " is not True")
        end
    end
    return wanted[1] and "ready" or "waiting", not wanted[1] and "it has no datacenters" or nil
end

return rules
