local ns = {summary = "go to another namespace; without a name to the context's own",
            usage = "[NAME]"}

function ns.complete(prompt)
    return prompt.cluster:names("namespaces")
end

function ns.run(prompt, name)
    prompt:use(prompt.target.context, name ~= "" and name or nil)
end

return ns
