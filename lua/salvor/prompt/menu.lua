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

--- What is written for an item that is the only one.
function menu:whole(item)
    return item.text .. (item.suffix or not item.is_part and self.suffix or "")
end

--- Sets what is shown for an item and how many columns that takes; kept, since lists are shown more
--- than once.
local function look(item)
    if not item.shown then
        local text = item.label or item.text
        local is_plain = not text:find("[^ -~]")
        item.shown = is_plain and text or terminal.escape(text)
        item.width = is_plain and #text or terminal.display_width(item.shown)
    end
end

--- What takes a look at all items: the columns of the widest, and whether any has a detail.
local function measure(self)
    self.widest = 0
    for _, item in ipairs(self.items) do
        look(item)
        self.widest = math.max(self.widest, item.width)
        self.has_details = self.has_details or item.detail ~= nil
    end
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
    local text = #found.items == 1 and self:whole(found.items[1]) or common(found.items)
    if #text > found.to - found.from or #found.items == 1 then
        put(self, editor, text)
    end
    if #found.items > 1 then
        measure(self)
        editor.menu = self
    end
end

-- Drawing

local function pad(text, width)
    return text .. (" "):rep(width - terminal.display_width(text))
end

--- Columns and rows of the list, down the columns as ls has them.
local function shape(self, columns)
    local width = math.min(self.widest + GAP, columns)
    local across = math.max(1, columns // width)
    return width, across, (#self.items + across - 1) // across
end

local function add_item(self, pieces, at, text, styles)
    pieces[#pieces + 1] = {text, at == self.chosen and styles.selected or ""}
end

--- One row for each, with what it is.
local function add_list(self, pieces, first, last, columns, styles)
    local width = 1
    for at = first, last do
        width = math.max(width, self.items[at].width)
    end
    width = math.min(width, columns)
    local room = columns - width - GAP
    for at = first, last do
        pieces[#pieces + 1] = "\n"
        add_item(self, pieces, at, pad(fit(self.items[at].shown, width), width), styles)
        local detail = terminal.escape(self.items[at].detail or "")
        pieces[#pieces + 1] = {room > 0 and (" "):rep(GAP) .. fit(detail, room) or "",
                               styles.detail}
    end
end

local function add_table(self, pieces, columns, styles)
    local width, across, rows = shape(self, columns)
    local first = self.chosen and ((self.chosen - 1) % rows) // MOST_ROWS * MOST_ROWS or 0
    for row = first, math.min(first + MOST_ROWS, rows) - 1 do
        pieces[#pieces + 1] = "\n"
        for column = 0, across - 1 do
            local at = column * rows + row + 1
            if self.items[at] then
                local shown = fit(self.items[at].shown, width - GAP)
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
    if self.has_details then
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
