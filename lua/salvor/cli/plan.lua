local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local document = require("salvor.procedure.plan_document")
local plan_procedure = require("salvor.procedure.plan")
local render = require("salvor.procedure.render")
local saved_plan = require("salvor.procedure.saved_plan")

return {
    summary = "what a procedure would do, changing nothing",
    usage = "salvor plan ID [-p NAME=VALUE] [-n NAMESPACE] [--context NAME] [--output text|json] "
        .. "[--save FILE]",
    arguments = {1, 1},
    options = command.extend({
        {name = "save", argument = "FILE", help = "write the plan there, for salvor run --plan"},
    }),
    run = function(given, words)
        local options, as_json = command.engine_options(given)
        local stream = as_json and io.stderr or io.stdout
        local plan = plan_procedure(words[1], options, command.observer(stream))
        if as_json then
            render.plan_json(io.stdout, plan)
        else
            render.plan(stream, plan)
        end
        if given.save then
            saved_plan.save(document.make(plan), given.save)
        end
        return plan.failed and cli.exit.preflight or cli.exit.done
    end,
}
