-- Saves what the recovery of an API Connect v10 management subsystem needs, while it still runs.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.management_backup")
local management = require("salvor.apiconnect.management")
local management_kit = require("salvor.apiconnect.management_kit")
local prepare = require("salvor.apiconnect.prepare")

local subject = require("salvor.apiconnect.subsystems").management()

local RECREATE_HEADER = [[
# What the replacement resource must have before it is created, so that it takes over the old
# database: put these values into its definition. The secrets of the kit are applied first.
]]

local S3_HEADER = [[
# The backups are in an S3 bucket, whose path the replacement must not share with the old subsystem:
# copy its content to a new path (archive/ and backup/, the info files last) and name that path in
# databaseBackup below.
]]

local function recreate(ctx, object, known)
    local is_s3 = known.databaseBackup.protocol == "objstore"
    return RECREATE_HEADER .. (is_s3 and S3_HEADER or ""), management.replacement(object,
        known, subject:secrets(object, ctx.facts.version))
end

local step = prepare.steps(subject, {
    read = management_kit.read,
    recreate = recreate,
    settings = function(ctx)
        return {databaseCluster = subject:owner(ctx).database_cluster}
    end,
})

local parameters = prepare.params("the ManagementCluster")
parameters[#parameters + 1] = backup.PARAM

local function takes(database)
    return function(params)
        return prepare.takes_backup(params) and backup.may_be(database)(params)
    end
end

return {
    id = "apic-v10/prepare-management",
    title = "Prepare the management subsystem for a disaster",
    summary = "Saves the secrets and settings without which a backup of the management database "
        .. "cannot be restored on a new cluster, and checks that there is such a backup.",
    document = "IBM API Connect v10: Preparing the management subsystem for disaster recovery "
        .. "using SFTP (or S3) backups",
    systems = {{name = "IBM API Connect", versions = "10.0.1 and later"}},
    categories = {"prepare", "safe"},
    params = parameters,
    permissions = {
        {kind = apiconnect.MANAGEMENT, verbs = {"get", "list"}},
        {kind = "secrets", verbs = {"get"}},
        {kind = apiconnect.MANAGEMENT_BACKUP, verbs = {"list"}, when = backup.may_be("crunchy")},
        {kind = apiconnect.MANAGEMENT_BACKUP, verbs = {"get", "watch", "create"},
         when = takes("crunchy")},
        {kind = apiconnect.EDB_BACKUP, verbs = {"list"}, when = backup.may_be("edb")},
        {kind = apiconnect.EDB_BACKUP, verbs = {"get", "watch", "create"}, when = takes("edb")},
    },
    steps = {
        step("resource"),
        step("backup-settings", {
            title = "Database backups go to an SFTP server or an S3 bucket",
            why = "Backups inside the cluster are lost with it; host, path, credentials and "
                .. "schedule must be the same again after the recovery.",
        }),
        step("health"),
        step("secrets", {
            why = "They are made at installation, never again: without them a restored database "
                .. "cannot be decrypted and its clients cannot log in.",
        }),
        step("identity", {
            title = "siteName and originalUID are known",
            why = "Name and siteName bind the backups to the database cluster; a restore with "
                .. "another originalUID fails.",
        }),
        step("backups", {title = "There is a backup that can be used"}),
        step("kit"),
        step("take-backup", {title = "Take a backup and wait for it"}),
        step("save-secrets", {
            why = "Encryption key, client credentials and the credentials of the backup server, "
                .. "without the fields that tie them to this cluster.",
        }),
        step("save-resource", {
            why = "The replacement must have the same name, siteName, originalUID and database "
                .. "backup settings.",
        }),
        step("publish"),
        step("read-back"),
    },
    next = function(ctx)
        return prepare.next(ctx, "Prepare the developer portal in the same way now "
            .. "(apic-v10/prepare-portal): management and portal backups must be of the same time.")
    end,
}
