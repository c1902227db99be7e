local help_pages = require("salvor.prompt.help_pages")
local reference = require("salvor.reference")
local ui = require("salvor.ui")

local apropos = {summary = "functions whose text has a word", usage = "WORD"}

function apropos.run(prompt, word)
    local rows = {}
    for _, entry in ipairs(reference.load().functions) do
        if (entry.name .. "\n" .. entry.text):lower():find(word:lower(), 1, true) then
            rows[#rows + 1] = {entry.signature, help_pages.first_sentence(entry.text)}
        end
    end
    prompt:page(rows[1] and ui.format_table({"FUNCTION", "WHAT IT DOES"}, rows)
        or "nothing tells of " .. word)
end

return apropos
