--- Runs, resumes and undoes procedures, with a journal and under the lock of the namespace.
local attempts = require("salvor.procedure.attempts")
local changes = require("salvor.procedure.changes")
local dates = require("salvor.dates")
local document = require("salvor.procedure.plan_document")
local errors = require("salvor.error")
local evidence = require("salvor.procedure.evidence")
local flow = require("salvor.procedure.flow")
local guard = require("salvor.guard")
local lock = require("salvor.procedure.lock")
local merge = require("salvor.copy").merge
local operator = require("salvor.procedure.operator")
local replay = require("salvor.procedure.replay")
local runs = require("salvor.procedure.runs")
local salvor = require("salvor")
local session = require("salvor.procedure.session")
local undo = require("salvor.procedure.undo")

local runner = {}

--- Raises Refused, before anything is noted or changed, unless the procedure may be run in each of
--- its places.
local function check_allowed(opened)
    if not lock.is_needed(opened.procedure) then
        return
    end
    local connections = {opened.connection}
    for _, place in ipairs(opened.elsewhere) do
        connections[#connections + 1] = place.connection
    end
    for _, connection in ipairs(connections) do
        must(guard.check({client = connection, verb = "run", begins = true,
                          target = opened.procedure.id .. " in namespace "
                              .. connection.namespace}))
    end
end

-- Starting one

--- run(id, options, observer) -> outcome {status, run, journal (its path), ...}; status is "done"
--- (with next), "until" (stopped after `step`, as asked) or "preflight" (with checks: one failed).
--- Raises Stopped when it can be resumed, Refused, and what prevents the start. options: those of
--- session.open; from, until, skip (ids of steps); break_lock.
function runner.run(id, options, observer)
    local opened = session.open(id, options)
    check_allowed(opened)
    local wanted = flow.read(opened.procedure, options)
    local started = dates.text()
    local run = runs.create(merge(session.record(opened), {
        type = "run.begin",
        procedure = id,
        title = opened.procedure.title,
        document = opened.procedure.document,
        steps = evidence.steps(opened.procedure),
        salvor = salvor.version,
        params = document.params(opened.procedure.params, opened.params),
        flow = wanted:asked(),
        user = operator.name(),
        started = started,
        plan = options.plan,
    }), observer.record)
    local held <close> = run.lock -- luacheck: ignore 211
    observer.begin(opened, run.id)
    local attempt = attempts.new(run, opened, observer, {flow = wanted, started = started})
    return attempts.work(attempt, options.break_lock, attempts.carry_out)
end

-- Going on with one

local function refuse_resume(message, hint)
    error(errors.new({code = "Conflict", op = "resume", message = message, hint = hint}), 0)
end

--- Opens the script of a run that has begun, on its cluster. Returns that, and what the journal
--- says.
local function reopen(run, options)
    local replayed = replay(run.records)
    local begin = replayed.begin
    if not begin then
        refuse_resume("run " .. run.id .. " ended before it did anything", "start a new run")
    end
    local opened = session.reopen(begin, options)
    check_allowed(opened)
    return opened, replayed
end

--- resume(run id, options, observer): as run(). What is finished is verified and left out, the step
--- in flight is finished; what changed in the cluster meanwhile is told and asked about. options:
--- as for run, without `from`; only secret parameters need to be given again.
function runner.resume(run_id, options, observer)
    local run = runs.open(run_id, observer.record)
    local held <close> = run.lock -- luacheck: ignore 211
    local opened, replayed = reopen(run, options)
    if replayed.undoing then
        refuse_resume("run " .. run_id .. " was undone, as a whole or in part",
            "undo the rest, if any, with: salvor run --undo " .. run_id .. "; then start a new run")
    end
    local wanted = flow.read(opened.procedure, flow.add(replayed.asked, options))
    run.journal:append({type = "run.resume", user = operator.name(), salvor = salvor.version,
                        flow = {["until"] = options["until"], skip = options.skip}})
    observer.begin(opened, run.id, "resume")
    local attempt = attempts.new(run, opened, observer, {
        flow = wanted,
        started = replayed.begin.started,
        facts = replayed.facts,
        kit_entries = replayed.entries,
        finished = replayed.finished,
        begun = replayed.begun,
    })
    return attempts.work(attempt, options.break_lock, function(_, prevented)
        if not prevented then
            changes.review(attempt, replayed, run.records)
        end
        return attempts.carry_out(attempt, prevented)
    end)
end

--- undo(run id, options, observer) -> outcome {status = "undone", run, journal, kept}: takes back
--- what that run did; `kept` has the ids of the steps without an undo. Raises Stopped when it can
--- be repeated, and Failed when no step has an undo.
function runner.undo(run_id, options, observer)
    local run = runs.open(run_id, observer.record)
    local held <close> = run.lock -- luacheck: ignore 211
    local opened, replayed = reopen(run, options)
    local attempt = attempts.new(run, opened, observer, {
        flow = flow.read(opened.procedure, {}),
        started = replayed.begin.started,
        facts = replayed.last_facts,
        kit_entries = replayed.entries,
        begun = replayed.begun,
    })
    undo.check(attempt)
    run.journal:append({type = "run.undo", user = operator.name(), salvor = salvor.version})
    observer.begin(opened, run.id, "undo")
    return attempts.work(attempt, options.break_lock, function(_, prevented)
        must(not prevented, prevented)
        return undo.run(attempt, replayed.undone)
    end)
end

return runner
