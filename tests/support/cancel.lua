--- Cancels a task and waits for its end. Raises when it ends in another way, or goes on for
--- PATIENCE seconds: what is cancelled is something that would take longer than that.
local task = require("salvor.task")

local PATIENCE = 15 -- for what takes milliseconds, on the slowest of machines

return function(child)
    local began = task.now()
    child:cancel()
    local _, err = pcall(child.join, child)
    if child:status() ~= "cancelled" then
        error("it was " .. child:status() .. " and not cancelled: " .. tostring(err), 2)
    elseif task.now() - began > PATIENCE then
        error("it went on for " .. task.now() - began .. " s", 2)
    end
end
