--- What the commands plan and run share: their options, and the progress they show.
local cli = require("salvor.cli")
local errors = require("salvor.error")
local params = require("salvor.procedure.params")
local render = require("salvor.procedure.render")
local terminal = require("salvor.terminal")
local ui = require("salvor.ui")

local command = {}

command.OUTPUT = {name = "output", short = "o", argument = "text|json",
                  help = "json prints one document at the end"}

command.options = {
    {name = "param", short = "p", argument = "NAME=VALUE", repeated = true,
     help = "a parameter of the procedure"},
    {name = "namespace", short = "n", argument = "NAME", help = "the target namespace"},
    {name = "context", argument = "NAME", help = "the context of the kubeconfig"},
    {name = "kubeconfig", argument = "FILE", help = "instead of $KUBECONFIG and ~/.kube/config"},
    command.OUTPUT,
}

--- extend(list) -> the shared options and those of the list
function command.extend(list)
    return table.move(list, 1, #list, #command.options + 1,
        table.move(command.options, 1, #command.options, 1, {}))
end

--- Whether JSON is asked for; raises Usage.
function command.is_json(given)
    local output = given.output or "text"
    if output ~= "text" and output ~= "json" then
        error(errors.new({code = "Usage", message = "unknown output '" .. output .. "'",
                          hint = "text or json"}), 0)
    end
    return output == "json"
end

--- What is to be worked on, from the options, as the engine takes it; raises Usage.
function command.target_options(given)
    return {
        params = must(params.split(given.param)),
        namespace = given.namespace,
        context = given.context,
        kubeconfig = given.kubeconfig,
    }
end

--- The options as the engine takes them, and whether JSON is asked for; raises Usage.
function command.engine_options(given)
    return command.target_options(given), command.is_json(given)
end

--- observer(stream, yes) -> what salvor.procedure.plan and runner report to
function command.observer(stream, yes)
    local live, on_terminal = ui.status(), terminal.is_terminal("stderr")
    return {
        begin = function(prepared, run)
            render.heading(stream, run and "run " .. run .. " of" or "plan of", prepared)
            stream:write("checks\n")
        end,
        check = function(result)
            render.check(stream, result)
        end,
        step = function(step, status, findings)
            live:finish()
            if status ~= "begin" then
                render.step(stream, step, status, findings)
            end
        end,
        wait = function(what, progress)
            local text = what .. ": " .. progress.state
            -- A clock belongs on a terminal only: elsewhere each new text is a line.
            if on_terminal then
                text = text .. string.format(", %d s", progress.elapsed // 1)
            end
            if progress.stalled then
                text = text .. "; nothing has changed for a while"
                    .. (progress.why and progress.why.line and ": " .. progress.why.line or "")
            end
            live:update(text)
        end,
        interrupted = function(run)
            live:finish()
            cli.complain("interrupted; go on with: salvor run --resume ", run)
        end,
        confirm = function(_, loss)
            if yes then
                return true
            end
            return ui.confirm("this destroys " .. loss .. ";", {typed = loss})
        end,
    }
end

return command
