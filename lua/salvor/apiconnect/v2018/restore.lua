--- The restore of API Connect v2018's management database: started once, watched to its end.
local cassandra = require("salvor.apiconnect.v2018.cassandra")
local errors = require("salvor.error")
local find = require("salvor.k8s.find")
local known = require("salvor.apiconnect.v2018.known")
local proc = require("salvor.proc")
local programs = require("salvor.apiconnect.v2018.programs")
local task = require("salvor.task")

local restore = {}

-- Tells a run that goes on after a kill from one that was never interrupted.
local PROCESS = string.format("%d-%.6f", proc.pid(), task.now())

local BY_HAND = "look at the pods of the subsystem, and at their logs; it is not to be run by hand:"
    .. " a resumed run knows whether to run it again"

--- Notes what was there before, so that the restore of this run can be told from others.
function restore.note(ctx)
    if not ctx.planning then
        ctx.facts.before = cassandra.note(ctx.k8s, known(ctx, "cluster"))
        ctx.facts.process = PROCESS
    end
end

local function earlier_jobs(ctx)
    local uids = {}
    for _, uid in ipairs(known(ctx, "before").jobs) do
        uids[uid] = true
    end
    return uids
end

--- The Job of a restore that has begun since the note, if any.
local function new_job(ctx)
    return cassandra.new_restore(cassandra.restore_jobs(ctx.k8s), earlier_jobs(ctx))
end

local function conflict(message, hint)
    error(errors.new({code = "Conflict", message = message, hint = hint}), 0)
end

--- Not beside one that somebody else has started since then.
local function refuse_others(ctx)
    local job = ctx.facts.before and new_job(ctx)
    if job and cassandra.job_state(job) == "waiting" then
        conflict("a restore is at work already: job " .. job.metadata.name,
            "wait for its end, or remove the job when it is stuck for good")
    end
end

function restore.start(ctx)
    refuse_others(ctx)
    restore.note(ctx)
    local words = {"subsys", "exec", known(ctx, "subsystem"), "restore", known(ctx, "backup")}
    programs.apicup(ctx, words, {timeout = ctx.params.job_timeout, hint = BY_HAND})
    if ctx.planning then
        return
    end
    local job = cassandra.await_restore(ctx.k8s, earlier_jobs(ctx), ctx.params.job_timeout)
    if not job then
        error(errors.new({code = "Failed",
            message = "apicup has started no restore: there is no new job restore-…",
            hint = "look at the logs of the management pods"}), 0)
    end
    ctx.facts.job = job.metadata.name
end

--- Raises unless the Job restores the backup of this run. apicup names the Job, and says no name:
--- whose it is shows only by what it restores.
local function expect_same_backup(ctx, job)
    local backup, before = known(ctx, "backup"), known(ctx, "before")
    local restored = cassandra.restored(must(ctx.k8s:get(cassandra.KIND, known(ctx, "cluster"))),
        before)
    if cassandra.is_of(job, backup) or restored == backup then
        return
    end
    local name = job.metadata.name
    local remove = "remove it when it has ended: kubectl -n " .. ctx.namespace .. " delete job "
        .. name
    if restored then
        conflict("job " .. name .. " is not of this run: " .. cassandra.not_of(restored, backup),
            "find out who has started it, and " .. remove)
    end
    conflict("job " .. name .. " was started after this run had looked which there are: whether by"
        .. " this run cannot be told", "look at the log of its pod which backup it restores: when"
        .. " that is " .. backup .. ", wait until the status of the database is completed, and a"
        .. " new run with --from stuck-tasks does the rest; else " .. remove)
end

--- Whether a killed attempt of this run has started it: a second restore into a running one would
--- spoil both. What was asked for may still be on its way.
function restore.is_started(ctx)
    if not ctx.facts.before or ctx.facts.process == PROCESS then
        return false
    end
    local job = new_job(ctx)
        or cassandra.await_restore(ctx.k8s, earlier_jobs(ctx), ctx.params.job_timeout)
    if job then
        expect_same_backup(ctx, job)
    end
    ctx.facts.job = job and job.metadata.name
    return job ~= nil
end

--- Asked when the run is resumed: a restore that has failed is started again. Where its Job is
--- gone, as when somebody has removed one that was stuck, the database tells.
function restore.is_not_failed(ctx)
    if ctx.facts.process == PROCESS then
        return true
    end
    local job = find.object(ctx.k8s, "jobs.batch", known(ctx, "job"))
    if job then
        return cassandra.job_state(job) ~= "failed"
    end
    local _, failed = cassandra.watching(known(ctx, "before"), known(ctx, "backup"))
    return not failed(must(ctx.k8s:get(cassandra.KIND, known(ctx, "cluster"))))
end

--- What the waits for the restore are for: the database, and the Job as long as there is one.
local function watched(ctx)
    local ready, failed = cassandra.watching(known(ctx, "before"), known(ctx, "backup"))
    local items = {{kind = cassandra.KIND, name = known(ctx, "cluster"),
                    ready = ready, failed = failed}}
    if find.object(ctx.k8s, "jobs.batch", known(ctx, "job")) then
        items[2] = {kind = "jobs.batch", name = known(ctx, "job")}
    end
    return items
end

--- What to do about what a wait for it has ended with, by the code of the error.
local HINTS = {
    Failed = function(ctx)
        local cluster = find.object(ctx.k8s, cassandra.KIND, known(ctx, "cluster"))
        local restored = cluster and cassandra.restored(cluster, known(ctx, "before"))
        if restored and restored ~= known(ctx, "backup") then
            return "find out who has started that; when it has ended, begin a new run"
        end
        return "find out why; a resumed run starts the restore anew once its job has failed or is"
            .. " gone: kubectl -n " .. ctx.namespace .. " delete job " .. known(ctx, "job")
    end,
    NotFound = function(ctx)
        local _, err = ctx.k8s:get(cassandra.KIND, known(ctx, "cluster"))
        if err and err.code == "NotFound" then
            return "find out who has removed it; what is lost is installed anew by a new run with"
                .. " -p disaster=true"
        end
        return "the job is gone, the database's own status decides: resume the run"
    end,
}

--- Raises what a wait for it has ended with, and says what to do.
local function expect_restored(ctx, done, err)
    local hint = not done and HINTS[err.code]
    if hint then
        err = errors.new({code = err.code, op = err.op, message = err.message, cause = err,
                          hint = hint(ctx)})
    end
    must(done, err)
end

--- The job may end before the database is restored, and its end is seen by another watch than the
--- database's: so the latter is looked at once more.
function restore.watch(ctx)
    if ctx.planning then
        return ctx:perform({verb = "wait for", target = "the restore job, and the status completed"
            .. " of " .. (ctx.facts.cluster or "the new CassandraCluster")})
    end
    local options = {timeout = ctx.params.restore_timeout, stall = ctx.params.stall}
    local items = watched(ctx)
    expect_restored(ctx, ctx.k8s:wait_all(items, options))
    local database = items[1]
    expect_restored(ctx, ctx.k8s:wait(database.kind, database.name, {
        ready = database.ready, failed = database.failed,
        timeout = options.timeout, stall = options.stall,
    }))
end

function restore.is_restored(ctx)
    local ready = cassandra.watching(known(ctx, "before"), known(ctx, "backup"))
    return (ready(must(ctx.k8s:get(cassandra.KIND, known(ctx, "cluster")))))
end

return restore
