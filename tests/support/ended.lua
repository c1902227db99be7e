--- Waits until a process has ended. One that nobody has asked for its exit code yet has ended too.
local eventually = require("support.eventually")
local fs = require("salvor.fs")

return function(pid)
    eventually("the end of process " .. pid, function()
        local stat = fs.read("/proc/" .. pid .. "/stat")
        return not stat or stat:find("%) [ZX] [^)]*$")
    end)
end
