--- One go at a run: the first or a resumed one, or undoing it. Under the lock of each place.
--
-- An attempt has run (see salvor.procedure.runs), opened (see salvor.procedure.session), observer,
-- ctx, flow, and sets of ids of steps: finished, begun, confirmed, differs (their objects are not
-- as they left them). `status`, where it was set, is how it ended, whatever the error says.
local effects = require("salvor.procedure.effects")
local errors = require("salvor.error")
local lock = require("salvor.procedure.lock")
local locks = require("salvor.procedure.locks")
local preflight = require("salvor.procedure.preflight")
local salvor = require("salvor")
local session = require("salvor.procedure.session")
local steps = require("salvor.procedure.steps")
local task = require("salvor.task")
local text = require("salvor.procedure.text")
local undo = require("salvor.procedure.undo")

local attempts = {}

--- To be closed: what is told when a signal unwinds a run.
local function on_interrupt(attempt)
    return setmetatable({}, {__close = function(_, err)
        if errors.is(err, "Cancelled") then
            attempt.observer.interrupted(attempt.run.id)
            -- A journal that cannot be written must not take the place of the signal.
            pcall(attempt.run.journal.append, attempt.run.journal, {type = "run.interrupted"})
        end
    end})
end

local LOCK = {id = "lock", title = "Nobody else works on the namespace", check = true}

--- The locks; nil where none is needed, and nil and the error where this user may not take one,
--- which is told among the other checks. Raises Conflict when somebody else holds one.
local function acquire(attempt, force)
    local opened, observer = attempt.opened, attempt.observer
    if not lock.is_needed(opened.procedure) then
        return nil
    end
    local ok, held = pcall(locks.acquire, opened, {
        run = attempt.run.id,
        procedure = opened.procedure.id,
        force = force,
        journal = attempt.run.journal,
        wait = observer.wait,
    })
    if not ok and errors.is(held, "Forbidden") then
        return nil, held
    elseif not ok then
        attempt.status = "locked"
        error(held, 0)
    end
    for _, each in ipairs(held) do
        if each.previous and each.how ~= "own" then
            observer.took_lock(each.previous, each.how)
        end
    end
    return held
end

local function work_locked(attempt, force, work)
    local lease, prevented = acquire(attempt, force)
    local held <close> = lease
    local together = {function() return work(attempt, prevented) end}
    if held then
        attempt.ctx.performer.ensure = function() held:ensure() end
        table.insert(together, function() held:keep() end)
    end
    table.insert(together, attempt.observer.live)
    local ok, outcome = pcall(task.race, together)
    if ok then
        return outcome
    elseif held and held:was_lost(outcome) then
        local step = attempt.ctx.performer.step
        outcome = steps.stopped(attempt, step and "step " .. step or "the checks", outcome)
    end
    error(outcome, 0)
end

local function check(attempt, prevented)
    local function report(result)
        attempt.observer.check(result)
        attempt.run.journal:append({type = "check", step = result.step.id, status = result.status,
                                    needs = result.needs, findings = result.findings,
                                    facts = attempt.ctx.facts})
    end
    local results, failed = preflight.run(attempt.opened.procedure, attempt.ctx, attempt.finished,
        report, attempt.flow)
    -- The check of permissions, the first one, says so already.
    if prevented and results[1].status ~= "failed" then
        results[#results + 1] = {step = LOCK, status = "failed", findings = salvor.list({
            {level = "problem", message = prevented.message, hint = prevented.hint}})}
        report(results[#results])
    end
    return results, failed or prevented ~= nil
end

local STATUS = {Stopped = "stopped", Refused = "refused"}

--- How an attempt ended that raised something.
local function end_of(attempt, err)
    local status = attempt.status or STATUS[err.code] or "failed"
    local cause = errors.is(err, "Stopped") and err.cause or err
    return {
        type = "run.end",
        status = status,
        step = status == "stopped" and attempt.ctx.performer.step or nil,
        message = text.plain(cause.message),
    }
end

--- work(attempt, force, fn) -> the outcome that fn(attempt, prevented) returns, under the lock,
--- which is renewed meanwhile and taken by `force`. `prevented`: why this user may not take it.
function attempts.work(attempt, force, fn)
    local told <close> = on_interrupt(attempt) -- luacheck: ignore 211
    local ok, outcome = pcall(work_locked, attempt, force, fn)
    local journal = attempt.run.journal
    if not ok then
        -- A journal that cannot be written may be the very reason, which is what counts.
        pcall(journal.append, journal, end_of(attempt, session.as_error(outcome, attempt.ctx)))
        error(outcome, 0)
    end
    journal:append({type = "run.end", status = outcome.status, step = outcome.step})
    return outcome
end

--- What comes after. Everything is done by then, whether that can be told or not.
local function lines_of_next(attempt)
    local tell = attempt.opened.procedure.next
    if not tell then
        return {}
    end
    local ok, lines = pcall(tell, attempt.ctx)
    return ok and lines
        or {"cannot be told: " .. session.as_error(lines, attempt.ctx).message}
end

--- carry_out(attempt, prevented) -> outcome: the checks, the operator's yes, and the steps.
function attempts.carry_out(attempt, prevented)
    local run = attempt.run
    local results, failed = check(attempt, prevented)
    if failed then
        return {status = "preflight", run = run.id, journal = run.journal.path, checks = results,
                facts = attempt.ctx.facts, resumable = next(attempt.begun) ~= nil}
    end
    local agreed, refusal = pcall(steps.confirm_all, attempt)
    if not agreed then
        error(session.as_error(refusal, attempt.ctx), 0)
    elseif attempt.observer.ready then
        attempt.observer.ready()
    end
    local last, failing, err = steps.perform_all(attempt)
    if failing then
        error(errors.is(err, "Stopped") and undo.offer(attempt, err) or err, 0)
    end
    local status = last and "until" or "done"
    return {
        status = status,
        step = last and last.id,
        run = run.id,
        journal = run.journal.path,
        facts = attempt.ctx.facts,
        next = not last and lines_of_next(attempt) or {},
    }
end

--- new(run, opened, observer, {flow, started, facts, kit_entries, finished, begun}) -> attempt
function attempts.new(run, opened, observer, fields)
    return {
        run = run,
        opened = opened,
        observer = observer,
        flow = fields.flow,
        finished = fields.finished or {},
        begun = fields.begun or {},
        confirmed = {},
        differs = {},
        ctx = session.context(opened, {
            run = run.id,
            started = fields.started,
            performer = effects.run(run.journal),
            facts = fields.facts,
            kit_entries = fields.kit_entries,
            wait = observer.wait,
        }),
    }
end

return attempts
