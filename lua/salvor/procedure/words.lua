--- A command as one line, for plans and journals: its words may hold what a Secret does.
local secret = require("salvor.secret")

local LONGEST = 200 -- characters

return function(argv)
    local words = secret.mask(table.concat(argv, " ")):gsub("%s+", " ")
    return #words > LONGEST and words:sub(1, LONGEST) .. "..." or words
end
