--- Whether a platform can be restored from a kit: the checks of fortanix-ccm/restore, each with the
--- facts that its steps go by. They change nothing.
local cassandra = require("salvor.cassandra")
local dig = require("salvor").dig
local fortanix = require("salvor.fortanix")
local keys = require("salvor").keys
local medusa = require("salvor.medusa")
local microservices = require("salvor.fortanix.microservices")
local parts = require("salvor.fortanix.kit")
local prerequisites = require("salvor.fortanix.prerequisites")
local storage = require("salvor.fortanix.storage")

local restorable = {}

--- The parts of a kit that are objects to be applied.
restorable.SAVED = {"config_map", "secret"}

local function kinds(ctx)
    return medusa.kinds(ctx.params.medusa)
end

function restorable.kit(ctx)
    local manifest, files = ctx:kit(ctx.params.kit):read()
    must(manifest, files)
    if manifest.procedure ~= parts.PROCEDURE then
        return ctx:problem(ctx.params.kit .. " is a kit of " .. tostring(manifest.procedure),
            "give one of " .. parts.PROCEDURE)
    end
    local saved, problems = parts.parse(files)
    for _, problem in ipairs(problems) do
        ctx:problem(problem, "a backup is complete only with all four parts; take another kit")
    end
    -- A newer generation may come while this run is at work.
    ctx.facts.generation = manifest.run
    ctx.facts.settings = saved.settings
    ctx.facts.kit_cluster = dig(manifest, "cluster", "uid")
    ctx:note("kit of " .. tostring(manifest.created) .. ", database backup "
        .. tostring(dig(saved.settings, "backup", "name")))
end

--- What the generation says that kit() has found to be right.
function restorable.read_kit(ctx)
    local manifest, files = ctx:kit(ctx.params.kit):read(ctx.facts.generation)
    must(manifest, files)
    return (parts.parse(files))
end

function restorable.cluster(ctx)
    local uid, was = ctx.cluster.uid, ctx.facts.kit_cluster
    if not uid or not was then
        ctx:warn("whether this is the cluster of the kit cannot be told: kube-system cannot be"
            .. " read, now or when the kit was made")
    elseif uid ~= was and ctx.params.recreated ~= "yes" then
        ctx:problem("this is not the cluster that the kit was made of (kube-system has another"
            .. " uid)", "restoring to another cluster is not supported; if this one was rebuilt on"
            .. " the same nodes, say so with -p recreated=yes")
    end
end

function restorable.resource(ctx)
    local cr, saved = fortanix.resource(ctx.params.cr), restorable.read_kit(ctx).cr
    local object, err = ctx.k8s:get(cr.kind, cr.name)
    if not object and err.code == "NotFound" then
        return ctx:problem("there is no " .. cr.resource .. " " .. cr.name .. " in namespace "
            .. ctx.namespace, "the platform must be deployed before its data are restored: apply "
            .. parts.CR .. " of the kit as the installation guide says, and wait until it runs")
    end
    must(object, err)
    ctx.facts.cr = cr
    if object.kind ~= saved.kind or object.metadata.name ~= saved.metadata.name then
        ctx:problem(string.format("the kit is of %s %s, not of %s %s", saved.kind,
            saved.metadata.name, object.kind, object.metadata.name), "give the kit of this one")
    end
    if dig(object, "spec", "paused") == true then
        ctx:warn("spec.paused is true already", "when another restore is under way, or has"
            .. " stopped, do not start a second one: salvor runs")
    end
    for _, message in ipairs(storage.moved(ctx.facts.settings.storage, storage.settings(object))) do
        ctx:problem(message, "backups are looked for in another place; mend the resource, and"
            .. " never run a Medusa sync like this: it deletes the MedusaBackups that are not"
            .. " there")
    end
end

function restorable.prerequisites(ctx)
    local before = restorable.read_kit(ctx).prerequisites
    local now = prerequisites.read(ctx.k8s, ctx.params.nodes or ctx.facts.settings.nodes)
    for _, difference in ipairs(prerequisites.differences(before, now)) do
        ctx[difference.level](ctx, difference.message, difference.hint)
    end
    ctx.facts.deployments = keys(before.images)
end

function restorable.deployments(ctx)
    ctx.facts.selectors = {}
    local patterns, matched = ctx.params.deployments, {}
    for _, deployment in ipairs(microservices.find(ctx.k8s, patterns)) do
        if deployment.goes then
            table.insert(ctx.facts.selectors, deployment.selector)
            matched[fortanix.matches(deployment.name, patterns)] = true
        end
        if not deployment.ready then
            local complain = deployment.goes and ctx.warn or ctx.problem
            complain(ctx, "deployment " .. deployment.name .. " is not ready: "
                .. tostring(deployment.why), deployment.goes and "it is deleted and deployed again"
                or "it stays during the restore and must run before")
        end
    end
    for _, pattern in ipairs(patterns) do
        if not matched[pattern] then
            ctx:warn("there is no deployment " .. pattern .. " to delete",
                "if it has another name here, name them all with -p deployments=…")
        end
    end
end

function restorable.cassandra(ctx)
    local was = ctx.facts.settings.datacenter
    local found = must(cassandra.datacenter(ctx.k8s, was.name))
    if not found.ready then
        ctx:problem("CassandraDatacenter " .. found.name .. " is not ready: "
            .. tostring(found.why), "all its pods must run before the restore begins")
    elseif found.size ~= was.size then
        ctx:problem(string.format("CassandraDatacenter %s has %s nodes, it had %d when the backup"
            .. " was made", found.name, tostring(found.size), was.size),
            "the number of nodes must be the same")
    end
    local pods = cassandra.pods(ctx.k8s, found.name)
    if #pods ~= was.size then
        ctx:problem(string.format("CassandraDatacenter %s has %d pods, not %d", found.name, #pods,
            was.size))
    end
    ctx.facts.pods = {}
    for index, pod in ipairs(pods) do
        ctx.facts.pods[index] = pod.name
        if not pod.started then
            ctx:problem("pod " .. pod.name .. " does not serve: " .. tostring(pod.why))
        end
    end
    ctx.facts.datacenter = {name = found.name, cluster = found.cluster, size = found.size,
                            racks = cassandra.racks(pods)}
end

--- The backup that was asked for; nil and its name when there is none.
local function choose(ctx)
    local wanted = ctx.params.backup
    if wanted == "newest" then
        local all = medusa.backups(ctx.k8s, kinds(ctx), ctx.facts.datacenter.name)
        return medusa.newest(all, ctx.facts.datacenter)
    end
    local name = wanted == "kit" and ctx.facts.settings.backup.name or wanted
    local found, err = medusa.get(ctx.k8s, kinds(ctx), name)
    if not found and err.code ~= "NotFound" then
        error(err, 0)
    end
    return found, name
end

function restorable.backup(ctx)
    local found, name = choose(ctx)
    if not found then
        return ctx:problem(name and "there is no MedusaBackup " .. name or "no MedusaBackup of "
            .. "datacenter " .. ctx.facts.datacenter.name .. " can be restored", medusa.SYNC)
    end
    ctx.facts.backup = found.name
    ctx:note("to be restored: " .. medusa.describe(found))
    local obstacle = medusa.obstacle(found, ctx.facts.datacenter)
    if obstacle then
        ctx:problem("MedusaBackup " .. found.name .. " is not one to restore: " .. obstacle,
            "choose another one with -p backup=…")
    end
    for _, job in ipairs(medusa.pending(ctx.k8s, kinds(ctx), ctx.facts.datacenter.name)) do
        ctx:problem("MedusaRestoreJob " .. job.name .. (job.begun and " is under way"
            or " has not begun, but will as soon as MedusaBackup " .. tostring(job.backup)
            .. " appears"), job.begun and "wait until it has ended" or "delete it first")
    end
end

local DIFFERENT = "was the cluster recreated? -p recreated=yes applies the kit's, -p recreated=no"
    .. " leaves it"

function restorable.bootstrapping(ctx)
    local saved, recreated = restorable.read_kit(ctx), ctx.params.recreated
    ctx.facts.apply_bootstrapping = recreated == "yes"
    for _, name in ipairs(restorable.SAVED) do
        local state = parts.compare(ctx.k8s, saved[name])
        local what = saved[name].kind .. " " .. saved[name].metadata.name
        if state == "missing" and recreated == "no" then
            ctx:problem(what .. " is missing", "leave out -p recreated=no")
        elseif state == "missing" then
            ctx.facts.apply_bootstrapping = true
            ctx:note(what .. " is missing: it is taken from the kit")
        elseif state == "other" and recreated == "auto" then
            ctx:problem(what .. " is not what the kit has", DIFFERENT)
        end
    end
end

return restorable
