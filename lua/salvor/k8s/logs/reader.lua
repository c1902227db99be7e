--- The lines of one or several containers' logs, as they arrive.
---
--- The API server ends a followed log alike when the container has ended and when the connection to
--- its node broke. So after the end of a followed log the pod is asked: as long as it says that
--- this very container still runs, the log was cut, which is an error.
local container = require("salvor.k8s.container")
local copy = require("salvor.copy")
local fail = require("salvor.error").new
local fields = require("salvor.k8s.fields")
local kube = require("salvor.kube")
local pause_before_retry = require("salvor.k8s.retry")
local task = require("salvor.task")

local OP = "k8s.each_log"

-- Seconds between looks at a pod whose container should have ended: its status comes later than the
-- end of its log.
local LOOKS = {0, 0.2, 0.4, 0.8, 1.6, 2}

local LOOK_AGAIN = 1 -- second

local reader = {}
reader.__index = reader

--- log: pod, namespace, path, query, follow, deadline, timeout, choose() -> names of containers.
--- Sends nothing yet.
function reader.new(client, log)
    return setmetatable({client = client, log = log, text = "", position = 1}, reader)
end

--- sources, served in turn: {container, lines (a stream), tries, started (something arrived), look
--- (when to ask for its id), id}
function reader:__close()
    self.ended = true
    for _, source in ipairs(self.sources or {}) do
        if source.lines then
            source.lines:close()
        end
    end
    self.sources = {}
end

local function raise(self, err)
    self:__close()
    err.op = OP
    error(err, 0)
end

local function open(self, source)
    local lines, err = self.client._kube:lines({
        path = self.log.path,
        query = copy.merge(self.log.query, {container = source.container}),
        headers = {Accept = "*/*"},
    })
    if not lines then
        raise(self, err)
    end
    source.lines = lines
end

local function start(self)
    local names, err = self.log.choose()
    if not names then
        raise(self, err)
    end
    self.sources = {}
    for number, name in ipairs(names) do
        self.sources[number] = {container = name, tries = 0, look = 0}
        open(self, self.sources[number])
    end
end

local function read_pod(self)
    local deadline = self.log.deadline
    return container.read(self.client, OP, self.log.pod, {
        namespace = self.log.namespace,
        timeout = deadline and math.max(deadline - task.now(), 0.001),
    })
end

--- The status of the container of that name.
local function status_of(pod, name)
    for _, list in ipairs({"containerStatuses", "initContainerStatuses",
                           "ephemeralContainerStatuses"}) do
        for _, status in ipairs(fields.items(pod, "status", list)) do
            if status.name == name then
                return status
            end
        end
    end
    return nil
end

local function is_running(status)
    return type(fields.map(status, "state").running) == "table"
end

--- Notes which container it is, so that another one after a restart is told apart. A new one's
--- status may come later than the beginning of its log; then it is looked for with later text.
local function remember(self, source)
    if not self.log.follow or source.id or task.now() < source.look then
        return
    end
    source.look = task.now() + LOOK_AGAIN
    local pod = read_pod(self)
    local status = pod and status_of(pod, source.container)
    source.id = status and is_running(status) and fields.text(status, "containerID")
end

--- Raises when a followed log ended although its container runs.
local function check_end(self, source)
    if not source.id or self.log.query.limitBytes or self.log.query.previous then
        return
    end
    for _, pause in ipairs(LOOKS) do
        task.sleep(pause)
        local pod, err = read_pod(self)
        if not pod then
            -- Who may read logs only cannot be told more; any other error says why not.
            if err.code == "NotFound" or err.code == "Forbidden" then
                return
            end
            raise(self, err)
        end
        local status = status_of(pod, source.container)
        if not (status and status.containerID == source.id and is_running(status)) then
            return
        end
    end
    raise(self, fail({
        code = "Disconnected",
        op = OP,
        message = string.format("the log of container %s in pod %s ended, but the container runs",
            source.container, self.log.pod),
        hint = "the connection between API server and node broke; go on with since",
        retryable = true,
    }))
end

local function timed_out(self, seconds)
    raise(self, fail({
        code = "Timeout",
        op = OP,
        message = string.format("the log of pod %s: %s within %g s", self.log.pod,
            self.log.timeout and "not at its end" or "nothing arrived", seconds),
        hint = "raise timeout, or ask for its end alone with tail or since",
        retryable = true,
    }))
end

--- How long to wait for more: a log that is followed may be silent for ever, another one not.
local function patience(self)
    if self.log.deadline then
        return math.max(self.log.deadline - task.now(), 0), self.log.timeout
    elseif self.log.follow then
        return -1
    end
    return self.client.timeout, self.client.timeout
end

--- A read is repeated as long as nothing of it has arrived.
local function try_again(self, source, err)
    local pause = not source.started and pause_before_retry(err, source.tries, "GET")
    if not pause or self.log.deadline and task.now() + pause >= self.log.deadline then
        raise(self, err)
    end
    source.tries = source.tries + 1
    source.lines:close()
    task.sleep(pause)
    open(self, source)
end

--- Waits until a source has text, which becomes what `next` gives; false at the end of all.
local function fill(self)
    while #self.sources > 0 do
        local streams = {}
        for number, source in ipairs(self.sources) do
            streams[number] = source.lines
        end
        local seconds, limit = patience(self)
        local number = kube.any_lines(streams, seconds)
        if not number then
            timed_out(self, limit)
        end
        -- Last in turn from now on, so that a busy one does not keep the others waiting.
        local source = table.remove(self.sources, number)
        table.insert(self.sources, source)
        local text, more = source.lines:take()
        if text then
            source.started = true
            remember(self, source)
            self.text, self.position, self.partial = text, 1, more
            self.container = source.container
            return true
        elseif text == nil and more then
            try_again(self, source, more)
        elseif text == nil then
            table.remove(self.sources)
            source.lines:close()
            check_end(self, source)
        end
    end
    return false
end

--- line, container, partial; nothing at the end. Raises the error object.
function reader:next()
    if self.ended then
        return nil
    elseif not self.sources then
        start(self)
    end
    if self.position > #self.text and not fill(self) then
        self.ended = true
        return nil
    end
    local stop = self.text:find("\n", self.position, true)
    local line = self.text:sub(self.position, stop and stop - 1)
    self.position = (stop or #self.text) + 1
    return line, self.container, not stop and self.partial or false
end

return reader
