local errors = require("salvor.error")
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
        error(errors.new({code = "Invalid", message = "no form of output: " .. form,
                          hint = "give table, yaml, json or lua"}), 0)
    end
    prompt.output = chosen or nil
end

return output
