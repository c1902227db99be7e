--- Pods: whether they are ready, and what keeps each container from running.
local fields = require("salvor.k8s.fields")
local status = require("salvor.k8s.status")

local text = fields.text

local pods = {}

--- Reasons that only another pod, or another image on the node, helps with. The others pass: a
--- kubelet goes on trying to pull an image, to find a ConfigMap or Secret, to restart what crashes.
local HOPELESS = {InvalidImageName = true, ErrImageNeverPull = true}

local CALM = {ContainerCreating = true, PodInitializing = true}

--- "exit code 1" or "signal 9".
local function exit_words(terminated)
    local signal = fields.integer(terminated, "signal")
    local code = fields.integer(terminated, "exitCode")
    return signal and signal ~= 0 and "signal " .. signal or code and "exit code " .. code or nil
end

--- How a container ended, with the reason where it says more than Error.
local function ending(terminated)
    local reason = text(terminated, "reason")
    return fields.join(reason ~= "Error" and reason ~= "Completed" and reason or nil,
        exit_words(terminated), text(terminated, "message"))
end

--- The trouble of one container by its entry in the pod's status, or nil: {container, reason,
--- message (what is known beyond the reason), crashed, exit_code, restarts, hopeless, calm (nothing
--- is wrong so far), has_log, previous (its log is that of the container before)}.
local function trouble_of(entry)
    local waiting, terminated = fields.map(entry, "state", "waiting"),
        fields.map(entry, "state", "terminated")
    local last = fields.map(entry, "lastState", "terminated")
    local found = {container = text(entry, "name") or "?", restarts = fields.count(entry,
        "restartCount")}
    if next(waiting) then
        found.reason = text(waiting, "reason") or "waiting"
        found.hopeless, found.calm = HOPELESS[found.reason], CALM[found.reason]
        found.crashed = found.reason == "CrashLoopBackOff"
        found.has_log, found.previous = found.crashed, found.crashed or nil
        found.exit_code = fields.integer(last, "exitCode")
        found.message = found.crashed and ending(last) or text(waiting, "message")
        return found
    elseif next(terminated) and terminated.exitCode ~= 0 then
        found.reason = text(terminated, "reason") or "Error"
        found.crashed, found.has_log = true, true
        found.exit_code = fields.integer(terminated, "exitCode")
        found.message = fields.join(exit_words(terminated), text(terminated, "message"))
        return found
    elseif type(fields.map(entry, "state").running) == "table" and entry.ready ~= true then
        found.reason, found.has_log = "running, not ready", true
        found.calm = found.restarts == 0
        found.crashed = next(last) ~= nil
        found.exit_code = fields.integer(last, "exitCode")
        found.message = found.crashed and "before that: " .. (ending(last) or "it ended") or nil
        return found
    end
    return nil
end

--- Every container that is waiting, has crashed or is not ready, init containers first. Of one that
--- has crashed before, `crashed` is true although it may run again.
function pods.troubles(pod)
    local found = {}
    for _, list in ipairs({"initContainerStatuses", "containerStatuses"}) do
        for _, entry in ipairs(fields.items(pod, "status", list)) do
            local trouble = trouble_of(entry)
            if trouble then
                trouble.init = list == "initContainerStatuses"
                found[#found + 1] = trouble
            end
        end
    end
    return found
end

--- "CrashLoopBackOff: exit code 1"
function pods.describe(trouble)
    return fields.join(trouble.reason, trouble.message)
end

--- How bad a trouble (nil is none) is, 1 the worst: a hopeless one, a crash, what is not to be
--- expected, what is.
function pods.rank(trouble)
    return not trouble and 4 or trouble.hopeless and 1 or trouble.crashed and 2
        or not trouble.calm and 3 or 4
end

--- The trouble that tells most.
function pods.worst(troubles)
    local worst = troubles[1]
    for _, trouble in ipairs(troubles) do
        if pods.rank(trouble) < pods.rank(worst) then
            worst = trouble
        end
    end
    return worst
end

--- Why no node takes the pod; nil when one has.
local function unscheduled(pod)
    local condition = status.condition(pod, "PodScheduled")
    if condition and condition.status == "False" then
        return status.reason(condition) or "no node takes it"
    end
    return nil
end

local function name_of(trouble)
    return (trouble.init and "init container " or "container ") .. trouble.container
end

local function why_failed(pod)
    local worst = pods.worst(pods.troubles(pod))
    return fields.join(status.reason(fields.map(pod, "status")),
        worst and worst.crashed and name_of(worst) .. ": " .. pods.describe(worst) or nil)
        or "phase Failed"
end

--- What keeps the pod from being ready, one line.
function pods.reason(pod)
    local worst = pods.worst(pods.troubles(pod))
    local readiness = status.condition(pod, "Ready")
    return unscheduled(pod) or worst and name_of(worst) .. ": " .. pods.describe(worst)
        or fields.join(text(pod, "status", "reason"), text(readiness, "message"))
        or "phase " .. (text(pod, "status", "phase") or "(none)")
end

--- The rule of lua/salvor/k8s/ready.lua for pods.
function pods.state(pod)
    local phase = text(pod, "status", "phase")
    if phase == "Failed" then
        return "failed", why_failed(pod)
    elseif phase == "Succeeded" then
        return "ready"
    end
    local readiness = status.condition(pod, "Ready")
    if readiness and readiness.status == "True" then
        return "ready"
    end
    local worst = pods.worst(pods.troubles(pod))
    return worst and worst.hopeless and "failed" or "waiting", pods.reason(pod)
end

return pods
