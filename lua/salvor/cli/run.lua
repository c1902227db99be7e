local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local errors = require("salvor.error")
local many = require("salvor.procedure.many")
local merge = require("salvor.copy").merge
local render = require("salvor.procedure.render")
local runner = require("salvor.procedure.runner")
local saved_plan = require("salvor.procedure.saved_plan")
local targets = require("salvor.procedure.targets")
local usage = require("salvor.usage")

-- What is done is in the plan.
local NOT_WITH_PLAN = {"resume", "undo", "from", "until", "skip"}

--- What was planned, when that is still what would be done.
local function start_planned(given, words, options, observer)
    for _, name in ipairs(NOT_WITH_PLAN) do
        if words[1] or given[name] then
            usage("--plan goes without " .. (words[1] and "a procedure's id" or "--" .. name),
                "the plan says what is to be done")
        end
    end
    local saved = saved_plan.read(given.plan)
    options = saved_plan.options(saved, options)
    options.break_lock = given.break_lock
    saved_plan.check(saved, options, observer, function(line)
        cli.complain(line)
    end)
    return runner.run(saved.procedure, options, observer)
end

--- What of the options is only for whoever starts a run, or goes on with one.
local function check_options(given, words)
    local earlier = given.resume or given.undo
    if given.resume and given.undo then
        usage("--resume and --undo exclude each other")
    elseif earlier and words[1] then
        usage("--" .. (given.resume and "resume" or "undo") .. " goes without a procedure's id")
    elseif earlier and given.from then
        usage("--from is for a new run", "--skip leaves steps out")
    elseif given.undo and (given["until"] or given.skip) then
        usage("--undo undoes all that was done, without --until and --skip")
    elseif not earlier and not given.plan and not words[1] then
        usage("the ID of a procedure is missing", "salvor list shows them: salvor run ID")
    end
end

local function start(given, words, options, observer)
    if given.plan then
        return start_planned(given, words, options, observer)
    end
    options.from, options["until"], options.skip = given.from, given["until"], given.skip
    options.break_lock = given.break_lock
    if given.undo then
        return runner.undo(given.undo, options, observer)
    elseif given.resume then
        return runner.resume(given.resume, options, observer)
    end
    return runner.run(words[1], options, observer)
end

--- On several targets at once.
local function run_each(found, given, words, options, as_json)
    return many.each(found, given, as_json, function(of_target, stream, observer)
        local outcome = start(given, words, merge(options, of_target), observer)
        if not as_json then
            render.outcome(stream, outcome)
        end
        return {status = outcome.status == "preflight" and "preflight" or "done",
                document = as_json and many.document(render.outcome_json, outcome) or nil}
    end)
end

--- Where progress goes, and the observer; with --journal standard output is the journal's alone.
local function observe(given, as_json)
    if given.journal and as_json then
        usage("--journal goes without --output json")
    end
    local stream = (as_json or given.journal) and io.stderr or io.stdout
    local observer = command.observer(stream, {
        yes = given.yes,
        accept_changes = given.accept_changes,
    })
    observer.record = given.journal and function(line)
        io.stdout:write(line, "\n")
        io.stdout:flush()
    end or nil
    return stream, observer
end

--- What fn() returns; what it raises is told as a document, too, so that there is one in any case.
local function telling_failures(observer, fn)
    local begin, run_id = observer.begin, nil
    observer.begin = function(opened, run, what)
        run_id = run
        return begin(opened, run, what)
    end
    local ok, outcome = pcall(fn)
    if ok then
        return outcome
    elseif errors.is(outcome) then
        render.failure_json(io.stdout, run_id, command.failure(outcome))
    end
    error(outcome, 0)
end

return {
    summary = "run a procedure, go on with one that was stopped, or undo it",
    details = "Does all checks, then the steps, with a journal, and asks before it destroys"
        .. " something. Only one run at a time works on a namespace.",
    usage = "salvor run ID [-p NAME=VALUE] [-n NAMESPACE] [--context CONTEXT[,CONTEXT...]] "
        .. "[--site FILE] [--yes] [--from STEP] [--until STEP] [--skip STEP] [--journal] "
        .. "[--output text|json] | --resume RUN | --undo RUN | --plan FILE",
    arguments = {"[ID]"},
    options = targets.extend(command.extend({
        {name = "yes", help = "yes to every destructive step"},
        {name = "journal", help = "the journal's lines on standard output, all else on error"},
        {name = "plan", argument = "FILE",
         help = "what salvor plan --save wrote, if it still holds"},
        {name = "resume", argument = "RUN", help = "go on with that run"},
        {name = "undo", argument = "RUN", help = "take back what that run did"},
        {name = "from", argument = "STEP", help = "leave out the steps before it"},
        {name = "until", argument = "STEP", help = "end after it; --resume goes on"},
        {name = "skip", argument = "STEP", repeated = true, help = "leave that step or check out"},
        {name = "break-lock", help = "take the lock from whoever holds it"},
        {name = "accept-changes",
         help = "resume although the cluster has changed; steps that do not hold are done again"},
    })),
    run = function(given, words)
        check_options(given, words)
        local found = targets.read(given)
        local options, as_json = command.engine_options(given)
        if #found > 1 then
            if given.journal then
                usage("--journal is for one target")
            end
            return run_each(found, given, words, options, as_json)
        end
        local stream, observer = observe(given, as_json)
        options = merge(options, found[1].options)
        local outcome
        if as_json then
            outcome = telling_failures(observer, function()
                return start(given, words, options, observer)
            end)
            render.outcome_json(io.stdout, outcome)
        else
            outcome = start(given, words, options, observer)
            render.outcome(stream, outcome)
        end
        return outcome.status == "preflight" and cli.exit.preflight or cli.exit.done
    end,
}
