--- Waiting for objects: until they are ready, one has failed, they are gone, or time is over.
---
--- Objects of one kind in one place share a watch. Everything must be as it is wanted at the same
--- time: an object that was ready and is not any more is waited for again. What was to go has gone
--- once it was gone.
local fail = require("salvor.error").new
local group = require("salvor.k8s.wait.group")
local harmless = require("salvor.k8s.harmless")
local salvor = require("salvor")
local task = require("salvor.task")
local watcher = require("salvor.k8s.watch.watcher")
local why = require("salvor.k8s.why")

local TIMEOUT = 30
local FOR_EVER = 168 * 3600 -- what kubectl makes of a negative timeout
local NAMED = 5 -- how many of the missing an error names
local EXPLAINED = 3 -- of what stands still at the same time

local waiting = {}
waiting.__index = waiting

function waiting:elapsed()
    return task.now() - self.began
end

--- How many are not as they are wanted; a selector that has found nothing is one.
function waiting:left()
    local left = 0
    for _, each in ipairs(self.groups) do
        left = left + each.open + (each:is_empty() and 1 or 0)
    end
    return left
end

--- Why nothing is heard of some of the objects; nil as long as all is well.
function waiting:trouble()
    for _, each in ipairs(self.groups) do
        local err = each.events:trouble()
        if err then
            return err
        end
    end
end

--- The targets that are not as they are wanted.
function waiting:missing()
    local missing = {}
    for _, each in ipairs(self.groups) do
        local of_group = each:missing()
        table.move(of_group, 1, #of_group, #missing + 1, missing)
    end
    return missing
end

--- The same for people; a selector stands for what it has not found.
function waiting:missing_titles()
    local titles = salvor.list({})
    for _, of in ipairs(self:missing()) do
        titles[#titles + 1] = of:title()
    end
    for _, each in ipairs(self.groups) do
        titles[#titles + 1] = each:is_empty() and each:title() or nil
    end
    return titles
end

--- The first group that is not as it is wanted.
function waiting:unfinished()
    for _, each in ipairs(self.groups) do
        if not each:is_done() then
            return each
        end
    end
end

function waiting:is_done()
    return self:unfinished() == nil
end

function waiting:fail(code, subject, message, hint)
    local of = subject:title()
    if subject.resource then
        of = string.format("%s \"%s\"", subject.resource.plural, subject.name)
    end
    return nil, fail({
        code = code,
        op = self.op,
        message = of .. " " .. message,
        hint = hint,
        details = subject.object and {object = subject.object, why = subject.why},
    })
end

--- Tells how it stands with one target; `stalled`: seconds since something moved.
function waiting:report(of, stalled)
    if self.opts.on_progress then
        self.opts.on_progress({
            object = of.object,
            kind = of.resource.plural,
            name = of.name,
            state = of:describe(),
            reason = of.reason,
            why = of.why,
            elapsed = self:elapsed(),
            stalled = stalled,
            trouble = self:trouble(),
            left = self:left(),
            missing = function() return self:missing_titles() end,
        })
    elseif stalled then
        self.client:_warn(string.format("%s \"%s\": nothing has changed for %d s; %s",
            of.resource.plural, of.name, math.floor(stalled), of:last()))
    end
end

--- The failure that a target's state is, if any.
function waiting:judge(of)
    if of.state == "failed" then
        local reason = of.reason and harmless(of.reason) or of:describe()
        of.why = why(self.client, of.object)
        local pods = of.why.pods[1] and of.why.line
        return self:fail("Failed", of, "has failed: " .. (pods and not reason:find(pods, 1, true)
            and reason .. "; " .. pods or reason))
    elseif of.state == "lost" then
        return self:fail("NotFound", of, "was deleted while it was waited for; last: " .. of:last())
    end
    return true
end

--- One event. True to go on, or nil and the error that ends the wait.
function waiting:handle(of_group, event)
    for _, of in ipairs(of_group:targets_of(event.object)) do
        -- What was to go has gone, whatever comes after it under its name.
        if not (of.wants.deleted and of:is_done()) then
            local has_moved = of_group:take(of, event)
            local ok, err = self:judge(of)
            if not ok then
                return nil, err
            elseif has_moved and of_group.is_listed and not self:is_done()
                and (self.is_many or not of:is_done()) then
                self:report(of)
            end
        end
    end
    return true
end

--- Finds out what keeps a target; what was known before stays when nothing is found any more.
function waiting:explain(of)
    local found = of.object and why(self.client, of.object)
    if found and (found.line or not of.why) then
        of.why = found
    end
end

--- Where the reason stands that nobody could find.
local function where_to_look(of)
    local status = of.object.status
    if not of.wants.deleted and (not status or next(status) == nil) then
        return "nobody has given it a status: does the operator of its kind run, and watch this"
            .. " namespace?"
    end
    return "the object's events and its operator's log may say why"
end

--- The end of time: names what is missing, and of the first of it the reason.
function waiting:timed_out()
    local titles, first = self:missing_titles(), self:missing()[1]
    if first and self.timeout > 0 then
        self:explain(first)
    end
    local subject = first or self:unfinished()
    local wants = (first or subject.item).wants
    local message = string.format("%s; last: %s", self.timeout == 0 and wants.negative
        or string.format("was waited for %g s %s", self.timeout, wants.positive),
        first and first:last() or "there is none")
    if #titles > 1 then
        message = string.format("%s; in all %d are missing: %s%s", message, #titles,
            table.concat(titles, ", ", 1, math.min(#titles, NAMED)),
            #titles > NAMED and ", ..." or "")
    end
    local is_explained = first and first.why and first.why.line
    return self:fail("Timeout", subject, message, first and first.object
        and not is_explained and where_to_look(first) or nil)
end

--- The next moment something is due even if nothing happens.
function waiting:due(of_group)
    return math.min(self.deadline, of_group.stall_due, self.next_tick)
end

--- Looks for what stands still. That takes all targets, of which each can come to a stand at a time
--- of its own: so there are ten looks at most in the time of a stall.
function waiting:check_stall(of_group)
    local now, stall = task.now(), self.opts.stall
    if now < of_group.stall_due then
        return
    end
    local told, oldest = 0, now
    for _, of in ipairs(of_group:missing()) do
        local quiet = task.now() - of.changed
        if not of.stall_told and quiet >= stall then
            of.stall_told, told = true, told + 1
            if told <= EXPLAINED then
                self:explain(of)
            end
            self:report(of, quiet)
        elseif not of.stall_told then
            oldest = math.min(oldest, of.changed)
        end
    end
    of_group.stall_due = math.max(oldest + stall, now + stall / 10)
end

--- For whoever shows a clock: a report although nothing has happened.
function waiting:check_tick()
    local now = task.now()
    if now < self.next_tick then
        return
    end
    self.next_tick = now + self.opts.tick
    local of = self:missing()[1]
    if of then
        self:report(of, of.stall_told and now - of.changed or nil)
    end
end

--- What is due by now. True to go on, or nil and the error at the end of time.
function waiting:check_time(of_group)
    if task.now() >= self.deadline then
        return self:timed_out()
    end
    self:check_stall(of_group)
    self:check_tick()
    return true
end

--- Whether what is wanted of a group's objects can still come, now that they have been listed.
function waiting:check_present(of_group)
    for _, of in ipairs(of_group.targets) do
        if not (of.object or of.wants.deleted or of.wants.create) then
            return self:fail("NotFound", of, "does not exist", "with create=true it may come later")
        end
    end
    if of_group:is_empty() and not of_group.item.wants.create then
        return self:fail("NotFound", of_group, "do not exist",
            "with create=true they may come later")
    end
    return true
end

--- The objects of a group as the wait begins.
function waiting:begin(of_group)
    local events = of_group.events
    local ok, err = events:list()
    local event = ok and events:take_known()
    while ok and event do
        ok, err = self:handle(of_group, event)
        event = events:take_known()
    end
    if ok then
        of_group:end_list()
        ok, err = self:check_present(of_group)
    end
    for _, of in ipairs(ok and not self:is_done() and of_group:missing() or {}) do
        self:report(of)
    end
    return ok, err
end

--- Runs over the events of one group until one decides over all of them.
function waiting:run(of_group)
    local ok, err = self:begin(of_group)
    while ok and not self:is_done() do
        local event, problem = of_group.events:next(self:due(of_group))
        if event then
            ok, err = self:handle(of_group, event)
        elseif problem ~= watcher.TIMED_OUT then
            return nil, problem
        end
        -- However many events there are, time passes.
        if ok and not self:is_done() then
            ok, err = self:check_time(of_group)
        end
    end
    return ok, err
end

--- Looks once and does not wait.
function waiting:look()
    for _, each in ipairs(self.groups) do
        local ok, err = self:begin(each)
        if not ok then
            return nil, err
        end
    end
    if not self:is_done() then
        return self:timed_out()
    end
    return true
end

--- All groups side by side; the first that fails, or that sees that all are done, decides.
function waiting:run_all()
    if not self.groups[2] then
        return self:run(self.groups[1])
    end
    local runs = {}
    for index, each in ipairs(self.groups) do
        runs[index] = function()
            return self:run(each)
        end
    end
    return task.race(runs)
end

local CLOSING = {__close = function(groups)
    for _, each in ipairs(groups) do
        each.events:__close()
    end
end}

--- session(client, op, items, opts) -> the result of each item, or nil and the first error. items:
--- lua/salvor/k8s/wait/group.lua; opts: timeout, stall, tick, on_progress.
return function(client, op, items, opts)
    local now = task.now()
    local timeout = opts.timeout or TIMEOUT
    timeout = timeout < 0 and FOR_EVER or timeout
    local groups <close> = setmetatable(group.of(client, op, items,
        timeout > 0 and now + timeout or nil), CLOSING)
    local self = setmetatable({
        client = client, op = op, opts = opts, groups = groups, timeout = timeout,
        deadline = now + timeout, began = now, is_many = #items > 1 or not items[1].is_single,
        next_tick = opts.tick and opts.on_progress and now + opts.tick or math.huge,
    }, waiting)
    for _, each in ipairs(groups) do
        each.stall_due = opts.stall and now + opts.stall or math.huge
    end
    local ok, err
    if timeout == 0 then
        ok, err = self:look()
    else
        ok, err = self:run_all()
    end
    if not ok then
        return nil, err
    end
    local results = salvor.list({})
    for index, item in ipairs(items) do
        results[index] = group.result(item)
    end
    return results
end
