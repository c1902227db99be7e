--- What apic-v10/configure-s3-backup watches after it has changed something: the subsystem, the Job
--- of the stanza, and pgBackRest.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local errors = require("salvor.error")
local find = require("salvor.k8s.find")
local ready_rule = require("salvor.k8s.ready").rule
local s3_place = require("salvor.apiconnect.s3_place")
local sites = require("salvor.apiconnect.configure_s3.sites")
local stanza = require("salvor.apiconnect.stanza")
local stanza_job = require("salvor.apiconnect.stanza_job")

local watch = {}

local POD_READY = ready_rule({group = "", kind = "Pod"})

-- Waiting

--- Whether the operator has seen the last change, as far as it tells.
local function is_observed(object)
    for _, condition in ipairs(dig(object, "status", "conditions") or {}) do
        local observed = dig(condition, "observedGeneration")
        if observed and observed < (object.metadata.generation or 0) then
            return false
        end
    end
    return true
end

--- Waits until the subsystem is up again and has_it(its spec).
function watch.await_ready(ctx, site, what, has_it)
    must(sites.client(ctx, site):wait(apiconnect.MANAGEMENT, site.name, {
        timeout = ctx.params.timeout,
        wanted = "to be up and have got " .. what,
        ready = function(object)
            if not has_it(object.spec) then
                return false, "it has not got " .. what .. " yet"
            elseif not is_observed(object) then
                return false, "its operator has not seen the last change yet"
            end
            return apiconnect.ready(object)
        end,
    }))
end

-- The stanza

function watch.has_stanza(ctx)
    return sites.any(ctx, function(site)
        return site.database == "crunchy"
    end)
end

--- What the subsystem says of itself, which may be why there is no Job.
local function state_of(site, client)
    local object, err = client:get(apiconnect.MANAGEMENT, site.name)
    local words = object and select(2, apiconnect.ready(object)) or err.message
    return "ManagementCluster " .. site.name .. ": " .. words
end

--- A Job that was made for other settings says nothing: the operator puts another in its place.
local function await_job(ctx, site, client)
    local name = stanza.job(site.database_cluster)
    while true do
        local done, err = client:wait(stanza.JOBS, name, {
            create = true,
            timeout = ctx.params.timeout,
            wanted = "to be complete for these settings",
            ready = function(job)
                local state, words = stanza.state(job, site.job)
                return state == "ready", words
            end,
            failed = function(job)
                local state, words = stanza.state(job, site.job)
                return state == "failed", words
            end,
        })
        if done then
            return
        elseif err.code == "Failed" then
            error(stanza_job.failure(client, name, err.message, sites.of(site)), 0)
        elseif err.code == "Timeout" then
            error(errors.new({code = err.code, op = err.op, hint = err.hint, cause = err,
                              message = err.message .. "; " .. state_of(site, client)}), 0)
        elseif err.code ~= "NotFound" then
            error(err, 0)
        end
    end
end

--- Of settings that were there before the run, the Job may be gone by now.
local function is_left_over(client, site)
    return not site.changes
        and not find.object(client, stanza.JOBS, stanza.job(site.database_cluster))
end

function watch.stanza(ctx)
    for _, site, client in sites.each(ctx) do
        local name = stanza.job(site.database_cluster)
        if site.database ~= "crunchy" then
            ctx:note(site.name .. " has no stanza: its database is of the EDB generation")
        elseif not ctx.planning and is_left_over(client, site) then
            ctx:note("Job " .. name .. " of the settings that were there before is gone")
        else
            await_job(ctx, site, client)
        end
    end
end

function watch.ready(ctx)
    for _, site in sites.each(ctx) do
        watch.await_ready(ctx, site, "the settings", function(spec)
            return s3_place.is_set(dig(spec, "databaseBackup"), site.wanted)
        end)
    end
end

--- The pod that has pgBackRest; it restarts together with the database.
local function repository_pod(ctx, site, client)
    local selector = stanza.repository_labels(site.database_cluster)
    must(client:wait("pods", nil, {label_selector = selector, timeout = ctx.params.timeout}))
    for _, pod in ipairs(must(client:list("pods", {label_selector = selector}))) do
        if POD_READY(pod) == "ready" then
            return pod.metadata.name
        end
    end
    error(errors.new({code = "NotFound", message = "no pod with pgBackRest is ready any more",
                      hint = "find out why the pods of " .. site.database_cluster .. " restart",
                      retryable = true}), 0)
end

local function ask_pgbackrest(ctx, site, client)
    local pod = repository_pod(ctx, site, client)
    local result = must(client:exec(pod, stanza.INFO,
        {container = stanza.CONTAINER, read_only = true, timeout = ctx.params.timeout}))
    local found, message, hint
    if result.code == 0 then
        found, message, hint = stanza.judge(result.stdout)
    else
        local said = result.stderr .. result.stdout
        message, hint = stanza.explain(said, result.code)
        message = "pgbackrest info in pod " .. pod .. ": " .. (message or stanza.first_error(said)
            or "exit status " .. result.code)
    end
    if not found then
        -- Killed by a signal: the pod restarts, or another takes its place.
        error(errors.new({code = "Failed", message = message,
                          hint = hint or "look at the log of pod " .. pod,
                          retryable = result.code > 128 or nil}), 0)
    elseif ctx.params.copy_from and not site.other and found.backups == 0 then
        error(errors.new({code = "Failed", message = "pgBackRest finds none of the backups that"
            .. " were copied", hint = "look at -p path and at -p copy_from"}), 0)
    end
    return found
end

local function tell_repository(ctx, site, found)
    if found.backups == 0 then
        ctx:warn("there is no backup" .. sites.of(site) .. " yet",
            "the schedule makes the first one; salvor run apic-v10/backup takes one now")
    else
        ctx:note(string.format("%d backups%s, the newest %s", found.backups, sites.of(site),
            found.newest or "without a name"))
    end
end

function watch.repository(ctx)
    for _, site, client in sites.each(ctx) do
        if site.database == "crunchy" and ctx.planning then
            ctx:perform({verb = "run in", target = "a pod of " .. site.database_cluster
                .. sites.of(site) .. ": " .. table.concat(stanza.INFO, " ")})
        elseif site.database == "crunchy" then
            tell_repository(ctx, site, ask_pgbackrest(ctx, site, client))
        end
    end
end

return watch
