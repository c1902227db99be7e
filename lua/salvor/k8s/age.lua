--- How long ago something was, as kubectl writes it: 45s, 3m20s, 25m, 7h5m, 2d3h, 1y40d.
local dates = require("salvor.dates")

local SECOND, MINUTE, HOUR = 1, 60, 3600
local DAY = 24 * HOUR
local YEAR = 365 * DAY

-- Up to which age (exclusive) it is written in which unit, and in which smaller one the rest.
local STEPS = {
    {2 * MINUTE, SECOND, "s"},
    {10 * MINUTE, MINUTE, "m", SECOND, "s"},
    {3 * HOUR, MINUTE, "m"},
    {8 * HOUR, HOUR, "h", MINUTE, "m"},
    {2 * DAY, HOUR, "h"},
    {8 * DAY, DAY, "d", HOUR, "h"},
    {2 * YEAR, DAY, "d"},
    {8 * YEAR, YEAR, "y", DAY, "d"},
    {math.huge, YEAR, "y"},
}

local age = {}

--- The text for so many seconds. A clock that is a little behind is no matter.
function age.text(seconds)
    seconds = seconds < 0 and math.ceil(seconds) or math.floor(seconds)
    if seconds < -1 then
        return "<invalid>"
    elseif seconds < 0 then
        return "0s"
    end
    for _, step in ipairs(STEPS) do
        local limit, unit, name, rest_unit, rest_name = table.unpack(step)
        if seconds < limit then
            local rest = rest_unit and seconds % unit // rest_unit or 0
            return (seconds // unit) .. name .. (rest > 0 and rest .. rest_name or "")
        end
    end
end

--- The age of what was made then, a time as Kubernetes writes it; `now` in seconds since 1970.
function age.since(time, now)
    local made = dates.iso(time)
    return made and age.text(now - made) or "<unknown>"
end

return age
