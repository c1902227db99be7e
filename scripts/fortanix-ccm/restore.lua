-- Restores Fortanix CCM from a kit of fortanix-ccm/backup and a Medusa backup.
local cassandra = require("salvor.cassandra")
local checks = require("salvor.fortanix.restore.checks")
local fortanix = require("salvor.fortanix")
local known = require("salvor.fortanix.restore.known")
local medusa = require("salvor.medusa")
local merge = require("salvor.copy").merge
local steps = require("salvor.fortanix.restore.steps")

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
        merge(fortanix.CR_PARAM,
            {help = fortanix.CR_PARAM.help .. ", such as cr.yaml of the kit"}),
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
        fortanix.OPERATOR_PARAM,
        medusa.PARAM,
    },
    permissions = {
        {kind = "namespaces", verbs = {"get"}, namespace = "kube-system"}, -- which cluster it is
        {kind = fortanix.permitted, verbs = {"get", "patch"}, names = fortanix.permitted_names},
        {kind = "configmaps", verbs = {"get"}},
        {kind = "configmaps", verbs = {"create", "patch"}, when = may_apply},
        {kind = "secrets", verbs = {"get"}},
        {kind = "secrets", verbs = {"create", "patch"}, when = may_apply},
        {kind = "deployments.apps", verbs = {"get", "list", "watch", "delete"}},
        fortanix.OPERATOR_PERMISSION,
        {kind = "pods", verbs = {"get", "list", "watch"}},
        {kind = "nodes", verbs = {"list"}, namespace = ""},
        {kind = cassandra.DATACENTERS, verbs = {"get", "list", "watch"}},
        {kind = medusa.permitted(medusa.BACKUP), verbs = {"get"}},
        {kind = medusa.permitted(medusa.BACKUP), verbs = {"list"}, when = wants_newest},
        {kind = medusa.permitted(medusa.BACKUP_JOB), verbs = {"list"}},
        {kind = medusa.permitted(medusa.RESTORE_JOB), verbs = {"get", "list", "watch", "create"}},
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
            id = "jobs",
            title = "No other restore and no backup is under way",
            why = "Two restores at once spoil each other, and one that waits for its backup would"
                .. " begin at any time; a backup would lose Cassandra.",
            check = true,
            needs = {"kit"},
            run = checks.jobs,
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
            run = steps.pause,
            done = steps.is_paused,
            verify = steps.was_paused,
            undo = steps.undo_pause,
        },
        {
            id = "delete-deployments",
            title = "Delete the microservices",
            why = "Nothing may write to the database while it is restored; from here on CCM is not "
                .. "accessible.",
            destructive = "the running microservices: CCM is not accessible until the end",
            run = steps.delete_deployments,
            verify = steps.were_deleted,
        },
        {
            id = "restore",
            title = "Restore Cassandra",
            why = "The job is done when it has stopped the datacenter and finished without a "
                .. "message; that it has finished alone says nothing.",
            destructive = function(ctx)
                return "the data of datacenter " .. known(ctx, "datacenter").name
                    .. ", replaced by those of " .. known(ctx, "backup")
            end,
            run = steps.restore,
            verify = steps.is_restored,
        },
        {
            id = "await-cassandra",
            title = "Wait until all Cassandra pods serve",
            why = "The restore job does not look at the pods itself.",
            run = steps.await_cassandra,
        },
        {
            id = "apply-bootstrapping",
            title = "Put ConfigMap and Secret back",
            why = "A recreated cluster does not have them; the operator may still be paused.",
            when = steps.wants_bootstrapping,
            run = steps.apply_bootstrapping,
            verify = steps.has_bootstrapping,
        },
        {
            id = "unpause",
            title = "Resume the operator",
            why = "It deploys the microservices again.",
            run = steps.unpause,
            verify = steps.is_unpaused,
        },
        {
            id = "await-platform",
            title = "Wait until the whole platform runs",
            why = "The restore is done when every platform pod is Running.",
            run = steps.await_platform,
        },
    },
    next = function(ctx)
        local time = ctx.facts.backup and "at the time of " .. ctx.facts.backup or "before"
        return {"Log in to CCM and look whether applications and groups are as they were " .. time
            .. "."}
    end,
}
