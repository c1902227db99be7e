--- The folder of each run: where it is, its name, and who holds it.
local errors = require("salvor.error")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local journal = require("salvor.procedure.journal")
local usage = require("salvor.usage")

local runs = {}

local function root()
    return fs.join(folders.state(), "runs")
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

--- create() -> {id, folder, journal, lock}; raises when the state folder cannot be written.
function runs.create()
    local id = runs.new_id()
    local folder = fs.join(root(), id)
    local made, err = fs.mkdir(folder, {parents = true})
    if not made then
        cannot_write(err, "let $XDG_STATE_HOME name a folder that can be written")
    end
    return {
        id = id,
        folder = folder,
        lock = lock(folder, id),
        journal = journal.create(fs.join(folder, "journal.jsonl")),
    }
end

local function check_id(id)
    local folder = fs.join(root(), id)
    if not id:match("^[%d]+-[%d]+-%x+$") or not fs.stat(folder) then
        usage("there is no run '" .. id .. "' in " .. root(), "salvor runs lists them")
    end
    return folder
end

--- open(id) -> the same with `records`; raises Usage (there is none), Conflict (it is at work),
--- Corrupt, or why it cannot be written.
function runs.open(id)
    local folder = check_id(id)
    local held = lock(folder, id)
    local opened, records = journal.open(fs.join(folder, "journal.jsonl"))
    if not opened then
        error(records, 0)
    end
    return {id = id, folder = folder, lock = held, journal = opened, records = records}
end

--- The ids of all runs, the newest first. A folder that has another name is none.
function runs.ids()
    local found, err = fs.list(root())
    if not found and err.code ~= "NotFound" then
        error(err, 0)
    end
    local ids = {}
    for _, entry in ipairs(found or {}) do
        if entry.type == "folder" and entry.name:match("^%d+%-%d+%-%x+$") then
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

--- look(id) -> {id, folder, held, journal = what salvor.procedure.journal.look tells}, whatever
--- state the run is in; raises Usage when there is none by that id.
function runs.look(id)
    local folder = check_id(id)
    local held = is_held(folder)
    return {id = id, folder = folder, held = held,
            journal = journal.look(fs.join(folder, "journal.jsonl"))}
end

--- remove(id): takes the run and its journal away; raises Conflict when a process works on it.
function runs.remove(id)
    local folder = check_id(id)
    local held <close> = lock(folder, id) -- luacheck: ignore 211
    must(fs.remove_tree(folder))
end

return runs
