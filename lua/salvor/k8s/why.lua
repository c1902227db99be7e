--- Why an object does not get on: its recent events and, of a workload, the pods below it whose
--- containers wait or crash, with the last lines of their logs. For the reports and errors of a
--- wait.
---
--- Everything here is bounded, in number and in time, and nothing of it is an error: what may not
--- be read is left out. The texts come from anywhere and are made fit for a terminal.
local fields = require("salvor.k8s.fields")
local kube = require("salvor.kube")
local line = require("salvor.k8s.status").line
local pods = require("salvor.k8s.pods")
local salvor = require("salvor")
local task = require("salvor.task")

local text = fields.text

local EVENTS = 10
local PODS = 5
local PODS_LOOKED_AT = 200
local CONTAINERS = 3 -- of a pod
local LINES = 10
local LINE_LENGTH = 500
local CALL = 2 -- seconds for one request
local ALL = 5 -- seconds for all of them

--- The function, without what it raises: only a cancellation goes on.
local function quietly(read, ...)
    local arguments = table.pack(...)
    return function()
        pcall(read, table.unpack(arguments, 1, arguments.n))
    end
end

--- Pods

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

local function kind_of(object)
    local group = (text(object, "apiVersion") or ""):match("^(.*)/") or ""
    return group .. "/" .. (text(object, "kind") or "")
end

--- The pods that may be the cause.
local function find_pods(client, object)
    if kind_of(object) == "/Pod" then
        return {object}
    end
    local selector = WORKLOADS[kind_of(object)] and selector_of(object)
    local found, looked_at = {}, 0
    if not selector then
        return found
    end
    for pod in client:each("v1/Pod", {namespace = text(object, "metadata", "namespace"),
                                      label_selector = selector, timeout = CALL}) do
        looked_at = looked_at + 1
        if belongs(pod, object) then
            found[#found + 1] = pod
        end
        if looked_at == PODS_LOOKED_AT then
            break
        end
    end
    return found
end

local function severity(pod)
    local worst = pods.worst(pods.troubles(pod))
    return worst and (worst.hopeless and 1 or worst.crashed and 2 or not worst.calm and 3) or 4
end

--- The worst first; those that are well are left out.
local function pick(candidates)
    local picked = {}
    for _, pod in ipairs(candidates) do
        if pods.state(pod) ~= "ready" then
            picked[#picked + 1] = {pod = pod, severity = severity(pod),
                                   name = text(pod, "metadata", "name") or "?"}
        end
    end
    table.sort(picked, function(a, b)
        if a.severity ~= b.severity then
            return a.severity < b.severity
        end
        return a.name < b.name
    end)
    return table.move(picked, 1, math.min(#picked, PODS), 1, {})
end

--- Logs

--- The one place that asks for a log: nil when it cannot be had.
local function read_log(client, pod, trouble)
    local metadata = pod.metadata
    if client.logs then
        return (client:logs(metadata.name, {
            namespace = metadata.namespace, container = trouble.container, tail = LINES,
            previous = trouble.previous, limit_bytes = LINES * LINE_LENGTH * 4, timeout = CALL,
        }))
    end
    local path = string.format("/api/v1/namespaces/%s/pods/%s/log",
        kube.escape(metadata.namespace), kube.escape(metadata.name))
    local answer = client:request({
        path = path,
        query = {container = trouble.container, tailLines = LINES, previous = trouble.previous,
                 limitBytes = LINES * LINE_LENGTH * 4},
        headers = {Accept = "*/*"}, -- a kubelet refuses a log to who wants only JSON
        raw = true,
        timeout = CALL,
    })
    return answer and answer.body
end

local function last_lines(log)
    local lines = {}
    for words in (log or ""):gmatch("[^\r\n]+") do
        if words:find("%S") then
            lines[#lines + 1] = line(words:sub(1, LINE_LENGTH))
        end
    end
    return table.move(lines, math.max(#lines - LINES + 1, 1), #lines, 1, salvor.list({}))
end

local function read_container(client, pod, trouble)
    return {
        name = trouble.container,
        reason = line(pods.describe(trouble)),
        exit_code = trouble.exit_code,
        restarts = trouble.restarts,
        log = last_lines(trouble.has_log and read_log(client, pod, trouble)),
    }
end

local function read_pod(client, picked, into)
    local troubles = pods.troubles(picked.pod)
    local worst = pods.worst(troubles)
    for index, trouble in ipairs(troubles) do
        if index <= CONTAINERS or trouble == worst then
            local container = read_container(client, picked.pod, trouble)
            table.insert(into.containers, trouble == worst and 1 or #into.containers + 1, container)
        end
    end
end

local function read_pods(client, object, found)
    local jobs = {}
    for index, picked in ipairs(pick(find_pods(client, object))) do
        -- There before its logs are, for when time is over.
        local into = {name = picked.name, reason = line(pods.reason(picked.pod)),
                      containers = salvor.list({})}
        found.pods[index] = into
        jobs[index] = quietly(read_pod, client, picked, into)
    end
    task.all(jobs)
end

--- The line that tells most

local function pod_line(pod)
    local container = pod.containers[1]
    if not container then
        return string.format("pod %s: %s", pod.name, pod.reason)
    end
    local last = container.log[#container.log]
    return fields.join(string.format("pod %s, container %s", pod.name, container.name),
        container.reason, last and "last line: " .. last)
end

local function event_line(events)
    local found = events[#events]
    for _, event in ipairs(events) do
        if event.type == "Warning" then
            found = event
        end
    end
    return found and line(fields.join("event " .. found.reason, found.message))
end

local function read_events(client, object, found)
    local events = client:events(object, nil, {limit = EVENTS, timeout = CALL})
    for index, event in ipairs(events or {}) do
        event.message = line(event.message)
        found.events[index] = event
    end
end

--- why(client, object) -> {line (or nil), events, pods = {{name, reason, containers = {{name,
--- reason, exit_code, restarts, log}}}}}; takes at most five seconds.
return function(client, object)
    local found = {events = salvor.list({}), pods = salvor.list({})}
    task.timeout(ALL, function()
        task.all({quietly(read_events, client, object, found),
                  quietly(read_pods, client, object, found)})
    end)
    found.line = found.pods[1] and pod_line(found.pods[1]) or event_line(found.events)
    return found
end
