--- The evidence of a run, from the records of its journal alone: one document, which is the report
--- in JSON and what the other forms are made of. docs/guide.md says what its fields are.
local dates = require("salvor.dates")
local copy = require("salvor.copy")
local lenient = require("salvor.procedure.report.lenient")
local list = require("salvor").list
local replay = require("salvor.procedure.report.replay")
local status = require("salvor.procedure.report.status")

local function seconds_between(from, to)
    local a, b = dates.iso(from), dates.iso(to)
    return a and b and math.max(b - a, 0) or nil
end

local items, text = lenient.items, lenient.text

local function time_steps(self)
    for _, step in ipairs(self.order) do
        local first, last = step.attempts[1], step.attempts[#step.attempts]
        step.began, step.ended = first and first.began, last and last.ended
        local worked = first and 0 or nil
        for _, attempt in ipairs(step.attempts) do
            worked = worked + (seconds_between(attempt.began, attempt.ended or self.last_time) or 0)
        end
        step.seconds = worked
        for _, each in ipairs({step.effects, step.waits}) do
            for _, item in ipairs(each) do
                item.seconds = seconds_between(item.began, item.ended)
            end
        end
    end
end

local function split(order)
    local checks, steps = list(), list()
    for _, step in ipairs(order) do
        table.insert(step.check and checks or steps, step)
    end
    return checks, steps
end

--- Seconds in which anything was at work.
local function worked_in(sessions)
    local sum = 0
    for _, session in ipairs(sessions) do
        sum = sum + (seconds_between(session.began, session.ended) or 0)
    end
    return sum
end

local function head(self, state, journal)
    local begin = self.begin
    return {
        format = 1,
        run = begin.run or journal.run,
        procedure = begin.procedure,
        title = begin.title,
        document = begin.document,
        script = begin.script,
        salvor = begin.salvor,
        cluster = begin.cluster,
        elsewhere = begin.elsewhere,
        namespace = begin.namespace,
        site = begin.site,
        flow = begin.flow,
        user = begin.user,
        plan = begin.plan,
        params = items(begin.params),
        sources = items(begin.sources),
        began = begin.time,
        ended = self.last_time,
        seconds = seconds_between(begin.time, self.last_time),
        worked = worked_in(self.sessions),
        status = state.word,
        status_text = status.text(state),
        step = state.step,
        message = state.message,
        go_on = journal.holds and text(begin.run) and status.go_on(state, begin.run)
            or nil,
    }
end

--- collect(records, journal, is_held) -> the document. `journal`: what is known of the journal
--- itself, {run, path, records, sha256, holds, problem, torn}; is_held: a process is at work.
return function(records, journal, is_held)
    local state = status.of(records, is_held)
    local self = replay(records, state.word == "running")
    time_steps(self)
    local checks, steps = split(self.order)
    return copy.merge(head(self, state, journal), {
        sessions = self.sessions,
        checks = checks,
        steps = steps,
        confirmations = self.confirmations,
        warnings = self.warnings,
        undone = self.undone,
        events = self.events,
        journal = journal,
    })
end
