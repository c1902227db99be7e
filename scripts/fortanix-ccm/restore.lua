-- Restores Fortanix CCM from a kit of fortanix-ccm/backup and a Medusa backup.
local cassandra = require("salvor.cassandra")
local checks = require("salvor.fortanix.restorable")
local dig = require("salvor").dig
local fortanix = require("salvor.fortanix")
local medusa = require("salvor.medusa")
local microservices = require("salvor.fortanix.microservices")
local parts = require("salvor.fortanix.kit")

local function kinds(ctx)
    return medusa.kinds(ctx.params.medusa)
end

local function is_paused(ctx)
    local platform = must(ctx.k8s:get(ctx.facts.cr.kind, ctx.facts.cr.name))
    return dig(platform, "spec", "paused") == true
end

local function set_paused(ctx, paused)
    must(ctx.k8s:patch(ctx.facts.cr.kind, ctx.facts.cr.name, {spec = {paused = paused}}))
end

local function delete_deployments(ctx)
    microservices.stop(ctx.k8s, ctx.params.deployments, ctx.params.cr, {
        selectors = ctx.facts.selectors,
        settle = ctx.params.settle,
        stop_timeout = ctx.params.stop_timeout,
        planning = ctx.planning,
    })
end

local function restore(ctx)
    medusa.restore(ctx.k8s, kinds(ctx), ctx.facts.datacenter, ctx:name("medusa-restore"),
        ctx.facts.backup,
        {begin = ctx.params.begin_timeout, finish = ctx.params.restore_timeout})
end

local function is_restored(ctx)
    return medusa.is_restored(ctx.k8s, kinds(ctx), ctx:name("medusa-restore"))
end

local function apply_bootstrapping(ctx)
    local saved = checks.read_kit(ctx)
    for _, name in ipairs(checks.SAVED) do
        saved[name].metadata.namespace = nil
        must(ctx.k8s:apply(saved[name], {force = true}))
    end
end

local function has_bootstrapping(ctx)
    local saved = checks.read_kit(ctx)
    for _, name in ipairs(checks.SAVED) do
        if not select(2, parts.compare(ctx.k8s, saved[name])) then
            return false
        end
    end
    return true
end

local function unpause(ctx)
    set_paused(ctx, false)
    ctx.facts.unpaused = true
end

--- All that was deployed when the backup was made is there again, and every pod runs.
local function await_platform(ctx)
    local items = {}
    for index, name in ipairs(ctx.facts.deployments) do
        items[index] = {kind = "deployments.apps", name = name, create = true}
    end
    must(ctx.k8s:wait_all(items, {timeout = ctx.params.platform_timeout}))
end

-- Permissions

local function may_apply(params)
    return params.recreated ~= "no"
end

local function wants_newest(params)
    return params.backup == "newest"
end

return {
    id = "fortanix-ccm/restore",
    title = "Restore Fortanix CCM from a Medusa backup",
    summary = "Pauses the operator, removes the microservices, restores Cassandra, puts back the "
        .. "bootstrapping data where the cluster was recreated, and brings the platform up.",
    document = fortanix.DOCUMENT,
    systems = {{name = "Fortanix CCM on-premises", versions = "with Medusa backups"}},
    categories = {"restore", "destructive"},
    params = {
        {name = "cr", type = "string", required = true,
         help = "the Armor operator's resource: plural.group/name, or its manifest (/path)"},
        {name = "kit", type = "url", required = true,
         help = "the kit that fortanix-ccm/backup has saved"},
        {name = "backup", type = "string", default = "kit",
         help = "the MedusaBackup: kit (the one of the kit), newest, or its name"},
        {name = "recreated", type = "enum", values = {"auto", "yes", "no"}, default = "auto",
         help = "whether the cluster was recreated, so that ConfigMap and Secret are applied"},
        {name = "deployments", type = "list", default = table.concat(fortanix.DEPLOYMENTS, ","),
         help = "the deployments that are deleted before; * stands for a version"},
        {name = "settle", type = "duration", default = "15s",
         help = "how long they must stay deleted before the restore begins"},
        {name = "stop_timeout", type = "duration", default = "5m",
         help = "how long they and their pods may take to end"},
        {name = "begin_timeout", type = "duration", default = "5m",
         help = "how long the restore job may take to begin"},
        {name = "restore_timeout", type = "duration", default = "4h",
         help = "how long the restore may take"},
        {name = "platform_timeout", type = "duration", default = "1h",
         help = "how long Cassandra, and then the platform, may take to come up"},
        {name = "nodes", type = "string",
         help = "labels of the nodes that the platform runs on; as in the kit when left out"},
        {name = "medusa", type = "string", default = medusa.API,
         help = "the API group and version of Medusa's kinds"},
    },
    permissions = {
        {kind = "namespaces", verbs = {"get"}, namespace = "kube-system"}, -- which cluster it is
        {kind = fortanix.permitted, verbs = {"get", "patch"}},
        {kind = "configmaps", verbs = {"get"}},
        {kind = "configmaps", verbs = {"create", "patch"}, when = may_apply},
        {kind = "secrets", verbs = {"get"}},
        {kind = "secrets", verbs = {"create", "patch"}, when = may_apply},
        {kind = "deployments.apps", verbs = {"get", "list", "watch", "delete"}},
        {kind = "pods", verbs = {"get", "list", "watch"}},
        {kind = "nodes", verbs = {"list"}, namespace = ""},
        {kind = cassandra.DATACENTERS, verbs = {"get", "list", "watch"}},
        {kind = medusa.permitted("backup"), verbs = {"get"}},
        {kind = medusa.permitted("backup"), verbs = {"list"}, when = wants_newest},
        {kind = medusa.permitted("restore_job"), verbs = {"get", "list", "watch", "create"}},
    },
    steps = {
        {
            id = "kit",
            title = "The kit is whole",
            why = "Database, ConfigMap, Secret and resource must all be available.",
            check = true,
            run = checks.kit,
        },
        {
            id = "cluster",
            title = "It is the cluster of the kit",
            why = "Backups cannot be restored to another cluster.",
            check = true,
            needs = {"kit"},
            run = checks.cluster,
        },
        {
            id = "resource",
            title = "The platform's resource is there, with the same storage",
            why = "Operator and microservices are deployed before their data are restored.",
            check = true,
            needs = {"kit"},
            run = checks.resource,
        },
        {
            id = "prerequisites",
            title = "Versions, nodes and CPUs are those of the backup",
            why = "Operator, microservices and Kubernetes must have the same versions, the nodes "
                .. "the same number and CPUs.",
            check = true,
            needs = {"kit"},
            run = checks.prerequisites,
        },
        {
            id = "deployments",
            title = "The microservices to be deleted are known",
            why = "They are found by the names of the documentation; the rest must run.",
            check = true,
            run = checks.deployments,
        },
        {
            id = "cassandra",
            title = "All Cassandra pods run",
            why = "The restore stops and starts a datacenter that is whole.",
            check = true,
            needs = {"kit"},
            run = checks.cassandra,
        },
        {
            id = "backup",
            title = "The database backup can be restored",
            why = "Only Medusa backups that every node has finished can be restored.",
            check = true,
            needs = {"kit", "cassandra"},
            run = checks.backup,
        },
        {
            id = "bootstrapping",
            title = "Whether ConfigMap and Secret are to be applied",
            why = "They are put back only where the cluster was recreated.",
            check = true,
            needs = {"kit"},
            run = checks.bootstrapping,
        },
        {
            id = "pause",
            title = "Pause the operator",
            why = "It would bring the deleted deployments back.",
            run = function(ctx)
                set_paused(ctx, true)
            end,
            done = is_paused,
            verify = function(ctx)
                return ctx.facts.unpaused or is_paused(ctx)
            end,
            undo = function(ctx)
                set_paused(ctx, false)
            end,
        },
        {
            id = "delete-deployments",
            title = "Delete the microservices",
            why = "Nothing may write to the database while it is restored; from here on CCM is not "
                .. "accessible.",
            destructive = "the running microservices: CCM is not accessible until the end",
            run = delete_deployments,
            verify = function(ctx)
                return ctx.planning or ctx.facts.unpaused
                    or microservices.are_gone(ctx.k8s, ctx.params.deployments)
            end,
        },
        {
            id = "restore",
            title = "Restore Cassandra",
            why = "The job is done when it has stopped the datacenter and finished without a "
                .. "message; that it has finished alone says nothing.",
            destructive = function(ctx)
                return "the data of datacenter " .. ctx.facts.datacenter.name
                    .. ", replaced by those of " .. ctx.facts.backup
            end,
            run = restore,
            verify = is_restored,
        },
        {
            id = "await-cassandra",
            title = "Wait until all Cassandra pods serve",
            why = "The restore job does not look at the pods itself.",
            run = function(ctx)
                cassandra.await(ctx.k8s, ctx.facts.datacenter.name, ctx.facts.pods,
                    ctx.params.platform_timeout)
            end,
        },
        {
            id = "apply-bootstrapping",
            title = "Put ConfigMap and Secret back",
            why = "A recreated cluster does not have them; the operator may still be paused.",
            when = function(ctx)
                return ctx.facts.apply_bootstrapping
            end,
            run = apply_bootstrapping,
            verify = has_bootstrapping,
        },
        {
            id = "unpause",
            title = "Resume the operator",
            why = "It deploys the microservices again.",
            run = unpause,
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
