--- Points in time as others write them, all in UTC, and as seconds since 1970.
local dates = {}

local MONTHS = {Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9,
                Oct = 10, Nov = 11, Dec = 12}

local COMPACT = "^(%d%d%d%d)(%d%d)(%d%d)[.T-](%d%d)(%d%d)(%d%d)"

--- Days since 1970 of a day of the Gregorian calendar: years are counted from March on, so that the
--- day that not every year has is their last.
local function days(year, month, day)
    if month <= 2 then
        year, month = year - 1, month + 12
    end
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day
        - 719469
end

local function seconds(year, month, day, hour, minute, second)
    return days(tonumber(year), tonumber(month), tonumber(day)) * 86400 + tonumber(hour) * 3600
        + tonumber(minute) * 60 + tonumber(second)
end

--- "2024-05-31T12:30:00.000Z"; nil for anything else.
function dates.iso(text)
    local year, month, day, hour, minute, second =
        tostring(text):match("^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):(%d%d%.?%d*)Z$")
    return year and seconds(year, month, day, hour, minute, second)
end

--- The last time that can be written.
dates.LAST = seconds(9999, 12, 31, 23, 59, 59)

--- A number that others give for a time: its whole seconds; nil when it is none, or of a time that
--- cannot be written.
function dates.seconds(number)
    local whole = math.tointeger(number)
    return whole and whole >= 0 and whole <= dates.LAST and whole or nil
end

--- text(seconds) -> "2024-05-31T12:30:00Z", which iso() reads; of now without an argument.
function dates.text(time)
    return os.date("!%Y-%m-%dT%H:%M:%SZ", time)
end

--- What begins with a time as the names of backups have it: "20240531" and "123000" with one of
--- ".T-" between; nil for anything else, and for a time that does not exist.
function dates.compact(text)
    local parts = {tostring(text):match(COMPACT)}
    local time = parts[1] and seconds(table.unpack(parts))
    -- No month has a 99th day.
    return time and os.date("!%Y%m%d%H%M%S", time) == table.concat(parts) and time or nil
end

--- "Fri, 31 May 2024 12:30:00 GMT" (RFC 9110, 5.6.7); nil for anything else.
function dates.http(text)
    local day, name, year, hour, minute, second =
        (text or ""):match("^%a%a%a, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
    local month = MONTHS[name]
    return month and seconds(year, month, day, hour, minute, second)
end

--- The seconds that a Retry-After header asks for, which may be a date too; nil when it has none.
function dates.retry_after(text, now)
    if (text or ""):find("^%d+%s*$") then
        return math.tointeger(tonumber(text))
    end
    local time = dates.http(text)
    return time and math.max(time - now, 0)
end

return dates
