--- Does the steps of an attempt (see salvor.procedure.attempts), one after the other.
local errors = require("salvor.error")
local operator = require("salvor.procedure.operator")
local salvor = require("salvor")
local session = require("salvor.procedure.session")
local task = require("salvor.task")
local text = require("salvor.procedure.text")

local steps = {}

--- Seconds between tries: the first pause, and what doubling it ends at.
steps.pauses = {first = 1, longest = 30}

-- One step

--- Calls a function of the step within its timeout.
local function call(step, fn, ctx)
    if not step.timeout then
        return fn(ctx)
    end
    local finished, err = task.timeout(step.timeout, function()
        fn(ctx)
        return true
    end)
    if not finished then
        error(err, 0)
    end
end

--- Runs the step, again after a passing failure as often as it says, and verifies it.
local function try_step(attempt, step)
    local tries, pause = (step.retry or 0) + 1, steps.pauses.first
    for number = 2, tries + 1 do
        local ok, err = pcall(call, step, step.run, attempt.ctx)
        if ok then
            break
        elseif number > tries or not errors.is(err) or not err.retryable then
            error(err, 0)
        end
        local retry = {type = "retry", step = step.id, try = number, of = tries, pause = pause,
                       message = text.plain(err.message)}
        attempt.run.journal:append(retry)
        attempt.observer.retry(step, retry)
        task.sleep(pause)
        pause = math.min(2 * pause, steps.pauses.longest)
    end
    if step.verify and not step.verify(attempt.ctx) then
        error(errors.new({code = "Failed", message = "what it did cannot be verified"}), 0)
    end
end

--- journaled(attempt, step, kind, fn): journals the step's beginning and end (`kind` "step" or
--- "undo"), calls fn, and hands on what that raises after it was journaled.
function steps.journaled(attempt, step, kind, fn)
    local ctx, journal = attempt.ctx, attempt.run.journal
    ctx.findings, ctx.performer.step = salvor.list(), step.id
    journal:append({type = kind .. ".begin", step = step.id})
    local ok, err = pcall(fn, attempt, step)
    if not ok then
        ctx:discard_kits()
        -- A journal that cannot be written may be the very reason, which is what counts.
        pcall(journal.append, journal,
            {type = kind .. ".failed", step = step.id, facts = ctx.facts, findings = ctx.findings,
             message = text.plain(session.as_error(err, ctx).message)})
        attempt.observer.step(step, "failed", ctx.findings)
        error(err, 0)
    end
    journal:append({type = kind .. ".end", step = step.id, facts = ctx.facts,
                    findings = ctx.findings})
end

--- `unasked`: the error, when there was nobody to say it.
local function refusal(attempt, unasked)
    local has_begun = next(attempt.begun) ~= nil
    local hints = {unasked and unasked.hint}
    if has_begun then
        table.insert(hints, "go on with: salvor run --resume " .. attempt.run.id)
    end
    return errors.new({
        code = "Refused",
        message = (unasked and unasked.message or "the operator said no")
            .. (has_begun and "" or "; nothing was changed"),
        hint = hints[1] and table.concat(hints, "; "),
    })
end

local function ask(attempt, step)
    local loss = session.loss(step, attempt.ctx)
    local how, err = attempt.observer.confirm(step, loss)
    attempt.run.journal:append({type = "confirm", step = step.id, loss = text.plain(loss),
                                yes = how and true or false,
                                how = how or (err and "nobody could be asked" or "typed"),
                                user = operator.name()})
    if not how then
        attempt.refusal = refusal(attempt, err)
        error(attempt.refusal, 0)
    end
    attempt.confirmed[step.id] = true
end

local function perform(attempt, step)
    if step.destructive and not attempt.confirmed[step.id] then
        ask(attempt, step)
    end
    attempt.begun[step.id] = true
    attempt.observer.step(step, "begin")
    steps.journaled(attempt, step, "step", try_step)
    attempt.observer.step(step, "done", attempt.ctx.findings)
end

--- Whether a step that is finished still holds. What differs needs a proof that it does.
local function still_holds(attempt, step)
    if step.verify then
        return step.verify(attempt.ctx)
    elseif attempt.differs[step.id] then
        return step.done and step.done(attempt.ctx)
    end
    return true
end

local function leave_out(attempt, step, why)
    attempt.run.journal:append({type = "step.skipped", step = step.id, reason = why})
    attempt.observer.step(step, "skipped", {{level = "warning", message = "left out by " .. why}})
end

local function advance(attempt, step)
    attempt.ctx.performer.step = step.id
    local why = attempt.flow:left_out(step)
    if step.check then
        return
    elseif why then
        leave_out(attempt, step, why)
    elseif not session.is_wanted(step, attempt.ctx) then
        attempt.run.journal:append({type = "step.not-needed", step = step.id})
        attempt.observer.step(step, "not-needed")
    elseif attempt.finished[step.id] and still_holds(attempt, step) then
        if step.verify then
            attempt.run.journal:append({type = "step.verified", step = step.id})
        end
        attempt.observer.step(step, step.verify and "verified" or "before")
    elseif step.done and step.done(attempt.ctx) then
        attempt.run.journal:append({type = "step.end", step = step.id, already = true,
                                    facts = attempt.ctx.facts})
        attempt.observer.step(step, "already")
    else
        perform(attempt, step)
    end
end

-- All of them

--- The end of an attempt that did not get through: what failed, and how to go on.
function steps.stopped(attempt, where, err)
    err = session.as_error(err, attempt.ctx)
    return errors.new({
        code = "Stopped",
        message = "stopped at " .. where .. ": " .. (err.op and err.op .. ": " or "")
            .. err.message,
        hint = (err.hint and err.hint .. "; then " or "") .. "go on with: salvor run --resume "
            .. attempt.run.id,
        cause = err,
    })
end

--- Asks for a yes to each destructive step that is still to come.
function steps.confirm_all(attempt)
    for _, step in ipairs(attempt.opened.procedure.steps) do
        if step.destructive and not attempt.finished[step.id]
            and not attempt.flow:left_out(step) and session.is_wanted(step, attempt.ctx) then
            ask(attempt, step)
        end
        if attempt.flow:ends_after(step) then
            return
        end
    end
end

--- perform_all(attempt) -> the step after which it ends as asked, nil when all are done; or
--- nil, the step that failed, and the error Stopped or Refused.
function steps.perform_all(attempt)
    for _, step in ipairs(attempt.opened.procedure.steps) do
        local ok, err = pcall(advance, attempt, step)
        if not ok and err == attempt.refusal then
            return nil, step, err
        elseif not ok then
            return nil, step, steps.stopped(attempt, "step " .. step.id, err)
        elseif attempt.flow:ends_after(step) then
            return step
        end
    end
end

return steps
