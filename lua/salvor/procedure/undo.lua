--- Takes back what the steps of a run did, the newest first.
local errors = require("salvor.error")
local salvor = require("salvor")
local session = require("salvor.procedure.session")
local steps = require("salvor.procedure.steps")

local undo = {}

--- The steps that can be undone, the newest first: those that this run began, finished or not.
local function candidates(attempt, undone)
    local found = {}
    for _, step in ipairs(attempt.opened.procedure.steps) do
        if step.undo and attempt.begun[step.id] and not undone[step.id] then
            table.insert(found, 1, step)
        end
    end
    return found
end

--- The ids of the steps that this run began and that have no undo.
local function kept(attempt)
    local ids = salvor.list()
    for _, step in ipairs(attempt.opened.procedure.steps) do
        if attempt.begun[step.id] and not step.undo then
            ids[#ids + 1] = step.id
        end
    end
    return ids
end

local function undo_step(attempt, step)
    attempt.observer.step(step, "undo")
    steps.journaled(attempt, step, "undo", function()
        step.undo(attempt.ctx)
    end)
    attempt.observer.step(step, "undone", attempt.ctx.findings)
end

local function command(attempt)
    return "salvor run --undo " .. attempt.run.id
end

local function incomplete(attempt, message, err)
    return errors.new({
        code = "Stopped",
        message = message,
        hint = (err and err.hint and err.hint .. "; then " or "") .. "undo the rest with: "
            .. command(attempt),
        cause = err,
    })
end

--- Undoes each of `list` that `wanted` says yes to, until it says anything else. Returns how many,
--- and what wanted said at last; raises Stopped.
local function undo_each(attempt, list, wanted)
    for number, step in ipairs(list) do
        local yes = wanted(step)
        if not yes then
            return number - 1, yes
        end
        local ok, err = pcall(undo_step, attempt, step)
        if not ok then
            err = session.as_error(err, attempt.ctx)
            error(incomplete(attempt, "step " .. step.id .. " cannot be undone: "
                .. (err.op and err.op .. ": " or "") .. err.message, err), 0)
        end
    end
    return #list, true
end

--- offer(attempt, stopped) -> the error to end with, after a step failed with `stopped`: asks
--- whether to undo what has been done, and tells how to do it later. The first no ends it, since
--- an older step must not be undone below a newer one.
function undo.offer(attempt, stopped)
    local list = candidates(attempt, {})
    if #list == 0 then
        return stopped
    end
    local count = undo_each(attempt, list, attempt.observer.undo)
    if count == 0 then
        stopped.hint = stopped.hint .. ", or undo what was done with: " .. command(attempt)
        return stopped
    elseif count < #list then
        return incomplete(attempt, stopped.message .. "; " .. count .. " of " .. #list
            .. " steps that can be undone were")
    end
    attempt.status = "undone"
    local left = kept(attempt)
    return errors.new({code = "Failed", cause = stopped, message = stopped.message
        .. "; what it did was undone"
        .. (#left > 0 and ", but for: " .. table.concat(left, ", ") or "")})
end

--- check(attempt): raises Failed when none of the steps that the run began has an undo.
function undo.check(attempt)
    local left = kept(attempt)
    if #candidates(attempt, {}) == 0 and #left > 0 then
        error(errors.new({
            code = "Failed",
            message = "none of the steps of run " .. attempt.run.id .. " has an undo: "
                .. table.concat(left, ", "),
            hint = "take it back by hand; what it did: salvor report " .. attempt.run.id,
        }), 0)
    end
end

--- run(attempt, undone) -> outcome: undoes everything but the steps of that set, which are undone
--- already; its `kept` are the ids of the steps that have no undo.
function undo.run(attempt, undone)
    undo_each(attempt, candidates(attempt, undone), function()
        return true
    end)
    return {status = "undone", run = attempt.run.id, journal = attempt.run.journal.path,
            kept = kept(attempt)}
end

return undo
