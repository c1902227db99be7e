local errors = require("salvor.error")

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
    if name ~= "" and not (name:find("^[%l%d-]+$") and #name <= 63) then
        error(errors.new({code = "Invalid", message = name .. " is no name of a namespace",
                          hint = "a name has a-z, 0-9 and '-'"}), 0)
    end
    prompt:use(prompt.target.context, name ~= "" and name or nil)
    if name ~= "" then
        warn_of_none(prompt, name)
    end
end

return ns
