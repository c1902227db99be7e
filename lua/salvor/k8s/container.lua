--- Which container of a pod a call is about.
local fail = require("salvor.error").new

local DEFAULT = "kubectl.kubernetes.io/default-container"

-- Known without asking the server.
local PODS = {group = "", version = "v1", plural = "pods", kind = "Pod", namespaced = true}

local container = {}

--- The pod, which must not have ended; nil and an error.
function container.pod(client, op, name, opts)
    local pod, err = client:_read({op = op, verb = "get", resource = PODS, name = name,
                                   namespace = opts.namespace or client.namespace,
                                   timeout = opts.timeout})
    if not pod then
        return nil, err
    end
    local phase = (pod.status or {}).phase
    if phase == "Succeeded" or phase == "Failed" then
        return nil, fail({code = "Conflict", op = op, message = string.format(
            "pod %s has ended (phase %s)", name, phase)})
    end
    return pod
end

--- The container that the pod names as its default one, or else its first.
function container.default(pod)
    local wanted = (pod.metadata.annotations or {})[DEFAULT]
    for _, candidate in ipairs(pod.spec.containers) do
        if candidate.name == wanted then
            return wanted
        end
    end
    return pod.spec.containers[1].name
end

return container
