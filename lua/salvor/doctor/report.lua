--- What has been found, for people and as JSON. It has texts of others in it: servers, files, the
--- environment.
local json = require("salvor.json")
local list = require("salvor").list
local secret = require("salvor.secret")
local terminal = require("salvor.terminal")
local text = require("salvor.procedure.text")
local ui = require("salvor.ui")

local report = {}

local STATUSES = {"ok", "warning", "error", "skipped"}
local COLOURS = {ok = "green", warning = "yellow", error = "red", skipped = "dim"}
local PLURALS = {warning = "warnings", error = "errors"}
local STATUS_WIDTH = #"warning"
local NARROWEST = 20 -- columns for what was seen

local function counts_of(results)
    local counts = {}
    for _, status in ipairs(STATUSES) do
        counts[status] = 0
    end
    for _, result in ipairs(results) do
        counts[result.status] = counts[result.status] + 1
    end
    return counts
end

--- is_ok(results) -> whether nothing is an error
function report.is_ok(results)
    return counts_of(results).error == 0
end

--- One line of harmless text.
local function line(words)
    return ui.escape((secret.mask(words):gsub("%s+", " ")))
end

local function heading(result)
    return result.group .. (result.context and ", context " .. line(result.context) or "")
end

local function padded(words, width)
    return words .. string.rep(" ", width - terminal.display_width(words))
end

--- The words in rows of at most so many columns; a longer word has a row of its own.
local function wrapped(words, columns)
    local rows = {}
    for word in words:gmatch("%S+") do
        local row = rows[#rows] and rows[#rows] .. " " .. word
        if row and terminal.display_width(row) <= columns then
            rows[#rows] = row
        else
            rows[#rows + 1] = word
        end
    end
    return rows
end

local function print_result(result, width, columns)
    local indent = STATUS_WIDTH + width + 6
    local left = "  " .. ui.colour(COLOURS[result.status], padded(result.status, STATUS_WIDTH))
        .. "  " .. padded(line(result.name), width) .. "  "
    for _, words in ipairs({result.seen, result.advice}) do
        for _, row in ipairs(wrapped(line(words), math.max(columns - indent, NARROWEST))) do
            ui.print(left .. row)
            left = string.rep(" ", indent)
        end
    end
end

--- Lines by group, in the order of the checks, and a last one with the counts.
function report.print(results)
    local columns = terminal.is_terminal("stdout") and terminal.width() or math.maxinteger
    local width, last = 0, nil
    for _, result in ipairs(results) do
        width = math.max(width, terminal.display_width(line(result.name)))
    end
    for _, result in ipairs(results) do
        if heading(result) ~= last then
            last = heading(result)
            ui.print(ui.colour("bold", last))
        end
        print_result(result, width, columns)
    end
    local parts, counts = {}, counts_of(results)
    for index, status in ipairs(STATUSES) do
        local number = counts[status]
        parts[index] = number .. " " .. (number ~= 1 and PLURALS[status] or status)
    end
    ui.print(table.concat(parts, ", "))
end

local function plain(words)
    return words and text.plain(words)
end

--- {ok, counts, checks} as JSON: docs/doctor.md.
function report.print_json(results)
    local checks = list({})
    for index, result in ipairs(results) do
        checks[index] = {group = result.group, context = plain(result.context),
                         name = plain(result.name), status = result.status,
                         seen = plain(result.seen), advice = plain(result.advice),
                         milliseconds = result.milliseconds}
    end
    io.stdout:write(must(json.encode({ok = report.is_ok(results), counts = counts_of(results),
                                      checks = checks}, {indent = 2})), "\n")
end

return report
