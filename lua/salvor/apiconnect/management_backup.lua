--- Backups of the API Connect v10 management database, of either generation of that database.
local action = require("salvor.action")
local apiconnect = require("salvor.apiconnect")
local crunchy = require("salvor.k8s.ready.apiconnect")
local dates = require("salvor.dates")
local dig = require("salvor").dig
local edb = require("salvor.k8s.ready.postgres")
local errors = require("salvor.error")

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

--- The parameter of procedures that says which generation, where the version does not.
backup.PARAM = {
    name = "database", type = "enum", values = {"auto", "crunchy", "edb"}, default = "auto",
    help = "the generation of the management database; by version when auto",
}

--- may_be(database) -> function(params): whether by that parameter it may be of that generation.
function backup.may_be(database)
    return function(params)
        return params.database == "auto" or params.database == database
    end
end

--- generation(version, database) -> "crunchy" or "edb": as the parameter says, else the version;
--- nil, err when neither says it.
function backup.generation(version, database)
    local known = database ~= "auto" and database or apiconnect.database(version)
    return known, not known and errors.new({
        code = "Invalid",
        message = "version " .. version .. " may have the database of Crunchy or that of EDB",
        hint = "say which: -p database=crunchy or edb",
    }) or nil
end

--- owner(management, version, database) -> {name, database ("crunchy" or "edb"), database_cluster}
--- of a ManagementCluster: by what its backups are found. database: as the parameter says. nil, err
--- when the generation is not known.
function backup.owner(management, version, database)
    local known, err = backup.generation(version, database)
    if not known then
        return nil, err
    end
    return {name = management.metadata.name, database = known,
            database_cluster = apiconnect.database_cluster(management, known)}
end

--- belonging(owner) -> text: by what a backup of that system is told from others.
function backup.belonging(owner)
    return generations[owner.database].belonging(owner)
end

--- newest(client, owner) -> {name, id, time, server (where EDB's stand below databaseBackup.path)}
--- of the newest backup that can be used, or nil; and how many of this system there
--- are in all. owner: see owner().
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

--- take(client, owner, name, timeout) -> {name, id, time, server}; see action.run().
function backup.take(client, owner, name, timeout)
    local generation = generations[owner.database]
    local done = action.run(client, generation.kind, generation.new(owner), name, timeout)
    local id, time, server = generation.describe(done)
    return {name = done.metadata.name, id = id, time = time, server = server}
end

--- is_usable(client, owner, name) -> boolean: that backup exists and has succeeded.
function backup.is_usable(client, owner, name)
    return action.is_done(client, generations[owner.database].kind, name)
end

return backup
