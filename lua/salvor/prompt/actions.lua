--- What the keys do, by name: each is given the editor. What one returns ends the reading.
local menu = require("salvor.prompt.menu")
local search = require("salvor.prompt.search")

local actions = {}

-- Places and deletions are the line's own.
for _, place in ipairs({"left", "right", "line-begin", "line-end", "word-left", "word-right",
                        "begin", "end"}) do
    actions[place] = function(self)
        self.line:go(place)
    end
end

for _, place in ipairs({"line-end", "line-begin", "word-left", "word-right", "blank-left"}) do
    actions["kill-" .. place] = function(self)
        self.line:kill(place)
    end
end

for name, method in pairs({["swap-characters"] = "swap_characters", yank = "yank", undo = "undo",
                           ["yank-earlier"] = "yank_earlier"}) do
    actions[name] = function(self)
        self.line[method](self.line)
    end
end

for _, case in ipairs({"upper", "lower", "capital"}) do
    actions[case] = function(self)
        self.line:change_case(case)
    end
end

actions["delete-left"] = function(self)
    self.line:delete("left")
end

actions["delete-right"] = function(self)
    self.line:delete("right")
end

actions["delete-or-leave"] = function(self)
    if self.line.text == "" then
        return {why = "closed"}
    end
    actions["delete-right"](self)
end

-- The history: `place` is where in it we are, and the draft what was being written before

local function show(self, place)
    local entries = self:entries()
    place = math.max(1, math.min(place, #entries + 1))
    local now = self.place or #entries + 1
    if place == now then
        return
    end
    if now == #entries + 1 then
        self.draft = self.line.text
    end
    self.place = place
    self.line:set(entries[place] or self.draft or "")
end

local function move_in_history(self, by)
    show(self, (self.place or #self:entries() + 1) + by)
end

function actions.up(self)
    if self.menu then
        self.menu:move(self, -1)
    elseif not self.line:go_line(-1) then
        move_in_history(self, -1)
    end
end

function actions.down(self)
    if self.menu then
        self.menu:move(self, 1)
    elseif not self.line:go_line(1) then
        move_in_history(self, 1)
    end
end

function actions.oldest(self)
    show(self, 1)
end

function actions.newest(self)
    show(self, math.maxinteger)
end

actions.search = function(self)
    search.begin(self, -1)
end

actions["search-forward"] = function(self)
    search.begin(self, 1)
end

-- The end of a line

actions["new-line"] = function(self)
    self.line:insert("\n")
end

function actions.accept(self)
    local is_choice = self.menu and self.menu:is_chosen()
    self.menu = nil
    if is_choice then
        return nil
    end
    local text = self.line.text
    if self.options.is_complete(text) then
        return {text = text}
    end
    self.line:go("end")
    self.line:insert("\n")
end

function actions.drop()
    return {why = "dropped"}
end

-- The list of completions goes away, and that is all.
actions["give-up"] = function() end

-- Completion

function actions.complete(self)
    menu.complete(self, 1)
end

actions["complete-back"] = function(self)
    menu.complete(self, -1)
end

-- The terminal

function actions.clear(self)
    self.console:clear()
end

function actions.suspend(self)
    self.console:suspend()
end

function actions.edit(self)
    self:give_back()
    local ok, text = pcall(self.options.edit, self.line.text)
    self.console:take()
    if not ok then
        self:complain(text)
    else
        self:set(text)
    end
end

return actions
