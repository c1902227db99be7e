--- Searching the history while it is typed what for, as ^R does in shells.
local search = {}

--- Shows the next entry that holds the query, from `at` on; says so when there is none.
local function find(self, at, direction)
    local state = self.search
    local entries = self:entries()
    while at >= 1 and at <= #entries do
        local from = entries[at]:find(state.query, 1, true)
        if from then
            state.at, state.failed = at, false
            self.line:set(entries[at])
            self.line.cursor = from
            return
        end
        at = at + direction
    end
    state.failed = true
end

function search.begin(self, direction)
    self.search = {query = "", at = #self:entries() + 1, direction = direction,
                   before = {text = self.line.text, cursor = self.line.cursor}}
end

--- What stands before the line meanwhile.
function search.prompt(self)
    local state = self.search
    return {{string.format("(%ssearch) '%s': ", state.failed and "failed " or "", state.query),
             self.styles.search}}
end

local function type_query(self, text)
    local state = self.search
    state.query = state.query .. text
    find(self, math.min(state.at, #self:entries()), state.direction)
end

local KEYS = {
    ["C-r"] = function(self)
        self.search.direction = -1
        find(self, self.search.at - 1, -1)
    end,
    ["C-s"] = function(self)
        self.search.direction = 1
        find(self, self.search.at + 1, 1)
    end,
    Backspace = function(self)
        local state = self.search
        local last = utf8.offset(state.query, -1)
        state.query = last and state.query:sub(1, last - 1) or ""
        state.at, state.direction = #self:entries() + 1, -1
        find(self, state.at - 1, -1)
    end,
    ["C-g"] = function(self)
        local before = self.search.before
        self.search = nil
        self.line:set(before.text)
        self.line.cursor = before.cursor
    end,
}
KEYS["C-h"] = KEYS.Backspace

--- Whether the event was the search's own. Any other key ends it, and is then the line's.
function search.handle(self, kind, text)
    if kind ~= "key" then
        type_query(self, text)
        return true
    elseif KEYS[text] then
        KEYS[text](self)
        return true
    end
    local state = self.search
    if state.at <= #self:entries() then
        self.draft = self.place and self.draft or state.before.text
        self.place = state.at
    end
    self.search = nil
    return text == "Escape"
end

return search
