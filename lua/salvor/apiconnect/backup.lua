--- Backups of the API Connect v10 management database, of either generation of that database.
local apiconnect = require("salvor.apiconnect")
local crunchy = require("salvor.k8s.ready.apiconnect")
local dates = require("salvor.dates")
local dig = require("salvor").dig
local edb = require("salvor.k8s.ready.postgres")

local backup = {}

--- "20260826-154646F" or "2026-08-26T15:46:46Z" or seconds since 1970 -> those seconds, or nil
local function to_epoch(stamp)
    if math.type(stamp) == "integer" then
        return stamp
    end
    return type(stamp) == "string" and (dates.iso(stamp) or dates.compact(stamp)) or nil
end

backup.to_epoch = to_epoch

local generations = {
    crunchy = {
        kind = apiconnect.MANAGEMENT_BACKUP,
        belongs = function(object, owner)
            return dig(object, "spec", "clusterName") == owner.name
        end,
        belonging = function(owner)
            return "ManagementBackup with spec.clusterName " .. owner.name
        end,
        state = crunchy["management.apiconnect.ibm.com/ManagementBackup"],
        describe = function(object)
            local id = dig(object, "status", "id")
            return id, to_epoch(dig(object, "status", "info", "rangeEnd")) or to_epoch(id)
        end,
        new = function(owner)
            return {
                apiVersion = "management.apiconnect.ibm.com/v1beta1",
                kind = "ManagementBackup",
                spec = {type = "full", crType = "create", clusterName = owner.name},
            }
        end,
    },
    edb = {
        kind = apiconnect.EDB_BACKUP,
        belongs = function(object, owner)
            return dig(object, "spec", "cluster", "name") == owner.database_cluster
        end,
        belonging = function(owner)
            return "EDB Backup with spec.cluster.name " .. owner.database_cluster
        end,
        state = edb["postgresql.k8s.enterprisedb.io/Backup"],
        describe = function(object)
            local id = dig(object, "status", "backupId")
            local time = to_epoch(dig(object, "status", "stoppedAt")) or to_epoch(id)
                or to_epoch(object.metadata.creationTimestamp)
            return id, time, dig(object, "status", "serverName")
        end,
        new = function(owner)
            return {
                apiVersion = "postgresql.k8s.enterprisedb.io/v1",
                kind = "Backup",
                spec = {cluster = {name = owner.database_cluster}},
            }
        end,
    },
}

--- belonging(owner) -> text: by what a backup of that system is told from others.
function backup.belonging(owner)
    return generations[owner.database].belonging(owner)
end

--- newest(client, owner) -> {name, id, time, server (where EDB's stand below databaseBackup.path)}
--- of the newest backup that can be used, or nil; and how many of this system there
--- are in all. owner: {name, database, database_cluster}.
function backup.newest(client, owner)
    local generation = generations[owner.database]
    local best, count = nil, 0
    for object in client:each(generation.kind) do
        if generation.belongs(object, owner) then
            count = count + 1
            local id, time, server = generation.describe(object)
            if generation.state(object) == "ready" and time and (not best or time > best.time) then
                best = {name = object.metadata.name, id = id, time = time, server = server}
            end
        end
    end
    return best, count
end

--- find(client, owner, id) -> {name, id, time, server} of the usable backup of that id, or nil.
function backup.find(client, owner, wanted)
    local generation = generations[owner.database]
    for object in client:each(generation.kind) do
        local id, time, server = generation.describe(object)
        if id == wanted and generation.belongs(object, owner)
            and generation.state(object) == "ready" then
            return {name = object.metadata.name, id = id, time = time, server = server}
        end
    end
end

local function find(client, generation, name)
    local object, err = client:get(generation.kind, name)
    if not object and err.code ~= "NotFound" then
        error(err, 0)
    end
    return object
end

--- The name, or when a backup of that name has failed "name-2" and so on.
local function name_to_take(client, generation, name)
    local candidate, number = name, 1
    while generation.state(find(client, generation, candidate)) == "failed" do
        number = number + 1
        candidate = name .. "-" .. number
    end
    return candidate
end

--- take(client, owner, name, timeout) -> {name, id, time, server}; raises when it fails, with the
--- operator's own reason. Repeating it with the same name goes on with the same backup, unless that
--- has failed.
function backup.take(client, owner, name, timeout)
    local generation = generations[owner.database]
    local object = generation.new(owner)
    name = name_to_take(client, generation, name)
    object.metadata = {name = name}
    must(client:create(object))
    local done = must(client:wait(generation.kind, name, {timeout = timeout}))
    local id, time, server = generation.describe(done)
    return {name = name, id = id, time = time, server = server}
end

--- is_usable(client, owner, name) -> boolean: that backup exists and has succeeded.
function backup.is_usable(client, owner, name)
    local generation = generations[owner.database]
    local object = find(client, generation, name)
    return generation.state(object) == "ready"
end

return backup
