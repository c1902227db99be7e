-- Recovers an API Connect v10 management subsystem on a new installation, from a kit of
-- apic-v10/prepare-management and the backups in storage.
local apiconnect = require("salvor.apiconnect")
local checks = require("salvor.apiconnect.recover_management.checks")
local steps = require("salvor.apiconnect.recover_management.steps")

local function has_file(ctx)
    return ctx.params.resource ~= nil
end

local function is_crunchy(ctx)
    return ctx.facts.database == "crunchy"
end

local function has_top(params)
    return params.top ~= nil
end

local function stands_alone(params)
    return params.top == nil
end

local function may_be_crunchy(params)
    return params.database ~= "edb"
end

return {
    id = "apic-v10/recover-management",
    title = "Recover the management subsystem after a disaster",
    summary = "Gives the replacement the secrets and settings of a kit, waits until it is up, and "
        .. "restores its database from the backups in storage.",
    document = "IBM API Connect v10: Recovering the management subsystem from SFTP (or S3) backups",
    systems = {{name = "IBM API Connect", versions = "10.0.1 and later"}},
    categories = {"restore", "destructive"},
    params = {
        {name = "kit", type = "url", required = true,
         help = "the kit that apic-v10/prepare-management has saved"},
        {name = "name", type = "name",
         help = "the ManagementCluster, to be sure that it is the kit's"},
        {name = "resource", type = "path",
         help = "the file that defines the replacement, which is edited in place; the old"
            .. " definition of the kit when left out"},
        {name = "top", type = "name",
         help = "the APIConnectCluster that the subsystem belongs to, if to any"},
        {name = "backup", type = "string", default = "newest",
         help = "the id of the backup to restore; the newest one by default"},
        {name = "copy_backups_to", type = "string",
         help = "of backups on S3: the new path, bucket/folder, to which they are copied first"},
        {name = "server_name", type = "string",
         help = "from 10.0.8 on: the folder of the backups below databaseBackup.path; the kit's"
            .. " when left out"},
        {name = "pitr_target", type = "string",
         help = "a moment to recover to, 2026-01-02 03:04:05+00; the end of the backup when left"
            .. " out"},
        {name = "database", type = "enum", values = {"auto", "crunchy", "edb"}, default = "auto",
         help = "the generation of the management database; by version when auto"},
        {name = "install_timeout", type = "duration", default = "2h",
         help = "how long the subsystem may take to come up"},
        {name = "backups_timeout", type = "duration", default = "1h",
         help = "how long the operator may take to find the backups in storage"},
        {name = "backups_settle", type = "duration", default = "1m",
         help = "how long no more of them must have come before the newest is chosen"},
        {name = "restore_timeout", type = "duration", default = "4h",
         help = "how long the restore may take"},
    },
    permissions = {
        {kind = apiconnect.MANAGEMENT, verbs = {"get", "list", "watch"}},
        {kind = apiconnect.MANAGEMENT, verbs = {"create", "patch"}, when = stands_alone},
        {kind = apiconnect.TOP, verbs = {"get", "create", "patch"}, when = has_top},
        {kind = "secrets", verbs = {"get", "create"}},
        {kind = "configmaps", verbs = {"get"}},
        {kind = apiconnect.MANAGEMENT_BACKUP, verbs = {"list"}, when = may_be_crunchy},
        {kind = apiconnect.MANAGEMENT_RESTORE, verbs = {"get", "list", "watch", "create"}},
    },
    steps = {
        {
            id = "kit",
            title = "The kit is whole, and of this system",
            why = "Without the old secrets and identity the restored database cannot be read.",
            check = true,
            run = checks.kit,
        },
        {
            id = "resource",
            title = "The replacement has the old name and endpoints",
            why = "Backups are bound to the name; clients and portals know the endpoints.",
            check = true,
            needs = {"kit"},
            run = checks.resource,
        },
        {
            id = "version",
            title = "The replacement has the old version, or a later fix pack",
            why = "A database is restored by the release that it is of, or a later one of the same"
                .. " kind; below 10.0.3.0 a long name cannot be recovered.",
            check = true,
            needs = {"resource"},
            run = checks.version,
        },
        {
            id = "secrets",
            title = "No other secrets stand in the way",
            why = "Secrets that are there are used and not made anew: they must be the old ones.",
            check = true,
            needs = {"kit"},
            run = checks.secrets,
        },
        {
            id = "settings",
            title = "A subsystem that is there already can take over",
            why = "siteName, originalUID, encryption key and the place of the backups must be the"
                .. " old ones, or the restore fails.",
            check = true,
            needs = {"resource", "version"},
            run = checks.settings,
        },
        {
            id = "restores",
            title = "No other restore is in flight",
            why = "Two restores at once spoil each other, and one that failed leaves its lock.",
            check = true,
            needs = {"kit"},
            run = checks.restores,
        },
        {
            id = "backup",
            title = "It is known which backup is restored",
            why = "From 10.0.8 on a restore names the backup by its id and its place in storage.",
            check = true,
            needs = {"version"},
            run = checks.backup,
        },
        {
            id = "copy",
            title = "Backups on S3 can be copied to a path of their own",
            why = "A new database refuses the path of another, and two that share one spoil it.",
            check = true,
            needs = {"version"},
            run = checks.copy,
        },
        {
            id = "outside",
            title = "What nobody can see from here",
            why = "What is changed before the restore is lost, and the portal must fit.",
            check = true,
            run = checks.warn,
        },
        {
            id = "apply-secrets",
            title = "Put the secrets back",
            why = "The operator uses those that are there under these names when it installs.",
            run = steps.apply_secrets,
            verify = steps.has_secrets,
        },
        {
            id = "copy-backups",
            title = "Copy the backups to their new path",
            why = "It must hold them before the operator looks, the info files last.",
            when = function(ctx)
                return ctx.params.copy_backups_to ~= nil
            end,
            run = steps.copy_backups,
        },
        {
            id = "edit-file",
            title = "Put the kit's values into the file of the replacement",
            why = "So that the file is the truth from now on, with its comments.",
            when = has_file,
            done = steps.is_file_edited,
            run = steps.edit_file,
        },
        {
            id = "apply-resource",
            title = "Create the replacement, or change the one that is there",
            why = "siteName, originalUID, encryptionSecret, customApplicationCredentials and"
                .. " databaseBackup are the old ones before the operator begins.",
            done = steps.needs_no_change,
            run = steps.apply_resource,
            verify = steps.is_resource_applied,
        },
        {
            id = "await-operator",
            title = "Wait until the subsystem is up",
            why = "A restore needs a subsystem whose parts all run.",
            run = steps.await_operator,
        },
        {
            id = "await-backups",
            title = "Wait until the operator has found the old backups",
            why = "It makes an object of each backup in storage; a restore names one of these.",
            when = is_crunchy,
            run = steps.await_backups,
        },
        {
            id = "restore",
            title = "Restore the database",
            why = "The operator stops the subsystem, restores its database and starts it again.",
            destructive = function(ctx)
                return "everything in the database of ManagementCluster " .. ctx.facts.name
                    .. " in namespace " .. ctx.namespace
            end,
            run = steps.restore,
            verify = steps.is_restored,
        },
        {
            id = "verify",
            title = "The subsystem is up again, with the old identity",
            why = "A restore that is complete is not yet a subsystem that works.",
            run = steps.verify,
        },
    },
    next = function()
        return {
            "Restore the developer portal immediately, from a backup of the same time:"
                .. " apic-v10/recover-portal.",
            "Let external traffic in, and log in, only when that is done, too.",
        }
    end,
}
