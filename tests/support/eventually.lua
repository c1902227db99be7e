--- Waiting in tests: for the event itself, never for a time after which it should have happened.
local task = require("salvor.task")

local PATIENCE = 60 -- seconds, for the slowest of machines
local PAUSE = 0.01

--- Polls until `condition` gives something true, and returns that; raises, with what was waited
--- for, and what `condition` said last beside nil or false, when it takes too long.
return function(what, condition)
    local deadline = task.now() + PATIENCE
    while true do
        local result, why = condition()
        if result then
            return result
        elseif task.now() > deadline then
            error("waited in vain for " .. what .. (why and "; last: " .. tostring(why) or ""), 2)
        end
        task.sleep(PAUSE)
    end
end
