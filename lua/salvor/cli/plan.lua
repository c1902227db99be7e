local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local many = require("salvor.procedure.many")
local merge = require("salvor.copy").merge
local plan_procedure = require("salvor.procedure.plan")
local document = require("salvor.procedure.plan_document")
local render = require("salvor.procedure.render")
local saved_plan = require("salvor.procedure.saved_plan")
local targets = require("salvor.procedure.targets")

--- Plans, and shows each step on the stream unless a document is to be shown.
local function plan_on(stream, id, options, observer, as_json)
    if as_json then
        return plan_procedure(id, options, observer)
    end
    local title = "steps\n"
    observer.planned = function(planned)
        stream:write(title)
        title = ""
        render.planned(stream, planned)
    end
    local plan = plan_procedure(id, options, observer)
    render.plan_end(stream, plan)
    return plan
end

--- On several targets at once.
local function plan_each(found, given, id, options, as_json)
    return many.each(found, given, as_json, function(of_target, stream, observer)
        local plan = plan_on(stream, id, merge(options, of_target), observer, as_json)
        return {status = plan.failed and "preflight" or "done",
                document = as_json and many.document(render.plan_json, plan) or nil}
    end)
end

return {
    summary = "what a procedure would do, changing nothing",
    usage = "salvor plan ID [-p NAME=VALUE] [-n NAMESPACE] [--context NAME[,NAME]] "
        .. "[--site FILE] [--from STEP] [--until STEP] [--skip STEP] [--output text|json] "
        .. "[--save FILE]",
    arguments = {1, 1},
    options = targets.extend(command.extend({
        {name = "save", argument = "FILE", help = "write the plan there, for salvor run --plan"},
        {name = "from", argument = "STEP", help = "leave out the steps before it"},
        {name = "until", argument = "STEP", help = "end after it"},
        {name = "skip", argument = "STEP", repeated = true, help = "leave that step or check out"},
    })),
    run = function(given, words)
        local found = targets.read(given)
        local options, as_json = command.engine_options(given)
        options.from, options["until"], options.skip = given.from, given["until"], given.skip
        if #found > 1 then
            return plan_each(found, given, words[1], options, as_json)
        end
        local stream = as_json and io.stderr or io.stdout
        options = merge(options, found[1].options)
        local plan = plan_on(stream, words[1], options, command.observer(stream), as_json)
        if as_json then
            render.plan_json(io.stdout, plan)
        end
        if given.save then
            saved_plan.save(document.make(plan), given.save)
        end
        return plan.failed and cli.exit.preflight or cli.exit.done
    end,
}
