local errors = require("salvor.error")
local page = require("salvor.prompt.page")
local values = require("salvor.prompt.complete.values")

local doc = {summary = "all about a module, with its functions", usage = "MODULE"}

function doc.complete()
    return values.items(page.modules())
end

function doc.run(prompt, name)
    local text = page.of_module(name)
    if not text then
        error(errors.new({code = "NotFound", message = "there is no module " .. name,
                          hint = "there are " .. table.concat(page.modules(), ", ")}), 0)
    end
    prompt:page(text)
end

return doc
