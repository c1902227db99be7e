--- What could come next at the cursor, as a list below the line.
local fit = require("salvor.fit")
local terminal = require("salvor.terminal")

local menu = {}
menu.__index = menu

local MOST_ROWS = 10
local GAP = 2

--- The longest text that all items begin with, in whole characters.
local function common(items)
    local prefix = items[1].text
    for _, item in ipairs(items) do
        if item.text:sub(1, #prefix) ~= prefix then
            local size = 0
            while prefix:byte(size + 1) == item.text:byte(size + 1) do
                size = size + 1
            end
            prefix = prefix:sub(1, size)
        end
    end
    while not utf8.len(prefix) do
        prefix = prefix:sub(1, -2)
    end
    return prefix
end

local function put(self, editor, text)
    editor.line:replace(self.from, self.to, text)
    self.to = editor.line.cursor
end

--- Chooses the next item in the direction.
function menu:move(editor, direction)
    local count = #self.items
    self.chosen = self.chosen and (self.chosen - 1 + direction) % count + 1
        or direction > 0 and 1 or count
    put(self, editor, self.items[self.chosen].text)
end

function menu:is_chosen()
    return self.chosen ~= nil
end

--- The key of completion: completes as far as all agree and shows the list; pressed again it goes
--- through it.
function menu.complete(editor, direction)
    if editor.menu then
        return editor.menu:move(editor, direction)
    end
    local ok, found = pcall(editor.options.complete, editor.line.text, editor.line.cursor)
    if not ok then
        editor.asked = nil
        return editor:complain(found)
    end
    editor.asked = not found and {text = editor.line.text, cursor = editor.line.cursor} or nil
    if not found then
        return
    end
    local self = setmetatable(found, menu)
    local text = #found.items == 1 and found.items[1].text .. (found.items[1].suffix or "")
        or common(found.items)
    if #text > found.to - found.from or #found.items == 1 then
        put(self, editor, text)
    end
    if #found.items > 1 then
        editor.menu = self
    end
end

-- Drawing

local function pad(text, width)
    return text .. (" "):rep(width - terminal.display_width(text))
end

--- What is shown for an item, which is looked at with each key.
local function label(item)
    item.shown = item.shown or terminal.escape(item.label or item.text)
    return item.shown
end

--- Columns and rows of the list, down the columns as ls has them.
local function shape(items, columns)
    local width = 1
    for _, item in ipairs(items) do
        width = math.max(width, terminal.display_width(label(item)) + GAP)
    end
    width = math.min(width, columns)
    local across = math.max(1, columns // width)
    return width, across, (#items + across - 1) // across
end

local function has_details(items)
    for _, item in ipairs(items) do
        if item.detail then
            return true
        end
    end
end

local function add_item(self, pieces, at, text, styles)
    pieces[#pieces + 1] = {text, at == self.chosen and styles.selected or ""}
end

--- One row for each, with what it is.
local function add_list(self, pieces, first, last, columns, styles)
    local width = 1
    for at = first, last do
        width = math.max(width, terminal.display_width(label(self.items[at])))
    end
    width = math.min(width, columns)
    local room = columns - width - GAP
    for at = first, last do
        pieces[#pieces + 1] = "\n"
        add_item(self, pieces, at, pad(fit(label(self.items[at]), width), width), styles)
        local detail = terminal.escape(self.items[at].detail or "")
        pieces[#pieces + 1] = {room > 0 and (" "):rep(GAP) .. fit(detail, room) or "",
                               styles.detail}
    end
end

local function add_table(self, pieces, columns, styles)
    local width, across, rows = shape(self.items, columns)
    local first = self.chosen and ((self.chosen - 1) % rows) // MOST_ROWS * MOST_ROWS or 0
    for row = first, math.min(first + MOST_ROWS, rows) - 1 do
        pieces[#pieces + 1] = "\n"
        for column = 0, across - 1 do
            local at = column * rows + row + 1
            if self.items[at] then
                local shown = fit(label(self.items[at]), width - GAP)
                add_item(self, pieces, at, pad(shown, width - GAP), styles)
                pieces[#pieces + 1] = (" "):rep(GAP)
            end
        end
    end
    return rows - MOST_ROWS
end

--- Adds the rows of the list below the line.
function menu:add(pieces, editor)
    local columns = editor.console:size()
    local hidden
    if has_details(self.items) then
        local first = self.chosen and (self.chosen - 1) // MOST_ROWS * MOST_ROWS + 1 or 1
        local last = math.min(first + MOST_ROWS - 1, #self.items)
        add_list(self, pieces, first, last, columns, editor.styles)
        hidden = #self.items - (last - first + 1)
    else
        hidden = add_table(self, pieces, columns, editor.styles)
    end
    if hidden > 0 then
        pieces[#pieces + 1] = {string.format("\n(%d in all)", #self.items), editor.styles.detail}
    end
end

return menu
