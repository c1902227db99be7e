--- What a cluster itself consists of: storage, namespaces, nodes, services, the API.
local fields = require("salvor.k8s.fields")
local status = require("salvor.k8s.status")

local text = fields.text

local rules = {}

rules["/Node"] = status.ready_by("Ready")
rules["apiregistration.k8s.io/APIService"] = status.ready_by("Available")

rules["/PersistentVolumeClaim"] = function(object)
    local phase = text(object, "status", "phase")
    if phase == "Bound" then
        return "ready"
    elseif phase == "Lost" then
        return "failed", "its volume is gone"
    end
    local spec = fields.map(object, "spec")
    local class, volume = text(spec, "storageClassName"), text(spec, "volumeName")
    if volume then
        return "waiting", "it is not bound to volume " .. volume .. " yet"
    end
    return "waiting", "no volume is bound yet" .. (class and " (storage class " .. class
        .. "; with WaitForFirstConsumer it waits for its first pod)" or "")
end

rules["/PersistentVolume"] = function(object)
    local phase = text(object, "status", "phase")
    if phase == "Bound" or phase == "Available" then
        return "ready"
    elseif phase == "Failed" then
        return "failed", status.reason(fields.map(object, "status")) or "phase Failed"
    elseif phase == "Released" then
        return "waiting", "released: its claim is gone, and spec.claimRef keeps others off it"
    end
    return "waiting", "phase " .. (phase or "(none)")
end

--- While a namespace ends its conditions say what is still in it.
rules["/Namespace"] = function(object)
    local phase = text(object, "status", "phase")
    if phase == "Active" then
        return "ready"
    end
    local reasons = {}
    for _, condition in ipairs(fields.items(object, "status", "conditions")) do
        if condition.status == "True" then
            reasons[#reasons + 1] = text(condition, "message")
        end
    end
    return "waiting", fields.join("phase " .. (phase or "(none)"), table.concat(reasons, "; "))
end

local function has_address(object)
    for _, address in ipairs(fields.items(object, "status", "loadBalancer", "ingress")) do
        if text(address, "ip") or text(address, "hostname") then
            return true
        end
    end
    return false
end

rules["/Service"] = function(object)
    if text(object, "spec", "type") ~= "LoadBalancer" or has_address(object) then
        return "ready"
    end
    return "waiting", "the load balancer has no address yet"
end

rules["networking.k8s.io/Ingress"] = function(object)
    if has_address(object) then
        return "ready"
    end
    return "waiting", "its controller has given no address yet"
end

local is_established = status.ready_by("Established")

rules["apiextensions.k8s.io/CustomResourceDefinition"] = function(object)
    local names = status.condition(object, "NamesAccepted")
    if names and names.status == "False" then
        return "failed", status.reason(names) or "its names are not accepted"
    end
    return is_established(object)
end

return rules
