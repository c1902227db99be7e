--- Which container of a pod a call is about.
local fail = require("salvor.error").new
local fields = require("salvor.k8s.fields")
local shape = require("salvor.k8s.shape")

local text = fields.text

-- The second one is older, and meant for logs alone.
local DEFAULTS = {"kubectl.kubernetes.io/default-container",
                  "kubectl.kubernetes.io/default-logs-container"}

-- Known without asking the server.
local PODS = {group = "", version = "v1", api_version = "v1", plural = "pods", kind = "Pod",
              namespaced = true}

local container = {}

--- The names on one list of the spec, appended to `into` when that is given.
local function names_in(pod, list, into, suffix)
    into = into or {}
    for _, candidate in ipairs(fields.items(pod, "spec", list)) do
        local name = text(candidate, "name")
        into[#into + 1] = name and name .. (suffix or "")
    end
    return into
end

--- The pod, which has a container; nil and an error.
function container.read(client, op, name, opts)
    local pod, err = client:_read({
        op = op, verb = "get", resource = PODS, name = name,
        namespace = opts.namespace or client.namespace, timeout = opts.timeout,
    })
    if pod and not names_in(pod, "containers")[1] then
        return nil, fail({code = "Corrupt", op = op, hint = shape.HINT,
                          message = string.format("the answer for pod %s has no containers", name)})
    end
    return pod, err
end

--- The same, of one that must not have ended.
function container.pod(client, op, name, opts)
    local pod, err = container.read(client, op, name, opts)
    if not pod then
        return nil, err
    end
    local phase = text(pod, "status", "phase")
    if phase == "Succeeded" or phase == "Failed" then
        return nil, fail({code = "Conflict", op = op, message = string.format(
            "pod %s has ended (phase %s)", name, phase),
            hint = "its log can still be read; for anything else name a pod that runs"})
    end
    return pod
end

--- The names of all, in the order in which they start.
function container.all(pod)
    local names = {}
    for _, list in ipairs({"initContainers", "containers", "ephemeralContainers"}) do
        names_in(pod, list, names)
    end
    return names
end

local KINDS = {{"containers", ""}, {"initContainers", " (init)"},
               {"ephemeralContainers", " (ephem)"}}

--- All of them as a text, the way kubectl lists them.
function container.describe(pod)
    local texts = {}
    for _, kind in ipairs(KINDS) do
        names_in(pod, kind[1], texts, kind[2])
    end
    return table.concat(texts, ", ")
end

--- The container that the pod names as its default one, or else its first; then, when there are
--- others, also what kubectl says about that.
function container.default(pod)
    local names, annotations = names_in(pod, "containers"), fields.map(pod, "metadata",
        "annotations")
    for _, annotation in ipairs(DEFAULTS) do
        for _, name in ipairs(names) do
            if name == annotations[annotation] then
                return name
            end
        end
    end
    local first = names[1]
    if #container.all(pod) == 1 then
        return first
    end
    return first, string.format("Defaulted container \"%s\" out of: %s", first,
        container.describe(pod))
end

--- The names, each of which must be a container of the pod; nil and an error.
function container.check(pod, names, op)
    local known = {}
    for _, name in ipairs(container.all(pod)) do
        known[name] = true
    end
    for _, name in ipairs(names) do
        if not known[name] then
            return nil, fail({code = "NotFound", op = op, message = string.format(
                "pod %s has no container '%s'", text(pod, "metadata", "name") or "?", name),
                hint = "its containers are " .. container.describe(pod)})
        end
    end
    return names
end

return container
