--- The report as Markdown (GitHub's): headings, lists and tables.
local salvor = require("salvor")
local ui = require("salvor.ui")
local words = require("salvor.procedure.report.words")

--- A text that stays one: no name of an object becomes a link, a tag, or a column of a table.
local function escape(text)
    return (ui.escape(tostring(text == nil and "" or text)):gsub("[\\`*_{}%[%]<>|~&#]", {
        ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;", ["|"] = "\\|", ["`"] = "\\`",
        ["\\"] = "\\\\", ["*"] = "\\*", ["_"] = "\\_", ["{"] = "\\{", ["}"] = "\\}",
        ["["] = "\\[", ["]"] = "\\]", ["~"] = "\\~", ["#"] = "\\#",
    }))
end

local Page = {}
Page.__index = Page

function Page:line(text)
    self[#self + 1] = text or ""
end

function Page:heading(level, text)
    self:line()
    self:line(string.rep("#", level) .. " " .. escape(text))
    self:line()
end

--- What begins like an item of a list would be one within this one.
function Page:item(text, depth)
    text = escape(text):gsub("^[+-]", "\\%0"):gsub("^(%d+)([.)])", "%1\\%2")
    self:line(string.rep("  ", depth or 0) .. "- " .. text)
end

function Page:table(columns, rows)
    local function line(cells)
        local parts = {}
        for number = 1, #columns do
            parts[number] = escape(cells[number])
        end
        self:line("| " .. table.concat(parts, " | ") .. " |")
    end
    line(columns)
    self:line("|" .. string.rep(" --- |", #columns))
    for _, row in ipairs(rows) do
        line(row)
    end
end

--- Titles and values; what has no value is left out.
function Page:facts(given)
    local rows = {}
    for _, row in ipairs(given) do
        rows[#rows + 1] = row[2] ~= nil and row or nil
    end
    self:table({"What", "Value"}, rows)
end

--- A section with a table; nothing where the table would be empty.
function Page:section(title, columns, rows)
    if rows[1] then
        self:heading(2, title)
        self:table(columns, rows)
    end
end

local function rows_of(list, make)
    local rows = {}
    for index, item in ipairs(list) do
        rows[index] = make(item)
    end
    return rows
end

local function head(page, document)
    page:line("# " .. escape(document.title or document.procedure or "A run without a beginning"))
    page:line()
    page:line("**" .. escape(document.status_text) .. "**"
        .. (document.message and ": " .. escape(document.message) or ""))
    page:line()
    if not document.journal.holds then
        page:line("**The journal of this run is damaged.** " .. escape(document.journal.problem))
        page:line()
    end
    page:facts(words.head(document))
end

local function check_row(check)
    local found = table.concat(words.findings(check), "; ")
    return {check.status, check.id, check.title, found ~= "" and found or words.not_looked(check)}
end

local function effects(page, step)
    for _, effect in ipairs(step.effects) do
        local result = words.result(effect)
        page:item(tostring(effect.verb) .. " " .. tostring(effect.target)
            .. (result ~= "" and " (" .. result .. ")" or ""))
        for _, line in ipairs(words.changes(effect)) do
            page:item(line, 1)
        end
    end
    for _, wait in ipairs(step.waits) do
        page:item(words.wait(wait))
    end
end

local function step_part(page, step)
    page:heading(3, (step.title or step.id) .. " (" .. step.id .. "): " .. step.status)
    local when = words.time(step.began)
    page:line(escape(table.concat({when, step.seconds and "took " .. words.span(step.seconds)
        or "", words.verified(step)}, ", "):gsub(", , ", ", "):gsub("^[, ]+", "")
        :gsub("[, ]+$", "")))
    page:line()
    for _, text in ipairs({step.why or "", words.origin(step) or "",
                           step.reason and "Left out: " .. step.reason or "",
                           step.message or ""}) do
        if text ~= "" then
            page:line(escape(text))
            page:line()
        end
    end
    effects(page, step)
    for _, lines in ipairs({words.attempts(step), words.findings(step)}) do
        for _, line in ipairs(lines) do
            page:item(line)
        end
    end
end

--- markdown(document) -> text
return function(document)
    local page = setmetatable({}, Page)
    head(page, document)
    page:section("Warnings", {"Time", "Step", "What"}, rows_of(document.warnings, function(item)
        return {words.time(item.time), item.step, item.text}
    end))
    page:section("Confirmed", words.CONFIRMED, rows_of(document.confirmations, function(item)
        return words.confirmed(item)
    end))
    page:section("Checks", {"Result", "Check", "Title", "Findings"},
        rows_of(document.checks, check_row))
    page:heading(2, "Steps")
    for _, step in ipairs(document.steps) do
        step_part(page, step)
    end
    page:section("Parameters", {"Name", "Value", "From"}, rows_of(salvor.keys(document.params),
        function(name)
            return {name, document.params[name], document.sources[name]}
        end))
    page:section("Events", {"Time", "What"}, rows_of(document.events, function(item)
        return {words.time(item.time), item.text}
    end))
    page:heading(2, "Journal")
    page:facts(words.journal(document.journal))
    return table.concat(page, "\n") .. "\n"
end
