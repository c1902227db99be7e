--- Edits a line on the terminal, which may have several rows of text: keys come in, rows go out,
--- and between them stands salvor.prompt.line. Whatever else runs goes on meanwhile, and may print
--- above the line or have it drawn anew.
local actions = require("salvor.prompt.actions")
local keymap = require("salvor.prompt.keymap")
local line = require("salvor.prompt.line")
local menu = require("salvor.prompt.menu")
local search = require("salvor.prompt.search")
local window = require("salvor.prompt.window")

local editor = {}
editor.__index = editor

local TOO_LONG = "an input has at most 1 MiB; a file is run by :load FILE"

-- The actions that leave the list of completions where it is.
local KEEPS_MENU = {up = true, down = true, accept = true, complete = true,
                    ["complete-back"] = true, clear = true, suspend = true}

-- The first keys of those that are two.
local prefixes = {}
for name in pairs(keymap) do
    local first = name:match("^(%S+) ")
    if first then
        prefixes[first] = true
    end
end

--- new(console, options) -> editor. options:
---
---     is_complete   (text) -> whether Enter runs it; else it begins another row
---     complain      (problem): prints what went wrong
---     history       a salvor.prompt.history
---     complete      (text, cursor) -> {from, to, items = list of {text, detail}} | nil
---     hint          (text) -> text shown behind it, when the cursor is at its end | nil
---     highlight     (text) -> list of {text, style}, which together are the text
---     edit          (text) -> text, by the user's own editor; raises
---     styles        {hint, prompt, selected, detail, search} of the terminal
function editor.new(console, options)
    return setmetatable({console = console, options = options, styles = options.styles,
                         kills = {}}, editor)
end

--- What was entered before, oldest first.
function editor:entries()
    return self.options.history:list()
end

-- Drawing

--- Adds the text from `from` to `to`, with the cursor in it.
local function add_text(pieces, highlighted, from, to, cursor, continuation)
    local before = 0 -- bytes of the pieces so far
    for _, piece in ipairs(highlighted) do
        local text, style = piece[1], piece[2]
        local at, last = math.max(1, from - before), math.min(#text, to - before)
        while at <= last do
            local here = cursor - before
            local stop = text:find("\n", at, true) or last + 1
            if at == here then
                pieces[#pieces + 1] = true
            elseif at < here and here < stop then
                stop = here
            end
            if stop == at then
                pieces[#pieces + 1] = "\n"
                pieces[#pieces + 1] = continuation
                stop = at + 1
            else
                stop = math.min(stop, last + 1)
                pieces[#pieces + 1] = {text:sub(at, stop - 1), style}
            end
            at = stop
        end
        before = before + #text
    end
    if cursor > to then
        pieces[#pieces + 1] = true
    end
end

--- The text with its colours; the last one is kept, since most keys only move.
local function highlighted(self)
    local text = self.line.text
    if self.coloured_text ~= text then
        self.coloured_text, self.coloured = text, self.options.highlight(text)
    end
    return self.coloured
end

--- What stands behind or below the text, and how many rows more it takes.
local function pieces_below(self)
    local edited = self.line
    local pieces, rows = {}, 0
    if self.menu then
        self.menu:add(pieces, self)
    elseif not self.search and not self.is_finished and edited.cursor == #edited.text + 1 then
        pieces[1] = {self.options.hint(edited.text) or "", self.styles.hint}
    end
    for _, piece in ipairs(pieces) do
        local text = type(piece) == "table" and piece[1] or piece
        rows = rows + (text:find("^\n") and 1 or 0)
    end
    return pieces, rows
end

--- What the terminal shows now.
function editor:pieces()
    local edited = self.line
    local continuation = {self.continuation, self.styles.prompt}
    local _, rows = self.console:size()
    local below, rows_below = pieces_below(self)
    local from, to
    from, to, self.first = window(edited.text, edited.cursor, math.max(1, rows - 1 - rows_below),
        self.first)
    local before = self.search and search.prompt(self) or self.first == 1 and self.prompt
        or {continuation}
    local pieces = table.move(before, 1, #before, 1, {})
    add_text(pieces, highlighted(self), from, to, edited.cursor, continuation)
    return table.move(below, 1, #below, #pieces + 1, pieces)
end

--- Draws these rows, which stay below what others print, until erase() or give_back().
function editor:draw(pieces)
    self.drawn = pieces
    self.console:draw(pieces)
end

--- Takes away what was drawn.
function editor:erase()
    self.drawn = nil
    self.console:erase()
end

--- Leaves what was drawn where it is, and gives the terminal back as it was found.
function editor:give_back()
    self.drawn = nil
    self.console:yield()
end

--- Draws the line, when one is being edited; for who has something new for it.
function editor:refresh()
    if self.line then
        self:draw(self:pieces())
    end
end

--- What completion waited for has come: the key is as good as pressed again, when nothing was
--- changed since. The problem, if any, is why there may be nothing; the first of a line is told.
function editor:complete_anew(problem)
    if self.line and self.asked and self.asked.text == self.line.text
        and self.asked.cursor == self.line.cursor then
        if problem ~= nil and not self.has_complained then
            self.has_complained = true
            self:complain(problem)
        end
        menu.complete(self, 1)
        self:refresh()
    end
end

--- Calls what prints rows, above what is drawn: the line, a question, what is watched.
function editor:above(print, ...)
    self.console:erase()
    print(...)
    if self.drawn then
        self.console:draw(self.drawn)
    end
end

--- Tells what went wrong.
function editor:complain(problem)
    self:above(self.options.complain, problem)
end

--- Makes the line that text, or says that it is too long.
function editor:set(text)
    if not self.line:set(text) then
        self:complain(TOO_LONG)
    end
end

-- Keys

--- The name of an action, or nil: a first key of two waits for the second.
local function find_action(self, name)
    if self.pending then
        name = self.pending .. " " .. name
        self.pending = nil
    elseif prefixes[name] then
        self.pending = name
        return nil
    end
    return keymap[name]
end

local function press(self, name)
    local action = find_action(self, name)
    if not action then
        return nil
    elseif not KEEPS_MENU[action] then
        self.menu = nil
    end
    return actions[action](self)
end

--- One event of the console; what reading is to return as {text, why}, or nothing.
function editor:handle(kind, text)
    if kind == "closed" then
        return {why = "closed"}
    elseif kind == "resized" then
        return nil
    elseif self.search and search.handle(self, kind, text) then
        return nil
    elseif kind == "key" then
        return press(self, text)
    end
    self.menu, self.pending = nil, nil
    if not self.line:insert(text, kind == "text") then
        self:complain(TOO_LONG)
    end
end

--- Takes back the rows below the text, and the hint.
local function finish(self)
    self.menu, self.search, self.is_finished = nil, nil, true
    self.line.cursor = #self.line.text + 1
    self:refresh()
end

local function edit(self, initial)
    self.console:take()
    self:set(initial)
    self:refresh()
    while true do
        local kind, text, more = self.console:read()
        local result
        if kind then
            result = self:handle(kind, text)
        else
            self:complain(text)
        end
        if result then
            return result
        elseif not more then
            self:refresh()
        end
    end
end

--- read(prompt, continuation, initial) -> text; nil, "dropped" (Ctrl-C) or "closed".
--- `prompt` is a list of texts and {text, style}, `continuation` what further rows begin with, and
--- `initial` the text that is there to begin with, if any.
function editor:read(prompt, continuation, initial)
    self.prompt, self.continuation, self.first = prompt, continuation, 1
    self.line, self.place, self.draft, self.asked = line.new(self.kills), nil, nil, nil
    self.is_finished, self.has_complained = false, false
    local _ <close> = setmetatable({}, {__close = function()
        self.line, self.menu, self.search, self.pending = nil, nil, nil, nil
        self:give_back()
    end})
    local result = edit(self, initial or "")
    finish(self)
    return result.text, result.why
end

return editor
