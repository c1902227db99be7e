--- The words of a command's line, as a shell has them: blanks separate, quotes keep together.
local refuse = require("salvor.prompt.refuse")

--- split_words(text) -> list; raises when a quote is not closed.
return function(text)
    local words, word, at = {}, nil, 1
    while at <= #text do
        local character = text:sub(at, at)
        local quote = character:match("[\"']")
        if quote then
            local stop = text:find(quote, at + 1, true)
                or refuse("a quote " .. quote .. " is not closed")
            word = (word or "") .. text:sub(at + 1, stop - 1)
            at = stop
        elseif character:find("%s") then
            words[#words + 1], word = word, nil
        else
            word = (word or "") .. character
        end
        at = at + 1
    end
    words[#words + 1] = word
    return words
end
