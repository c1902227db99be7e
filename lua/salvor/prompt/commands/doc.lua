local help_pages = require("salvor.prompt.help_pages")
local refuse = require("salvor.prompt.refuse")
local values = require("salvor.prompt.complete.values")

local doc = {summary = "all about a module, with its functions", usage = "MODULE"}

function doc.complete()
    return values.items(help_pages.modules())
end

function doc.run(prompt, name)
    prompt:page(help_pages.of_module(name) or refuse("there is no module " .. name,
        "there are " .. table.concat(help_pages.modules(), ", ")))
end

return doc
