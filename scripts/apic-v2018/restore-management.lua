-- Restores the management database of API Connect v2018, into a running subsystem or a new one.
local backups = require("salvor.apiconnect.v2018.backups")
local cassandra = require("salvor.apiconnect.v2018.cassandra")
local checks = require("salvor.apiconnect.v2018.checks")
local database = require("salvor.apiconnect.v2018.database")
local installation = require("salvor.apiconnect.v2018.installation")
local known = require("salvor.apiconnect.v2018.known")
local programs = require("salvor.apiconnect.v2018.programs")
local restore = require("salvor.apiconnect.v2018.restore")

local function is_disaster(ctx)
    return ctx.params.disaster
end

local function is_running_system(ctx)
    return not ctx.params.disaster
end

local function check_programs(ctx)
    programs.check(ctx, database.has_stuck_tasks(ctx))
end

local function loss(ctx)
    return string.format("the management database %s in namespace %s",
        ctx.facts.cluster or "that is newly installed", ctx.namespace)
end

-- Permissions

local function installs(params)
    return params.disaster
end

local function looks_at_space(params)
    return params.space
end

--- The Secrets that parameters name.
local function secrets(params)
    local names = {params.backups_secret}
    names[#names + 1] = params.disaster and params.registry_secret or nil
    return names
end

local function has_secrets(params)
    return secrets(params)[1] ~= nil
end

return {
    id = "apic-v2018/restore-management",
    title = "Restore the management database",
    summary = "Restores the whole management database of API Connect v2018 from its backup files, "
        .. "into the running subsystem or, after a disaster, into a new one.",
    document = "IBM API Connect v2018: Restoring the management database in a Kubernetes "
        .. "environment",
    systems = {{name = "IBM API Connect", versions = "2018"}},
    categories = {"restore", "destructive"},
    params = {
        {name = "project", type = "path", required = true,
         help = "the folder that apicup was run in when the system was first installed"},
        {name = "record", type = "path", required = true,
         help = "a YAML file with the versions and endpoints of the old system"},
        {name = "backups", type = "url", required = true,
         help = "where the backup files are: a folder, or the URL of a store"},
        {name = "backups_secret", type = "name",
         help = "a Secret in the namespace with the credentials of that store"},
        {name = "backup", type = "string",
         help = "the id of the backup; the newest one that is complete when left out"},
        {name = "traffic_stopped", type = "boolean", default = false,
         help = "external traffic to the system is stopped"},
        {name = "disaster", type = "boolean", default = false,
         help = "install a new management subsystem first"},
        {name = "workspace", type = "path",
         help = "in a disaster: the new folder that the project is copied to"},
        {name = "output_folders", type = "list",
         help = "in a disaster: folders of the project that hold what install --out wrote, beside"
            .. " those at its top whose names end in -out"},
        {name = "registry", type = "string", help = "in a disaster: the new image registry"},
        {name = "registry_secret", type = "name",
         help = "in a disaster: the new Secret with the registry's credentials"},
        {name = "subsystem", type = "name",
         help = "the Management subsystem in the project; the only one when left out"},
        {name = "name", type = "name", help = "the CassandraCluster; the only one when left out"},
        {name = "container", type = "string",
         help = "the container of the Cassandra pods in which df and du run"},
        {name = "walk", type = "boolean", default = true,
         help = "read the backup files to their end"},
        {name = "space", type = "boolean", default = true,
         help = "compare the free space of each pod with its file"},
        {name = "addresses", type = "list",
         help = "addresses of the cluster that is restored to; DNS must give these alone"},
        {name = "portal_backups", type = "url",
         help = "where the portal's backups are: there must be some of the same time"},
        {name = "portal_tolerance", type = "duration", default = "1h",
         help = "how far the portal's backups may be apart from this one"},
        {name = "apicup", type = "program", default = "apicup", help = "the program"},
        {name = "apicops", type = "program", default = "apicops", help = "the program"},
        {name = "kubeconfig", type = "path",
         help = "the kubeconfig of apicup and apicops; that of the environment when left out"},
        {name = "job_timeout", type = "duration", default = "5m",
         help = "how long a call of the programs may take, and the restore job to appear"},
        {name = "install_timeout", type = "duration", default = "1h",
         help = "how long the installation may take"},
        {name = "restore_timeout", type = "duration", default = "12h",
         help = "how long the restore may take"},
        {name = "stall", type = "duration", default = "5m",
         help = "say so when nothing has moved for that long"},
    },
    permissions = {
        {kind = cassandra.KIND, verbs = {"get", "list", "watch"}},
        {kind = "pods", verbs = {"list"}},
        {kind = "pods", verbs = {"watch"}, when = installs},
        {kind = "pods/exec", verbs = {"get", "create"}, when = looks_at_space},
        {kind = "jobs.batch", verbs = {"get", "list", "watch"}},
        {kind = "ingresses.networking.k8s.io", verbs = {"list"}},
        {kind = "secrets", verbs = {"get"}, names = secrets, when = has_secrets},
    },
    steps = {
        {
            id = "record",
            title = "Versions and endpoints of the old system are recorded",
            why = "The new system must have the same endpoints, and nobody can ask the old one.",
            check = true,
            run = checks.record,
        },
        {
            id = "versions",
            title = "All subsystems are at one version",
            why = "A restore between different levels is not supported.",
            check = true,
            needs = {"record"},
            run = checks.versions,
        },
        {
            id = "traffic",
            title = "External traffic is stopped",
            why = "The database is down during the restore, and what is written then is lost.",
            check = true,
            run = checks.traffic,
        },
        {
            id = "project",
            title = "The project is the original one",
            why = "It has the certificates and endpoints of the cluster; with others a backup "
                .. "cannot be restored. One project serves all subsystems.",
            check = true,
            run = checks.project,
        },
        {
            id = "workspace",
            title = "There is a new place for the project",
            why = "A fresh installation is made from a copy, so that the original stays as it is.",
            check = true,
            when = is_disaster,
            run = checks.workspace,
        },
        {
            id = "registry",
            title = "The registry's settings can be used",
            why = "Nothing else may be changed in the project.",
            check = true,
            when = is_disaster,
            run = checks.registry,
        },
        {
            id = "programs",
            title = "apicup and apicops are there and work on this cluster",
            why = "The vendor's programs install, restore and tidy up.",
            check = true,
            needs = {"record"},
            run = check_programs,
        },
        {
            id = "endpoints",
            title = "The endpoints are those of the old system",
            why = "Endpoints and certificates cannot change; what DNS says of them is noted.",
            check = true,
            needs = {"record", "project"},
            run = checks.endpoints,
        },
        {
            id = "cluster",
            title = "The database is there, or is not yet",
            why = "Without a disaster the running subsystem is restored into; after one, nothing "
                .. "must be there that could be overwritten.",
            check = true,
            run = database.cluster,
        },
        {
            id = "served",
            title = "The running system serves these endpoints",
            why = "A system with other endpoints does not work with the restored database.",
            check = true,
            when = is_running_system,
            needs = {"record", "cluster"},
            run = checks.served,
        },
        {
            id = "live-version",
            title = "The running system is of that version",
            why = "What is recorded may be of another day.",
            check = true,
            when = function(ctx)
                return is_running_system(ctx) and ctx.facts.record and database.has_stuck_tasks(ctx)
            end,
            needs = {"record", "programs", "cluster"},
            run = database.version,
        },
        {
            id = "pods",
            title = "All Cassandra pods run",
            why = "The data is spread over the pods: all of them take part in the restore.",
            check = true,
            when = is_running_system,
            needs = {"cluster"},
            run = database.pods,
        },
        {
            id = "idle",
            title = "No restore is at work",
            why = "Two restores at the same time spoil the database.",
            check = true,
            run = database.idle,
        },
        {
            id = "backup",
            title = "There is a backup to restore",
            why = "Its id is in the list of the running system, or in the names of the files.",
            check = true,
            needs = {"project", "programs", "cluster"},
            run = backups.choose,
        },
        {
            id = "files",
            title = "Its files are whole, one for each pod",
            why = "A damaged or missing file is found out before the data is deleted.",
            check = true,
            needs = {"backup"},
            run = database.files,
        },
        {
            id = "room",
            title = "There are as many pods as files, and room for each file",
            why = "Each pod takes up its own file, and needs four times its size in 85 % of its "
                .. "free space.",
            check = true,
            when = is_running_system,
            needs = {"files", "pods"},
            run = database.room,
        },
        {
            id = "portal",
            title = "The portal has backups of the same time",
            why = "Its sites must fit the restored database.",
            check = true,
            when = function(ctx)
                return ctx.params.portal_backups ~= nil
            end,
            needs = {"backup"},
            run = backups.check_portal,
        },
        {
            id = "copy-project",
            title = "Copy the project to a new place, without output folders",
            why = "What an earlier installation wrote must not be installed again.",
            when = is_disaster,
            done = installation.is_copied,
            run = installation.copy,
            verify = installation.is_copied,
        },
        {
            id = "set-registry",
            title = "Set the registry of each subsystem",
            why = "The images or their credentials are elsewhere now; nothing else is changed.",
            when = function(ctx)
                return is_disaster(ctx)
                    and (ctx.params.registry or ctx.params.registry_secret) ~= nil
            end,
            done = installation.is_registry_set,
            run = installation.set_registry,
            verify = installation.is_registry_set,
        },
        {
            id = "install",
            title = "Install a new management subsystem",
            why = "The backup is restored into a fresh one, right after its installation and "
                .. "before anybody logs in or changes settings.",
            when = is_disaster,
            run = installation.install,
        },
        {
            id = "new-system",
            title = "The new subsystem can take the backup",
            why = "Endpoints, version, number of pods and space could not be looked at before.",
            when = is_disaster,
            run = database.new_system,
        },
        {
            id = "note-state",
            title = "Note which restores there were before",
            why = "A status that an earlier restore has left must not be taken for this one's.",
            run = restore.note,
        },
        {
            id = "restore",
            title = "Start the restore",
            why = "It deletes the current data and takes up every file of the backup.",
            destructive = loss,
            done = restore.is_started,
            run = restore.start,
            verify = restore.is_not_failed,
        },
        {
            id = "watch",
            title = "Wait until the database is restored",
            why = "The job may be complete while the database is not: its own status decides.",
            run = restore.watch,
            verify = restore.is_restored,
        },
        {
            id = "stuck-tasks",
            title = "Remove stuck tasks",
            why = "From 2018.4.1.9 iFix1.0 on, tasks of the time of the backup may wait for ever.",
            when = database.has_stuck_tasks,
            run = programs.fix_stuck_tasks,
        },
    },
    next = function(ctx)
        return {
            "Restore the Developer Portal immediately, from backups of "
                .. backups.time(known(ctx, "backup")) .. ": its sites must fit this database.",
            "Then let external traffic in again.",
            ctx.params.disaster and "Keep " .. ctx.params.workspace
                .. " as the project of this system, private and safe." or nil,
        }
    end,
}
