--- The real pgBackRest, as the pods of API Connect have it: against a bucket, and with the control
--- file of a real PostgreSQL in the place of a database that runs.
---
---     local code, said = pgbackrest_run.stanza_create(env, ca)
---
--- `env` has its settings (PGBACKREST_...), `ca` is the certificate of the server's authority as
--- text, or "". For pods see support.pgbackrest_pod.
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local proc = require("salvor.proc")
local repositories = require("support.pgbackrest")
local task = require("salvor.task")

local pgbackrest_run = {}

local CONTROL = "global/pg_control"

local data -- the folder of a database, made on first use
local making -- by a task, while others wait
-- Keeps the finaliser until the state is closed.
local own -- luacheck: ignore 231

--- The data folder of a database that was real. Its system is another one when `other`, since the
--- system's number is what a control file begins with.
function pgbackrest_run.make_data(folder, other)
    local repository = repositories.copy("none")
    local full = repositories.labels(repository).full
    local control = must(fs.read(repositories.folder(repository, "backup") .. "/" .. full
        .. "/pg_data/" .. CONTROL))
    must(fs.remove_tree(fs.dirname(repository)))
    if other then
        control = string.char(control:byte() ~ 1) .. control:sub(2)
    end
    must(fs.mkdir(folder .. "/global", {parents = true}))
    must(fs.write(folder .. "/" .. CONTROL, control))
    return folder
end

local function data_folder(other)
    while making do
        task.sleep(0.01)
    end
    if not data then
        making = true
        local folder = must(fs.temporary_folder())
        own = setmetatable({}, {__gc = function()
            os.execute("rm -rf '" .. folder .. "'")
        end})
        pgbackrest_run.make_data(folder .. "/own")
        pgbackrest_run.make_data(folder .. "/other", true)
        data, making = folder, nil
    end
    return data .. (other and "/other" or "/own")
end

--- stanza_create(env, ca, other) -> exit code, what it said. `other`: of another system.
function pgbackrest_run.stanza_create(env, ca, other)
    local folder = must(fs.temporary_folder())
    must(fs.write(folder .. "/ca.crt", ca))
    local result = must(proc.run({"pgbackrest", "--no-config", "--no-online", "stanza-create"}, {
        timeout = 60,
        env = merge(env, {
            PGBACKREST_PG1_PATH = data_folder(other),
            PGBACKREST_LOG_LEVEL_FILE = "off",
            PGBACKREST_LOCK_PATH = folder,
            PGBACKREST_IO_TIMEOUT = "1",
            PGBACKREST_REPO1_STORAGE_CA_FILE = ca ~= "" and folder .. "/ca.crt" or false,
        }),
    }))
    must(fs.remove_tree(folder))
    return result.code, result.stdout .. result.stderr
end

return pgbackrest_run
