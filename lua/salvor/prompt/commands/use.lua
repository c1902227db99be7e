local use = {summary = "go to another context of the kubeconfig", usage = "CONTEXT"}

function use.run(prompt, context)
    prompt:use(context ~= "" and context or nil)
end

return use
