--- The colours of what is typed.
local commands = require("salvor.prompt.commands")
local lexer = require("salvor.prompt.lexer")

local STYLES = {keyword = "35", constant = "36", string = "32", number = "36", comment = "2",
                command = "33"}

--- highlight(text) -> list of {text, style} that together are the text
return function(text)
    if #text > lexer.LONGEST then
        return {{text, ""}}
    end
    local pieces, from = {}, 1
    local name, behind = commands.name_of(text)
    if name then
        pieces[1], from = {text:sub(1, behind - 1), STYLES.command}, behind
    end
    local tokens = lexer.tokens(text:sub(from))
    local begin = from -- of a piece: tokens of the same style are one
    for number, token in ipairs(tokens) do
        local style, next_token = STYLES[token.kind] or "", tokens[number + 1]
        if not next_token or (STYLES[next_token.kind] or "") ~= style then
            pieces[#pieces + 1] = {text:sub(begin, from + token.to - 1), style}
            begin = from + token.to
        end
    end
    return pieces
end
