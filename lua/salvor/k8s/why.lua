--- Why an object does not get on: its recent events and the pods below it whose containers wait or
--- crash, with the last lines of their logs. For the reports and errors of a wait.
---
--- Everything here is bounded, in number and in time, and nothing of it is an error: what may not
--- be read is left out. The texts come from anywhere and are made fit for a terminal.
local fields = require("salvor.k8s.fields")
local harmless = require("salvor.k8s.harmless")
local pods = require("salvor.k8s.pods")
local pods_below = require("salvor.k8s.why.pods_below")
local salvor = require("salvor")
local task = require("salvor.task")

local text = fields.text

local EVENTS = 10
local PODS = 5
local CONTAINERS = 3 -- of a pod
local LINES = 10
local LINE_LENGTH = 500
local CALL = 2 -- seconds for one request
local LATE = 0.3 -- seconds until a log that was empty is asked for again
local ALL = 5 -- seconds for all of them

--- The function, without what it raises: only a cancellation goes on.
local function quietly(read, ...)
    local arguments = table.pack(...)
    return function()
        pcall(read, table.unpack(arguments, 1, arguments.n))
    end
end

--- Pods

--- Those below the object that are not well, the worst first.
local function find_pods(client, object)
    local found = pods_below(client, object, CALL)
    return table.move(found, 1, math.min(#found, PODS), 1, {})
end

--- Logs

--- nil when it cannot be had.
local function ask_log(client, pod, trouble)
    return (client:logs(pod.metadata.name, {
        namespace = pod.metadata.namespace, container = trouble.container, tail = LINES,
        previous = trouble.previous, limit_bytes = LINES * LINE_LENGTH * 4, timeout = CALL,
    }))
end

--- A runtime writes the last lines a moment after it has told that the container has ended.
local function read_log(client, pod, trouble)
    local log = ask_log(client, pod, trouble)
    if log == "" then
        task.sleep(LATE)
        log = ask_log(client, pod, trouble)
    end
    return log
end

local function last_lines(log)
    local lines = {}
    for words in (log or ""):gmatch("[^\r\n]+") do
        if words:find("%S") then
            lines[#lines + 1] = harmless(words:sub(1, LINE_LENGTH))
        end
    end
    return table.move(lines, math.max(#lines - LINES + 1, 1), #lines, 1, salvor.list({}))
end

local function read_container(client, pod, trouble)
    return {
        name = trouble.container,
        reason = harmless(pods.describe(trouble)),
        exit_code = trouble.exit_code,
        restarts = trouble.restarts,
        log = last_lines(trouble.has_log and read_log(client, pod, trouble)),
    }
end

--- The last warning, else the last of the events.
local function most_telling(events)
    local found = events[#events]
    for _, event in ipairs(events) do
        if event.type == "Warning" then
            found = event
        end
    end
    return found
end

--- A container that has not begun says nothing itself; what the kubelet says does ("FailedMount:
--- ...").
local function read_warning(client, pod)
    local found = most_telling(client:events(pod, nil, {limit = EVENTS, timeout = CALL}) or {})
    if found and found.type == "Warning" then
        return harmless(fields.join(found.reason, found.message))
    end
    return nil
end

local function read_pod(client, pod, into)
    local troubles = pods.troubles(pod)
    local worst = pods.worst(troubles)
    if worst and worst.calm and not worst.has_log then
        into.warning = read_warning(client, pod)
    end
    for index, trouble in ipairs(troubles) do
        if index <= CONTAINERS or trouble == worst then
            local container = read_container(client, pod, trouble)
            table.insert(into.containers, trouble == worst and 1 or #into.containers + 1, container)
        end
    end
end

local function read_pods(client, object, found)
    local jobs = {}
    for index, pod in ipairs(find_pods(client, object)) do
        -- There before its logs are, for when time is over.
        local into = {name = text(pod, "metadata", "name") or "?",
                      reason = harmless(pods.reason(pod)), containers = salvor.list({})}
        found.pods[index] = into
        jobs[index] = quietly(read_pod, client, pod, into)
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
        container.reason, last and "last line: " .. last, pod.warning)
end

local function event_line(events)
    local found = most_telling(events)
    return found and harmless(fields.join("event " .. found.reason, found.message))
end

local function read_events(client, object, found)
    local events = client:events(object, nil, {limit = EVENTS, timeout = CALL})
    for index, event in ipairs(events or {}) do
        event.message = harmless(event.message)
        found.events[index] = event
    end
end

--- why(client, object) -> {line (or nil), events, pods = {{name, reason, warning (or nil),
--- containers = {{name, reason, exit_code, restarts, log}}}}}; takes at most five seconds.
return function(client, object)
    local found = {events = salvor.list({}), pods = salvor.list({})}
    task.timeout(ALL, function()
        task.all({quietly(read_events, client, object, found),
                  quietly(read_pods, client, object, found)})
    end)
    found.line = found.pods[1] and pod_line(found.pods[1]) or event_line(found.events)
    return found
end
