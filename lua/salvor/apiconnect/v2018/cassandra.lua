--- The database of API Connect v2018's management subsystem: the CassandraCluster, its pods, their
--- space, and what there is to see of a restore.
local dig = require("salvor").dig
local errors = require("salvor.error")
local json = require("salvor.json")
local salvor = require("salvor")
local state_of = require("salvor.k8s.ready").state
local task = require("salvor.task")

local cassandra = {}

cassandra.KIND = "cassandraclusters.apic.ibm.com"

local JOB = "^restore%-%w+$" -- the Job of a restore

-- What a restore takes up lies here.
local VOLUME, DATA = "/var/db/", "/var/db/data/"

-- Pods

--- pods(client, cluster) -> the pods <cluster>-0, -1, ... sorted by their index, each {name, index,
--- problem = why it cannot take a restore}
function cassandra.pods(client, cluster)
    local found = {}
    for pod in client:each("pods") do
        local name = pod.metadata.name
        local index = name:sub(1, #cluster + 1) == cluster .. "-"
            and name:sub(#cluster + 2):match("^%d+$")
        if index then
            local state, reason = state_of(pod)
            local phase = dig(pod, "status", "phase") or "(none)"
            if dig(pod, "metadata", "deletionTimestamp") then
                reason = "it is being deleted"
            elseif state == "ready" and phase == "Running" then
                reason = nil
            else
                reason = "phase " .. phase .. (reason and ", " .. reason or "")
            end
            found[#found + 1] = {name = name, index = math.tointeger(tonumber(index)),
                                 problem = reason}
        end
    end
    table.sort(found, function(one, other)
        return one.index < other.index
    end)
    return found
end

-- Space

local function unreadable(pod, argv, result)
    error(errors.new({code = "Failed", op = table.concat(argv, " "),
        message = string.format("in pod %s: exit code %d, and %s", pod, result.code,
            result.stdout:find("%S") and "an answer that is not understood" or "no answer"),
        hint = "name the container of Cassandra with -p container=…, or leave this out with"
            .. " -p space=false and look yourself"}), 0)
end

local function ask(client, pod, argv, pattern, container)
    local result = must(client:exec(pod, argv, {read_only = true, container = container}))
    local last = result.stdout:match("([^\n]+)\n*$") or ""
    local kib = result.code == 0 and math.tointeger(tonumber(last:match(pattern)))
    return kib or unreadable(pod, argv, result)
end

--- space(client, pod, container) -> {available, database} in KiB; raises. `-P -k`: one line for
--- each file system, and KiB whatever the environment of the container says.
function cassandra.space(client, pod, container)
    return {
        available = ask(client, pod, {"df", "-P", "-k", VOLUME}, "%d+%s+%d+%s+(%d+)%s+%d+%%",
            container),
        database = ask(client, pod, {"du", "-s", "-k", DATA}, "^(%d+)%s", container),
    }
end

--- spaces(client, pods, container) -> {[index] = {available, database}}; raises.
function cassandra.spaces(client, pods, container)
    local of = task.map(pods, function(pod)
        return cassandra.space(client, pod.name, container)
    end)
    local spaces = {}
    for number, pod in ipairs(pods) do
        spaces[pod.index] = of[number]
    end
    return spaces
end

-- Restores

--- The Jobs of restores, whatever became of them.
function cassandra.restore_jobs(client)
    local jobs = {}
    for job in client:each("jobs.batch") do
        if job.metadata.name:find(JOB) then
            jobs[#jobs + 1] = job
        end
    end
    return jobs
end

--- "ready", "waiting" or "failed"
function cassandra.job_state(job)
    return (state_of(job))
end

--- new_restore(jobs, known) -> the newest Job that is not in {uid = true} and has not failed; nil
function cassandra.new_restore(jobs, known)
    local newest
    for _, job in ipairs(jobs) do
        local time = job.metadata.creationTimestamp or ""
        if not known[job.metadata.uid] and cassandra.job_state(job) ~= "failed"
            and (not newest or time > newest.metadata.creationTimestamp) then
            newest = job
        end
    end
    return newest
end

--- await_restore(client, known, seconds) -> the Job, nil when none has come by then
function cassandra.await_restore(client, known, seconds)
    for event in client:watch("jobs.batch", {timeout = seconds}) do
        local job = event.type ~= "DELETED" and event.object
        if job and job.metadata.name:find(JOB) and cassandra.new_restore({job}, known) then
            return job
        end
    end
    return nil
end

--- What the status says of the restore. The vendor's text calls it CassandraRestoreStatus, and its
--- examples ClusterRestoreStatus; where both are, both count.
local function restore_status(cluster)
    local texts = {}
    for _, field in ipairs({"ClusterRestoreStatus", "CassandraRestoreStatus"}) do
        local text = dig(cluster, "status", field)
        if text and text ~= texts[1] then
            texts[#texts + 1] = tostring(text)
        end
    end
    return table.concat(texts, "; ")
end

--- What was before a restore: later an old "completed", or an old failure, must not be taken for
--- its end.
function cassandra.note(client, name)
    local cluster = must(client:get(cassandra.KIND, name))
    local jobs = salvor.list({})
    for _, job in ipairs(cassandra.restore_jobs(client)) do
        jobs[#jobs + 1] = job.metadata.uid
    end
    return {status = restore_status(cluster), jobs = jobs,
            version = cluster.metadata.resourceVersion}
end

--- "Running Retrieve checks on backup file 1583268283534609276-1-3.tar.gz  for pod …"
local FILE = "(%d+)%-%d+%-%d+%.tar%.gz"

--- restored(cluster, before) -> the id of the backup that is being restored since note(), while the
--- status names a file of it; else nil.
function cassandra.restored(cluster, before)
    local status = restore_status(cluster)
    return status ~= before.status and status:match(FILE) or nil
end

--- What to say then, when it is another one.
function cassandra.not_of(other, backup)
    return "backup " .. other .. " is being restored, not " .. backup
end

--- is_of(job, backup) -> whether the Job of a restore names that backup. The vendor documents no
--- form of it, but such an id is found in any.
function cassandra.is_of(job, backup)
    return must(json.encode(job.spec)):find(backup, 1, true) ~= nil
end

--- watching(before, backup) -> the functions `ready` and `failed` for waiting for the restore of
--- that backup that began after note(). The status may still be the old one, although the object
--- has changed otherwise.
function cassandra.watching(before, backup)
    local function is_new(cluster)
        return restore_status(cluster) ~= before.status
    end
    local function ready(cluster)
        local state, reason = state_of(cluster)
        return state == "ready"
            and (is_new(cluster) or cluster.metadata.resourceVersion ~= before.version), reason
    end
    local function failed(cluster)
        local state, reason = state_of(cluster)
        local other = cassandra.restored(cluster, before) or backup
        if other ~= backup then
            return true, cassandra.not_of(other, backup)
        end
        return state == "failed" and is_new(cluster), reason
    end
    return ready, failed
end

return cassandra
