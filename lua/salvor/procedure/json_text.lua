--- json_text(value) -> a document for whoever reads JSON. Its texts are made plain one by one: a
--- secret may look like a number of it, and what a server says may be no UTF-8.
local json = require("salvor.json")
local text = require("salvor.procedure.text")

return function(value)
    return must(json.encode(text.masked(value), {indent = 2})) .. "\n"
end
