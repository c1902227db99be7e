local refuse = require("salvor.prompt.refuse")
local values = require("salvor.prompt.complete.values")

local output = {summary = "how values are shown; each in its own way without a form",
                usage = "[table|yaml|json|lua]"}

local FORMS = {[""] = false, table = false, yaml = "yaml", json = "json", lua = "lua"}

function output.complete()
    return values.items({"json", "lua", "table", "yaml"})
end

function output.run(prompt, form)
    local chosen = FORMS[form]
    if chosen == nil then
        refuse("no form of output: " .. form, "give table, yaml, json or lua")
    end
    prompt.output = chosen or nil
end

return output
