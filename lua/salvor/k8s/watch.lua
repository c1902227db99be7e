--- A watch that does not end: lost connections, the server's own time limits and expired versions
--- are bridged, and every change is told once.
---
--- It knows the objects it has told of, so that after a gap (410: the version it knows is too old)
--- it lists anew and tells the difference: what is new, what has changed, what is gone.
local fail = require("salvor.error").new
local pages = require("salvor.k8s.pages")
local task = require("salvor.task")

local MIN_RESTART = 1 -- seconds between two starts
local MAX_PAUSE = 30
local SERVER_LIMIT = 300 -- seconds a stream lasts by our wish; up to twice that
local GRACE = 30 -- how much later our side gives up on it

local watch = {}
watch.__index = watch

--- What `next` returns as its error when its time is over; the watch can go on.
watch.TIMED_OUT = fail({code = "Timeout", op = "k8s.watch", message = "nothing happened in time"})

--- opts: those of client:watch. Sends nothing yet.
function watch.new(client, op, kind, opts)
    return setmetatable({
        client = client,
        op = op,
        kind = kind,
        opts = opts,
        known = {}, -- key -> {uid, version, object}
        queue = {},
        first = 1,
        version = opts.resource_version,
        pause = 0,
        established = false,
    }, watch)
end

function watch:__close()
    if self.stream then
        self.stream:close()
        self.stream = nil
    end
end

local function key_of(object)
    return (object.metadata.namespace or "") .. "/" .. object.metadata.name
end

function watch:push(kind, object)
    self.queue[#self.queue + 1] = {type = kind, object = object}
end

function watch:remember(object)
    self.known[key_of(object)] = {
        uid = object.metadata.uid,
        version = object.metadata.resourceVersion,
        object = object,
    }
end

--- Tells how `items` differ from what is known.
function watch:compare(items)
    local seen = {}
    for _, item in ipairs(items) do
        local key = key_of(item)
        local old = self.known[key]
        seen[key] = true
        if old and old.uid ~= item.metadata.uid then
            self:push("DELETED", old.object)
            old = nil
        end
        if not old then
            self:push("ADDED", item)
        elseif old.version ~= item.metadata.resourceVersion then
            self:push("MODIFIED", item)
        end
        self:remember(item)
    end
    for key, old in pairs(self.known) do
        if not seen[key] then
            self:push("DELETED", old.object)
            self.known[key] = nil
        end
    end
end

function watch:select()
    if self.selection then
        return self.selection
    end
    local opts = self.opts
    local selection, err = self.client:_selection(self.op, self.kind, {
        namespace = opts.namespace,
        all_namespaces = opts.all_namespaces,
        label_selector = opts.label_selector,
        field_selector = opts.name and "metadata.name=" .. opts.name or opts.field_selector,
    })
    self.selection = selection
    return selection, err
end

--- The seconds an answer may take to begin: those of any call, but not beyond `deadline`.
function watch:patience(deadline)
    local seconds = self.client.timeout
    return deadline and math.max(math.min(seconds, deadline - task.now()), 0.001) or seconds
end

function watch:list(deadline)
    local selection, err = self:select()
    if not selection then
        return nil, err
    end
    selection.timeout = self:patience(deadline)
    local list, problem = pages.all(self.client, selection)
    if not list then
        return nil, problem
    end
    self:compare(list.items)
    if not self.established and self.opts.initial == false then
        self.queue = {}
    end
    self.version = list.metadata.resourceVersion
    self.established = true
    self.pause = 0
    return true
end

function watch:start(deadline)
    local selection, err = self:select()
    if not selection then
        return nil, err
    end
    local seconds = math.random(SERVER_LIMIT, 2 * SERVER_LIMIT)
    local query = {watch = true, resourceVersion = self.version, allowWatchBookmarks = true,
                   timeoutSeconds = seconds}
    for name, value in pairs(selection.query) do
        query[name] = query[name] or value
    end
    self.started = task.now()
    local stream, problem = self.client:_stream({
        op = self.op,
        resource = selection.resource,
        namespace = selection.namespace,
        query = query,
        timeout = seconds + GRACE,
        open_timeout = self:patience(deadline),
    })
    self.stream = stream
    return stream, problem
end

local function is_expired(err)
    return err.status == 410 or err.code == "Expired" or err.code == "Gone"
end

local transient_codes = {Disconnected = true, Unreachable = true, Timeout = true, Corrupt = true}

local function is_transient(err)
    if err.status then
        return err.status == 429 or err.status >= 500
    end
    return transient_codes[err.code] or false
end

--- Decides after a failure: true to go on, or nil and the error when nothing will come of it.
function watch:recover(err)
    self:__close()
    if is_expired(err) then
        self.version = nil
        return true
    end
    if not is_transient(err) or not self.established then
        err.op = self.op
        return nil, err
    end
    if self.started and task.now() - self.started > MAX_PAUSE then
        self.pause = 0
    end
    self.failed_at = task.now()
    self.pause = math.max(err.retry_after or 0, math.min(math.max(2 * self.pause, 1), MAX_PAUSE))
    return true
end

--- The error that an ERROR event carries as a Status.
local function error_of(status)
    return fail({
        code = status.reason or "Unknown",
        message = status.message or "the server ended the watch",
        status = status.code,
        details = status.details,
    })
end

--- True when the event is news; false when it is not, nil and an error when it is one.
function watch:take(event)
    local object = event.object
    if event.type == "ERROR" then
        local err = error_of(object)
        err.retry_after = object.details and object.details.retryAfterSeconds
        return nil, err
    end
    self.version = object.metadata.resourceVersion
    self.pause = 0
    if event.type == "BOOKMARK" then
        return false
    end
    local key = key_of(object)
    local old = self.known[key]
    if event.type == "DELETED" then
        self.known[key] = nil
        return true
    end
    if old and old.uid == object.metadata.uid and old.version == self.version then
        return false
    end
    self:remember(object)
    return true
end

--- Sleeps until a new start is due; false when `deadline` comes first.
function watch:rest(deadline)
    local due = (self.started or -MIN_RESTART) + MIN_RESTART
    if self.pause > 0 then
        -- From the failure on, however often somebody looks in between.
        due = math.max(due, self.failed_at + self.pause)
    end
    local now = task.now()
    if deadline and due > deadline then
        task.sleep(math.max(deadline - now, 0))
        return false
    end
    if due > now then
        task.sleep(due - now)
    end
    return true
end

--- Makes the next step towards an event: lists, starts a stream, or takes from it. True when there
--- is an event or another step to make.
function watch:step(deadline)
    if not self.version then
        if self.pause > 0 and not self:rest(deadline) then
            return nil, watch.TIMED_OUT
        end
        local ok, err = self:list(deadline)
        if not ok then
            return self:recover(err)
        end
        return true
    end
    if not self.stream then
        if not self:rest(deadline) then
            return nil, watch.TIMED_OUT
        end
        local stream, err = self:start(deadline)
        if not stream then
            return self:recover(err)
        end
        self.established = true
    end
    local event, err = self.stream:next(deadline and math.max(deadline - task.now(), 0))
    if event then
        local is_news, problem = self:take(event)
        if problem then
            return self:recover(problem)
        end
        if is_news then
            self.queue[#self.queue + 1] = event
        end
        return true
    end
    if not err then
        self:__close()
        return true
    end
    if err.code == "Timeout" and deadline and task.now() >= deadline then
        return nil, watch.TIMED_OUT
    end
    return self:recover(err)
end

--- The next event {type=, object=}; nil and an error, which is watch.TIMED_OUT when nothing came
--- before `deadline` (on task.now()'s clock).
function watch:next(deadline)
    while not self.queue[self.first] do
        self.queue, self.first = {}, 1
        local ok, err = self:step(deadline)
        if not ok then
            return nil, err
        end
    end
    local event = self.queue[self.first]
    self.queue[self.first] = nil
    self.first = self.first + 1
    return event
end

return watch
