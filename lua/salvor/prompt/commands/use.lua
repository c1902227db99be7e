local ui = require("salvor.ui")
local values = require("salvor.prompt.complete.values")

local use = {summary = "go to another context of the kubeconfig, or list them",
             usage = "[CONTEXT]", complete = values.contexts}

local function list(prompt)
    local rows = {}
    for index, context in ipairs(must(require("salvor.k8s").contexts())) do
        rows[index] = {context.current and "*" or "", context.name, context.namespace,
                       context.server}
    end
    prompt:page(ui.format_table({"CURRENT", "CONTEXT", "NAMESPACE", "SERVER"}, rows))
end

function use.run(prompt, context)
    if context == "" then
        return list(prompt)
    end
    prompt:use(context)
end

return use
