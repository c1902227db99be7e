--- The pods below an object that are not well: of a workload those that its selector and the owner
--- references say are its own; of a custom resource those whose owners lead up to it, through
--- whatever is between.
local fields = require("salvor.k8s.fields")
local pods = require("salvor.k8s.pods")
local task = require("salvor.task")

local text = fields.text

local LOOKED_AT = 500 -- pods
local CLIMBED = 20 -- of them, whose owners are asked for

local function quoted_list(values)
    local words = {}
    for _, value in ipairs(values) do
        words[#words + 1] = text({value}, 1)
    end
    return "(" .. table.concat(words, ",") .. ")"
end

local OPERATORS = {
    In = function(key, values) return key .. " in " .. quoted_list(values) end,
    NotIn = function(key, values) return key .. " notin " .. quoted_list(values) end,
    Exists = function(key) return key end,
    DoesNotExist = function(key) return "!" .. key end,
}

--- The label selector of a workload as a request takes it; nil when it has none.
local function selector_of(object)
    local selector, terms = fields.map(object, "spec", "selector"), {}
    local labels = object.kind == "ReplicationController" and selector
        or fields.map(selector, "matchLabels")
    for key, value in pairs(labels) do
        if text({value}, 1) then
            terms[#terms + 1] = key .. "=" .. value
        end
    end
    for _, term in ipairs(fields.items(selector, "matchExpressions")) do
        local write, key = OPERATORS[term.operator], text(term, "key")
        if not write or not key then
            return nil
        end
        terms[#terms + 1] = write(key, fields.map(term, "values"))
    end
    table.sort(terms)
    return terms[1] and table.concat(terms, ",") or nil
end

--- Whether a pod belongs to the workload; those of a Deployment belong to its ReplicaSets.
local function belongs(pod, object)
    for _, owner in ipairs(fields.items(pod, "metadata", "ownerReferences")) do
        if owner.uid == object.metadata.uid
            or object.kind == "Deployment" and owner.kind == "ReplicaSet" then
            return true
        end
    end
    return false
end

local WORKLOADS = {["apps/Deployment"] = true, ["apps/ReplicaSet"] = true,
                   ["apps/StatefulSet"] = true, ["apps/DaemonSet"] = true, ["batch/Job"] = true,
                   ["/ReplicationController"] = true}

local function sort(found)
    local ranks = {}
    for _, pod in ipairs(found) do
        ranks[pod] = pods.rank(pods.worst(pods.troubles(pod)))
    end
    table.sort(found, function(a, b)
        local left, right = ranks[a], ranks[b]
        if left ~= right then
            return left < right
        end
        return (text(a, "metadata", "name") or "") < (text(b, "metadata", "name") or "")
    end)
    return found
end

--- The pods of a namespace that are not well.
local function unwell(client, namespace, selector, seconds)
    local found, looked_at = {}, 0
    for pod in client:each("v1/Pod", {namespace = namespace, label_selector = selector,
                                      timeout = seconds}) do
        looked_at = looked_at + 1
        if pods.state(pod) ~= "ready" then
            found[#found + 1] = pod
        end
        if looked_at == LOOKED_AT then
            break
        end
    end
    return sort(found)
end

local function owned_by(client, candidates, uid, seconds)
    local is_below = task.map(table.move(candidates, 1, math.min(#candidates, CLIMBED), 1, {}),
        function(pod)
            for _, owner in ipairs(client:owners(pod, {timeout = seconds})) do
                if owner.metadata.uid == uid and not owner.problem then
                    return true
                end
            end
            return false
        end)
    local found = {}
    for index, pod in ipairs(candidates) do
        found[#found + 1] = is_below[index] and pod or nil
    end
    return found
end

--- pods_below(client, object, seconds for a request) -> pods, the worst first. Raises what the
--- server refuses.
return function(client, object, seconds)
    local group, kind = fields.group(object), text(object, "kind") or ""
    local namespace, uid = text(object, "metadata", "namespace"), text(object, "metadata", "uid")
    if group == "" and kind == "Pod" then
        return pods.state(object) ~= "ready" and {object} or {}
    elseif not namespace or not uid then
        return {}
    elseif WORKLOADS[group .. "/" .. kind] then
        local found, selector = {}, selector_of(object)
        for _, pod in ipairs(selector and unwell(client, namespace, selector, seconds) or {}) do
            found[#found + 1] = belongs(pod, object) and pod or nil
        end
        return found
    elseif group:find(".", 1, true) and not group:find("%.k8s%.io$") then
        return owned_by(client, unwell(client, namespace, nil, seconds), uid, seconds)
    end
    return {}
end
