--- Who is at work here, as journals and the lock tell it.
local fs = require("salvor.fs")

local operator = {}

--- name() -> "ann", or "ann as root" behind sudo; where the environment does not say (cron,
--- containers) "uid 1000"
function operator.name()
    local user, behind = os.getenv("USER"), os.getenv("SUDO_USER")
    user = user ~= "" and user or "uid " .. must(fs.stat("/proc/self")).uid
    return behind and behind ~= "" and behind ~= user and behind .. " as " .. user or user
end

--- host() -> the name of this machine
function operator.host()
    local file <close> = io.open("/proc/sys/kernel/hostname")
    return file and file:read("l") or "unknown"
end

return operator
