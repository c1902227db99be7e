--- A watch that does not end: lost connections, the server's own time limits and expired versions
--- are bridged, and every change is told once.
---
--- It remembers which version of which object it has told of, so that after a gap (410: the version
--- it knows is too old) it looks anew and tells the difference: what is new, what has changed, what
--- is gone. Of the objects themselves it keeps nothing, so that a watch of many stays small.
---
--- What is there comes as a stream (sendInitialEvents, KEP 3157) from a server that has that, else
--- as a list in pages.
local copy = require("salvor.copy")
local fail = require("salvor.error").new
local fields = require("salvor.k8s.fields")
local harmless = require("salvor.k8s.harmless")
local pages = require("salvor.k8s.pages")
local restarts = require("salvor.k8s.watch.restarts")
local seen = require("salvor.k8s.watch.seen")
local selector = require("salvor.k8s.selector")
local shape = require("salvor.k8s.shape")
local task = require("salvor.task")

local END_OF_INITIAL = "k8s.io/initial-events-end"

local watcher = {
    MIN_RESTART = 1, -- seconds between two starts
    SERVER_LIMIT = 300, -- seconds a stream lasts by our wish; up to twice that
    GRACE = 30, -- how much later our side gives up on it
}
watcher.__index = watcher

--- What `next` returns as its error when its time is over; the watch can go on.
watcher.TIMED_OUT = fail({code = "Timeout", op = "k8s.watch", message = "nothing happened in time"})

--- opts: those of client:watch, and `deadline`, when it is over at the latest. Sends nothing yet.
function watcher.new(client, op, kind, opts)
    return setmetatable({
        client = client,
        source = opts.table and require("salvor.k8s.watch.rows").new(client) or client,
        op = op,
        kind = kind,
        opts = opts,
        seen = seen.new(),
        queue = {},
        first = 1,
        version = opts.resource_version, -- to go on from; nil: look at what is there
        is_quiet = opts.initial == false, -- until all that is there is known
        restarts = restarts.new(watcher.MIN_RESTART),
    }, watcher)
end

function watcher:__close()
    if self.stream then
        self.stream:close()
    end
    if self.next_page then
        self.next_page:close()
    end
    self.stream, self.next_page, self.is_filling = nil, nil, false
end

-- What is known

function watcher:push(kind, object, partial)
    if not self.is_quiet then
        self.queue[#self.queue + 1] = {type = kind, object = object, partial = partial}
    end
end

--- Takes in an object that is there, and tells of it if it is news; `kind`: what to call a new one.
function watcher:see(object, kind)
    local news, gone = self.seen:add(object, self.selection.resource)
    if gone then
        self:push("DELETED", gone, true)
    end
    if news ~= "same" then
        self:push(news == "changed" and "MODIFIED" or kind, object)
    end
end

--- All that is there has been seen. The watch goes on from `version`.
function watcher:finish_round(version)
    self.seen:end_round(self.selection.resource, function(gone)
        self:push("DELETED", gone, true)
    end)
    self.is_quiet = false
    self.version = version
    self.restarts:progress()
end

-- Asking

function watcher:select()
    if self.selection then
        return self.selection
    end
    local opts = self.opts
    local selection, err = self.source:_selection(self.op, self.kind, {
        namespace = opts.namespace,
        all_namespaces = opts.all_namespaces,
        label_selector = opts.label_selector,
        field_selector = selector.both_fields(opts.name and {["metadata.name"] = opts.name},
            opts.field_selector),
    })
    self.selection = selection
    return selection, err
end

--- The seconds an answer may take to begin: those of any call, but not beyond the watch's own end.
--- Not those until somebody looks again: whoever looks often would never see a slow answer begin.
function watcher:patience()
    local seconds, last = self.client.timeout, self.opts.deadline
    return last and math.max(math.min(seconds, last - task.now()), 0.001) or seconds
end

--- Takes one page of what is there.
function watcher:take_page()
    if not self.next_page then
        local selection, err = self:select()
        if not selection then
            return nil, err
        end
        self.seen:begin_round()
        self.listed = nil
        self.next_page = pages.reader(self.source, selection)
    end
    self.selection.timeout = self:patience()
    local page, more = self.next_page()
    local ok, problem = true, nil
    if page then
        ok, problem = shape.versions(page, self.op)
    end
    if not ok then
        self:__close()
        return nil, problem
    elseif page then
        self.restarts:answered()
        if more then -- everything anew
            self.seen:begin_round()
        end
        for _, item in ipairs(page.items) do
            self:see(item, "ADDED")
        end
        self.listed = page.metadata.resourceVersion
        return true
    end
    self.next_page = nil
    if more then
        return nil, more
    end
    self:finish_round(self.listed)
    return true
end

--- Looks at all that is there, at once. Calls drain(), if given, whenever a page has become events.
function watcher:list(drain)
    repeat
        local ok, err = self:take_page()
        if not ok then
            return nil, err
        elseif drain then
            drain()
        end
    until not self.next_page
    return true
end

function watcher:start(extra)
    local selection, err = self:select()
    if not selection then
        return nil, err
    end
    local seconds = math.random(self.SERVER_LIMIT, 2 * self.SERVER_LIMIT)
    self.restarts:begin()
    local stream, problem = self.source:_stream({
        op = self.op,
        resource = selection.resource,
        namespace = selection.namespace,
        query = copy.merge({watch = true, allowWatchBookmarks = true, timeoutSeconds = seconds},
            selection.query, extra),
        headers = selection.headers,
        timeout = seconds + self.GRACE,
        open_timeout = self:patience(),
    })
    self.stream = stream
    if stream then
        self.restarts:answered()
    end
    return stream, problem
end

--- Whether to ask for what is there as a stream: until a server has refused it, and where a list
--- would not do better because nobody wants to know.
function watcher:may_stream()
    return self.client._watch_list ~= false and not self.is_quiet
end

--- One that does not know it refuses it as invalid; a very old one just sends no end of it.
function watcher:give_up_streaming()
    self.client._watch_list = false
    self.restarts:forgive()
    self:__close()
    return true
end

function watcher:start_filling()
    local stream, err = self:start({
        sendInitialEvents = true,
        resourceVersionMatch = "NotOlderThan",
    })
    if stream then
        self.seen:begin_round()
        self.is_filling = true
        return true
    elseif err.status == 400 or err.status == 422 then
        return self:give_up_streaming()
    end
    return nil, err, true
end

-- Failures

--- Decides after a failure: true to go on, or nil and the error when nothing will come of it.
function watcher:recover(err, is_start, deadline)
    self:__close()
    if self.version and pages.is_expired(err) then
        self.version = nil
        return true
    end
    if not self.restarts:may_go_on(err, is_start, deadline) then
        err.op = self.op
        if err.status == 404 and self.restarts.is_established then
            err.hint = err.hint or "the kind has gone; was its definition (CRD) deleted?"
        end
        return nil, err
    end
    self.restarts:fail(err)
    return true
end

--- The error that an ERROR event carries as a Status.
local function error_of(status)
    local details = type(status.details) == "table" and status.details or nil
    local err = fail({
        code = fields.text(status, "reason") or "Unknown",
        message = harmless(fields.text(status, "message") or "the server ended the watch"),
        status = fields.integer(status, "code"),
        details = details,
    })
    local after = details and details.retryAfterSeconds
    err.retry_after = math.type(after) and after or nil
    return err
end

-- Events

local function is_end_of_initial(metadata)
    return fields.text(metadata, "annotations", END_OF_INITIAL) == "true"
end

--- True, or nil and an error when the event is one.
function watcher:take(event)
    local ok, err = shape.event(event, self.op)
    if not ok then
        return nil, err
    end
    local object = event.object
    if event.type == "ERROR" then
        return nil, error_of(object)
    end
    local metadata = object.metadata
    if event.type == "BOOKMARK" then
        if self.is_filling and is_end_of_initial(metadata) then
            self.is_filling = false
            self:finish_round(metadata.resourceVersion)
        end
    elseif event.type == "DELETED" then
        self.seen:remove(object)
        self:push("DELETED", object)
    else
        self:see(object, self.is_filling and "ADDED" or event.type)
    end
    if not self.is_filling then
        self.version = metadata.resourceVersion
        self.restarts:progress()
    end
    return true
end

--- Begins to look at what is there, or goes on from the version that is known.
function watcher:open(deadline)
    if not self.restarts:rest(deadline) then
        return nil, watcher.TIMED_OUT
    elseif not self.version and not self:may_stream() then
        return self:take_page()
    elseif not self.version then
        return self:start_filling()
    end
    local stream, err = self:start({resourceVersion = self.version})
    self.restarts.is_established = self.restarts.is_established or stream ~= nil
    return stream ~= nil or nil, err, true
end

--- Takes what a stream has next.
function watcher:receive(deadline)
    local event, err = self.stream:next(deadline and math.max(deadline - task.now(), 0))
    if event then
        return self:take(event)
    elseif err and err.code == "Timeout" and deadline and task.now() >= deadline then
        return nil, watcher.TIMED_OUT
    elseif err then
        return nil, err
    elseif self.is_filling then
        return self:give_up_streaming()
    end
    self:__close()
    return true
end

--- Makes the next step towards an event. True when there is one or another step to make.
function watcher:step(deadline)
    local ok, err, is_start
    if self.next_page then
        ok, err = self:take_page()
    elseif self.stream then
        is_start = self.is_filling
        ok, err = self:receive(deadline)
    else
        ok, err, is_start = self:open(deadline)
    end
    if ok or err == watcher.TIMED_OUT then
        return ok, err
    end
    return self:recover(err, is_start, deadline)
end

--- The next event that is known already, if any.
function watcher:take_known()
    local event = self.queue[self.first]
    if not event then
        self.queue, self.first = {}, 1
        return nil
    end
    self.queue[self.first] = nil
    self.first = self.first + 1
    return event
end

--- The error by which the server was lost, when it has not been found again for a while.
function watcher:trouble()
    return self.restarts:trouble()
end

--- The next event {type=, object=, partial=}; nil and an error, which is watcher.TIMED_OUT when
--- nothing came before `deadline` (on task.now()'s clock).
function watcher:next(deadline)
    local event = self:take_known()
    while not event do
        local ok, err = self:step(deadline)
        if not ok then
            return nil, err
        end
        event = self:take_known()
    end
    return event
end

return watcher
