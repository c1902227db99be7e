--- Medusa, the backups of Cassandra in Kubernetes (k8ssandra): what its kinds say, and its jobs.
local cassandra = require("salvor.cassandra")
local dates = require("salvor.dates")
local errors = require("salvor.error")
local fields = require("salvor.k8s.fields")
local keys = require("salvor").keys
local rules = require("salvor.k8s.ready.cassandra")

local text = fields.text

local medusa = {}

medusa.API = "medusa.k8ssandra.io/v1alpha1"

-- The rules know Medusa's kinds by its own group, whatever the group of a distribution's.
local GROUP = "medusa.k8ssandra.io/"
local KINDS = {backup = "MedusaBackup", backup_job = "MedusaBackupJob",
               restore_job = "MedusaRestoreJob"}

-- A MedusaBackup is created before its job is said to have finished.
local APPEARS = 120 -- seconds

--- kinds(api) -> {backup, backup_job, restore_job}: the names of the kinds, as a client takes them,
--- of an API such as medusa.API.
function medusa.kinds(api)
    local kinds = {}
    for name, kind in pairs(KINDS) do
        kinds[name] = api .. "/" .. kind
    end
    return kinds
end

--- For a procedure's permissions: one of these kinds, of the API that its parameter `medusa` names.
function medusa.permitted(which)
    return function(params)
        return KINDS[which]:lower() .. "s." .. (params.medusa:match("^(.*)/") or params.medusa)
    end
end

--- state(which, object) -> "ready", "failed" or "waiting", and why. `which`: a name in kinds().
function medusa.state(which, object)
    return rules[GROUP .. KINDS[which]](object)
end

local function wait_options(which, timeout)
    return {
        timeout = timeout,
        ready = function(object)
            local state, why = medusa.state(which, object)
            return state == "ready", why
        end,
        failed = function(object)
            local state, why = medusa.state(which, object)
            return state == "failed", why
        end,
    }
end

-- Backups

local function describe(object)
    local state, why = medusa.state("backup", object)
    local finished = dates.iso(text(object, "status", "finishTime"))
    return {
        name = object.metadata.name,
        datacenter = text(object, "spec", "cassandraDatacenter"),
        type = text(object, "spec", "backupType"),
        finished = finished and math.floor(finished),
        nodes = fields.integer(object, "status", "totalNodes"),
        finished_nodes = fields.integer(object, "status", "finishedNodes"),
        racks = cassandra.racks(fields.items(object, "status", "nodes")),
        files = fields.integer(object, "status", "totalFiles"),
        size = text(object, "status", "totalSize"),
        usable = state == "ready",
        why = why,
    }
end

--- backups(client, kinds, datacenter's name) -> list of {name, datacenter, type, finished (seconds
--- since 1970, nil when it has not), nodes, finished_nodes, racks = {name = number of nodes},
--- files, size (text), usable, why (it is not)} of the datacenter, the oldest first. Raises what
--- prevents the look.
function medusa.backups(client, kinds, datacenter)
    local found = {}
    for object in client:each(kinds.backup) do
        local backup = describe(object)
        if backup.datacenter == datacenter then
            found[#found + 1] = backup
        end
    end
    table.sort(found, function(a, b)
        local first, second = a.finished or math.huge, b.finished or math.huge
        if first ~= second then
            return first < second
        end
        return a.name < b.name
    end)
    return found
end

--- get(client, kinds, name) -> the backup as in backups(), or nil and an error
function medusa.get(client, kinds, name)
    local object, err = client:get(kinds.backup, name)
    return object and describe(object), err
end

--- describe(backup) -> one line for people
function medusa.describe(backup)
    return string.format("%s: %s of %s nodes%s%s%s", backup.name, backup.finished_nodes or "?",
        backup.nodes or "?", backup.size and ", " .. backup.size or "",
        backup.finished and os.date("!, finished %Y-%m-%dT%H:%M:%SZ", backup.finished) or "",
        backup.usable and "" or "; " .. tostring(backup.why))
end

local function same_racks(one, other)
    local names = keys(one)
    for index, name in ipairs(keys(other)) do
        if names[index] ~= name or one[name] ~= other[name] then
            return false
        end
    end
    return #names == #keys(other)
end

local function rack_words(racks)
    local words = {}
    for index, name in ipairs(keys(racks)) do
        words[index] = name .. " (" .. racks[name] .. ")"
    end
    return table.concat(words, ", ")
end

--- obstacle(backup, datacenter) -> why the backup cannot be restored onto the datacenter {name,
--- size, racks}; nil when nothing is known to forbid it. Medusa's operator refuses the same, but
--- only in its job. What came by a sync may not tell its nodes.
function medusa.obstacle(backup, datacenter)
    if not backup.usable then
        return tostring(backup.why)
    elseif backup.datacenter ~= datacenter.name then
        return string.format("it is of datacenter %s, not of %s", tostring(backup.datacenter),
            datacenter.name)
    elseif backup.nodes ~= datacenter.size then
        return string.format("it has %d nodes, the datacenter %s", backup.nodes,
            tostring(datacenter.size))
    elseif next(backup.racks) and not same_racks(backup.racks, datacenter.racks) then
        return string.format("its racks are %s, those of the datacenter %s",
            rack_words(backup.racks), rack_words(datacenter.racks))
    end
    return nil
end

--- newest(backups, datacenter) -> the newest of such a list that can be restored, onto that
--- datacenter when there is one, or nil
function medusa.newest(backups, datacenter)
    local best
    for _, backup in ipairs(backups) do
        if backup.usable and backup.finished
            and not (datacenter and medusa.obstacle(backup, datacenter)) then
            best = backup
        end
    end
    return best
end

-- Jobs

--- The name of the run's job: the one that was interrupted, or the next after those that failed,
--- since a failed one is never taken up again.
local function own_job(client, kinds, which, name)
    local candidate, number = name, 1
    while true do
        local job, err = client:get(kinds[which], candidate)
        if not job and err.code ~= "NotFound" then
            error(err, 0)
        elseif not job or medusa.state(which, job) ~= "failed" then
            return candidate
        end
        number = number + 1
        candidate = name .. "-" .. number
    end
end

local function create_job(client, kinds, which, datacenter, name, spec)
    local api, kind = kinds[which]:match("^(.*)/([^/]+)$")
    spec.cassandraDatacenter = datacenter.name
    must(client:create({
        apiVersion = api, kind = kind,
        metadata = {name = name, labels = {
            ["cassandra.datastax.com/cluster"] = datacenter.cluster,
            ["cassandra.datastax.com/datacenter"] = datacenter.name,
        }},
        spec = spec,
    }))
end

--- take(client, kinds, datacenter, name, timeout) -> the new full backup, which bears that name, as
--- its job does; after a failed attempt with a number behind it. datacenter: {cluster, name}.
--- Raises when it fails, with the pods that it failed on.
function medusa.take(client, kinds, datacenter, name, timeout)
    name = own_job(client, kinds, "backup_job", name)
    create_job(client, kinds, "backup_job", datacenter, name, {backupType = "full"})
    must(client:wait(kinds.backup_job, name, wait_options("backup_job", timeout)))
    local options = wait_options("backup", math.min(timeout, APPEARS))
    options.create = true
    return describe(must(client:wait(kinds.backup, name, options)))
end

--- A job without a status says nothing at all: what it waits for has to be found out.
local function not_begun(client, kinds, job, backup, cause)
    local found, err = client:get(kinds.backup, backup)
    local is_missing = not found and err.code == "NotFound"
    return errors.new({
        code = "Timeout",
        message = "MedusaRestoreJob " .. job .. " does not begin: " .. (is_missing
            and "MedusaBackup " .. backup .. " is not in the cluster, and without it the job stays"
            .. " like this for ever" or "its status stays empty"),
        hint = is_missing and medusa.SYNC
            or "is the k8ssandra operator running? its log may say why",
        cause = cause,
    })
end

--- What brings MedusaBackups that are in storage and not in the cluster.
medusa.SYNC = "when bucket and prefix are those of the backup, a MedusaTask with operation sync"
    .. " brings what is in storage; anywhere else it would delete the MedusaBackups there are"

--- restore(client, kinds, datacenter, name, backup, timeouts): restores the backup of that name by
--- a job `name`, or `name` with a number after a failed one. timeouts: {begin, finish} in seconds.
--- Done is what stopped the datacenter and finished without a message; all else raises.
function medusa.restore(client, kinds, datacenter, name, backup, timeouts)
    name = own_job(client, kinds, "restore_job", name)
    create_job(client, kinds, "restore_job", datacenter, name, {backup = backup})
    local begun, err = client:wait(kinds.restore_job, name, {
        timeout = timeouts.begin,
        ready = function(job)
            return text(job, "status", "startTime") ~= nil, "its status is empty"
        end,
    })
    if not begun and err.code == "Timeout" then
        err = not_begun(client, kinds, name, backup, err)
    end
    must(begun, err)
    must(client:wait(kinds.restore_job, name, wait_options("restore_job", timeouts.finish)))
end

--- is_restored(client, kinds, name) -> whether the job of that name, or one of those after it, has
--- restored
function medusa.is_restored(client, kinds, name)
    local job = client:get(kinds.restore_job, own_job(client, kinds, "restore_job", name))
    return job ~= nil and medusa.state("restore_job", job) == "ready"
end

--- pending(client, kinds, datacenter's name) -> list of {name, backup, begun} of the restore jobs
--- that have not ended. Raises what prevents the look.
function medusa.pending(client, kinds, datacenter)
    local found = {}
    for job in client:each(kinds.restore_job) do
        if text(job, "spec", "cassandraDatacenter") == datacenter
            and not text(job, "status", "finishTime") then
            found[#found + 1] = {name = job.metadata.name, backup = text(job, "spec", "backup"),
                                 begun = text(job, "status", "startTime") ~= nil}
        end
    end
    return found
end

return medusa
