local errors = require("salvor.error")
local page = require("salvor.prompt.page")
local reference = require("salvor.reference")
local ui = require("salvor.ui")

local apropos = {summary = "functions whose text has a word", usage = "WORD"}

function apropos.run(prompt, word)
    if word == "" then
        error(errors.new({code = "Invalid", message = "no word was given",
                          hint = ":apropos WORD"}), 0)
    end
    local rows = {}
    for _, entry in ipairs(reference.load().functions) do
        if (entry.name .. "\n" .. entry.text):lower():find(word:lower(), 1, true) then
            rows[#rows + 1] = {entry.signature, page.first_sentence(entry.text)}
        end
    end
    prompt:page(rows[1] and ui.format_table({"FUNCTION", "WHAT IT DOES"}, rows)
        or "nothing tells of " .. word)
end

return apropos
