--- How far a run has come, by its journal.
local status = {}

local on = {}

local function begins(state)
    state.word, state.step, state.ended = "interrupted", nil, false
end

on["run.begin"] = function(state)
    begins(state)
    state.known = true
end

on["run.resume"] = begins

on["run.undo"] = function(state)
    begins(state)
    state.undoing = true
end

on["step.begin"] = function(state, record)
    state.word, state.step, state.message = "interrupted", record.step, nil
    state.begun = true
end

on["step.end"] = function(state)
    state.step = nil
end

on["step.failed"] = function(state, record)
    state.word, state.step, state.message = "stopped", record.step, record.message
end

on["confirm"] = function(state, record)
    if not record.yes then
        state.word, state.ended = "refused", true
    end
end

on["changed"] = function(state, record)
    if record.accepted == false then
        state.word, state.ended = "refused", true
    end
end

on["undo.begin"] = function(state, record)
    state.word, state.step, state.ended, state.undoing = "interrupted", record.step, false, true
end

on["undo.failed"] = on["step.failed"]

on["undo.end"] = function(state)
    state.step = nil
end

on["run.end"] = function(state, record)
    state.word, state.ended = tostring(record.status), true
    state.step = record.status == "until" and record.step or nil
end

--- of(records, is_held) -> {word, step, message, undoing, begun, known}; word is done, preflight,
--- refused, until, undone, stopped, interrupted, running (somebody holds the run's lock), or what
--- the journal's end says; `begun`: a step ever was; `known`: its beginning is journaled.
function status.of(records, is_held)
    local state = {word = "interrupted", ended = false}
    for _, record in ipairs(records) do
        local take = on[record.type]
        if take then
            take(state, record)
        end
    end
    if is_held and not state.ended then
        state.word, state.message = "running", nil
    end
    return {word = state.word, step = state.step, message = state.message,
            undoing = state.undoing, begun = state.begun, known = state.known}
end

local RESUMABLE = {stopped = true, interrupted = true, ["until"] = true}

--- The command that goes on with the run; nil where nothing is left to do.
function status.go_on(state, run)
    if not state.known then
        return nil
    elseif state.undoing and state.word ~= "undone" and state.word ~= "running" then
        return "salvor run --undo " .. run
    elseif RESUMABLE[state.word] or (state.word == "refused" and state.begun) then
        return "salvor run --resume " .. run
    end
end

local TEXT = {
    preflight = "a check failed",
    stopped = "stopped at %s",
    interrupted = "interrupted at %s",
    running = "running: %s",
    ["until"] = "done until %s",
}

--- "stopped at save-secrets"
function status.text(state)
    if state.step and TEXT[state.word] then
        return TEXT[state.word]:format(state.step)
    end
    return state.word
end

return status
