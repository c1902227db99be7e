--- What API Connect v2018's programs print. It is meant for people, and there is no other form of
--- it: so a line that is not understood is told, and never guessed at.
local dates = require("salvor.dates")
local harmless = require("salvor.k8s.harmless")

local tools = {}

local BILLION = 1000000000

local function lines_of(text)
    local lines = {}
    for line in text:gsub("\t", "  "):gmatch("[^\r\n]+") do
        lines[#lines + 1] = line
    end
    return lines
end

--- The words of a line, which two or more spaces keep apart; one may stand within a word.
local function cells_of(line)
    local cells = {}
    for cell in (line .. "  "):gmatch("(%S.-)%s%s+") do
        cells[#cells + 1] = harmless(cell)
    end
    return cells
end

--- "2018-09-26 18:45:01.522014136 +0000 UTC" in nanoseconds since 1970, or nil.
function tools.nanoseconds(text)
    local year, month, day, hour, minute, second, rest =
        text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d) (%d%d):(%d%d):(%d%d)(.*)$")
    local fraction, sign, zone_hours, zone_minutes =
        (rest or ""):match("^%.?(%d*) ([+-])(%d%d)(%d%d)")
    local seconds = sign and #fraction <= 9
        and dates.compact(year .. month .. day .. "-" .. hour .. minute .. second)
    if not seconds then
        return nil
    end
    local offset = (tonumber(zone_hours) * 60 + tonumber(zone_minutes)) * 60
    seconds = seconds - (sign == "+" and offset or -offset)
    return math.tointeger(seconds) * BILLION
        + math.tointeger(tonumber(fraction .. ("0"):rep(9 - #fraction)))
end

--- Whether it can be the id of a backup, which is a time in nanoseconds.
function tools.is_id(text)
    return type(text) == "string" and #text <= 19 and text:find("^[1-9]%d*$") ~= nil
        and math.tointeger(tonumber(text)) ~= nil
end

--- seconds(id) -> the time of a backup, in seconds since 1970.
function tools.seconds(id)
    return math.tointeger(tonumber(id)) // BILLION
end

local COLUMNS = {"Cluster", "Namespace", "ID", "Timestamp", "Status"}

--- {Cluster = 1, ...} of the line of titles, which may have more columns, in any order.
local function header_of(cells)
    local places, found = {count = #cells}, 0
    for place, title in ipairs(cells) do
        for _, column in ipairs(COLUMNS) do
            if title:lower() == column:lower() and not places[column] then
                places[column], found = place, found + 1
            end
        end
    end
    return found == #COLUMNS and places or nil
end

local function row_of(cells, places)
    local row = {cluster = cells[places.Cluster], namespace = cells[places.Namespace],
                 id = cells[places.ID], timestamp = cells[places.Timestamp],
                 status = cells[places.Status]}
    local time = #cells == places.count and tools.is_id(row.id)
        and tools.nanoseconds(row.timestamp)
    if not time then
        return nil
    end
    row.is_plausible = time == math.tointeger(tonumber(row.id))
    return row
end

--- backups(text of list-backups) -> list of {cluster, namespace, id, timestamp, status,
--- is_plausible (the id is the timestamp)}, list of the lines that were not understood
function tools.backups(text)
    local rows, strange, places = {}, {}, nil
    local lines = lines_of(text)
    for _, line in ipairs(lines) do
        local cells = cells_of(line)
        local header = header_of(cells)
        local row = places and not header and row_of(cells, places)
        if header then
            places = header
        elseif row then
            rows[#rows + 1] = row
        elseif places and cells[1] then
            strange[#strange + 1] = harmless(line)
        end
    end
    if not places and text:find("%S") then
        strange[1] = harmless(lines[1])
    end
    return rows, strange
end

--- The newest of the rows that is complete, or nil.
function tools.newest(rows)
    local newest
    for _, row in ipairs(rows) do
        if row.status == "Complete" and row.is_plausible
            and (not newest or tonumber(row.id) > tonumber(newest.id)) then
            newest = row
        end
    end
    return newest
end

--- stuck_tasks(text of list-stuck-tasks) -> {version, is_empty, lines = those that tell of a task};
--- nil when it is no such text. Nothing is stuck when each line behind the version says so, and at
--- least one does.
function tools.stuck_tasks(text)
    local found, none = {lines = {}}, 0
    for _, line in ipairs(lines_of(text)) do
        local version = line:match("^Apim Pod version is:%s*(%S.-)%s*$")
        if version then
            found.version = harmless((version:gsub("%s*%(.*$", "")))
        elseif found.version and line:find("^No stuck .+ found%s*$") then
            none = none + 1
        elseif found.version and line:find("%S") then
            table.insert(found.lines, harmless(line))
        end
    end
    found.is_empty = none > 0 and #found.lines == 0
    return found.version and found or nil
end

return tools
