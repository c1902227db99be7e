--- Tables as kubectl prints them: capital headers, columns three blanks apart, at least six wide.
---
--- How wide a column is, the last row may decide; so the text of all rows is kept until then, and
--- of the rows nothing else. What would move a terminal's cursor is shown instead.
local secret = require("salvor.secret")
local terminal = require("salvor.terminal")

local MIN_WIDTH = 6
local PADDING = 3
local CHUNK = 64 << 10

local layout = {}
layout.__index = layout

--- Cells

--- A real as Go's %v writes it: the fewest digits that read back, exponents only beyond 1e21.
local function real_text(value)
    if value == math.floor(value) and math.abs(value) < 1e21 then
        return string.format("%.0f", value)
    end
    for digits = 15, 17 do
        local text = string.format("%." .. digits .. "g", value)
        if tonumber(text) == value then
            return text
        end
    end
    return tostring(value)
end

local value_text

local function compound_text(value)
    local parts = {}
    if #value > 0 or next(value) == nil then
        for number, item in ipairs(value) do
            parts[number] = value_text(item)
        end
        return "[" .. table.concat(parts, " ") .. "]"
    end
    for key, item in pairs(value) do
        parts[#parts + 1] = tostring(key) .. ":" .. value_text(item)
    end
    table.sort(parts)
    return "map[" .. table.concat(parts, " ") .. "]"
end

function value_text(value)
    local kind = type(value)
    if kind == "string" then
        return value
    elseif kind == "table" then
        return compound_text(value)
    elseif kind == "number" then
        return math.type(value) == "integer" and string.format("%d", value) or real_text(value)
    end
    return kind == "boolean" and tostring(value) or "<nil>"
end

--- A cell on one line; the rest of one that has more is "...". Returns its width in characters too.
local function cell_text(value)
    if type(value) == "userdata" or value == nil then
        return "", 0
    end
    local text = secret.mask(value_text(value))
    if not text:find("[^\32-\126]") then
        return text, #text
    end
    local cut = text:find("[\f\n\r]")
    if cut then
        text = text:sub(1, cut - 1) .. "..."
    end
    text = terminal.escape((text:gsub("\27", "^[")))
    return text, utf8.len(text) or #text
end

--- "a=1,b=2"
local function labels_text(metadata)
    local terms = {}
    for key, value in pairs(type(metadata.labels) == "table" and metadata.labels or {}) do
        terms[#terms + 1] = tostring(key) .. "=" .. value_text(value)
    end
    table.sort(terms)
    return terms[1] and table.concat(terms, ",") or "<none>"
end

--- Rows

--- A layout of columns as the server describes them. options: wide, namespaces, labels (columns to
--- add), no_headers.
function layout.new(columns, options)
    local self = setmetatable({columns = columns, shown = {}, widths = {}, lines = {}}, layout)
    local titles = {}
    local function show(title, source)
        titles[#titles + 1] = title
        self.shown[#self.shown + 1] = source
    end
    if options.namespaces then
        show("NAMESPACE", "namespace")
    end
    for number, column in ipairs(columns) do
        if column.priority == 0 or options.wide then
            show(column.name:upper(), number)
        end
    end
    if options.labels then
        show("LABELS", "labels")
    end
    if not options.no_headers then
        self:add_cells(titles)
    end
    self.first_row = #self.lines + 1
    return self
end

function layout:add_cells(values)
    local cells, widths = {}, self.widths
    for number = 1, #self.shown do
        local text, width = cell_text(values[number])
        cells[number] = text
        if width > (widths[number] or 0) then
            widths[number] = width
        end
    end
    self.lines[#self.lines + 1] = table.concat(cells, "\t")
end

local function value_of(row, source)
    if math.type(source) == "integer" then
        return row.cells[source]
    end
    local metadata = row.object and row.object.metadata or {}
    return source == "labels" and labels_text(metadata) or metadata[source]
end

function layout:add_rows(rows)
    for _, row in ipairs(rows) do
        local values = {}
        for number, source in ipairs(self.shown) do
            values[number] = value_of(row, source)
        end
        self:add_cells(values)
    end
end

function layout:count()
    return #self.lines - self.first_row + 1
end

--- Whether these are its columns, as far as it shows them.
function layout:has_columns(columns)
    for number, own in ipairs(self.columns) do
        local other = columns[number]
        if not other or other.name ~= own.name or other.priority ~= own.priority then
            return false
        end
    end
    return #columns == #self.columns
end

--- After its rows were written: those that are added later go on below them, and are as wide.
function layout:forget_rows()
    self.lines, self.first_row = {}, 1
end

--- Output

local function padded(line, widths)
    local cells = {}
    for cell in (line .. "\t"):gmatch("([^\t]*)\t") do
        local number = #cells + 1
        local width = widths[number]
        if width then
            -- Only ASCII text has as many bytes as characters.
            local length = utf8.len(cell) or #cell
            cell = cell .. (" "):rep(width - length)
        end
        cells[number] = cell
    end
    return table.concat(cells)
end

--- Hands the text over in pieces; nothing when there are no rows.
function layout:write(put)
    if self:count() == 0 then
        return
    end
    local widths, parts, size = {}, {}, 0
    for number = 1, #self.shown - 1 do
        widths[number] = math.max((self.widths[number] or 0) + PADDING, MIN_WIDTH)
    end
    for _, line in ipairs(self.lines) do
        parts[#parts + 1] = padded(line, widths)
        size = size + #parts[#parts] + 1
        if size >= CHUNK then
            put(table.concat(parts, "\n") .. "\n")
            parts, size = {}, 0
        end
    end
    if parts[1] then
        put(table.concat(parts, "\n") .. "\n")
    end
end

return layout
