--- How far a run has come, by its journal.
local status = {}

local on = {}

local function begins(state)
    state.word, state.step, state.message, state.ended = "interrupted", nil, nil, false
end

on["run.begin"] = function(state)
    begins(state)
    state.known = true
end

on["run.resume"] = begins

on["run.undo"] = begins

on["step.begin"] = function(state, record)
    state.step, state.begun = record.step, true
end

on["step.end"] = function(state)
    state.step = nil
end

on["undo.begin"] = function(state, record)
    state.step, state.undoing = record.step, true
end

on["undo.end"] = on["step.end"]

local AT_STEP = {stopped = true, ["until"] = true}

on["run.end"] = function(state, record)
    state.word, state.message, state.ended = tostring(record.status), record.message, true
    state.step = AT_STEP[state.word] and record.step or nil
end

--- of(records, is_held) -> {word, step, message, undoing, begun, known}; word is done, preflight,
--- refused, locked, failed, until, undone, stopped, interrupted, or running (a process holds the
--- run's lock); `begun`: a step ever was; `known`: its beginning is journaled.
function status.of(records, is_held)
    local state = {word = "interrupted", ended = false}
    for _, record in ipairs(records) do
        local take = on[record.type]
        if take then
            take(state, record)
        end
    end
    if is_held and not state.ended then
        state.word = "running"
    end
    return {word = state.word, step = state.step, message = state.message,
            undoing = state.undoing, begun = state.begun, known = state.known}
end

local RESUMABLE = {stopped = true, interrupted = true, ["until"] = true}
local OVER = {done = true, undone = true, running = true}

--- The command that goes on with the run; nil where nothing is left to do.
function status.go_on(state, run)
    if not state.known or OVER[state.word] then
        return nil
    elseif state.undoing then
        return "salvor run --undo " .. run
    elseif RESUMABLE[state.word] or state.begun then
        return "salvor run --resume " .. run
    end
end

local TEXT = {preflight = "a check failed", locked = "had no lock"}
local AT = {stopped = "stopped at %s", interrupted = "interrupted at %s", running = "running: %s",
            ["until"] = "done until %s"}

--- "stopped at save-secrets"
function status.text(state)
    if state.step and AT[state.word] then
        return AT[state.word]:format(state.step)
    end
    return TEXT[state.word] or state.word
end

return status
