--- The folder of each run: where it is, its name, and who holds it.
---
--- It is made and removed under a hidden name, so that a kill leaves a run with a journal or none.
local copy = require("salvor.copy")
local dates = require("salvor.dates")
local errors = require("salvor.error")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local journal = require("salvor.procedure.journal")
local usage = require("salvor.usage")

local runs = {}

local ID = "%d+%-%d+%-%x+"
local DAY = 24 * 3600

local function root()
    return fs.join(folders.state(), "runs")
end

local function folder_of(id)
    return fs.join(root(), id)
end

local function hidden_of(id)
    return fs.join(root(), "." .. id)
end

local function journal_in(folder)
    return fs.join(folder, "journal.jsonl")
end

local function random_hex(bytes)
    local source <close> = assert(io.open("/dev/urandom", "rb"))
    return (source:read(bytes):gsub(".", function(byte)
        return string.format("%02x", byte:byte())
    end))
end

--- A name that sorts by time and fits into a Kubernetes name and label: 20261121-001500-1f3a9c.
function runs.new_id()
    return os.date("!%Y%m%d-%H%M%S-") .. random_hex(3)
end

local function cannot_write(err, hint)
    error(errors.new({
        code = err.code,
        message = "the journal of the run cannot be written: " .. err.message,
        hint = (err.hint and err.hint .. ", or " or "") .. hint .. "; nothing was changed",
        cause = err,
    }), 0)
end

--- Two processes must not work on one run: the lock goes with the process that holds it.
local function lock(folder, id)
    local handle, err = fs.lock(fs.join(folder, "lock"))
    if not handle and err.code == "Conflict" then
        error(errors.new({code = "Conflict", message = "run " .. id .. " is at work already",
                          hint = "wait for it to end", cause = err}), 0)
    elseif not handle then
        cannot_write(err, "work as the user, and on the machine, that the run began with")
    end
    return handle
end

--- What kills have left under hidden names. One that is a day old is not being made any more.
local function tidy_up()
    for _, entry in ipairs(fs.list(root()) or {}) do
        local id = entry.name:match("^%.(" .. ID .. ")$")
        local began = dates.compact(id)
        if began and os.time() - began > DAY then
            fs.remove_tree(hidden_of(id))
        end
    end
end

--- create(begin, echo) -> {id, journal, lock}: a run whose journal begins with that record,
--- to which its id is added; echo: see salvor.procedure.journal. Raises when it cannot be written.
function runs.create(begin, echo)
    tidy_up()
    local id = runs.new_id()
    local folder, hidden = folder_of(id), hidden_of(id)
    local made, err = fs.mkdir(hidden, {parents = true})
    if not made then
        cannot_write(err, "let $XDG_STATE_HOME name a folder that can be written")
    end
    local held = lock(hidden, id)
    local begun = journal.create(journal_in(hidden), echo)
    begun:append(copy.merge(begin, {run = id}))
    must(fs.rename(hidden, folder))
    begun.path = journal_in(folder)
    return {id = id, lock = held, journal = begun}
end

local function check_id(id)
    local folder = folder_of(id)
    if not id:match("^" .. ID .. "$") or not fs.stat(folder) then
        usage("there is no run '" .. id .. "' in " .. root(), "salvor runs lists them")
    end
    return folder
end

--- open(id, echo) -> the same with `records`; raises Usage (there is none), Conflict (it is at
--- work), Corrupt, or why it cannot be written.
function runs.open(id, echo)
    local folder = check_id(id)
    local held = lock(folder, id)
    local opened, records = journal.open(journal_in(folder), echo)
    if not opened then
        error(records, 0)
    end
    return {id = id, lock = held, journal = opened, records = records}
end

--- The ids of all runs, the newest first. A folder that has another name is none.
function runs.ids()
    local found, err = fs.list(root())
    if not found and err.code ~= "NotFound" then
        error(err, 0)
    end
    local ids = {}
    for _, entry in ipairs(found or {}) do
        if entry.type == "folder" and entry.name:match("^" .. ID .. "$") then
            table.insert(ids, 1, entry.name)
        end
    end
    return ids
end

--- Whether a process works on the run. Nothing is made for it in a folder that only can be read.
local function is_held(folder)
    local path = fs.join(folder, "lock")
    if not fs.stat(path) then
        return false
    end
    local handle, err = fs.lock(path)
    if handle then
        handle:close()
    end
    return not handle and err.code == "Conflict"
end

--- look(id) -> {id, held, journal = what salvor.procedure.journal.look tells}, whatever
--- state the run is in; raises Usage when there is none by that id.
function runs.look(id)
    local folder = check_id(id)
    return {id = id, held = is_held(folder), journal = journal.look(journal_in(folder))}
end

--- remove(id): takes the run and its journal away; raises Conflict when a process works on it.
function runs.remove(id)
    local folder = check_id(id)
    local held <close> = lock(folder, id) -- luacheck: ignore 211
    must(fs.rename(folder, hidden_of(id)))
    must(fs.remove_tree(hidden_of(id)))
end

return runs
