--- What people see: tables, live lines, questions, colour. Everything printed here has its secrets
--- masked. Primary output goes to standard output; live lines and questions to standard error.
local check = require("salvor.check")
local fail = require("salvor.error").new
local fit = require("salvor.fit")
local scheduler = require("salvor.scheduler")
local secret = require("salvor.secret")
local terminal = require("salvor.terminal")

local ui = {}

--- Control characters and broken UTF-8 become visible; `keep` names bytes that stay ("\n\t").
ui.escape = terminal.escape

local COLOURS = {
    bold = 1, dim = 2, underline = 4, red = 31, green = 32, yellow = 33, blue = 34, magenta = 35,
    cyan = 36,
}

local STREAMS = {stdout = io.stdout, stderr = io.stderr}
local STREAM_NAMES = {stdout = "stdout", stderr = "stderr"}

local STREAM = {stream = "string"}

--- The text in that colour, where `stream` (standard output) shows colour.
function ui.colour(name, text, options)
    options = check.options(options, STREAM, "ui.colour")
    local stream = check.choice(options.stream, STREAM_NAMES, "stdout", "stream", "ui.colour")
    local number = COLOURS[name] or error("ui.colour: unknown colour '" .. tostring(name) .. "'", 2)
    if not terminal.colour(stream) then
        return text
    end
    return "\27[" .. number .. "m" .. text .. "\27[0m"
end

--- Prints a line; escapes that are not colours are shown, not obeyed.
function ui.print(text, options)
    options = check.options(options, STREAM, "ui.print")
    local stream = check.choice(options.stream, STREAM_NAMES, "stdout", "stream", "ui.print")
    local safe = terminal.escape(secret.mask(tostring(text)), "\n\t\27")
    safe = safe:gsub("\27(%[?[%d;]*m?)", function(rest)
        return rest:find("^%[[%d;]*m$") and "\27" .. rest or "\\x1b" .. rest
    end)
    STREAMS[stream]:write(safe, "\n")
end

--- Prints each value in rows of its own, as the prompt shows it, and texts without quotes.
function ui.show(...)
    local show = require("salvor.prompt.show")
    for index = 1, select("#", ...) do
        local v = (select(index, ...))
        local text = type(v) == "string" and v
            or show.text(v, {is_long = true, width = terminal.width()})
        ui.print(terminal.escape(text, "\n\t"))
    end
end

--- Tables

local function cell_text(value)
    return terminal.escape(secret.mask(value == nil and "" or tostring(value)))
end

local COLUMN = {title = true, key = "string|number", align = "string"}
local ALIGNS = {left = "left", right = "right"}

--- A column is its title, or {title=, key=, align="left"|"right"}. A row is a list, or a table by
--- the columns' keys.
local function read_columns(columns)
    local read = {}
    for number, column in ipairs(columns) do
        if type(column) ~= "table" then
            column = {title = column}
        end
        check.options(column, COLUMN, "ui.table: column")
        read[number] = {
            title = cell_text(column.title),
            key = column.key or number,
            align = check.choice(column.align, ALIGNS, "left", "align", "ui.table: column"),
        }
    end
    return read
end

local function pad(text, width, align)
    local blanks = string.rep(" ", width - terminal.display_width(text))
    return align == "right" and blanks .. text or text .. blanks
end

--- The lines of the table, columns aligned by what a terminal shows; ends with a newline.
function ui.format_table(columns, rows)
    columns = read_columns(columns)
    local lines, widths = {{}}, {}
    for number, column in ipairs(columns) do
        lines[1][number] = column.title
    end
    for _, row in ipairs(rows) do
        local line = {}
        for number, column in ipairs(columns) do
            line[number] = cell_text(row[column.key])
        end
        lines[#lines + 1] = line
    end
    for _, line in ipairs(lines) do
        for number, text in ipairs(line) do
            widths[number] = math.max(widths[number] or 0, terminal.display_width(text))
        end
    end
    local out = {}
    for index, line in ipairs(lines) do
        local cells = {}
        for number, text in ipairs(line) do
            cells[number] = pad(text, widths[number], columns[number].align)
        end
        -- A pattern that ends in $ would try each blank of a wide column.
        out[index] = table.concat(cells, "  "):match("^.*%S") or ""
    end
    return secret.mask(table.concat(out, "\n") .. "\n")
end

function ui.print_table(columns, rows, options)
    options = check.options(options, STREAM, "ui.print_table")
    local stream = check.choice(options.stream, STREAMS, io.stdout, "stream", "ui.print_table")
    stream:write(ui.format_table(columns, rows))
end

ui.table = ui.print_table

--- Live lines: one that is replaced in place on a terminal, plain lines elsewhere

local live = {}
live.__index = live

function live.show(self, text, is_last)
    text = terminal.escape(secret.mask(text))
    if self.on_terminal then
        -- Written at once, or the empty line could be seen.
        -- A line that wraps could not be taken back.
        io.stderr:write("\r\27[K" .. fit(text, terminal.width() - 1) .. (is_last and "\n" or ""))
        io.stderr:flush()
        self.open = not is_last
    elseif text ~= self.shown and (is_last or scheduler.now() >= self.next_time) then
        io.stderr:write(text, "\n")
        self.shown, self.next_time = text, scheduler.now() + self.pause
    end
end

--- Takes the live line away.
function live.clear(self)
    if self.open then
        io.stderr:write("\r\27[K")
        io.stderr:flush()
        self.open = false
    end
end

local function new_live(pause)
    return setmetatable({
        on_terminal = terminal.is_terminal("stderr") and os.getenv("TERM") ~= "dumb",
        pause = pause,
        next_time = 0,
    }, live)
end

local status = {}
status.__index = status
status.__close = function(self)
    self.line:clear()
end

--- Replaces the text of the line.
function status.update(self, text)
    self.line:show(text)
end

--- Ends the line, with a last text or without a trace.
function status.finish(self, text)
    if text then
        self.line:show(text, true)
    else
        self.line:clear()
    end
end

--- A line that tells what is being waited for; without a terminal each new text is a line, with at
--- least options.pause seconds between them.
function ui.status(text, options)
    options = check.options(options, {pause = "number"}, "ui.status")
    local object = setmetatable({line = new_live(options.pause or 0)}, status)
    if text then
        object:update(text)
    end
    return object
end

local progress = {}
progress.__index = progress
progress.__close = status.__close

local UNITS = {"B", "KiB", "MiB", "GiB", "TiB"}

--- A number of bytes for people: 1536 -> "1.5 KiB".
function ui.bytes(count)
    local unit = 1
    while count >= 1024 and unit < #UNITS do
        count, unit = count / 1024, unit + 1
    end
    return string.format(unit == 1 and "%.0f %s" or "%.1f %s", count, UNITS[unit])
end

local function plain(number)
    return string.format("%.14g", number)
end

local function progress_text(self, done)
    local of = self.show_number(done)
    if self.total and self.total > 0 then
        local percent = math.min(100, math.floor(100 * done / self.total))
        of = string.format("%3d%% %s of %s", percent, of, self.show_number(self.total))
    end
    return self.label .. " " .. of
end

--- `done` is how much of the total there is by now.
function progress.update(self, done)
    self.done = done
    self.line:show(progress_text(self, done))
end

function progress.finish(self)
    self.line:show(progress_text(self, self.done), true)
end

--- options.unit = "bytes" shows KiB, MiB...; a total of nil is one that nobody knows.
function ui.progress(total, label, options)
    options = check.options(options, {unit = "string"}, "ui.progress")
    local show_number = check.choice(options.unit, {bytes = ui.bytes}, plain, "unit", "ui.progress")
    return setmetatable({
        total = total,
        label = label or "",
        done = 0,
        line = new_live(1),
        show_number = show_number,
    }, progress)
end

--- Questions

--- The answer of whoever sits at the terminal; nil and the error Refused, with that hint, where
--- there is none.
local function ask(op, question, how, hint)
    if not (terminal.is_terminal("stdin") and terminal.is_terminal("stderr")) then
        return nil, fail({
            code = "Refused",
            op = op,
            message = "there is no terminal to ask on: "
                .. secret.mask(question):gsub("[;?]$", ""),
            hint = hint,
        })
    end
    io.stdout:flush()
    io.stderr:write(terminal.escape(secret.mask(question .. " " .. how), "\n"))
    io.stderr:flush()
    local answer, problem = terminal.read_line()
    if problem then
        return nil, problem
    end
    return (answer or ""):match("^%s*(.-)%s*$")
end

--- y or yes agrees, or with options.typed that very word.
function ui.confirm(question, options)
    options = check.options(options, {typed = "string"}, "ui.confirm")
    local how = options.typed and "type " .. options.typed .. " to go on: " or "[y/N] "
    local answer, err = ask("ui.confirm", question, how, "--yes agrees beforehand")
    if not answer then
        return nil, err
    elseif options.typed then
        return answer == options.typed
    end
    answer = answer:lower()
    return answer == "y" or answer == "yes"
end

--- One of the words, typed as a whole after the question was shown; false for any other answer.
function ui.choose(question, words)
    terminal.forget_input()
    local answer, err = ask("ui.choose", question, "[" .. table.concat(words, "/") .. "] ")
    if not answer then
        return nil, err
    end
    for _, word in ipairs(words) do
        if answer:lower() == word:lower() then
            return word
        end
    end
    return false
end

return ui
