--- Whether a platform can be restored from a kit: the checks of fortanix-ccm/restore. They change
--- nothing.
---
--- ctx.facts: generation of the kit, its settings, kit_cluster (the uid of its cluster); cr (see
--- salvor.fortanix); deployments that are there in the end, selectors of the pods of those that are
--- deleted; datacenter {name, cluster, size, racks}, names of its pods; backup (its name);
--- apply_bootstrapping.
local cassandra = require("salvor.cassandra")
local dig = require("salvor").dig
local fields = require("salvor.k8s.fields")
local fortanix = require("salvor.fortanix")
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local keys = require("salvor").keys
local known = require("salvor.fortanix.restore.known")
local list = require("salvor").list
local medusa = require("salvor.medusa")
local merge = require("salvor.copy").merge
local microservices = require("salvor.fortanix.microservices")
local parts = require("salvor.fortanix.parts")
local prerequisites = require("salvor.fortanix.prerequisites")
local storage = require("salvor.fortanix.storage")

local checks = {}

--- The parts of a kit that are objects to be applied.
checks.SAVED = {"config_map", "secret"}

--- The deployments of the platform's namespace; of another one is the operator alone.
local function deployments_of(before)
    local names = {}
    for _, name in ipairs(keys(before.images)) do
        names[#names + 1] = not name:find("/", 1, true) and name or nil
    end
    return names
end

function checks.kit(ctx)
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
    if saved.prerequisites then
        ctx.facts.deployments = deployments_of(saved.prerequisites)
    end
    -- A newer generation may come while this run is at work.
    ctx.facts.generation = manifest.run
    ctx.facts.settings = saved.settings
    ctx.facts.kit_cluster = dig(manifest, "cluster", "uid")
    ctx:note("kit of " .. tostring(manifest.created) .. ", database backup "
        .. tostring(dig(saved.settings, "backup", "name")))
end

--- What the generation says that kit() has found to be right.
function checks.read_kit(ctx)
    local manifest, files = ctx:kit(ctx.params.kit):read(ctx.facts.generation)
    must(manifest, files)
    return (parts.parse(files))
end

local REBUILT = "restoring to another one is not supported; if this one was rebuilt on the same"
    .. " nodes, say so with -p recreated=yes"

function checks.cluster(ctx)
    local uid, was = ctx.cluster.uid, ctx.facts.kit_cluster
    local namespace, may_differ = known(ctx, "settings").namespace, ctx.params.recreated == "yes"
    if not uid or not was then
        ctx:warn("whether this is the cluster of the kit cannot be told: kube-system cannot be"
            .. " read, now or when the kit was made")
    elseif uid ~= was and not may_differ then
        ctx:problem("this is not the cluster that the kit was made of (kube-system has another"
            .. " uid)", REBUILT)
    elseif uid == was and may_differ then
        ctx:warn("this very cluster is the one that the kit was made of; with recreated=yes its"
            .. " ConfigMap and Secret become those of the kit", "leave it out unless the platform"
            .. " was deployed anew")
    end
    if namespace ~= ctx.namespace and not may_differ then
        ctx:problem("the kit is of namespace " .. namespace .. ", not of " .. ctx.namespace,
            "name the platform's namespace with -n; " .. REBUILT)
    end
end

local function describe(object)
    return string.format("%s %s of %s", object.kind, object.metadata.name, fields.group(object))
end

--- The fields of the spec that are not as they were, paused left out.
local function changed_fields(saved, object)
    local before, now = fields.map(saved, "spec"), fields.map(object, "spec")
    local changed = {}
    for _, name in ipairs(keys(merge(before, now))) do
        if name ~= "paused" and must(json.encode(list({before[name]})))
            ~= must(json.encode(list({now[name]}))) then
            changed[#changed + 1] = "spec." .. name
        end
    end
    return changed
end

function checks.resource(ctx)
    local object = fortanix.find(ctx, "the platform must be deployed before its data are restored:"
        .. " apply " .. parts.CR .. " of the kit as the installation guide says, and wait until it"
        .. " runs")
    if not object then
        return
    end
    local saved, settings = checks.read_kit(ctx).cr, known(ctx, "settings")
    if describe(object) ~= describe(saved) then
        ctx:problem("the kit is of " .. describe(saved) .. ", not of " .. describe(object),
            "give the kit of this one")
    end
    local changed = changed_fields(saved, object)
    if changed[1] then
        ctx:warn("the resource has another " .. table.concat(changed, " and ") .. " than "
            .. parts.CR .. " of the kit has", "with a resource that was made up anew some pods may"
            .. " not run: apply that of the kit, unless this was changed on purpose")
    end
    if fortanix.is_paused(object) then
        ctx:warn("spec.paused is true already", "when another restore is under way, or has"
            .. " stopped, do not start a second one: salvor runs")
    end
    local now = storage.settings(object)
    if not next(settings.storage) then
        ctx:warn("the kit does not say where the backups are stored: whether they are looked for in"
            .. " the same place cannot be told", "compare the resource's storage with "
            .. parts.CR .. " of the kit")
    end
    for _, message in ipairs(storage.moved(settings.storage, now)) do
        ctx:problem(message, "backups are looked for in another place; mend the resource, and"
            .. " never run a Medusa sync like this: it deletes the MedusaBackups that are not"
            .. " there")
    end
    storage.check_secret(ctx, now, fields.text(settings, "storage_key") or storage.KEY,
        "it had when the backup was made: mend it")
end

function checks.prerequisites(ctx)
    local before = checks.read_kit(ctx).prerequisites
    local now = prerequisites.read(ctx, ctx.params.nodes or known(ctx, "settings").nodes)
    prerequisites.compare(ctx, before, now)
end

--- One in another namespace; in that of the platform it is one of the deployments.
local function check_operator(ctx, operator)
    local state, why = k8s.state(must(ctx.k8s:get("deployments.apps", operator.name,
        {namespace = operator.namespace})))
    if state ~= "ready" then
        ctx:problem("deployment " .. ctx.params.operator .. " is not ready: " .. tostring(why),
            "nobody else brings the platform up again")
    end
end

function checks.deployments(ctx)
    local operator = fortanix.operator(ctx.params)
    if operator then
        check_operator(ctx, operator)
    end
    ctx.facts.selectors = {}
    local patterns = ctx.params.deployments
    local all = microservices.find(ctx.k8s, patterns)
    for _, deployment in ipairs(all) do
        if deployment.goes then
            table.insert(ctx.facts.selectors, deployment.selector)
        end
        if not deployment.ready then
            local complain = deployment.goes and ctx.warn or ctx.problem
            complain(ctx, "deployment " .. deployment.name .. " is not ready: "
                .. tostring(deployment.why), deployment.goes and "it is deleted and deployed again"
                or "it stays during the restore and must run before")
        end
    end
    local absent = microservices.absent(all, patterns)
    local complain = #absent < #patterns and ctx.warn or ctx.problem
    for _, pattern in ipairs(absent) do
        complain(ctx, "there is no deployment " .. pattern .. " to delete",
            "if it has another name here, name them all with -p deployments=…")
    end
end

function checks.cassandra(ctx)
    local was = known(ctx, "settings").datacenter
    local found = cassandra.datacenters(ctx.k8s, was.name)[1]
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
            was.size), "kubectl get pods -l cassandra.datastax.com/datacenter=" .. found.name
            .. " shows them")
    end
    ctx.facts.pods = {}
    for index, pod in ipairs(pods) do
        ctx.facts.pods[index] = pod.name
        if not pod.started then
            ctx:problem("pod " .. pod.name .. " does not serve: " .. tostring(pod.why),
                "kubectl logs " .. pod.name .. " -c cassandra may say why")
        end
    end
    ctx.facts.datacenter = {name = found.name, cluster = found.cluster, size = found.size,
                            racks = cassandra.racks(pods)}
end

--- The backup that was asked for; nil and its name when there is none.
local function choose(ctx)
    local wanted, database = ctx.params.backup, medusa.of(ctx)
    if wanted == "newest" then
        local datacenter = known(ctx, "datacenter")
        return medusa.newest(database:backups(datacenter.name), datacenter)
    end
    local name = wanted == "kit" and known(ctx, "settings").backup.name or wanted
    return database:backup(name), name
end

function checks.backup(ctx)
    local found, name = choose(ctx)
    if not found then
        return ctx:problem(name and "there is no MedusaBackup " .. name or "no MedusaBackup of "
            .. "datacenter " .. ctx.facts.datacenter.name .. " can be restored", medusa.SYNC)
    end
    ctx.facts.backup = found.name
    ctx:note("to be restored: " .. medusa.describe(found))
    local obstacle = medusa.obstacle(found, known(ctx, "datacenter"))
    if obstacle then
        ctx:problem("MedusaBackup " .. found.name .. " is not one to restore: " .. obstacle,
            "choose another one with -p backup=…")
    end
end

function checks.jobs(ctx)
    local database, datacenter = medusa.of(ctx), known(ctx, "settings").datacenter.name
    for _, jobs in ipairs({database:pending_restores(datacenter),
                           database:pending_backups(datacenter)}) do
        for _, job in ipairs(jobs) do
            ctx:problem(job.message, job.hint)
        end
    end
end

local DIFFERENT = "was the cluster recreated? -p recreated=yes applies the kit's, -p recreated=no"
    .. " leaves it"

function checks.bootstrapping(ctx)
    local saved, recreated = checks.read_kit(ctx), ctx.params.recreated
    ctx.facts.apply_bootstrapping = recreated == "yes"
    for _, name in ipairs(checks.SAVED) do
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

return checks
