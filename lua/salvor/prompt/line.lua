--- The text that is edited, with its cursor: what the keys of emacs do to it. It knows nothing of
--- terminals. The text is valid UTF-8, of one or more lines and at most line.LIMIT bytes; positions
--- are bytes before which the cursor stands, 1 to #text + 1.
local terminal = require("salvor.terminal")

local line = {}
line.__index = line

line.LIMIT = 1 << 20

local REPLACEMENT = utf8.char(0xFFFD)
local MOST_KILLS = 60
local UNDO_BYTES = 16 << 20 -- of texts that can be gone back to

--- A new line; `kills` is the list of killed texts that it shares with others, newest last.
function line.new(kills)
    return setmetatable({text = "", cursor = 1, kills = kills or {}, undone = {}, undo_bytes = 0},
        line)
end

-- Broken bytes would make the positions of characters meaningless.
local function valid(text)
    local parts, from = {}, 1
    local size, broken = utf8.len(text)
    while not size do
        parts[#parts + 1] = text:sub(from, broken - 1)
        from = broken + 1
        size, broken = utf8.len(text, from)
    end
    parts[#parts + 1] = text:sub(from)
    return table.concat(parts, REPLACEMENT)
end

-- Undo

local function remember(self)
    local last = self.undone[#self.undone]
    if last and last.text == self.text then
        return
    end
    table.insert(self.undone, {text = self.text, cursor = self.cursor})
    self.undo_bytes = self.undo_bytes + #self.text
    while self.undo_bytes > UNDO_BYTES and self.undone[2] do
        self.undo_bytes = self.undo_bytes - #table.remove(self.undone, 1).text
    end
end

--- What changes the text begins with this. Changes of one `kind` that follow each other are undone
--- together.
local function change(self, kind)
    if not kind or self.last ~= kind then
        remember(self)
    end
    self.last = kind
end

--- Back to what was before the last change; false when there is nothing.
function line:undo()
    local before = table.remove(self.undone)
    if not before then
        return false
    end
    self.undo_bytes = self.undo_bytes - #before.text
    self.text, self.cursor, self.last = before.text, before.cursor, nil
    return true
end

-- Places. A cell is a character with the marks that combine with it.

local function is_mark(text, at)
    local character = text:sub(at, utf8.offset(text, 2, at) - 1)
    return character:find("^[^%c]") ~= nil and terminal.display_width(character) == 0
end

local function after_cell(text, at)
    if at > #text then
        return at
    end
    repeat
        at = utf8.offset(text, 2, at)
    until at > #text or not is_mark(text, at)
    return at
end

local function before_cell(text, at)
    while at > 1 do
        at = utf8.offset(text, -1, at)
        if at == 1 or not is_mark(text, at) then
            break
        end
    end
    return at
end

local function begin_of_line(text, at)
    while at > 1 and text:byte(at - 1) ~= 10 do
        at = at - 1
    end
    return at
end

local function end_of_line(text, at)
    return text:find("\n", at, true) or #text + 1
end

-- Bytes beyond ASCII are of words.
local WORD, BETWEEN = "[%w_\x80-\xff]", "[^%w_\x80-\xff]"

local function after_word(text, at)
    local _, last = text:find("^" .. BETWEEN .. "*" .. WORD .. "*", at)
    return last + 1
end

--- Back over bytes of the class. A pattern that ends in $ would try each byte before it.
local function before_all(text, at, class)
    local pattern = "^" .. class
    while at > 1 and text:find(pattern, at - 1) do
        at = at - 1
    end
    return at
end

local function before_word(text, at)
    return before_all(text, before_all(text, at, BETWEEN), WORD)
end

local function before_blank(text, at)
    return before_all(text, before_all(text, at, "%s"), "%S")
end

local PLACES = {
    left = before_cell, right = after_cell, ["line-begin"] = begin_of_line,
    ["line-end"] = end_of_line, ["word-left"] = before_word, ["word-right"] = after_word,
    ["blank-left"] = before_blank,
    begin = function()
        return 1
    end,
    ["end"] = function(text)
        return #text + 1
    end,
}

--- Moves the cursor: left, right, line-begin, line-end, word-left, word-right, begin, end.
function line:go(place)
    self.cursor = PLACES[place](self.text, self.cursor)
    self.last = nil
end

--- To the line above (-1) or below (1), at the same column or its end; false when there is none.
function line:go_line(direction)
    local text, cursor = self.text, self.cursor
    local from = begin_of_line(text, cursor)
    local to
    if direction < 0 then
        to = from > 1 and begin_of_line(text, from - 1)
    else
        local stop = end_of_line(text, cursor)
        to = stop <= #text and stop + 1
    end
    if not to then
        return false
    end
    local column = self.last == "line" and self.column
        or terminal.display_width(text:sub(from, cursor - 1))
    local stop = end_of_line(text, to)
    while to < stop and column > 0 do
        local after = after_cell(text, to)
        column = column - terminal.display_width(text:sub(to, after - 1))
        to = after
    end
    self.cursor, self.last = to, "line"
    return true
end

-- Changes

--- False, and nothing is done, when the whole would be too long.
local function replace(self, from, to, text)
    if #self.text - (to - from) + #text > line.LIMIT then
        return false
    end
    self.text = self.text:sub(1, from - 1) .. text .. self.text:sub(to)
    self.cursor = from + #text
    return true
end

--- Puts text where the cursor is; false when the whole would be too long. `typed`: letters that
--- follow each other are undone word by word.
function line:insert(text, typed)
    change(self, typed and not text:find("^%s") and "typed" or nil)
    local done = replace(self, self.cursor, self.cursor, valid(text))
    self.last = typed and "typed" or nil
    return done
end

--- Puts `text` in the place of the bytes from `from` up to `to`, exclusive.
function line:replace(from, to, text)
    change(self)
    replace(self, from, to, valid(text))
end

--- The whole text, with the cursor at its end; false when it is too long.
function line:set(text)
    if text == self.text then
        self.cursor = #text + 1
        return true
    end
    change(self)
    return replace(self, 1, #self.text + 1, valid(text))
end

--- Deletes from the cursor to that place.
function line:delete(place)
    local there = PLACES[place](self.text, self.cursor)
    if there ~= self.cursor then
        change(self, "delete")
        replace(self, math.min(there, self.cursor), math.max(there, self.cursor), "")
    end
end

--- The same, and what is deleted can be yanked. Kills that follow each other are one.
function line:kill(place)
    local there = PLACES[place](self.text, self.cursor)
    if place == "line-end" and there == self.cursor then
        there = after_cell(self.text, there) -- the end of the line itself
    end
    if there == self.cursor then
        return
    end
    local goes_on = self.last == "kill"
    local from, to = math.min(there, self.cursor), math.max(there, self.cursor)
    local killed = self.text:sub(from, to - 1)
    local before = goes_on and table.remove(self.kills) or ""
    change(self, "kill")
    table.insert(self.kills, there < self.cursor and killed .. before or before .. killed)
    if #self.kills > MOST_KILLS then
        table.remove(self.kills, 1)
    end
    replace(self, from, to, "")
end

--- Puts back what was killed last.
function line:yank()
    local text = self.kills[#self.kills]
    if text then
        change(self)
        self.yanked = {from = self.cursor, at = #self.kills}
        replace(self, self.cursor, self.cursor, text)
        self.last = "yank"
    end
end

--- After a yank: what was killed before that, in its place.
function line:yank_earlier()
    local yanked = self.last == "yank" and self.yanked
    if not yanked then
        return
    end
    yanked.at = yanked.at > 1 and yanked.at - 1 or #self.kills
    replace(self, yanked.from, self.cursor, self.kills[yanked.at])
end

--- Swaps the two characters before the cursor, or around it inside the line.
function line:swap_characters()
    local text = self.text
    local right = self.cursor
    if right == end_of_line(text, right) then
        right = before_cell(text, right)
    end
    local left = before_cell(text, right)
    if left < right and left >= begin_of_line(text, self.cursor) then
        local after = after_cell(text, right)
        change(self)
        replace(self, left, after, text:sub(right, after - 1) .. text:sub(left, right - 1))
    end
end

--- Changes the letters of the word that follows: by "upper", "lower" or "capital".
function line:change_case(case)
    local from = self.cursor
    local to = after_word(self.text, from)
    local word = self.text:sub(from, to - 1)
    if case == "capital" then
        word = word:lower():gsub("%a", string.upper, 1)
    else
        word = case == "upper" and word:upper() or word:lower()
    end
    change(self)
    replace(self, from, to, word)
end

return line
