--- What the journal of a run says about how far it came.
local flow = require("salvor.procedure.flow")

local on = {}

on["run.begin"] = function(state, record)
    state.begin, state.asked = record, record.flow or {}
end

on["run.resume"] = function(state, record)
    state.asked = flow.add(state.asked, record.flow or {})
end

on["run.end"] = function(state, record)
    if record.status == "until" then
        state.asked = {from = state.asked.from, skip = state.asked.skip}
    end
end

on["step.begin"] = function(state, record)
    state.begun[record.step], state.finished[record.step] = true, nil
    state.has_begun = true
end

on["step.end"] = function(state, record)
    state.finished[record.step] = true
    state.facts, state.last_facts = record.facts or state.facts, record.facts or state.last_facts
end

on["step.failed"] = function(state, record)
    state.last_facts = record.facts or state.last_facts
end

on["check"] = function(state, record)
    if record.status == "ok" then
        on["step.end"](state, record)
    end
end

on["effect.end"] = function(state, record)
    local result = record.result
    if result and result.kit_file then
        state.entries[result.kit] = state.entries[result.kit] or {}
        state.entries[result.kit][result.kit_file] = result.entry
    end
end

on["changed"] = function(state, record)
    state.accepted = record.accepted and record.state or state.accepted
end

on["undo.begin"] = function(state)
    state.undoing = true
end

on["undo.end"] = function(state, record)
    state.undone[record.step] = true
end

--- replay(records) -> {begin, asked, facts, last_facts, entries, finished, begun, accepted,
--- undoing, undone}: the record run.begin; what is asked of the steps (see salvor.procedure.flow);
--- the facts of what is finished, and those that a step which failed has added; the files of each
--- kit; sets of the steps and checks that are finished and that ever began; which changes of the
--- cluster were accepted; whether undoing has begun, and the set of undone steps. Before the first
--- step began nothing is finished: then all checks are done anew.
return function(records)
    local state = {asked = {}, facts = {}, last_facts = {}, entries = {}, finished = {}, begun = {},
                   undone = {}}
    for _, record in ipairs(records) do
        local take = on[record.type]
        if take then
            take(state, record)
        end
    end
    if not state.has_begun then
        state.facts, state.last_facts, state.entries, state.finished = {}, {}, {}, {}
    end
    return state
end
