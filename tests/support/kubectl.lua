--- The kubectl that specs compare with, when there is one. Debian's (1.20) is too old for most
--- comparisons: what it does not know yet or says differently is no fault of ours.
local proc = require("salvor.proc")

local kubectl = {}

local function minor()
    if not proc.which("kubectl") then
        return 0
    end
    local result = must(proc.run({"kubectl", "version", "--client"}, {timeout = 60}))
    return tonumber(result.stdout:match("v1%.(%d+)") or result.stdout:match('Minor:"(%d+)')) or 0
end

--- Whether there is one of that minor version or a newer one; 27 unless told.
function kubectl.is_there(version)
    kubectl.minor = kubectl.minor or minor()
    return kubectl.minor >= (version or 27)
end

return kubectl
