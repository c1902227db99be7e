--- Edits a line on the terminal, which may have several rows of text: keys come in, rows go out,
--- and between them stands salvor.prompt.line. Whatever else runs goes on meanwhile, and may print
--- above the line or have it drawn anew.
local actions = require("salvor.prompt.actions")
local keymap = require("salvor.prompt.keymap")
local line = require("salvor.prompt.line")
local menu = require("salvor.prompt.menu")
local search = require("salvor.prompt.search")

local editor = {}
editor.__index = editor

--- new(console, options) -> editor. options, all functions, and all but `is_complete` may be nil:
---
---     history       a salvor.prompt.history
---     is_complete   (text) -> whether Enter runs it; else it begins another row
---     complete      (text, cursor) -> {from, to, items = list of {text, detail}} | nil
---     hint          (text, cursor) -> text shown behind the cursor | nil
---     highlight     (text) -> list of {text, style}, which together are the text
---     edit          (text) -> text, by the user's own editor | nil
---     styles        {hint, prompt, selected, detail, search} of the terminal; nil is plain
function editor.new(console, options)
    return setmetatable({console = console, options = options, kills = {},
                         styles = options.styles or {}}, editor)
end

-- Drawing

local function add_text(pieces, edited, highlighted, continuation)
    local at = 1 -- in the text
    local placed = false
    for _, piece in ipairs(highlighted) do
        local text, style = piece[1], piece[2]
        local from = 1
        local cursor = not placed and edited.cursor < at + #text and edited.cursor - at + 1
        for position = 1, #text + 1 do
            local is_end = position > #text
            local is_line = not is_end and text:byte(position) == 10
            if is_end or is_line or position == cursor then
                pieces[#pieces + 1] = {text:sub(from, position - 1), style}
                from = position
            end
            if position == cursor then
                pieces[#pieces + 1] = true
                placed = true
            end
            if is_line then
                pieces[#pieces + 1] = "\n"
                pieces[#pieces + 1] = continuation
                from = position + 1
            end
        end
        at = at + #text
    end
    if not placed then
        pieces[#pieces + 1] = true
    end
end

--- What the terminal shows now.
function editor:pieces()
    local options, edited = self.options, self.line
    local pieces = {}
    for _, piece in ipairs(self.search and search.prompt(self) or self.prompt) do
        pieces[#pieces + 1] = piece
    end
    add_text(pieces, edited, options.highlight and options.highlight(edited.text)
        or {{edited.text, ""}}, {self.continuation, self.styles.prompt or ""})
    if self.menu then
        self.menu:add(pieces, self)
    elseif options.hint and not self.search and edited.cursor == #edited.text + 1 then
        local hint = options.hint(edited.text, edited.cursor)
        if hint then
            pieces[#pieces + 1] = {hint, self.styles.hint or ""}
        end
    end
    return pieces
end

--- Draws the line, when one is being edited; for who has something new for it.
function editor:refresh()
    if self.line then
        self.console:draw(self:pieces())
    end
end

--- What completion waited for has come: the key is as good as pressed again, when nothing was
--- changed since.
function editor:complete_anew()
    if self.line and self.asked and self.asked.text == self.line.text
        and self.asked.cursor == self.line.cursor then
        self.asked = nil
        menu.complete(self, 1)
        self:refresh()
    end
end

--- Calls `print`, whose output comes above the line that is edited.
function editor:above(print)
    if not self.line then
        return print()
    end
    self.console:erase()
    print()
    self:refresh()
end

-- Keys

--- The name of an action, or nil: a first key of two waits for the second.
local function find_action(self, name)
    if self.pending then
        name = self.pending .. " " .. name
        self.pending = nil
    elseif keymap.prefixes[name] then
        self.pending = name
        return nil
    end
    return keymap[name]
end

--- One event of the console; what reading is to return, or nothing.
function editor:handle(kind, text)
    if kind == "closed" then
        return {closed = true}
    elseif kind == "resized" then
        return nil
    elseif self.search and search.handle(self, kind, text) then
        return nil
    elseif kind == "key" then
        local action = find_action(self, text)
        return action and actions[action](self)
    end
    self.menu = nil
    self.line:insert(text, kind == "text")
end

--- Takes back the rows below the text and the hint, and goes on below.
function editor:finish()
    self.menu, self.search = nil, nil
    local hint = self.options.hint
    self.options.hint = nil
    self.line.cursor = #self.line.text + 1
    self:refresh()
    self.options.hint = hint
    self.console:leave()
end

local function edit(self)
    local console = self.console
    console:take()
    self:refresh()
    while true do
        local kind, text, more = console:read()
        if not kind then
            return nil, text
        end
        local result = self:handle(kind, text)
        if result then
            return result
        elseif not more then
            self:refresh()
        end
    end
end

--- read(prompt, continuation) -> text; nil, "dropped" after Ctrl-C; nil, "closed" at the end; or
--- nil, err. `prompt` is a list of texts and {text, style}, `continuation` what further rows begin
--- with, `text` what is there to begin with.
function editor:read(prompt, continuation, text)
    self.prompt, self.continuation = prompt, continuation
    self.line, self.place, self.draft, self.asked = line.new(self.kills), nil, nil, nil
    self.line:set(text or "")
    local _ <close> = setmetatable({}, {__close = function()
        self.line, self.menu, self.search, self.pending = nil, nil, nil, nil
        self.console:yield()
    end})
    local result, err = edit(self)
    if not result then
        return nil, err
    end
    self:finish()
    if result.text then
        return result.text
    end
    return nil, result.dropped and "dropped" or "closed"
end

return editor
