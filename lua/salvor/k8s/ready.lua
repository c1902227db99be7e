--- When an object of a common kind is ready and when it has failed for good: what client:wait takes
--- when the script gives no rule of its own. Other kinds are ready when a condition Ready is True.
local status = require("salvor.k8s.status")

local rules = {}

local function of(object, part)
    return type(object[part]) == "table" and object[part] or {}
end

local function is_observed(object)
    return (of(object, "status").observedGeneration or 0) >= (object.metadata.generation or 0)
end

local function condition_is(object, name, wanted)
    local condition = status.condition(object, name)
    if condition and condition.status == wanted then
        return true, condition.message or condition.reason
    end
    return false
end

rules["apps/Deployment"] = {
    ready = function(object)
        local now, wanted = of(object, "status"), of(object, "spec").replicas or 1
        return is_observed(object) and (now.updatedReplicas or 0) >= wanted
            and (now.replicas or 0) <= (now.updatedReplicas or 0)
            and (now.availableReplicas or 0) >= (now.updatedReplicas or 0)
    end,
    failed = function(object)
        local condition = status.condition(object, "Progressing")
        if condition and condition.reason == "ProgressDeadlineExceeded" then
            return true, condition.message
        end
        return false
    end,
}

rules["apps/StatefulSet"] = {
    ready = function(object)
        local now, wanted = of(object, "status"), of(object, "spec").replicas or 1
        return is_observed(object) and (now.readyReplicas or 0) >= wanted
            and (now.replicas or 0) == wanted
            and (wanted == 0 or now.updateRevision == now.currentRevision
                or of(of(object, "spec"), "updateStrategy").type == "OnDelete")
    end,
}

rules["apps/DaemonSet"] = {
    ready = function(object)
        local now = of(object, "status")
        local wanted = now.desiredNumberScheduled
        return is_observed(object) and wanted ~= nil and (now.updatedNumberScheduled or 0) >= wanted
            and (now.numberAvailable or 0) >= wanted
    end,
}

rules["batch/Job"] = {
    ready = function(object)
        return condition_is(object, "Complete", "True")
    end,
    failed = function(object)
        return condition_is(object, "Failed", "True")
    end,
}

--- A container that cannot start says so while its pod stays Pending for ever.
local HOPELESS = {CreateContainerConfigError = true, InvalidImageName = true,
                  ErrImageNeverPull = true}

rules["/Pod"] = {
    ready = function(object)
        if of(object, "status").phase == "Succeeded" then
            return true
        end
        return condition_is(object, "Ready", "True")
    end,
    failed = function(object)
        local now = of(object, "status")
        if now.phase == "Failed" then
            return true, now.message or now.reason
        end
        for _, container in ipairs(of(now, "containerStatuses")) do
            local waiting = of(of(container, "state"), "waiting")
            if HOPELESS[waiting.reason] then
                return true, waiting.reason .. (waiting.message and ": " .. waiting.message or "")
            end
        end
        return false
    end,
}

rules["/PersistentVolumeClaim"] = {
    ready = function(object)
        return of(object, "status").phase == "Bound"
    end,
    failed = function(object)
        return of(object, "status").phase == "Lost", "its volume is gone"
    end,
}

rules["/Namespace"] = {
    ready = function(object)
        return of(object, "status").phase == "Active"
    end,
}

rules["apiextensions.k8s.io/CustomResourceDefinition"] = {
    ready = function(object)
        return condition_is(object, "Established", "True")
    end,
    failed = function(object)
        return condition_is(object, "NamesAccepted", "False")
    end,
}

local by_condition = {
    ready = function(object)
        return condition_is(object, "Ready", "True")
    end,
}

--- {ready=, failed= or nil} for a kind's record.
return function(resource)
    return rules[resource.group .. "/" .. resource.kind] or by_condition
end
