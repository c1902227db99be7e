--- How long a schedule of API Connect v10's backups leaves one waiting for the next backup.
---
--- It is looked for in two years: whatever the time zone of the cluster, gaps are as long.
local interval = {}

local DAY = 86400 -- seconds
local DAYS = 2 * 366

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

--- The seconds of a day at which it is time.
local function times_of_day(fields)
    local seconds = numbers(fields[1], 0, 59)
    local minutes, hours = numbers(fields[2], 0, 59), numbers(fields[3], 0, 23)
    local times = {}
    for hour = 0, 23 do
        for minute = 0, 59 do
            for second = 0, hours[hour] and minutes[minute] and 59 or -1 do
                if seconds[second] then
                    times[#times + 1] = hour * 3600 + minute * 60 + second
                end
            end
        end
    end
    return times
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
    local times, is_day = times_of_day(fields), day_rule(fields)
    local last, longest
    for day = 0, DAYS do
        if is_day(os.date("!*t", day * DAY)) then
            for _, time in ipairs(times) do
                local now = day * DAY + time
                longest = last and math.max(longest or 0, now - last) or longest
                last = now
            end
        end
    end
    return longest
end

return interval
