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

function restore.start(ctx)
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

--- Whether this run has started it: a second restore into a running one would spoil both. What a
--- killed attempt has asked for may still be on its way.
function restore.is_started(ctx)
    if not ctx.facts.before then
        return false
    end
    local earlier = earlier_jobs(ctx)
    local job = cassandra.new_restore(cassandra.restore_jobs(ctx.k8s), earlier)
    if not job and ctx.facts.process ~= PROCESS then
        job = cassandra.await_restore(ctx.k8s, earlier, ctx.params.job_timeout)
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
    local _, failed = cassandra.watching(known(ctx, "before"))
    return not failed(must(ctx.k8s:get(cassandra.KIND, known(ctx, "cluster"))))
end

--- What the waits for the restore are for: the database, and the Job as long as there is one.
local function watched(ctx)
    local ready, failed = cassandra.watching(known(ctx, "before"))
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
    local ready = cassandra.watching(known(ctx, "before"))
    return (ready(must(ctx.k8s:get(cassandra.KIND, known(ctx, "cluster")))))
end

return restore
