--- What was entered at the prompt, over all sessions: one JSON string in each line of a file that
--- only its owner may read. Sessions at the same time append to it without harm; a line that is
--- damaged is left out.
local fs = require("salvor.fs")
local holds_secret = require("salvor.prompt.holds_secret")
local json = require("salvor.json")

local history = {}
history.__index = history

local MOST = 10000 -- entries that are kept
local LONGEST = 1 << 20 -- bytes of one that is written down
local FILE_LIMIT = 64 << 20
local ONLY_OWNER, OTHERS = 384, 63 -- 0600 and 0077

local function remember(self, text)
    local at = self.places[text]
    if at then
        self.entries[at] = false
        self.has_gaps = true
    end
    table.insert(self.entries, text)
    self.places[text] = #self.entries
end

--- The entries, oldest first, each once: the latest time it was entered.
function history:list()
    if self.has_gaps then
        local kept = {}
        for _, text in ipairs(self.entries) do
            if text then
                kept[#kept + 1] = text
                self.places[text] = #kept
            end
        end
        self.entries, self.has_gaps = kept, false
    end
    return self.entries
end

--- All rows at once: to read each by itself takes ten times as long. Nil when one is damaged.
local function read_whole(content)
    local texts = json.decode("[" .. content:gsub("\n+$", ""):gsub("\n+", ",") .. "]")
    for _, text in ipairs(texts or {}) do
        if type(text) ~= "string" then
            return nil
        end
    end
    return texts
end

--- Reads what the file has; the number of its lines, and of those that are damaged.
local function parse(self, content)
    local rows, damaged = read_whole(content), 0
    if not rows then
        rows = {}
        for row in content:gmatch("[^\n]+") do
            local text = json.decode(row)
            rows[#rows + 1] = type(text) == "string" and text
            damaged = damaged + (rows[#rows] and 0 or 1)
        end
    end
    for _, text in ipairs(rows) do
        if text then
            remember(self, text)
        end
    end
    return #rows, damaged
end

--- Writes the file anew, with each text once; over the limit without the older half, so that this
--- is not done each time.
local function rewrite(self)
    local entries, rows = self:list(), {}
    for at = #entries > MOST and #entries - MOST // 2 + 1 or 1, #entries do
        rows[#rows + 1] = json.encode(entries[at]) .. "\n"
    end
    local written, err = fs.write(self.path, table.concat(rows), {mode = ONLY_OWNER})
    self.is_torn = self.is_torn and not written
    self.warning = self.warning or err and err.message
end

local function load(self, status)
    local content, err = fs.read(self.path, {limit = FILE_LIMIT})
    if not content then
        self.warning = err.message
        return
    end
    self.is_torn = content:find("[^\n]$") ~= nil
    local rows, damaged = parse(self, content)
    if damaged > 0 then
        self.warning = string.format("%s: %d damaged lines were left out", self.path, damaged)
    end
    if (#self:list() > MOST or rows > 2 * MOST or status.mode & OTHERS ~= 0)
        and not fs.readlink(self.path) then
        rewrite(self) -- which would take a link's place
    end
end

--- open(path) -> history; `warning` says what is wrong with the file. Without a path nothing is
--- kept, nor in what is no file: a pipe would be waited for.
function history.open(path)
    local self = setmetatable({path = path, entries = {}, places = {}}, history)
    local status, err
    if path then
        status, err = fs.stat(path)
    end
    if status and status.type ~= "file" then
        self.path, self.warning = nil, path .. ": not a file"
    elseif status then
        load(self, status)
    elseif err and err.code ~= "NotFound" then
        self.warning = err.message
    end
    return self
end

--- Adds what was entered; nil, err when it cannot be written down. A text that begins with a blank,
--- or holds a secret, is not written, and can only be recalled in this session.
function history:add(text)
    if not text:find("%S") or self.entries[#self.entries] == text then
        return true
    end
    remember(self, text)
    if not self.path or text:find("^%s") or #text > LONGEST or holds_secret(text) then
        return true
    end
    local made, err = fs.mkdir(fs.dirname(self.path), {parents = true})
    if not made then
        return nil, err
    end
    local row = (self.is_torn and "\n" or "") .. json.encode(text) .. "\n"
    local kept, problem = fs.append(self.path, row)
    self.is_torn = self.is_torn and not kept
    return kept, problem
end

return history
