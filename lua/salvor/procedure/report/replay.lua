--- What the records of a journal tell, one after the other: checks, steps with their attempts and
--- effects, who confirmed what, and whatever was out of the ordinary.
local copy = require("salvor.copy")
local lenient = require("salvor.procedure.report.lenient")
local list = require("salvor").list
local salvor = require("salvor")

local items, text = lenient.items, lenient.text

local Evidence = {}
Evidence.__index = Evidence

--- The step by its id, made when the journal has not announced it.
function Evidence:step(id)
    id = tostring(id)
    if not self.by_id[id] then
        self.by_id[id] = {id = id, status = "not reached", attempts = list(), effects = list(),
                          waits = list(), findings = list(), retries = list()}
        table.insert(self.order, self.by_id[id])
    end
    return self.by_id[id]
end

function Evidence:event(record, what, message)
    table.insert(self.events, {time = record.time, type = what, text = message})
end

function Evidence:warn(record, message)
    table.insert(self.warnings, {time = record.time, step = text(record.step), text = message})
end

--- What was at work when the run broke off ended then, as far as anybody knows.
function Evidence:close_open(time, how)
    local step = self.open
    if step then
        local attempt = step.attempts[#step.attempts]
        attempt.ended, attempt.how = time, how
        step.status, self.open = how, nil
    end
end

local on = {}

on["run.begin"] = function(self, record)
    self.begin = record
    for _, step in ipairs(items(record.steps)) do
        step = items(step)
        local made = self:step(step.id)
        for _, field in ipairs({"title", "why", "origin", "check", "destructive", "verify",
                                "undo"}) do
            if type(step[field]) ~= "table" or field == "origin" then
                made[field] = step[field]
            end
        end
    end
    table.insert(self.sessions, {began = record.time, ended = record.time, user = record.user})
end

--- Somebody goes on with the run.
local function begin_session(self, record, what)
    self:close_open(self.last_time, "interrupted")
    table.insert(self.sessions, {began = record.time, ended = record.time, user = record.user})
    self:event(record, what, what .. " by " .. (text(record.user) or "an unknown user"))
    if text(record.salvor) and record.salvor ~= self.begin.salvor then
        self:warn(record, what .. " with Salvor " .. tostring(record.salvor)
            .. ", begun with " .. tostring(self.begin.salvor))
    end
end

on["run.resume"] = function(self, record)
    begin_session(self, record, "resumed")
    self:warn(record, "the run was resumed after it had ended early")
end

on["run.undo"] = function(self, record)
    begin_session(self, record, "undone")
end

on["run.interrupted"] = function(self, record)
    self:close_open(record.time, "interrupted")
    self:event(record, "interrupted", "interrupted by the operator")
end

on["run.end"] = function(self, record)
    self:event(record, "end", "ended: " .. tostring(record.status)
        .. (text(record.message) and ": " .. record.message or ""))
end

local function warn_of(self, record, findings)
    for _, finding in ipairs(findings) do
        if type(finding) == "table" and finding.level == "warning" then
            self:warn(record, tostring(finding.message))
        end
    end
end

on["check"] = function(self, record)
    local step = self:step(record.step)
    step.check, step.status, step.findings = true, record.status, items(record.findings)
    step.needs = text(record.needs)
    warn_of(self, record, step.findings)
    step.attempts = list({{began = record.time, ended = record.time, how = record.status}})
end

on["confirm"] = function(self, record)
    table.insert(self.confirmations, {
        time = record.time, step = text(record.step), loss = text(record.loss),
        yes = record.yes == true, user = text(record.user), how = text(record.how),
    })
end

on["step.begin"] = function(self, record)
    self:close_open(self.last_time, "interrupted")
    local step = self:step(record.step)
    table.insert(step.attempts, {began = record.time})
    step.status, step.message, self.open = "running", nil, step
end

--- A step may be tried several times; its findings are the last ones.
local function end_attempt(self, record, how)
    local step = self:step(record.step)
    local attempt = self.open == step and step.attempts[#step.attempts] or nil
    if not attempt then
        attempt = {began = record.time}
        table.insert(step.attempts, attempt)
    end
    attempt.ended, attempt.how, attempt.message = record.time, how, text(record.message)
    step.status, self.open = how, nil
    step.message, step.findings = attempt.message, items(record.findings)
    warn_of(self, record, step.findings)
    return step
end

on["step.end"] = function(self, record)
    local step = end_attempt(self, record, record.already and "already so" or "done")
    step.verified = step.verify and not record.already and true or nil
end

on["step.failed"] = function(self, record)
    end_attempt(self, record, "failed")
    self:event(record, "failed", "step " .. tostring(record.step) .. " failed: "
        .. tostring(record.message))
end

on["step.verified"] = function(self, record)
    self:event(record, "verified", "step " .. tostring(record.step) .. " still holds")
end

on["step.skipped"] = function(self, record)
    local step = self:step(record.step)
    step.status, step.reason = "skipped", text(record.reason)
    self:warn(record, "step " .. step.id .. " was skipped"
        .. (step.reason and ": " .. step.reason or ""))
end

on["step.not-needed"] = function(self, record)
    local step = self:step(record.step)
    if #step.attempts == 0 then
        step.status = "not needed"
    end
end

on["retry"] = function(self, record)
    local step = self:step(record.step)
    table.insert(step.retries, {time = record.time, message = text(record.message)})
    self:warn(record, "step " .. step.id .. " was tried again"
        .. (text(record.message) and " after: " .. record.message or ""))
end

on["effect.begin"] = function(self, record)
    local effect = {verb = text(record.verb), target = text(record.target), began = record.time,
                    object = record.object}
    self.effects[record.number] = effect
    table.insert(self:step(record.step).effects, effect)
end

on["effect.end"] = function(self, record)
    local effect = self.effects[record.effect]
    if effect then
        effect.ended = record.time
        effect.result = type(record.result) == "table" and copy.merge(record.result) or nil
        if effect.result then
            effect.result.fields = nil -- digests, of use to a resumed run alone
        end
        effect.changes = type(record.changes) == "table" and record.changes or nil
        effect.more_changes = math.tointeger(record.more_changes)
    end
end

on["effect.failed"] = function(self, record)
    local effect = self.effects[record.effect]
    if effect then
        effect.failed = text(record.message) or "no message"
    end
end

on["wait.begin"] = function(self, record)
    local wait = {target = text(record.target), wanted = text(record.wanted),
                  timeout = record.timeout, began = record.time}
    self.waiting[record.number] = wait
    table.insert(self:step(record.step or "checks").waits, wait)
end

on["wait.trouble"] = function(self, record)
    local wait = self.waiting[record.wait] or {}
    self:warn(record, "contact with the API server was lost while "
        .. (wait.target or "something") .. " was waited for: " .. tostring(record.message))
end

on["wait.end"] = function(self, record)
    local wait = self.waiting[record.wait]
    if wait then
        wait.ended, wait.ok, wait.message = record.time, record.ok, text(record.message)
    end
end

on["changed"] = function(self, record)
    local names = {}
    for _, found in ipairs(items(record.differences)) do
        names[#names + 1] = type(found) == "table" and table.concat({tostring(found.kind), " ",
            tostring(found.name), " ", tostring(found.what),
            found.fields and " (" .. table.concat(items(found.fields), ", ") .. ")" or ""})
            or tostring(found)
    end
    self:warn(record, "the cluster had changed while the run was stopped: "
        .. table.concat(names, "; ") .. "; " .. (record.accepted == false and "refused by "
        or "accepted by ") .. (text(record.user) or "an unknown user")
        .. (text(record.how) and " (" .. record.how .. ")" or ""))
end

on["undo.begin"] = function(self, record)
    self:close_open(self.last_time, "interrupted")
    local undone = {step = text(record.step), began = record.time}
    table.insert(self.undone, undone)
    self.undoing = undone
    self:event(record, "undo", "undoing step " .. tostring(record.step))
end

on["undo.end"] = function(self, record)
    if self.undoing then
        self.undoing.ended, self.undoing.message = record.time, text(record.message)
        self.undoing.how = record.type == "undo.end" and "undone" or "failed"
        local step = self:step(record.step)
        step.status = self.undoing.how == "undone" and "undone" or "undo failed"
        step.message = self.undoing.message
        self.undoing = nil
    end
end

on["undo.failed"] = on["undo.end"]

--- Anything else is told by its name and its plain fields, so that a report leaves nothing out.
local function other(self, record)
    local words = {}
    for _, key in ipairs(salvor.keys(record)) do
        local v = record[key]
        if key ~= "number" and key ~= "previous" and key ~= "time" and key ~= "type"
            and type(v) ~= "table" then
            words[#words + 1] = key .. " " .. tostring(v)
        end
    end
    local line = tostring(record.type) .. (words[1] and ": " .. table.concat(words, ", ") or "")
    self:event(record, tostring(record.type), line)
end

on["lock.acquired"] = function(self, record)
    other(self, record)
    if text(record.from) and record.how ~= "own" then
        self:warn(record, "the lock was taken from " .. record.from
            .. (text(record.how) and " (" .. record.how .. ")" or ""))
    end
end

on["lock.lost"] = function(self, record)
    other(self, record)
    self:warn(record, "the lock was lost: " .. tostring(record.message))
end

--- replay(records) -> {begin, order (of steps), sessions, events, warnings, confirmations, undone,
--- last_time}; is_running: what is open at the end is still at work
return function(records, is_running)
    local self = setmetatable({
        order = list(), by_id = {}, effects = {}, waiting = {}, sessions = list(), events = list(),
        warnings = list(), confirmations = list(), undone = list(), begin = {},
    }, Evidence)
    for _, record in ipairs(records) do
        (on[record.type] or other)(self, record)
        -- Times in this form compare as texts do.
        if text(record.time) and text(self.last_time) and record.time < self.last_time then
            self:warn(record, "the clock of the machine went back, from " .. self.last_time)
        end
        self.last_time = record.time
        local session = self.sessions[#self.sessions]
        if session then
            session.ended = record.time
        end
    end
    if not is_running then
        self:close_open(self.last_time, "interrupted")
    end
    return self
end
