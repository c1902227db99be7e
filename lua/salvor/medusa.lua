--- Medusa, the backups of Cassandra in Kubernetes (k8ssandra): what its kinds say, and its jobs.
local action = require("salvor.action")
local cassandra = require("salvor.cassandra")
local dates = require("salvor.dates")
local errors = require("salvor.error")
local fields = require("salvor.k8s.fields")
local find = require("salvor.k8s.find")
local keys = require("salvor").keys
local rules = require("salvor.k8s.ready.cassandra")
local usage = require("salvor.usage")

local text = fields.text

local medusa = {}

medusa.API = "medusa.k8ssandra.io/v1alpha1"
medusa.BACKUP, medusa.BACKUP_JOB, medusa.RESTORE_JOB =
    "MedusaBackup", "MedusaBackupJob", "MedusaRestoreJob"

--- The parameter of procedures that names it, where a distribution has its own.
medusa.PARAM = {
    name = "medusa", type = "string", default = medusa.API,
    help = "the API group and version of Medusa's kinds",
}

--- What brings MedusaBackups that are in storage and not in the cluster.
medusa.SYNC = "when bucket and prefix are those of the backup, a MedusaTask with operation sync"
    .. " brings what is in storage; anywhere else it would delete the MedusaBackups there are"

-- A MedusaBackup is created before its job is said to have finished.
local APPEARS = 120 -- seconds

local Medusa = {}
Medusa.__index = Medusa

--- of(ctx) -> the Medusa of a procedure's namespace, of the API that its parameter `medusa` names.
function medusa.of(ctx)
    return setmetatable({client = ctx.k8s, api = ctx.params.medusa}, Medusa)
end

--- For a procedure's permissions: a kind of the API that its parameter `medusa` names.
function medusa.permitted(kind)
    return function(params)
        local group = params.medusa:match("^([%l%d.-]+)/v%d%w*$")
        if not group then
            usage("-p medusa: '" .. params.medusa .. "' is no API",
                "give group/version, such as " .. medusa.API)
        end
        return kind:lower() .. "s." .. group
    end
end

--- rule_of(kind) -> function(object): "ready", "failed" or "waiting", and why. The rules know
--- Medusa's kinds by its own group, whatever the group of a distribution's.
local function rule_of(kind)
    return rules["medusa.k8ssandra.io/" .. kind]
end

--- Where it is written why a job of that kind has failed.
local LOGS = {
    [medusa.BACKUP_JOB] = "the log of the container medusa in that pod says why",
    [medusa.RESTORE_JOB] = "the logs of the k8ssandra operator, and of the init container"
        .. " medusa-restore in the pods of the datacenter, say more",
}

--- Waits until an object is ready, and raises when it fails.
local function await(self, kind, name, options)
    local state_of = rule_of(kind)
    local done, err = self.client:wait(self.api .. "/" .. kind, name, {
        timeout = options.timeout,
        create = options.create,
        wanted = options.wanted,
        ready = function(object)
            local state, why = state_of(object)
            return state == "ready", why
        end,
        failed = function(object)
            local state, why = state_of(object)
            return state == "failed", why
        end,
    })
    if not done and err.code == "Failed" then
        err = errors.new({code = err.code, op = err.op, message = err.message, cause = err,
                          hint = LOGS[kind]})
    end
    return must(done, err)
end

-- Backups

local function describe(object)
    local state, why = rule_of(medusa.BACKUP)(object)
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

--- backups(datacenter's name) -> list of {name, datacenter, type, finished (seconds
--- since 1970, nil when it has not), nodes, finished_nodes, racks = {name = number of nodes},
--- files, size (text), usable, why (it is not)} of the datacenter, the oldest first. Raises what
--- prevents the look.
function Medusa:backups(datacenter)
    local found = {}
    for object in self.client:each(self.api .. "/" .. medusa.BACKUP) do
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

--- backup(name) -> the backup as in backups(), or nil when there is none. Raises what prevents the
--- look.
function Medusa:backup(name)
    local object = find.object(self.client, self.api .. "/" .. medusa.BACKUP, name)
    return object and describe(object)
end

--- describe(backup) -> one line for people
function medusa.describe(backup)
    return string.format("%s: %s of %s nodes%s%s%s", backup.name, backup.finished_nodes or "?",
        backup.nodes or "?", backup.size and ", " .. backup.size or "",
        backup.finished and ", finished " .. dates.text(backup.finished) or "",
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
--- size, racks (nil when they are not known)}; nil when nothing is known to forbid it. Medusa's
--- operator refuses the same, but only in its job. What came by a sync may not tell its nodes.
function medusa.obstacle(backup, datacenter)
    if not backup.usable then
        return tostring(backup.why)
    elseif backup.datacenter ~= datacenter.name then
        return string.format("it is of datacenter %s, not of %s", tostring(backup.datacenter),
            datacenter.name)
    elseif backup.nodes ~= datacenter.size then
        return string.format("it has %d nodes, the datacenter %s", backup.nodes,
            tostring(datacenter.size))
    elseif next(backup.racks) and datacenter.racks
        and not same_racks(backup.racks, datacenter.racks) then
        return string.format("its racks are %s, those of the datacenter %s",
            rack_words(backup.racks), rack_words(datacenter.racks))
    end
    return nil
end

--- newest(backups, datacenter) -> the newest of such a list that can be restored onto that
--- datacenter, or nil
function medusa.newest(backups, datacenter)
    local best
    for _, backup in ipairs(backups) do
        if backup.finished and not medusa.obstacle(backup, datacenter) then
            best = backup
        end
    end
    return best
end

-- Jobs

--- Creates the run's job, and returns its name. before: of action.begin().
local function begin(self, kind, name, datacenter, spec, before)
    spec.cassandraDatacenter = datacenter.name
    return action.begin(self.client, self.api .. "/" .. kind, {
        apiVersion = self.api, kind = kind,
        metadata = {labels = {
            ["cassandra.datastax.com/cluster"] = datacenter.cluster,
            ["cassandra.datastax.com/datacenter"] = datacenter.name,
        }},
        spec = spec,
    }, name, {state = rule_of(kind), before = before})
end

--- take(datacenter, name, timeout) -> the new full backup, which bears that name, as its job does;
--- after a failed attempt with a number behind it. datacenter: {cluster, name}. Raises when it
--- fails, with the pods that it failed on.
function Medusa:take(datacenter, name, timeout)
    name = begin(self, medusa.BACKUP_JOB, name, datacenter, {backupType = "full"})
    await(self, medusa.BACKUP_JOB, name, {timeout = timeout, wanted = "to finish on every pod"})
    return describe(await(self, medusa.BACKUP, name, {timeout = math.min(timeout, APPEARS),
        create = true, wanted = "to be complete"}))
end

--- A job without a status says nothing at all: what it waits for has to be found out.
local function not_begun(self, job, backup, cause)
    local is_missing = self:backup(backup) == nil
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

local function has_begun(job)
    return (text(job, "status", "startTime") or text(job, "status", "finishTime")) ~= nil,
        "its status is empty"
end

--- Raises when a job of somebody else's has not ended: since the checks a schedule may have begun a
--- backup.
local function refuse_others(self, datacenter)
    local job = self:pending_restores(datacenter)[1] or self:pending_backups(datacenter)[1]
    if job then
        error(errors.new({code = "Conflict", message = job.message, hint = job.hint}), 0)
    end
end

--- restore(datacenter, name, backup, timeouts): restores the backup of that name by a job `name`,
--- or `name` with a number after a failed one. timeouts: {begin, finish} in seconds. Done is what
--- stopped the datacenter and finished without a message; all else raises. Not while another job of
--- that datacenter has not ended.
function Medusa:restore(datacenter, name, backup, timeouts)
    name = begin(self, medusa.RESTORE_JOB, name, datacenter, {backup = backup}, function()
        refuse_others(self, datacenter.name)
    end)
    local begun, err = self.client:wait(self.api .. "/" .. medusa.RESTORE_JOB, name,
        {timeout = timeouts.begin, ready = has_begun, wanted = "to begin"})
    if not begun and err.code == "Timeout" then
        err = not_begun(self, name, backup, err)
    end
    must(begun, err)
    await(self, medusa.RESTORE_JOB, name, {timeout = timeouts.finish, wanted = "to finish"})
end

--- is_restored(name) -> whether the job of that name, or one of those after it, has restored
function Medusa:is_restored(name)
    return action.is_done(self.client, self.api .. "/" .. medusa.RESTORE_JOB, name,
        rule_of(medusa.RESTORE_JOB))
end

--- The jobs of that kind on the datacenter that have not ended, each as explain(job, whether it has
--- begun) -> message, hint.
local function unfinished(self, kind, datacenter, explain)
    local found = {}
    for job in self.client:each(self.api .. "/" .. kind) do
        if text(job, "spec", "cassandraDatacenter") == datacenter
            and not text(job, "status", "finishTime") then
            local message, hint = explain(job, (has_begun(job)))
            found[#found + 1] = {message = kind .. " " .. job.metadata.name .. message, hint = hint}
        end
    end
    return found
end

--- pending_restores(datacenter's name) -> list of {message, hint}, one for each restore job that
--- has not ended. Raises what prevents the look.
function Medusa:pending_restores(datacenter)
    return unfinished(self, medusa.RESTORE_JOB, datacenter, function(job, begun)
        if begun then
            return " is under way", "wait until it has ended"
        end
        return " has not begun, but will as soon as MedusaBackup "
            .. tostring(text(job, "spec", "backup")) .. " appears", "delete it first"
    end)
end

--- pending_backups(datacenter's name) -> the same of backup jobs, as a schedule makes them
function Medusa:pending_backups(datacenter)
    return unfinished(self, medusa.BACKUP_JOB, datacenter, function(_, begun)
        return begun and " is under way" or " is about to begin",
            "Cassandra would be stopped below it: wait until it has ended; delete it if it never"
                .. " will"
    end)
end

return medusa
