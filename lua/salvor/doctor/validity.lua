--- How long what has an end is good for.
local dates = require("salvor.dates")

local DAY = 86400

local function day(time)
    return os.date("!%Y-%m-%d", time)
end

--- validity(what, {begins, ends}, early) -> status, text, advice; `early`: seconds before the end
--- from which on it is a warning. Either time may be nil.
return function(what, times, early)
    local now = os.time()
    if times.begins and times.begins > now then
        return "error", what .. " is not valid before " .. day(times.begins),
            "check this machine's clock"
    elseif not times.ends or times.ends > dates.LAST then -- a way to say that it has no end
        return "ok", what
    elseif times.ends <= now then
        return "error", what .. " has expired on " .. day(times.ends),
            "renew it; check this machine's clock too"
    end
    local text = string.format("%s, until %s", what, early < DAY
        and os.date("!%Y-%m-%d %H:%M UTC", times.ends) or day(times.ends))
    if times.ends - now < early then
        return "warning", text, "renew it before a recovery needs it"
    end
    return "ok", text
end
