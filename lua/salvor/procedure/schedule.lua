--- Schedules as CronJobs take them: five fields of cron, or a word such as @daily.
local FIELDS = {
    {name = "minute", from = 0, to = 59},
    {name = "hour", from = 0, to = 23},
    {name = "day of the month", from = 1, to = 31},
    {name = "month", from = 1, to = 12, words = {jan = 1, feb = 2, mar = 3, apr = 4, may = 5,
     jun = 6, jul = 7, aug = 8, sep = 9, oct = 10, nov = 11, dec = 12}},
    {name = "day of the week", from = 0, to = 6, words = {sun = 0, mon = 1, tue = 2, wed = 3,
     thu = 4, fri = 5, sat = 6}},
}

local WORDS = {["@yearly"] = true, ["@annually"] = true, ["@monthly"] = true, ["@weekly"] = true,
               ["@daily"] = true, ["@midnight"] = true, ["@hourly"] = true}

local function no_such(text, field)
    return string.format("'%s' is no %s (%d to %d)", text, field.name, field.from, field.to)
end

--- A number or name of the field; nil when it is none.
local function value_of(text, field)
    local number = field.words and field.words[text:lower()]
        or text:match("^%d+$") and math.tointeger(tonumber(text))
    return number and number >= field.from and number <= field.to and number or nil
end

--- What is wrong with "*", "5", "1-5", each with "/STEP" or without; nil when nothing is.
local function problem_of(term, field)
    local range, step = term:match("^([^/]+)/?(%d*)$")
    if not range or term:find("/$") or step:find("^0+$") then
        return no_such(term, field)
    elseif range == "*" or range == "?" then
        return nil
    end
    local first, last = range:match("^([^-]+)-([^-]+)$")
    local low, high = value_of(first or range, field), value_of(last or first or range, field)
    if not low or not high then
        return no_such(low and last or first or range, field)
    end
    return low > high and "'" .. range .. "' ends before it begins" or nil
end

--- problem(text) -> what is wrong with the schedule; nil when a CronJob takes it.
return function(text)
    local fields = {}
    for field in text:gmatch("%S+") do
        fields[#fields + 1] = field
    end
    if WORDS[text] then
        return nil
    elseif #fields ~= #FIELDS then
        return "it has " .. #fields .. " fields, not five"
    end
    for index, field in ipairs(FIELDS) do
        for term in (fields[index] .. ","):gmatch("([^,]*),") do
            local problem = problem_of(term, field)
            if problem then
                return problem
            end
        end
    end
end
