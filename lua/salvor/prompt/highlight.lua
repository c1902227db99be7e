--- The colours of what is typed.
local lexer = require("salvor.prompt.lexer")

local STYLES = {keyword = "35", constant = "36", string = "32", number = "36", comment = "2",
                command = "33"}

--- highlight(text) -> list of {text, style} that together are the text
return function(text)
    if #text > lexer.LONGEST then
        return {{text, ""}}
    end
    local pieces, from = {}, 1
    local command = text:match("^:%a*")
    if command then
        pieces[1], from = {command, STYLES.command}, #command + 1
    end
    local words = lexer.words(text:sub(from))
    local begin = from -- of a piece: words of the same style are one
    for number, word in ipairs(words) do
        local style, next_word = STYLES[word.kind] or "", words[number + 1]
        if not next_word or (STYLES[next_word.kind] or "") ~= style then
            pieces[#pieces + 1] = {text:sub(begin, from + word.to - 1), style}
            begin = from + word.to
        end
    end
    return pieces
end
