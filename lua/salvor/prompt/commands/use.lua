local ui = require("salvor.ui")
local values = require("salvor.prompt.complete.values")

local use = {summary = "go to another context of the kubeconfig, or list them",
             usage = "[CONTEXT]"}

function use.complete(prompt)
    return values.contexts(prompt.target.kubeconfig)
end

local function list(prompt)
    local contexts = must(require("salvor.k8s").contexts({kubeconfig = prompt.target.kubeconfig}))
    if not contexts[1] then
        return prompt:print("no kubeconfig has a context")
    end
    local rows = {}
    for index, context in ipairs(contexts) do
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
