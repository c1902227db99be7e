-- Restores Fortanix CCM from a kit of fortanix-ccm/backup and a Medusa backup.
local dig = require("salvor").dig
local errors = require("salvor.error")
local fields = require("salvor.k8s.fields")
local fortanix = require("salvor.fortanix")
local medusa = require("salvor.medusa")
local k8s = require("salvor.k8s")
local task = require("salvor.task")
local yaml = require("salvor.yaml")

local DATACENTERS = "cassandradatacenters.cassandra.datastax.com"
local NODE_STATE = "cassandra.datastax.com/node-state"
local DATACENTER_LABEL = "cassandra.datastax.com/datacenter"
local BACKUP_PROCEDURE = "fortanix-ccm/backup"
local LOOK = 1 -- seconds between looks at whether deployments stay deleted

-- The kit

--- manifest, {file without .yaml = what it says} of the kit; raises when it is not whole.
local function read_kit(ctx)
    local manifest, files = ctx:kit(ctx.params.kit):read()
    must(manifest, files)
    local parts = {}
    for path, text in pairs(files) do
        local name = path:match("^([^/]+)%.yaml$")
        if name then
            parts[name] = must(yaml.load(text))
        end
    end
    return manifest, parts
end

local PARTS = {cr = "the resource", configmap = "the ConfigMap", secret = "the Secret",
               settings = "the settings", prerequisites = "the prerequisites"}

local function check_kit(ctx)
    local manifest, parts = read_kit(ctx)
    if manifest.procedure ~= BACKUP_PROCEDURE then
        return ctx:problem(ctx.params.kit .. " is a kit of " .. tostring(manifest.procedure),
            "give one of " .. BACKUP_PROCEDURE)
    end
    for name, what in pairs(PARTS) do
        if not parts[name] then
            ctx:problem("the kit lacks " .. what .. " (" .. name .. ".yaml)",
                "a backup is complete only with all four parts; take another kit")
        end
    end
    local settings = fields.map(parts, "settings")
    ctx.facts.settings = settings
    ctx.facts.cr = ctx.params.cr and must(fortanix.resource(ctx.params.cr)) or settings.cr
    ctx.facts.kit_cluster = dig(manifest, "cluster", "uid")
    ctx:note("kit of " .. tostring(manifest.created) .. ", database backup "
        .. tostring(dig(settings, "backup", "name")))
end

-- The platform

local function platform(ctx)
    return must(ctx.k8s:get(ctx.facts.cr.kind, ctx.facts.cr.name))
end

local function check_platform(ctx)
    local cr = ctx.facts.cr
    local object, err = ctx.k8s:get(cr.kind, cr.name)
    if not object and err.code == "NotFound" then
        return ctx:problem("there is no " .. cr.kind .. " " .. cr.name .. " in namespace "
            .. ctx.namespace, "the platform must be deployed before its data are restored: apply"
            .. " cr.yaml of the kit as the installation guide says, and wait until all pods run")
    end
    must(object, err)
    ctx.facts.uid = object.metadata.uid
    local then_, now = ctx.facts.settings.storage or {}, fields.map(object, "spec", "backup")
    for name, value in pairs({bucketName = then_.bucket, prefix = then_.prefix}) do
        if now[name] ~= value then
            ctx:problem(string.format("spec.backup.%s of the resource is %s, it was %s when the"
                .. " backup was made", name, tostring(now[name]), tostring(value)),
                "backups are looked for in another place; never run a Medusa sync like this: it"
                .. " deletes the MedusaBackups that are not there")
        end
    end
end

local function check_cluster(ctx)
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

local function check_prerequisites(ctx)
    local _, parts = read_kit(ctx)
    local before = parts.prerequisites
    local now = fortanix.prerequisites(ctx.k8s, ctx.params.nodes)
    for _, difference in ipairs(fortanix.differences(before, now)) do
        ctx[difference.level](ctx, difference.message, difference.hint)
    end
    ctx.facts.deployments = {}
    for name in pairs(before.images or {}) do
        table.insert(ctx.facts.deployments, name)
    end
    table.sort(ctx.facts.deployments)
end

-- The database

local function cassandra_pods(ctx)
    return {label_selector = {[DATACENTER_LABEL] = ctx.facts.settings.datacenter.name}}
end

local function is_started(pod)
    local state = dig(pod, "metadata", "labels", NODE_STATE)
    local ready, why = k8s.state(pod)
    return state == "Started" and ready == "ready", state ~= "Started"
        and "node-state " .. tostring(state) or why
end

local function check_cassandra(ctx)
    local datacenter = ctx.facts.settings.datacenter
    local object = must(ctx.k8s:get(DATACENTERS, datacenter.name))
    local state, why = k8s.state(object)
    if state ~= "ready" then
        ctx:problem("CassandraDatacenter " .. datacenter.name .. " is not ready: "
            .. tostring(why), "all its pods must run before the restore begins")
    elseif dig(object, "spec", "size") ~= datacenter.size then
        ctx:problem(string.format("CassandraDatacenter %s has %s nodes, %s when the backup was"
            .. " made", datacenter.name, tostring(dig(object, "spec", "size")),
            tostring(datacenter.size)))
    end
    for pod in ctx.k8s:each("pods", cassandra_pods(ctx)) do
        local started, reason = is_started(pod)
        if not started then
            ctx:problem("pod " .. pod.metadata.name .. " does not serve: " .. tostring(reason))
        end
    end
end

local function kinds(ctx)
    return medusa.kinds(ctx.params.medusa)
end

local function choose(ctx)
    local datacenter = ctx.facts.settings.datacenter.name
    if ctx.params.backup == "newest" then
        return medusa.newest(medusa.backups(ctx.k8s, kinds(ctx), datacenter))
    end
    local name = ctx.params.backup == "kit" and ctx.facts.settings.backup.name or ctx.params.backup
    local found, err = medusa.get(ctx.k8s, kinds(ctx), name)
    if not found and err.code ~= "NotFound" then
        error(err, 0)
    end
    return found, name
end

local function check_backup(ctx)
    local datacenter = ctx.facts.settings.datacenter
    local found, name = choose(ctx)
    if not found then
        return ctx:problem(name and "there is no MedusaBackup " .. name
            or "no MedusaBackup of datacenter " .. datacenter.name .. " can be restored",
            "when bucket and prefix are those of the backup, a MedusaTask with operation sync"
            .. " brings what is in storage; others: kubectl get medusabackup -n " .. ctx.namespace)
    end
    ctx.facts.backup = found.name
    if not found.usable then
        ctx:problem("MedusaBackup " .. found.name .. " cannot be restored: "
            .. tostring(found.why), "choose another one with -p backup=…")
    elseif found.datacenter ~= datacenter.name then
        ctx:problem("MedusaBackup " .. found.name .. " is of datacenter "
            .. tostring(found.datacenter) .. ", not of " .. datacenter.name)
    elseif found.nodes ~= datacenter.size then
        ctx:problem(string.format("MedusaBackup %s has %d nodes, the datacenter %s", found.name,
            found.nodes, tostring(datacenter.size)), "Medusa restores onto the same number alone")
    end
    for object in ctx.k8s:each(kinds(ctx).restore_job) do
        if medusa.state("restore_job", object) == "waiting" and dig(object, "status", "startTime")
            and object.metadata.name ~= ctx:name("medusa-restore") then
            ctx:problem("MedusaRestoreJob " .. object.metadata.name .. " is under way",
                "wait until it has ended")
        end
    end
end

-- Bootstrapping data

--- "missing", "same" or "other": what the cluster has in the place of the kit's object.
local function compare_saved(ctx, object)
    local found, err = ctx.k8s:get(object.kind, object.metadata.name)
    if not found and err.code == "NotFound" then
        return "missing"
    end
    must(found, err)
    local live, saved = fields.map(found, "data"), fields.map(object, "data")
    for key, value in pairs(saved) do
        if live[key] ~= value then
            return "other"
        end
    end
    for key in pairs(live) do
        if saved[key] == nil then
            return "other"
        end
    end
    return "same"
end

local function check_bootstrapping(ctx)
    local _, parts = read_kit(ctx)
    ctx.facts.apply_bootstrapping = ctx.params.recreated == "yes"
    for _, name in ipairs({"configmap", "secret"}) do
        local object = parts[name]
        local state = compare_saved(ctx, object)
        local what = object.kind .. " " .. object.metadata.name
        if ctx.params.recreated == "auto" and state == "missing" then
            ctx.facts.apply_bootstrapping = true
            ctx:note(what .. " is missing: it is taken from the kit")
        elseif ctx.params.recreated == "auto" and state == "other" then
            ctx:problem(what .. " is not what the kit has",
                "was the cluster recreated? -p recreated=yes applies the kit's, -p recreated=no"
                .. " leaves it")
        elseif ctx.params.recreated == "no" and state == "missing" then
            ctx:problem(what .. " is missing", "leave out -p recreated=no")
        end
    end
end

-- Steps

local function set_paused(ctx, paused)
    must(ctx.k8s:patch(ctx.facts.cr.kind, ctx.facts.cr.name, {spec = {paused = paused}}))
end

local function is_paused(ctx)
    return dig(platform(ctx), "spec", "paused") == true
end

--- The names of the deployments that are deleted before a restore, as they are now.
local function to_delete(ctx)
    local names = {}
    for object in ctx.k8s:each("deployments.apps") do
        if fortanix.matches(object.metadata.name, ctx.params.deployments) then
            names[#names + 1] = object.metadata.name
        end
    end
    return names
end

--- An operator that is not paused brings them back at once.
local function stay_deleted(ctx)
    local ends = task.now() + ctx.params.settle
    repeat
        local back = to_delete(ctx)
        if #back > 0 then
            error(errors.new({
                code = "Failed",
                message = "deleted deployments came back: " .. table.concat(back, ", "),
                hint = "the operator does not heed spec.paused of " .. ctx.facts.cr.name
                    .. ": is it the right resource? is the operator running?",
            }), 0)
        end
        task.sleep(math.min(LOOK, ctx.params.settle))
    until task.now() >= ends
end

local function delete_deployments(ctx)
    for _, name in ipairs(to_delete(ctx)) do
        must(ctx.k8s:delete("deployments.apps", name))
        must(ctx.k8s:wait("deployments.apps", name, {deleted = true}))
    end
    if not ctx.planning then
        stay_deleted(ctx)
    end
end

local function restore(ctx)
    medusa.restore(ctx.k8s, kinds(ctx), ctx.facts.settings.datacenter, ctx:name("medusa-restore"),
        ctx.facts.backup, ctx.params.restore_timeout)
end

local function is_restored(ctx)
    local job = ctx.k8s:get(kinds(ctx).restore_job, ctx:name("medusa-restore"))
    return job ~= nil and medusa.state("restore_job", job) == "ready"
end

local function await_cassandra(ctx)
    local options = cassandra_pods(ctx)
    options.timeout, options.ready = ctx.params.platform_timeout, is_started
    must(ctx.k8s:wait("pods", nil, options))
end

local function apply_bootstrapping(ctx)
    local _, parts = read_kit(ctx)
    for _, name in ipairs({"configmap", "secret"}) do
        must(ctx.k8s:apply(parts[name], {force = true}))
    end
end

--- All that was deployed when the backup was made is there again, and every pod runs.
local function await_platform(ctx)
    local items = {}
    for index, name in ipairs(ctx.facts.deployments) do
        items[index] = {kind = "deployments.apps", name = name, create = true}
    end
    must(ctx.k8s:wait_all(items, {timeout = ctx.params.platform_timeout}))
end

return {
    id = "fortanix-ccm/restore",
    title = "Restore Fortanix CCM from a Medusa backup",
    summary = "Pauses the operator, removes the microservices, restores Cassandra, puts back the "
        .. "bootstrapping data where the cluster was recreated, and brings the platform up.",
    document = "Fortanix Confidential Computing Manager: Backup and restore (on-premises)",
    systems = {{name = "Fortanix CCM on-premises", versions = "with Medusa backups"}},
    categories = {"restore", "destructive"},
    params = {
        {name = "kit", type = "url", required = true,
         help = "the kit that fortanix-ccm/backup has saved"},
        {name = "backup", type = "string", default = "kit",
         help = "the MedusaBackup: kit (the one of the kit), newest, or its name"},
        {name = "recreated", type = "enum", values = {"auto", "yes", "no"}, default = "auto",
         help = "whether the cluster was recreated, so that ConfigMap and Secret are applied"},
        {name = "cr", type = "string",
         help = "the operator's resource, kind/name or manifest; that of the kit when left out"},
        {name = "deployments", type = "list",
         default = table.concat(fortanix.DEPLOYMENTS, ","),
         help = "the deployments that are deleted before; * stands for a version"},
        {name = "settle", type = "duration", default = "15s",
         help = "how long they must stay deleted before the restore begins"},
        {name = "restore_timeout", type = "duration", default = "4h",
         help = "how long the restore may take"},
        {name = "platform_timeout", type = "duration", default = "1h",
         help = "how long the platform may take to come up"},
        {name = "nodes", type = "string",
         help = "labels of the nodes that the platform runs on; all nodes when left out"},
        {name = "medusa", type = "string", default = medusa.API,
         help = "the API group and version of Medusa's kinds"},
    },
    permissions = {
        {kind = "namespaces", verbs = {"get"}},
    },
    steps = {
        {
            id = "kit",
            title = "The kit is whole",
            why = "Database, ConfigMap, Secret and resource must all be available.",
            check = true,
            run = check_kit,
        },
        {
            id = "cluster",
            title = "It is the cluster of the kit",
            why = "Backups cannot be restored to another cluster.",
            check = true,
            needs = {"kit"},
            run = check_cluster,
        },
        {
            id = "platform",
            title = "The platform's resource is there, with the same storage",
            why = "The operator and all microservices are deployed before their data are restored.",
            check = true,
            needs = {"kit"},
            run = check_platform,
        },
        {
            id = "prerequisites",
            title = "Versions, nodes and CPUs are those of the backup",
            why = "Operator, microservices and Kubernetes must have the same versions, the nodes "
                .. "the same number and CPUs.",
            check = true,
            needs = {"kit"},
            run = check_prerequisites,
        },
        {
            id = "cassandra",
            title = "All Cassandra pods run",
            why = "The restore stops and starts a datacenter that is whole.",
            check = true,
            needs = {"kit"},
            run = check_cassandra,
        },
        {
            id = "backup",
            title = "The database backup can be restored",
            why = "Only Medusa backups that every node has finished can be restored.",
            check = true,
            needs = {"kit"},
            run = check_backup,
        },
        {
            id = "bootstrapping",
            title = "Whether ConfigMap and Secret are to be applied",
            why = "They are put back only where the cluster was recreated.",
            check = true,
            needs = {"kit"},
            run = check_bootstrapping,
        },
        {
            id = "pause",
            title = "Pause the operator",
            why = "It would bring the deleted deployments back.",
            run = function(ctx)
                set_paused(ctx, true)
            end,
            done = is_paused,
            undo = function(ctx)
                set_paused(ctx, false)
            end,
        },
        {
            id = "delete-deployments",
            title = "Delete the microservices",
            why = "Nothing may write to the database while it is restored; from here on CCM is not "
                .. "accessible.",
            destructive = "the running microservices",
            run = delete_deployments,
        },
        {
            id = "restore",
            title = "Restore Cassandra",
            why = "The job is done when it has stopped the datacenter and finished without a "
                .. "message; that it has finished alone says nothing.",
            destructive = function(ctx)
                return "the data of datacenter " .. ctx.facts.settings.datacenter.name
            end,
            run = restore,
            verify = is_restored,
        },
        {
            id = "await-cassandra",
            title = "Wait until all Cassandra pods serve",
            why = "The restore job does not look at the pods itself.",
            run = await_cassandra,
        },
        {
            id = "apply-bootstrapping",
            title = "Put ConfigMap and Secret back",
            why = "A recreated cluster does not have them; the operator may still be paused.",
            when = function(ctx)
                return ctx.facts.apply_bootstrapping
            end,
            run = apply_bootstrapping,
        },
        {
            id = "unpause",
            title = "Resume the operator",
            why = "It deploys the microservices again.",
            run = function(ctx)
                set_paused(ctx, false)
            end,
            verify = function(ctx)
                return not is_paused(ctx)
            end,
        },
        {
            id = "await-platform",
            title = "Wait until the whole platform runs",
            why = "The restore is done when every platform pod is Running.",
            run = await_platform,
        },
    },
    next = function(ctx)
        return {"Log in to CCM and look whether applications and groups are as they were at the "
            .. "time of " .. ctx.facts.backup .. "."}
    end,
}
