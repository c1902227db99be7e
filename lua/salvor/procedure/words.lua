--- A command as one line, for plans and journals: its words may hold what a Secret does.
local text = require("salvor.procedure.text")

local LONGEST = 200 -- bytes

return function(argv)
    local words = text.plain(table.concat(argv, " ")):gsub("%s+", " ")
    return #words > LONGEST and text.cut(words, LONGEST) .. "..." or words
end
