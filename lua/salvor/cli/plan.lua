local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local errors = require("salvor.error")
local many = require("salvor.procedure.many")
local merge = require("salvor.copy").merge
local plan_procedure = require("salvor.procedure.plan")
local document = require("salvor.procedure.plan_document")
local render = require("salvor.procedure.render")
local saved_plan = require("salvor.procedure.saved_plan")
local targets = require("salvor.procedure.targets")

--- Plans for whoever reads documents, who gets one in any case.
local function plan_as_json(id, options, observer)
    local failure <close> = setmetatable({}, {__close = function(_, err) -- luacheck: ignore 211
        if errors.is(err) then
            render.plan_failure_json(io.stdout, id, err)
        end
    end})
    local plan = plan_procedure(id, options, observer)
    render.plan_json(io.stdout, plan)
    return plan
end

--- Plans, and shows each step on the stream as it comes.
local function plan_on(stream, id, options, observer)
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
        local merged = merge(options, of_target)
        local plan = as_json and plan_procedure(id, merged, observer)
            or plan_on(stream, id, merged, observer)
        return {status = plan.failed and "preflight" or "done",
                document = as_json and many.document(render.plan_json, plan) or nil}
    end)
end

return {
    summary = "what a procedure would do, changing nothing",
    details = "Does every read for real and every write with server-side dry run, and shows each"
        .. " change field by field.",
    usage = "salvor plan ID [-p NAME=VALUE] [-n NAMESPACE] [--context CONTEXT[,CONTEXT...]] "
        .. "[--site FILE] [--from STEP] [--until STEP] [--skip STEP] [--output text|json] "
        .. "[--save FILE]",
    arguments = {"ID"},
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
        options = merge(options, found[1].options)
        local plan = as_json and plan_as_json(words[1], options, command.observer(io.stderr))
            or plan_on(io.stdout, words[1], options, command.observer(io.stdout))
        if given.save then
            saved_plan.save(document.make(plan), given.save)
        end
        return plan.failed and cli.exit.preflight or cli.exit.done
    end,
}
