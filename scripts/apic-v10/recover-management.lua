-- Recovers an API Connect v10 management subsystem on a new installation, from a kit of
-- apic-v10/prepare-management and the backups in storage.
local apiconnect = require("salvor.apiconnect")
local checks = require("salvor.apiconnect.recover_management.checks")
local management_backup = require("salvor.apiconnect.management_backup")
local stanza = require("salvor.apiconnect.stanza")
local steps = require("salvor.apiconnect.recover_management.steps")
local subsystem = require("salvor.apiconnect.recover_management.subsystem")

local may_be_crunchy = management_backup.may_be("crunchy")

--- Backups on S3 have a stanza, and the Job that makes it.
local function may_have_stanza(params)
    return params.copy_backups_to ~= nil and may_be_crunchy(params)
end

local shared = subsystem:steps()

return {
    id = "apic-v10/recover-management",
    title = "Recover the management subsystem after a disaster",
    summary = "Gives the replacement the secrets and settings of a kit, waits until it is up, and "
        .. "restores its database from the backups in storage.",
    document = "IBM API Connect v10: Recovering the management subsystem from SFTP (or S3) backups",
    systems = {{name = "IBM API Connect", versions = "10.0.1 and later"}},
    categories = {"restore", "destructive"},
    params = subsystem:params({
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
        management_backup.PARAM,
        {name = "backups_timeout", type = "duration", default = "1h",
         help = "how long the operator may take to find the backups in storage"},
        {name = "backups_settle", type = "duration", default = "1m",
         help = "how long no more of them must have come before the newest is chosen"},
    }),
    permissions = subsystem:permissions({
        {kind = "configmaps", verbs = {"get"}},
        {kind = apiconnect.MANAGEMENT_BACKUP, verbs = {"list"}, when = may_be_crunchy},
        {kind = stanza.JOBS, verbs = {"get"}, when = may_have_stanza},
        {kind = "pods", verbs = {"list"}, when = may_have_stanza},
        {kind = "pods/log", verbs = {"get"}, when = may_have_stanza},
    }),
    steps = {
        shared.kit,
        shared.resource,
        shared.version,
        {
            id = "database",
            title = "The replacement has a database of the old generation",
            why = "A backup of one generation cannot be restored into the other.",
            check = true,
            needs = {"version"},
            run = checks.database,
        },
        shared.secrets,
        shared.settings,
        shared.restores,
        {
            id = "lock",
            title = "No restore that failed has left its lock",
            why = "The operator does not begin with another one while it is there.",
            check = true,
            needs = {"restores"},
            run = checks.lock,
        },
        {
            id = "backup",
            title = "It is known which backup is restored",
            why = "From 10.0.8 on a restore names the backup by its id and its place in storage.",
            check = true,
            needs = {"database"},
            run = checks.backup,
        },
        {
            id = "copy",
            title = "Backups on S3 can be copied to a path of their own",
            why = "A new database refuses the path of another, and two that share one spoil it.",
            check = true,
            needs = {"database"},
            run = checks.copy,
        },
        shared.outside,
        shared["apply-secrets"],
        {
            id = "copy-backups",
            title = "Copy the backups to their new path",
            why = "It must hold them before the operator looks, the info files last.",
            when = function(ctx)
                return ctx.params.copy_backups_to ~= nil
            end,
            run = steps.copy_backups,
        },
        shared["edit-file"],
        shared["apply-resource"],
        shared["await-operator"],
        {
            id = "await-backups",
            title = "Wait until the operator has found the old backups",
            why = "It makes an object of each backup in storage; a restore names one of these.",
            when = steps.is_crunchy,
            run = steps.await_backups,
        },
        {
            id = "restore",
            title = "Restore the database",
            why = "The operator stops the subsystem, restores its database and starts it again.",
            destructive = steps.loss,
            run = steps.restore,
            verify = steps.is_restored,
        },
        shared.verify,
    },
    next = function(ctx)
        return {
            "Restore the developer portal immediately, from a backup of the same time:"
                .. " apic-v10/recover-portal.",
            "Let external traffic in, and log in, only when that is done, too.",
            ctx.facts.restarts and stanza.STILL_RESTARTS or nil,
        }
    end,
}
