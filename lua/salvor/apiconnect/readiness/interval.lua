--- How long a schedule of API Connect v10's backups leaves one waiting for the next backup.
---
--- It is looked for in nine years, in which there is a 29 February twice. Whatever the time zone of
--- the cluster, pauses are as long.
local interval = {}

local DAY = 86400 -- seconds
local DAYS = 9 * 366

--- The set of numbers that a field of a schedule means.
local function numbers(text, first, last)
    local found = {}
    for term in text:gmatch("[^,]+") do
        local range, step = term:match("^([^/]+)/(%d+)$")
        local from, to = (range or term):match("^(%d+)%-(%d+)$")
        local single = (range or term):match("^%d+$")
        from, to = tonumber(from or single or first), tonumber(to or single or last)
        -- "5/10" goes on to the end.
        to = single and step and last or to
        for number = from, to, tonumber(step or 1) do
            found[number] = true
        end
    end
    return found
end

--- The first and the last second of a day at which it is time, and the longest pause between; nil
--- when there is none.
local function times_of_day(fields)
    local seconds = numbers(fields[1], 0, 59)
    local minutes, hours = numbers(fields[2], 0, 59), numbers(fields[3], 0, 23)
    local first, last, pause = nil, nil, 0
    for time = 0, DAY - 1 do
        if hours[time // 3600] and minutes[time // 60 % 60] and seconds[time % 60] then
            first = first or time
            pause = math.max(pause, time - (last or time))
            last = time
        end
    end
    return first, last, pause
end

--- is_day(date) -> boolean. As with cron, either day is enough when both are given.
local function day_rule(fields)
    local days, months = numbers(fields[4], 1, 31), numbers(fields[5], 1, 12)
    local weekdays = numbers(fields[6], 0, 6)
    local any_day, any_weekday = fields[4]:sub(1, 1) == "*", fields[6]:sub(1, 1) == "*"
    return function(date)
        local by_day, by_weekday = days[date.day], weekdays[date.wday - 1]
        if not months[date.month] then
            return false
        elseif any_day or any_weekday then
            return by_day and by_weekday
        end
        return by_day or by_weekday
    end
end

--- longest(text) -> seconds between two backups at most; nil when there are none. text: a schedule
--- in which salvor.apiconnect.schedule finds no problem.
function interval.longest(text)
    local fields = {}
    for word in text:gmatch("%S+") do
        fields[#fields + 1] = word
    end
    if #fields == 5 then
        table.insert(fields, 1, "0")
    end
    local first, last, longest = times_of_day(fields)
    local is_day, before, found = day_rule(fields), nil, false
    for day = 0, first and DAYS or -1 do
        if is_day(os.date("!*t", day * DAY)) then
            longest = before and math.max(longest, day * DAY + first - before) or longest
            before, found = day * DAY + last, before ~= nil
        end
    end
    return found and longest or nil
end

return interval
