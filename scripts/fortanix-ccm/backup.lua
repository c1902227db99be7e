-- Captures all four parts of a backup of Fortanix CCM: the Cassandra database by Medusa, the
-- ConfigMap and the Secret of its bootstrapping, and the operator's resource.
local cassandra = require("salvor.cassandra")
local checks = require("salvor.fortanix.backup.checks")
local fortanix = require("salvor.fortanix")
local medusa = require("salvor.medusa")
local parts = require("salvor.fortanix.parts")
local steps = require("salvor.fortanix.backup.steps")
local storage = require("salvor.fortanix.storage")

local function takes_backup(params)
    return params.take_backup
end

local function names_datacenter(params)
    return params.datacenter ~= nil
end

return {
    id = parts.PROCEDURE,
    title = "Back up Fortanix CCM: database, bootstrapping data and resource",
    summary = "Takes a Medusa backup of the database and saves the ConfigMap, the Secret and the "
        .. "operator's resource, with what a restore must find the same.",
    document = fortanix.DOCUMENT,
    systems = {{name = "Fortanix CCM on-premises", versions = "with Medusa backups"}},
    categories = {"backup", "safe"},
    params = {
        fortanix.CR_PARAM,
        {name = "kit", type = "url", required = true,
         help = "where to save: a folder, made when missing, or the URL of a store"},
        {name = "take_backup", type = "boolean", default = true,
         help = "take a full database backup now and wait for it"},
        {name = "backup_timeout", type = "duration", default = "2h",
         help = "how long that backup may take"},
        {name = "max_age", type = "duration", default = "24h",
         help = "warn when the newest usable backup is older"},
        {name = "datacenter", type = "name",
         help = "the CassandraDatacenter; the only one when left out"},
        {name = "nodes", type = "string",
         help = "labels of the nodes that the platform runs on; all nodes when left out"},
        {name = "config_map", type = "name", default = fortanix.CONFIG_MAP,
         help = "the ConfigMap of the bootstrapping data"},
        {name = "secret", type = "name", default = fortanix.SECRET,
         help = "the Secret of the bootstrapping data"},
        {name = "storage_key", type = "string", default = storage.KEY,
         help = "what the storage's secret keeps the credentials under"},
        fortanix.OPERATOR_PARAM,
        medusa.PARAM,
    },
    permissions = {
        {kind = "namespaces", verbs = {"get"}, namespace = "kube-system"}, -- which cluster it is
        {kind = fortanix.permitted, verbs = {"get"}, names = fortanix.permitted_names},
        {kind = "secrets", verbs = {"get"}},
        {kind = "configmaps", verbs = {"get"}, names = function(params)
            return {params.config_map}
        end},
        {kind = "deployments.apps", verbs = {"list"}},
        fortanix.OPERATOR_PERMISSION,
        {kind = "nodes", verbs = {"list"}, namespace = ""},
        {kind = cassandra.DATACENTERS, verbs = {"get"}, when = names_datacenter},
        {kind = cassandra.DATACENTERS, verbs = {"list"}, when = function(params)
            return not names_datacenter(params)
        end},
        {kind = medusa.permitted(medusa.BACKUP), verbs = {"list"}},
        {kind = medusa.permitted(medusa.BACKUP), verbs = {"get", "watch"}, when = takes_backup},
        {kind = medusa.permitted(medusa.BACKUP_JOB), verbs = {"get", "list", "watch", "create"},
         when = takes_backup},
    },
    steps = {
        {
            id = "resource",
            title = "Find the operator's resource",
            why = "It is one of the four parts of a backup, and says where the database goes.",
            check = true,
            run = checks.resource,
        },
        {
            id = "datacenter",
            title = "The Cassandra datacenter is ready",
            why = "A backup is of use only when all nodes have finished it.",
            check = true,
            run = checks.datacenter,
        },
        {
            id = "prerequisites",
            title = "Versions, nodes and images can be noted",
            why = "A restore needs the same ones, so they must be known before a backup.",
            check = true,
            run = checks.prerequisites,
        },
        {
            id = "storage",
            title = "Backups are scheduled, and their storage has its secret",
            why = "Automatic backups go by the schedule of the resource to the storage that its "
                .. "secret opens.",
            check = true,
            needs = {"resource"},
            run = checks.storage,
        },
        {
            id = "bootstrapping",
            title = "The bootstrapping data exist",
            why = "A recreated cluster cannot start the platform without them.",
            check = true,
            run = checks.bootstrapping,
        },
        {
            id = "backups",
            title = "List the database backups",
            why = "Their state, size and the nodes that have completed them.",
            check = true,
            needs = {"datacenter"},
            run = checks.backups,
        },
        {
            id = "kit",
            title = "The kit's place can be used",
            why = "A kit belongs to one system; the last good generation is never touched.",
            check = true,
            run = checks.kit,
        },
        {
            id = "save-prerequisites",
            title = "Note versions, nodes and images",
            why = "A restore needs the same versions of Kubernetes, of the operator and of the "
                .. "microservices, and the same nodes.",
            run = steps.save_prerequisites,
            verify = steps.has_prerequisites,
        },
        {
            id = "take-backup",
            title = "Take a full database backup and wait for it",
            why = "All parts of a backup should be of the same time.",
            when = function(ctx)
                return ctx.params.take_backup
            end,
            run = steps.take_backup,
            verify = steps.is_usable,
        },
        {
            id = "save-objects",
            title = "Save ConfigMap, Secret and resource",
            why = "The bootstrapping data and the resource are needed when the cluster is "
                .. "recreated.",
            run = steps.save_objects,
            verify = steps.has_objects,
        },
        {
            id = "publish",
            title = "Publish the kit's new generation",
            why = "The backup is complete only when all four parts are captured.",
            run = steps.publish,
        },
        {
            id = "read-back",
            title = "Read the kit back and check it",
            why = "What cannot be read is found out now, not in the disaster.",
            run = steps.read_back,
            verify = steps.is_readable,
        },
    },
    next = function(ctx)
        return {
            "Keep " .. ctx:kit(ctx.params.kit).url .. " outside this cluster, safe and private: it"
                .. " holds the secret that starts the platform.",
            "The database itself is in the storage of the resource, not in the kit.",
        }
    end,
}
