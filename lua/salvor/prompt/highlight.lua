--- The colours of what is typed.
local lexer = require("salvor.prompt.lexer")

local STYLES = {keyword = "35", constant = "36", string = "32", number = "36", comment = "2",
                command = "33"}

local LONGEST = 20000 -- bytes; a larger text stays plain, so that typing stays quick

--- highlight(text) -> list of {text, style} that together are the text
return function(text)
    if #text > LONGEST then
        return {{text, ""}}
    end
    local pieces, from = {}, 1
    local command = text:match("^:%a*")
    if command then
        pieces[1], from = {command, STYLES.command}, #command + 1
    end
    for _, word in ipairs(lexer.words(text:sub(from))) do
        pieces[#pieces + 1] = {text:sub(from + word.from - 1, from + word.to - 1),
                               STYLES[word.kind] or ""}
    end
    return pieces
end
