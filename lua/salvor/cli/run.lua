local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local errors = require("salvor.error")
local many = require("salvor.procedure.many")
local merge = require("salvor.copy").merge
local render = require("salvor.procedure.render")
local runner = require("salvor.procedure.runner")
local saved_plan = require("salvor.procedure.saved_plan")
local targets = require("salvor.procedure.targets")

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

--- On several targets at once.
local function run_each(found, given, words, options, as_json)
    return many.each(found, given, as_json, function(of_target, stream, observer)
        local outcome = start(given, words, merge(options, of_target), observer)
        if not as_json then
            render.outcome(stream, outcome)
        end
        return {status = outcome.status == "done" and "done" or "preflight",
                document = as_json and many.document(render.outcome_json, outcome) or nil}
    end)
end

return {
    summary = "run a procedure, or go on with one that was stopped",
    usage = "salvor run ID [-p NAME=VALUE] [-n NAMESPACE] [--context NAME[,NAME]] [--site FILE] "
        .. "[--yes] [--output text|json] | --resume RUN | --plan FILE",
    arguments = {0, 1},
    options = targets.extend(command.extend({
        {name = "yes", help = "yes to every destructive step"},
        {name = "plan", argument = "FILE",
         help = "what salvor plan --save wrote, if it still holds"},
        {name = "resume", argument = "RUN", help = "go on with that run"},
    })),
    run = function(given, words)
        local found = targets.read(given)
        local options, as_json = command.engine_options(given)
        if #found > 1 then
            return run_each(found, given, words, options, as_json)
        end
        local stream = as_json and io.stderr or io.stdout
        options = merge(options, found[1].options)
        local outcome = start(given, words, options, command.observer(stream, given.yes))
        if as_json then
            render.outcome_json(io.stdout, outcome)
        else
            render.outcome(stream, outcome)
        end
        return outcome.status == "done" and cli.exit.done or cli.exit.preflight
    end,
}
