-- Saves what the recovery of an API Connect v10 management subsystem needs, while it still runs.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.backup")
local recovery = require("salvor.apiconnect.recovery")
local prepare = require("salvor.apiconnect.prepare")
local storage = require("salvor.apiconnect.storage")
local yaml = require("salvor.yaml")

local RESOURCE_FILE = "managementcluster.yaml"
local RECREATE_FILE = "recreate.yaml"
local SETTINGS_FILE = "settings.yaml"

local subsystem = prepare.subsystem({
    kind = "ManagementCluster",
    plural = apiconnect.MANAGEMENT,
    backup_field = "databaseBackup",
})

-- Checks

local NEEDED = {"host", "path", "credentials", "schedule"} -- by either protocol

local function check_backup_settings(ctx)
    local settings = subsystem:check_backup_settings(ctx, NEEDED)
    if settings and settings.protocol == "objstore" then
        for _, problem in ipairs(storage.s3_problems(settings, ctx.facts.version)) do
            ctx:problem(table.unpack(problem))
        end
    end
end

local function check_secrets(ctx)
    prepare.check_secrets(ctx, recovery.secrets(subsystem:get(ctx), ctx.facts.version))
end

local function check_identity(ctx)
    subsystem:check_identity(ctx)
    if not ctx.facts.site then
        ctx:problem("spec.siteName is not set, so the name of the database cluster is unknown",
            "wait until the operator has set it")
    end
end

local function check_backups(ctx)
    local database = ctx.params.database
    if database == "auto" then
        database = apiconnect.database(ctx.facts.version)
        if not database then
            return ctx:problem("version " .. ctx.facts.version .. " may keep its backups as"
                .. " ManagementBackup or as EDB Backup", "say which: -p database=crunchy or edb")
        end
    end
    ctx.facts.owner = {
        name = ctx.facts.name,
        database = database,
        database_cluster = apiconnect.database_cluster(subsystem:get(ctx), database),
    }
    local newest, count = backup.newest(ctx.k8s, ctx.facts.owner)
    if newest then
        prepare.tell_age(ctx, newest)
        ctx.facts.backup = newest
    elseif not ctx.params.take_backup then
        local whose = backup.belonging(ctx.facts.owner)
        ctx:problem(count == 0 and "there is no backup of this system (" .. whose .. ")"
            or "none of the " .. count .. " backups of this system can be used (" .. whose .. ")",
            "take one with -p take_backup=true")
    end
end

-- Steps

local RECREATE_HEADER = [[
# What the replacement resource must have before it is created, so that it takes over the old
# database: put these values into its definition. The secrets of the kit are applied first.
]]

local S3_HEADER = [[
# The backups are in an S3 bucket, whose path the replacement must not share with the old subsystem:
# copy its content to a new path (archive/ and backup/, the info files last) and name that path in
# databaseBackup below.
]]

local function recreate(ctx, object)
    local fragment = recovery.replacement(object, {
        site = ctx.facts.site,
        original_uid = ctx.facts.original_uid,
        secrets = ctx.facts.secrets,
    })
    return RECREATE_HEADER .. (ctx.facts.protocol == "objstore" and S3_HEADER or "")
        .. must(yaml.dump(fragment))
end

local function settings(ctx, object)
    local newest = ctx.facts.backup
    return must(yaml.dump({
        name = ctx.facts.name,
        namespace = ctx.namespace,
        version = ctx.facts.version,
        siteName = ctx.facts.site,
        originalUID = ctx.facts.original_uid,
        metadataUID = ctx.facts.uid,
        databaseCluster = ctx.facts.owner.database_cluster,
        databaseBackup = object.spec.databaseBackup,
        newestBackup = {
            name = newest.name,
            id = newest.id,
            serverName = newest.server,
            time = newest.time and os.date("!%Y-%m-%dT%H:%M:%SZ", newest.time),
        },
    }))
end

local function save_resource(ctx)
    local object, kit = subsystem:get(ctx), prepare.kit(ctx)
    kit:save(RESOURCE_FILE, object)
    kit:write(RECREATE_FILE, recreate(ctx, object), prepare.source_of(object))
    kit:write(SETTINGS_FILE, settings(ctx, object), prepare.source_of(object))
end

local function take_backup(ctx)
    local owner = ctx.facts.owner
    ctx.facts.backup = backup.take(ctx.k8s, owner, ctx:name(owner.name), ctx.params.backup_timeout)
    if not ctx.planning then
        ctx:note("took backup " .. (ctx.facts.backup.id or ctx.facts.backup.name))
    end
end

local parameters = prepare.params("the ManagementCluster")
parameters[#parameters + 1] = {
    name = "database", type = "enum", values = {"auto", "crunchy", "edb"}, default = "auto",
    help = "the generation of the management database; by version when auto",
}

-- Permissions

--- Whether the database may be of that generation.
local function uses(database)
    return function(params)
        return params.database == "auto" or params.database == database
    end
end

local function takes(database)
    return function(params)
        return params.take_backup and uses(database)(params)
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
        {kind = apiconnect.MANAGEMENT_BACKUP, verbs = {"list"}, when = uses("crunchy")},
        {kind = apiconnect.MANAGEMENT_BACKUP, verbs = {"get", "watch", "create"},
         when = takes("crunchy")},
        {kind = apiconnect.EDB_BACKUP, verbs = {"list"}, when = uses("edb")},
        {kind = apiconnect.EDB_BACKUP, verbs = {"get", "watch", "create"}, when = takes("edb")},
    },
    steps = {
        {
            id = "resource",
            title = "Find the ManagementCluster",
            why = "Everything else is read from this resource and its status.",
            check = true,
            run = function(ctx)
                subsystem:find(ctx)
            end,
        },
        {
            id = "backup-settings",
            title = "Database backups go to an SFTP server or an S3 bucket",
            why = "Backups inside the cluster are lost with it; host, path, credentials and "
                .. "schedule must be the same again after the recovery.",
            check = true,
            needs = {"resource"},
            run = check_backup_settings,
        },
        {
            id = "health",
            title = "The subsystem is healthy",
            why = "Only a running subsystem names all its secrets in its status.",
            check = true,
            needs = {"resource"},
            run = function(ctx)
                subsystem:check_health(ctx)
            end,
        },
        {
            id = "secrets",
            title = "All secrets that a recovery needs exist",
            why = "They are made at installation, never again: without them a restored database "
                .. "cannot be decrypted and its clients cannot log in.",
            check = true,
            needs = {"resource"},
            run = check_secrets,
        },
        {
            id = "identity",
            title = "siteName and originalUID are known",
            why = "Name and siteName bind the backups to the database cluster; a restore with "
                .. "another originalUID fails.",
            check = true,
            needs = {"resource"},
            run = check_identity,
        },
        {
            id = "backups",
            title = "There is a backup that can be used",
            why = "A kit without a backup restores nothing.",
            check = true,
            needs = {"resource", "identity"},
            run = check_backups,
        },
        subsystem:kit_check(),
        {
            id = "take-backup",
            title = "Take a backup and wait for it",
            why = "What is saved now and the newest backup should be of the same time.",
            when = function(ctx)
                return ctx.params.take_backup
            end,
            run = take_backup,
            verify = function(ctx)
                return backup.is_usable(ctx.k8s, ctx.facts.owner, ctx.facts.backup.name)
            end,
        },
        prepare.save_secrets("Encryption key, client credentials and the credentials of the "
            .. "backup server, without the fields that tie them to this cluster."),
        {
            id = "save-resource",
            title = "Save the resource and note its settings",
            why = "The replacement must have the same name, siteName, originalUID and database "
                .. "backup settings.",
            run = save_resource,
            verify = function(ctx)
                return prepare.kit(ctx):holds({RESOURCE_FILE, RECREATE_FILE, SETTINGS_FILE})
            end,
        },
        subsystem:publish(),
        prepare.read_back(),
    },
    next = function(ctx)
        return {
            "Keep " .. prepare.kit(ctx).url .. " outside this cluster, safe and private: if "
                .. "it is lost, this system cannot be restored.",
            "Prepare the developer portal in the same way now: management and portal backups must "
                .. "be of the same time.",
        }
    end,
}
