--- The journal of a run: one JSON record a line, appended and flushed to disk before and after each
--- effect. Each record carries the SHA-256 of the line before it, so that a change is noticed.
--
-- Texts for people are masked before they come here (salvor.secret); names and numbers that a
-- resumed run reads back are kept as they are.
local dates = require("salvor.dates")
local digest = require("salvor.digest")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local json = require("salvor.json")

local journal = {}

local Journal = {}
Journal.__index = Journal

local FIRST = string.rep("0", 64)

--- A journal whose file has so many records and bytes; last: the digest of its last line.
local function new(path, count, last, size, echo)
    local whole = {count = count, last = last, size = size}
    return setmetatable({path = path, whole = whole, echo = echo}, Journal)
end

--- Counts the line that was begun to be written, if it is on disk. Ctrl-C raises between any two
--- instructions: whoever it interrupts before this has the next append do it, so what is known of
--- the file is one value.
function Journal:count_written()
    local line, whole = self.begun, self.whole
    if line and must(fs.stat(self.path)).size > whole.size then
        self.whole = {count = whole.count + 1, last = digest.sha256(line),
                      size = whole.size + #line + 1}
        if self.echo then
            self.echo(line)
        end
    end
    self.begun = nil
end

--- Appends the record {type=, ...} and returns once it is on disk; echo, a function where there is
--- one, is then given the line. Raises when that is impossible: without a journal there is no safe
--- way on.
function Journal:append(record)
    self:count_written()
    local line = {number = self.whole.count + 1, time = dates.text(), previous = self.whole.last}
    for key, value in pairs(record) do
        assert(not line[key], "a record has no field of its own called " .. key)
        line[key] = value
    end
    self.begun = must(json.encode(line))
    must(fs.append(self.path, self.begun .. "\n"))
    self:count_written()
    return line
end

local function corrupt(path, records, problem)
    return nil, errors.new({
        code = "Corrupt",
        message = path .. ", record " .. #records + 1 .. ": " .. problem,
        hint = "the journal was changed after it was written; start a new run",
    }), records
end

--- The lines that have an end, each with the place behind it. A pattern would look for the end of a
--- torn one at each of its bytes.
local function lines(text)
    local from = 1
    return function()
        local stop = text:find("\n", from, true)
        if stop then
            local line = text:sub(from, stop - 1)
            from = stop + 1
            return line, from
        end
    end
end

--- Reads and checks the whole journal: its records | nil, err, the records before the damage. The
--- last line may be torn, since whoever wrote it may have been killed: `whole` is the size without
--- it.
local function read(path)
    local text, err = fs.read(path)
    if not text then
        return nil, err
    end
    local records, last, whole = {}, FIRST, 0
    for line, after in lines(text) do
        local number = #records + 1
        local record = json.decode(line)
        if type(record) ~= "table" or record.number ~= number then
            return corrupt(path, records, "not a record of this journal")
        elseif record.previous ~= last then
            return corrupt(path, records, "does not follow the record before it")
        end
        records[number], last, whole = record, digest.sha256(line), after - 1
    end
    return records, nil, last, whole, #text
end

journal.read = read

--- look(path) -> {path, records, sha256, holds, problem, torn}: what can be told of a
--- journal in any state. `records`: those before the damage, if any, which `problem` names; `torn`:
--- bytes of a last line that was not written to its end; `sha256` of the file.
function journal.look(path)
    local records, err, last, whole, size = read(path)
    local seen = {path = path, records = records or last or {}, holds = records ~= nil,
                  problem = err and err.message}
    seen.torn = records and whole < size and size - whole or nil
    seen.sha256 = digest.file("sha256", path)
    return seen
end

function journal.create(path, echo)
    must(fs.write(path, "", {exclusive = true}))
    return new(path, 0, FIRST, 0, echo)
end

--- open(path, echo) -> journal to go on with, its records | nil, err. Cuts a torn last line off.
function journal.open(path, echo)
    local records, err, last, whole, size = read(path)
    if not records then
        return nil, err
    end
    if whole < size then
        must(fs.truncate(path, whole))
    end
    return new(path, #records, last, whole, echo), records
end

return journal
