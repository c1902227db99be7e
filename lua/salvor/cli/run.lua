local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local errors = require("salvor.error")
local render = require("salvor.procedure.render")
local runner = require("salvor.procedure.runner")
local saved_plan = require("salvor.procedure.saved_plan")

-- What is done is in the plan.
local NOT_WITH_PLAN = {"resume", "undo", "from", "until", "skip"}

--- What was planned, when that is still what would be done.
local function start_planned(given, words, options, observer)
    for _, name in ipairs(NOT_WITH_PLAN) do
        if words[1] or given[name] then
            error(errors.new({code = "Usage", message = "--plan goes without "
                .. (words[1] and "a procedure's id" or "--" .. name),
                hint = "the plan says what is to be done"}), 0)
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

local function start(given, words, options, observer)
    if given.plan then
        return start_planned(given, words, options, observer)
    elseif given.resume and words[1] then
        error(errors.new({code = "Usage", message = "--resume goes without a procedure's id"}), 0)
    elseif given.resume then
        return runner.resume(given.resume, options, observer)
    elseif not words[1] then
        error(errors.new({code = "Usage", message = "which procedure?",
                          hint = "salvor list shows them"}), 0)
    end
    return runner.run(words[1], options, observer)
end

--- Where progress goes, and the observer; with --journal standard output is the journal's alone.
local function observe(given, as_json)
    if given.journal and as_json then
        error(errors.new({code = "Usage", message = "--journal goes without --output json"}), 0)
    end
    local stream = (as_json or given.journal) and io.stderr or io.stdout
    local observer = command.observer(stream, given.yes)
    observer.record = given.journal and function(line)
        io.stdout:write(line, "\n")
        io.stdout:flush()
    end or nil
    return stream, observer
end

return {
    summary = "run a procedure, or go on with one that was stopped",
    usage = "salvor run ID [-p NAME=VALUE] [-n NAMESPACE] [--context NAME] [--yes] "
        .. "[--journal] [--output text|json] | --resume RUN | --plan FILE",
    arguments = {0, 1},
    options = command.extend({
        {name = "yes", help = "yes to every destructive step"},
        {name = "journal", help = "the journal's lines on standard output, all else on error"},
        {name = "plan", argument = "FILE",
         help = "what salvor plan --save wrote, if it still holds"},
        {name = "resume", argument = "RUN", help = "go on with that run"},
    }),
    run = function(given, words)
        local options, as_json = command.engine_options(given)
        local stream, observer = observe(given, as_json)
        local outcome = start(given, words, options, observer)
        if as_json then
            render.outcome_json(io.stdout, outcome)
        else
            render.outcome(stream, outcome)
        end
        return outcome.status == "done" and cli.exit.done or cli.exit.preflight
    end,
}
