--- Whether a process has ended. One that nobody has asked for its exit code yet has ended too.
local eventually = require("support.eventually")
local fs = require("salvor.fs")

local ended = {}

function ended.is(pid)
    local stat = fs.read("/proc/" .. pid .. "/stat")
    return not stat or stat:find("%) [ZX] [^)]*$") ~= nil
end

--- Waits for its end.
function ended.wait(pid)
    eventually("the end of process " .. pid, function()
        return ended.is(pid)
    end)
end

return ended
