local errors = require("salvor.error")
local namespace = require("salvor.k8s.namespace")

local ns = {summary = "go to another namespace; without a name to the context's own",
            usage = "[NAME]"}

local PATIENCE = 3 -- seconds for the server to tell that there is one

function ns.complete(prompt)
    return prompt.cluster:names("namespaces")
end

--- Whoever may not ask, or cannot now, is not kept from going there.
local function warn_of_none(prompt, name)
    local _, err = prompt:client():get("namespaces", name, {timeout = PATIENCE})
    if err and err.code == "NotFound" then
        prompt:complain("this cluster has no namespace " .. name .. " yet")
    end
end

function ns.run(prompt, name)
    if name ~= "" and not namespace.is_name(name) then
        error(errors.new({code = "Invalid", message = name .. " is no name of a namespace",
                          hint = "give " .. namespace.WANTED}), 0)
    end
    prompt:use(prompt.target.context, name ~= "" and name or nil)
    if name ~= "" then
        warn_of_none(prompt, name)
    end
end

return ns
