--- What the commands plan and run share: their options, and the progress they show.
local cli = require("salvor.cli")
local display = require("salvor.procedure.display")
local params = require("salvor.procedure.params")

local command = {}

command.OUTPUT = {name = "output", short = "o", argument = "text|json",
                  help = "json prints one document at the end"}

command.SITE = {name = "site", argument = "FILE",
                help = "the site file; else $SALVOR_SITE; before the user's and the system's"}

command.options = {
    {name = "param", short = "p", argument = "NAME=VALUE", repeated = true,
     help = "a parameter of the procedure"},
    {name = "namespace", short = "n", argument = "NAMESPACE", help = "the target namespace"},
    {name = "context", argument = "CONTEXT", help = "the context of the kubeconfig"},
    {name = "kubeconfig", argument = "FILE", help = "instead of $KUBECONFIG and ~/.kube/config"},
    command.SITE,
    command.OUTPUT,
}

--- extend(list) -> the shared options and those of the list
function command.extend(list)
    return table.move(list, 1, #list, #command.options + 1,
        table.move(command.options, 1, #command.options, 1, {}))
end

--- Whether JSON is asked for.
function command.is_json(given)
    return given.output == "json"
end

--- What is to be worked on, from the options, as the engine takes it; raises Usage.
function command.target_options(given)
    return {
        params = must(params.split(given.param)),
        namespace = given.namespace,
        context = given.context,
        kubeconfig = given.kubeconfig,
        site = type(given.site) == "string" and given.site or nil,
    }
end

--- The options as the engine takes them, and whether JSON is asked for; raises Usage.
function command.engine_options(given)
    return command.target_options(given), command.is_json(given)
end

--- failure(err) -> {status, message, error}: what ended with that error object, for whoever reads
--- JSON; status is the name of its exit code.
function command.failure(err)
    local failed = {message = err.message,
                    error = {code = err.code, message = err.message, hint = err.hint}}
    for name, code in pairs(cli.exit) do
        failed.status = code == cli.exit_of(err) and name or failed.status
    end
    return failed
end

--- observer(stream, answers) -> what salvor.procedure.plan and runner report to; answers: see
--- salvor.procedure.display.
command.observer = display.new

return command
