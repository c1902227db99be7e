--- Logs of containers: logs gives the text, each_log one line after the other.
local check = require("salvor.k8s.check")
local container = require("salvor.k8s.container")
local copy = require("salvor.copy")
local fail = require("salvor.error").new
local kube = require("salvor.kube")
local pause_before_retry = require("salvor.k8s.retry")
local reader = require("salvor.k8s.logs.reader")
local task = require("salvor.task")

local LIMIT = 64 << 20

local methods = {}

local SELECTING = {namespace = "string", container = "string", previous = "boolean",
                   since = "number|string", tail = "number", timestamps = "boolean",
                   limit_bytes = "number", timeout = "number"}

local logs_options = copy.merge(SELECTING, {limit = "number"})
local each_options = copy.merge(SELECTING, {containers = "table", all_containers = "boolean",
                                            follow = "boolean"})

local COUNTS = {tail = 0, limit_bytes = 1, limit = 0} -- the least of each

-- Frames between error() and the script: check_values and the method.
local SCRIPT = 3

local RFC3339 = "^%d%d%d%d%-%d%d%-%d%d[Tt]%d%d:%d%d:%d%d%.?%d*[Zz+-][%d:]*$"

local function check_values(opts, what)
    local since = opts.since
    if type(since) == "string" and not since:find(RFC3339) then
        error(what .. ": option 'since' must be a number of seconds or a time such as "
            .. "2024-05-06T07:08:09Z", SCRIPT)
    elseif type(since) == "number" and not (since > 0 and since < math.huge) then
        error(what .. ": option 'since' must be more than 0 seconds", SCRIPT)
    end
    local chosen = 0
    for _, name in ipairs({"container", "containers", "all_containers"}) do
        chosen = chosen + (opts[name] and 1 or 0)
    end
    if chosen > 1 then
        error(what .. ": options 'container', 'containers' and 'all_containers' exclude each other",
            SCRIPT)
    end
    for _, name in ipairs(opts.containers or {}) do
        if type(name) ~= "string" then
            error(what .. ": option 'containers' must be a list of names", SCRIPT)
        end
    end
    if opts.containers and #opts.containers == 0 then
        error(what .. ": option 'containers' is empty", SCRIPT)
    end
end

local function whole(value)
    return value and string.format("%d", math.ceil(value))
end

local function query_of(opts)
    local since = opts.since
    return {
        follow = opts.follow or nil,
        previous = opts.previous or nil,
        timestamps = opts.timestamps or nil,
        tailLines = whole(opts.tail),
        limitBytes = whole(opts.limit_bytes),
        sinceSeconds = type(since) == "number" and whole(since) or nil,
        sinceTime = type(since) == "string" and since or nil,
    }
end

local function path_of(namespace, pod)
    return "/api/v1/namespaces/" .. kube.escape(namespace) .. "/pods/" .. kube.escape(pod) .. "/log"
end

--- The names of the containers that are meant; asks for the pod unless a single one is named.
local function choose(client, op, pod, opts)
    if opts.container then
        return {opts.container}
    end
    local found, err = container.read(client, op, pod, opts)
    if not found then
        return nil, err
    elseif opts.all_containers then
        return container.all(found)
    elseif opts.containers then
        return container.check(found, opts.containers, op)
    end
    local name, note = container.default(found)
    if note then
        client:_warn(note)
    end
    return {name}
end

local function too_large(pod, name, limit)
    return fail({code = "TooLarge", op = "k8s.logs", message = string.format(
        "the log of container %s in pod %s is larger than %d bytes", name, pod, limit),
        hint = "read it line by line with each_log, ask for its end with tail or since, "
            .. "or raise limit"})
end

--- All text of one answer; false when it is more than `limit` bytes; nil and an error.
local function read(client, request, limit, deadline)
    local lines <close>, err = client._kube:lines(request)
    if not lines then
        return nil, err
    end
    local parts, size = {}, 0
    while true do
        local text, problem = lines:take()
        if text then
            parts[#parts + 1], size = text, size + #text
        elseif text == nil and problem then
            return nil, problem
        elseif text == nil then
            return table.concat(parts)
        elseif not kube.any_lines({lines}, math.max(deadline - task.now(), 0)) then
            return nil, fail({code = "Timeout", op = "k8s.logs", retryable = true,
                              message = "the log was not complete in time",
                              hint = "raise timeout, or ask for its end alone with tail or since"})
        end
        if size > limit then
            return false
        end
    end
end

--- The same, repeated as any read is.
local function read_again(client, request, limit, deadline)
    for tries = 0, math.huge do
        local text, err = read(client, request, limit, deadline)
        local pause = text == nil and pause_before_retry(err, tries, "GET")
        if not pause or task.now() + pause >= deadline then
            return text, err
        end
        task.sleep(pause)
    end
end

function methods:logs(pod, opts)
    opts = check.options(opts, logs_options, "k8s.logs")
    check.name(pod, "k8s.logs")
    check.counts(opts, COUNTS, "k8s.logs")
    check_values(opts, "k8s.logs")
    local deadline = task.now() + (opts.timeout or self.timeout)
    local names, err = choose(self, "k8s.logs", pod, opts)
    if not names then
        return nil, err
    end
    local query = query_of(opts)
    query.container = names[1]
    local limit = opts.limit or LIMIT
    local text, problem = read_again(self, {
        path = path_of(opts.namespace or self.namespace, pod),
        query = query,
        headers = {Accept = "*/*"},
    }, limit, deadline)
    if text == false then
        return nil, too_large(pod, names[1], limit)
    elseif not text then
        problem.op = "k8s.logs"
        return nil, problem
    end
    return text
end

function methods:each_log(pod, opts)
    opts = check.options(opts, each_options, "k8s.each_log")
    check.name(pod, "k8s.each_log")
    check.counts(opts, COUNTS, "k8s.each_log")
    check_values(opts, "k8s.each_log")
    local namespace = opts.namespace or self.namespace
    local lines = reader.new(self, {
        pod = pod,
        namespace = namespace,
        path = path_of(namespace, pod),
        query = query_of(opts),
        follow = opts.follow,
        deadline = opts.timeout and task.now() + opts.timeout,
        timeout = opts.timeout,
        choose = function()
            return choose(self, "k8s.each_log", pod, opts)
        end,
    })
    return function()
        return lines:next()
    end, nil, nil, lines
end

return methods
