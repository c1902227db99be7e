--- The folder of each run: where it is, its name, and who holds it.
local errors = require("salvor.error")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local journal = require("salvor.procedure.journal")

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

--- Two processes must not work on one run: the lock goes with the process that holds it.
local function lock(folder, id)
    local handle, err = fs.lock(fs.join(folder, "lock"))
    if not handle then
        if err.code == "Conflict" then
            err = errors.new({code = "Conflict", message = "run " .. id .. " is at work already",
                              hint = "wait for it to end", cause = err})
        end
        error(err, 0)
    end
    return handle
end

--- create() -> {id, folder, journal, lock}; raises when the state folder cannot be written.
function runs.create()
    local id = runs.new_id()
    local folder = fs.join(root(), id)
    local made, err = fs.mkdir(folder, {parents = true})
    if not made then
        error(errors.new({
            code = err.code,
            message = "the journal of the run cannot be made: " .. err.message,
            hint = "let $XDG_STATE_HOME name a folder that can be written; nothing was changed",
            cause = err,
        }), 0)
    end
    return {
        id = id,
        folder = folder,
        lock = lock(folder, id),
        journal = journal.create(fs.join(folder, "journal.jsonl")),
    }
end

--- open(id) -> the same with `records`; raises NotFound, Conflict (it is running) or Corrupt.
function runs.open(id)
    local folder = fs.join(root(), id)
    if not id:match("^[%d]+-[%d]+-%x+$") or not fs.stat(folder) then
        error(errors.new({
            code = "Usage",
            message = "there is no run '" .. id .. "' in " .. root(),
            hint = "its number was printed when it started",
        }), 0)
    end
    local held = lock(folder, id)
    local opened, records = journal.open(fs.join(folder, "journal.jsonl"))
    if not opened then
        error(records, 0)
    end
    return {id = id, folder = folder, lock = held, journal = opened, records = records}
end

return runs
