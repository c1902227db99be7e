--- Waiting for one object: until it is ready, has failed, is gone, or time is over.
local fail = require("salvor.error").new
local ready_rule = require("salvor.k8s.ready")
local status = require("salvor.k8s.status")
local task = require("salvor.task")
local watch = require("salvor.k8s.watch")

local OP = "k8s.wait"
local TIMEOUT = 30

local waiting = {}
waiting.__index = waiting

local function predicate(rule, option)
    if type(rule) ~= "string" then
        return rule
    end
    local made = status.predicate(rule)
    if not made then
        error(string.format("k8s.wait: option '%s': '%s' is not a condition such as Ready=True",
            option, rule), 3)
    end
    return made
end

local function what_for(opts)
    if opts.deleted then
        return "to be gone"
    elseif type(opts.ready) == "string" then
        return "for " .. opts.ready
    end
    return "to be ready"
end

function waiting:elapsed()
    return task.now() - self.began
end

function waiting:last_state()
    return self.object and status.describe(self.object) or "it does not exist"
end

function waiting:fail(code, message, hint)
    return nil, fail({
        code = code,
        op = OP,
        message = string.format("%s \"%s\" %s", self.resource.plural, self.name, message),
        hint = hint,
        details = self.object and {object = self.object},
    })
end

function waiting:report(stalled, reason)
    if self.opts.on_progress then
        self.opts.on_progress({
            object = self.object,
            state = self:last_state(),
            elapsed = self:elapsed(),
            stalled = stalled,
            reason = reason,
        })
    elseif stalled then
        self.client:_warn(string.format("%s \"%s\": nothing has changed for %d s; %s",
            self.resource.plural, self.name, math.floor(stalled), self:last_state()))
    end
end

--- Looks at the object as it is now. Done: true, then what wait returns.
function waiting:judge()
    if not self.object or self.opts.deleted then
        return false
    end
    local has_failed, why = false, nil
    if self.failed then
        has_failed, why = self.failed(self.object)
    end
    if has_failed then
        return true, self:fail("Failed", "has failed: " .. (why or self:last_state()))
    end
    local is_ready, reason = self.ready(self.object)
    if is_ready then
        return true, self.object
    end
    self.reason = reason
    return false
end

function waiting:saw(object)
    self.object = object
    local print = status.fingerprint(object)
    if print ~= self.print then
        self.print = print
        self.changed = task.now()
        self.stall_told = false
    end
end

--- One event; returns as judge does.
function waiting:handle(event)
    if event.type == "DELETED" then
        local last = event.object
        if self.opts.deleted then
            return true, last
        end
        self.object = last
        return true, self:fail("NotFound", "was deleted while it was waited for; last: "
            .. self:last_state())
    end
    self:saw(event.object)
    local done, result, err = self:judge()
    if not done and self.stall_told == false and self.told ~= self.print then
        self.told = self.print
        self:report(nil, self.reason)
    end
    return done, result, err
end

function waiting:timed_out()
    local reason = self.reason and " (" .. tostring(self.reason) .. ")" or ""
    return self:fail("Timeout", string.format("was waited for %g s %s; last: %s%s",
        self.timeout, what_for(self.opts), self:last_state(), reason),
        self.object and "the object's events and its operator's log may say why" or nil)
end

--- The next moment something is due even if nothing happens.
function waiting:due()
    local due, stall = self.deadline, self.opts.stall
    if stall and not self.stall_told then
        due = math.min(due, self.changed + stall)
    end
    return self.next_tick and math.min(due, self.next_tick) or due
end

function waiting:check_stall()
    local quiet = task.now() - self.changed
    if self.opts.stall and not self.stall_told and quiet >= self.opts.stall then
        self.stall_told = true
        self:report(quiet, self.reason)
    end
end

--- For whoever shows a clock: a report although nothing has happened.
function waiting:check_tick()
    local now = task.now()
    if self.next_tick and now >= self.next_tick then
        self.next_tick = now + self.opts.tick
        self:report(self.stall_told and now - self.changed or nil, self.reason)
    end
end

--- Runs over the events until one decides.
function waiting:run(events)
    while true do
        local event, err = events:next(self:due())
        if event then
            local done, result, problem = self:handle(event)
            if done then
                return result, problem
            end
        elseif err ~= watch.TIMED_OUT then
            return nil, err
        elseif task.now() >= self.deadline then
            return self:timed_out()
        else
            self:check_stall()
            self:check_tick()
        end
    end
end

--- The object as the wait begins. Absent: nothing to wait for, unless it is to come or to go.
function waiting:begin(events)
    local ok, err = events:list(self.deadline)
    if not ok then
        return true, nil, err
    end
    if events.queue[1] then
        return false
    elseif self.opts.deleted then
        return true, true
    elseif self.opts.create then
        return false
    end
    return true, self:fail("NotFound", "does not exist", "with create=true it may come later")
end

return function(client, kind, name, opts)
    local ready, failed = predicate(opts.ready, "ready"), predicate(opts.failed, "failed")
    if opts.deleted and (ready or failed) then
        error("k8s.wait: option 'deleted' goes with neither 'ready' nor 'failed'", 2)
    end
    local resource, err = client:kind(kind)
    if not resource then
        return nil, err
    end
    if not ready then
        local rule = ready_rule(resource)
        ready, failed = rule.ready, failed or rule.failed
    end
    local now = task.now()
    local timeout = opts.timeout or TIMEOUT
    local self = setmetatable({
        client = client, resource = resource, name = name, opts = opts, ready = ready,
        failed = failed, timeout = timeout, deadline = now + timeout, began = now, changed = now,
        stall_told = false, next_tick = opts.tick and opts.on_progress and now + opts.tick,
    }, waiting)
    local events <close> = watch.new(client, OP, kind, {namespace = opts.namespace, name = name})
    local done, result, problem = self:begin(events)
    if done then
        return result, problem
    end
    return self:run(events)
end
