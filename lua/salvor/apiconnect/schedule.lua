--- Schedules of backups, as API Connect v10 takes them: the five fields of cron, and from 10.0.8 on
--- a sixth, the second, before them.
local apiconnect = require("salvor.apiconnect")

local schedule = {}

local FIELDS = {
    {name = "minute", first = 0, last = 59},
    {name = "hour", first = 0, last = 23},
    {name = "day of the month", first = 1, last = 31},
    {name = "month", first = 1, last = 12},
    {name = "day of the week", first = 0, last = 6},
}

local SECOND = {name = "second", first = 0, last = 59}

--- A number from the field's range, or nil.
local function number_of(text, field)
    local value = text:match("^%d+$") and tonumber(text)
    return value and value >= field.first and value <= field.last and value or nil
end

--- "*", "7", "1-5", each perhaps with "/2" behind it.
local function is_term(term, field)
    local range, step = term:match("^([^/]+)/(%d+)$")
    if step and tonumber(step) == 0 then
        return false
    end
    range = range or term
    if range == "*" then
        return true
    end
    local from, to = range:match("^(%d+)%-(%d+)$")
    from, to = number_of(from or range, field), number_of(to or range, field)
    return from ~= nil and to ~= nil and from <= to
end

local function is_field(text, field)
    for term in (text .. ","):gmatch("([^,]*),") do
        if not is_term(term, field) then
            return false
        end
    end
    return true
end

local function expected_fields(version)
    local fields = table.move(FIELDS, 1, #FIELDS, 1, {})
    if apiconnect.at_least(version, "10.0.8") then
        table.insert(fields, 1, SECOND)
    end
    return fields
end

--- problem(text, version) -> what is wrong with it, and what would be right; nil when nothing is.
--- Names of months and days are not taken: the vendor's document has numbers only.
function schedule.problem(text, version)
    local fields, given = expected_fields(version), {}
    for word in tostring(text):gmatch("%S+") do
        given[#given + 1] = word
    end
    local example = #fields == 6 and "'0 0 3 * * *' is every day at 3:00:00"
        or "'0 3 * * *' is every day at 3:00"
    if #given ~= #fields then
        return string.format("the schedule '%s' has %d field%s, %s takes %d", tostring(text),
            #given, #given == 1 and "" or "s", version, #fields), example
    end
    for index, field in ipairs(fields) do
        if not is_field(given[index], field) then
            return string.format("'%s' in the schedule '%s' is no %s (%d to %d)", given[index],
                tostring(text), field.name, field.first, field.last), example
        end
    end
    return nil
end

return schedule
