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

--- `whose` is the field of a backup that names its system, `told` that in which its operator does
--- where the first may be left out, `by` what the name is called in owner(); tell(object) -> id,
--- time, server; new(owner) -> the spec of a new one.
local generations = {
    crunchy = {
        plural = apiconnect.MANAGEMENT_BACKUP,
        api = "management.apiconnect.ibm.com/v1beta1",
        kind = "ManagementBackup",
        title = "ManagementBackup",
        whose = {"spec", "clusterName"},
        told = {"status", "clusterName"},
        by = "name",
        state = crunchy["management.apiconnect.ibm.com/ManagementBackup"],
        tell = function(object)
            local id = dig(object, "status", "id")
            return id, to_epoch(dig(object, "status", "info", "rangeEnd")) or to_epoch(id)
        end,
        new = function(owner)
            return {type = "full", crType = "create", clusterName = owner.name}
        end,
    },
    edb = {
        plural = apiconnect.EDB_BACKUP,
        api = "postgresql.k8s.enterprisedb.io/v1",
        kind = "Backup",
        title = "EDB Backup",
        whose = {"spec", "cluster", "name"},
        by = "database_cluster",
        state = edb["postgresql.k8s.enterprisedb.io/Backup"],
        tell = function(object)
            local id = dig(object, "status", "backupId")
            local time = to_epoch(dig(object, "status", "stoppedAt")) or to_epoch(id)
                or to_epoch(object.metadata.creationTimestamp)
            return id, time, dig(object, "status", "serverName")
        end,
        new = function(owner)
            return {cluster = {name = owner.database_cluster}}
        end,
    },
}

--- {name, id, time, server} of a backup.
local function describe(generation, object)
    local id, time, server = generation.tell(object)
    return {name = object.metadata.name, id = id, time = time, server = server}
end

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
    local generation = generations[owner.database]
    return generation.title .. " with " .. table.concat(generation.whose, ".") .. " "
        .. owner[generation.by]
end

--- The backups of that system that can be used, each {name, id, time, server (where EDB's stand
--- below databaseBackup.path)}; and how many of it there are in all. owner: see owner().
local function of(client, owner)
    local generation, found, count = generations[owner.database], {}, 0
    for object in client:each(generation.plural) do
        local whose = dig(object, table.unpack(generation.whose))
            or generation.told and dig(object, table.unpack(generation.told))
        if whose == owner[generation.by] then
            count = count + 1
            found[#found + 1] = generation.state(object) == "ready"
                and describe(generation, object) or nil
        end
    end
    return found, count
end

--- newest(client, owner) -> the newest of them, or nil; and how many there are in all.
function backup.newest(client, owner)
    local found, count = of(client, owner)
    local best
    for _, each in ipairs(found) do
        if each.time and (not best or each.time > best.time) then
            best = each
        end
    end
    return best, count
end

--- find(client, owner, id) -> the one of that id, or nil.
function backup.find(client, owner, id)
    for _, each in ipairs((of(client, owner))) do
        if each.id == id then
            return each
        end
    end
end

--- take(client, owner, name, timeout) -> {name, id, time, server}; see action.run().
function backup.take(client, owner, name, timeout)
    local generation = generations[owner.database]
    return describe(generation, action.run(client, generation.plural,
        {apiVersion = generation.api, kind = generation.kind, spec = generation.new(owner)}, name,
        timeout))
end

--- is_usable(client, owner, name) -> boolean: that backup exists and has succeeded.
function backup.is_usable(client, owner, name)
    return action.is_done(client, generations[owner.database].plural, name)
end

return backup
