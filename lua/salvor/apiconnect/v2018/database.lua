--- Checks of the database of API Connect v2018 that a backup is restored into. Each takes the
--- context of a procedure and tells it what is wrong.
local backups = require("salvor.apiconnect.v2018.backups")
local cassandra = require("salvor.apiconnect.v2018.cassandra")
local checks = require("salvor.apiconnect.v2018.checks")
local choose = require("salvor.procedure.choose")
local errors = require("salvor.error")
local find = require("salvor.k8s.find")
local known = require("salvor.apiconnect.v2018.known")
local programs = require("salvor.apiconnect.v2018.programs")
local record = require("salvor.apiconnect.v2018.record")

local database = {}

--- Whether apicops is needed: for the version that is recorded.
function database.has_stuck_tasks(ctx)
    return record.has_stuck_tasks(known(ctx, "record").versions.management)
end

--- There is a database, facts.cluster; after a disaster there is none yet.
function database.cluster(ctx)
    if not ctx.params.disaster then
        ctx.facts.cluster = choose(ctx, {
            kind = "CassandraCluster", plural = cassandra.KIND, product = "API Connect v2018",
            param = "name", name = ctx.params.name,
            otherwise = "install the subsystem anew with -p disaster=true",
        })
        return
    end
    local names = find.has_kind(ctx.k8s, cassandra.KIND) and find.names(ctx.k8s, cassandra.KIND)
    if names and names[1] then
        ctx:problem("namespace " .. ctx.namespace .. " has a database already: "
            .. table.concat(names, ", "), "leave out disaster=true to restore into it")
    end
end

--- No restore is under way.
function database.idle(ctx)
    for _, job in ipairs(cassandra.restore_jobs(ctx.k8s)) do
        if cassandra.job_state(job) == "waiting" then
            ctx:problem("a restore is at work already: job " .. job.metadata.name,
                "wait for its end; remove the job when it is stuck for good")
        end
    end
end

--- Each pod of the database is there and runs; facts.pods is their number.
function database.pods(ctx)
    local pods = cassandra.pods(ctx.k8s, known(ctx, "cluster"))
    if not pods[1] then
        return ctx:problem("there are no pods " .. known(ctx, "cluster") .. "-0, -1, …",
            "find out why the database does not run")
    end
    for position, pod in ipairs(pods) do
        if pod.index ~= position - 1 then
            ctx:problem("pod " .. known(ctx, "cluster") .. "-" .. position - 1 .. " is missing",
                "all pods of the database must run")
            return
        elseif pod.problem then
            ctx:problem("pod " .. pod.name .. " does not run normally: " .. pod.problem,
                "all pods of the database must be Running and Ready")
        end
    end
    ctx.facts.pods = #pods
    ctx:note(#pods .. (#pods == 1 and " Cassandra pod" or " Cassandra pods"))
end

local function spaces(ctx)
    if not ctx.params.space then
        ctx:warn("the free space of the pods was not looked at", "df and du in each pod tell it")
        return nil
    end
    return cassandra.spaces(ctx.k8s, cassandra.pods(ctx.k8s, known(ctx, "cluster")),
        ctx.params.container)
end

--- The files of the backup are whole, and those of the database that the project makes.
function database.files(ctx)
    backups.check_files(ctx, {full = ctx.params.walk})
    local pods = ctx.params.disaster and ctx.facts.project_pods
    if pods and ctx.facts.count and pods ~= ctx.facts.count then
        ctx:problem(string.format("the project makes %d Cassandra pods, and backup %s is of %d",
            pods, known(ctx, "backup"), ctx.facts.count),
            "take the project that belongs to the backup")
    end
end

--- As many pods as files, and room for four times each file.
function database.room(ctx)
    backups.check_files(ctx, {pods = ctx.facts.pods, space = spaces(ctx)})
end

--- The version that apicops finds is the recorded one.
function database.version(ctx)
    local ok, found = pcall(programs.stuck_tasks, ctx, ctx.params.job_timeout)
    local recorded = known(ctx, "record").versions.management
    if not ok and not errors.is(found) then
        error(found, 0)
    elseif not ok then
        ctx:warn("the version of the running subsystem is not known: " .. found.message,
            "it must be " .. recorded)
    elseif not record.version(found.version)
        or not record.is_same_version(found.version, recorded) then
        ctx:problem("the Management subsystem runs at " .. found.version .. ", and " .. recorded
            .. " is recorded", "bring all subsystems to the version of the backup")
    end
end

--- A check whose problems stop a step: what could not be looked at before the installation.
local function insist(ctx, check)
    local problems = {}
    check(setmetatable({problem = function(_, message, hint)
        problems[#problems + 1] = {message, hint}
    end}, {__index = ctx}))
    if problems[1] then
        local messages = {}
        for index, problem in ipairs(problems) do
            messages[index] = problem[1]
        end
        error(errors.new({code = "Failed", message = table.concat(messages, "; "),
                          hint = problems[1][2]}), 0)
    end
end

--- The step after a new installation: raises what is wrong with it.
function database.new_system(ctx)
    if ctx.planning then
        return
    end
    insist(ctx, checks.served)
    insist(ctx, database.pods)
    insist(ctx, database.room)
    if database.has_stuck_tasks(ctx) then
        insist(ctx, database.version)
    end
end

return database
