local ns = {summary = "go to another namespace", usage = "NAME"}

function ns.run(prompt, name)
    prompt:use(prompt.target.context, name ~= "" and name or nil)
end

return ns
