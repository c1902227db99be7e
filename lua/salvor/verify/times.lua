--- Times as names of backups have them: YYYYMMDD and HHMMSS with a character between, in UTC.
local dates = require("salvor.store.dates")

local times = {}

local PATTERN = "^(%d%d%d%d)(%d%d)(%d%d)[.T-](%d%d)(%d%d)(%d%d)"

--- Seconds since 1970 of a text that begins with a time; nil when there is no such time.
function times.parse(text)
    local parts = {text:match(PATTERN)}
    local seconds = parts[1] and dates.iso(string.format("%s-%s-%sT%s:%s:%sZ", table.unpack(parts)))
    -- No month has a 99th day.
    return seconds and os.date("!%Y%m%d%H%M%S", seconds) == table.concat(parts) and seconds or nil
end

return times
