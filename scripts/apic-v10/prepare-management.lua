-- Saves what the recovery of an API Connect v10 management subsystem needs, while it still runs.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.backup")
local recovery = require("salvor.apiconnect.recovery")
local dig = require("salvor").dig
local storage = require("salvor.apiconnect.storage")
local yaml = require("salvor.yaml")

local HOUR = 3600
local CLOCK_TOLERANCE = 300 -- seconds

local RESOURCE_FILE = "managementcluster.yaml"
local RECREATE_FILE = "recreate.yaml"
local SETTINGS_FILE = "settings.yaml"

local function secret_file(name)
    return "secrets/" .. name .. ".yaml"
end

local function management(ctx)
    return must(ctx.k8s:get(apiconnect.MANAGEMENT, ctx.facts.name))
end

-- Checks

local function find_resource(ctx)
    local kind, problem = ctx.k8s:kind(apiconnect.MANAGEMENT)
    if not kind and problem.code == "NotFound" then
        return ctx:problem("this cluster has no ManagementClusters: API Connect v10 is not"
            .. " installed", "choose the right cluster with --context or --kubeconfig")
    end
    must(kind, problem)
    local names = {}
    for object in ctx.k8s:each(apiconnect.MANAGEMENT) do
        names[#names + 1] = object.metadata.name
    end
    local wanted = ctx.params.name
    if wanted then
        ctx.facts.name = wanted
    elseif #names == 1 then
        ctx.facts.name = names[1]
    elseif #names == 0 then
        return ctx:problem("there is no ManagementCluster in namespace " .. ctx.namespace,
            "name its namespace with -n")
    else
        return ctx:problem("there are " .. #names .. " ManagementClusters in namespace "
            .. ctx.namespace .. ": " .. table.concat(names, ", "), "choose one with -p name=…")
    end
    local object, err = ctx.k8s:get(apiconnect.MANAGEMENT, ctx.facts.name)
    if not object and err.code == "NotFound" then
        return ctx:problem("there is no ManagementCluster " .. wanted .. " in namespace "
            .. ctx.namespace, #names > 0 and "there is: " .. table.concat(names, ", ")
            or "name its namespace with -n")
    end
    must(object, err)
    ctx.facts.version = dig(object, "status", "versions", "reconciled")
        or dig(object, "spec", "version")
    ctx.facts.uid = object.metadata.uid
    if not apiconnect.parse_version(ctx.facts.version) then
        return ctx:problem("ManagementCluster " .. ctx.facts.name .. " does not tell its version")
    end
    ctx:note("ManagementCluster " .. ctx.facts.name .. ", version " .. ctx.facts.version)
end

local NO_BACKUPS = "backups stay inside the cluster and are lost with it"
local SET_UP = "set spec.databaseBackup to an SFTP server or an S3 bucket and take a backup first"
local NOT_REMOTE = {
    [""] = "databaseBackup is not set up: " .. NO_BACKUPS,
    ["local"] = "databaseBackup.protocol is local: " .. NO_BACKUPS,
}
local NEEDED = {"host", "path", "credentials", "schedule"} -- by either protocol

local function check_backup_settings(ctx)
    local settings = dig(management(ctx), "spec", "databaseBackup") or {}
    local protocol = dig(settings, "protocol") or ""
    if NOT_REMOTE[protocol] then
        return ctx:problem(NOT_REMOTE[protocol], SET_UP)
    elseif protocol ~= "sftp" and protocol ~= "objstore" then
        return ctx:problem("databaseBackup.protocol is '" .. tostring(protocol)
            .. "', neither sftp nor objstore (S3)")
    end
    for _, field in ipairs(NEEDED) do
        if (dig(settings, field) or "") == "" then
            ctx:problem("databaseBackup." .. field .. " is not set",
                "set it in the ManagementCluster, or in the APIConnectCluster that owns it")
        end
    end
    for _, problem in ipairs(protocol == "objstore"
        and storage.s3_problems(settings, ctx.facts.version) or {}) do
        ctx:problem(table.unpack(problem))
    end
    ctx.facts.protocol = protocol
end

local function check_health(ctx)
    local ready, text = apiconnect.ready(management(ctx))
    if not ready then
        ctx:problem("ManagementCluster " .. ctx.facts.name .. " is not healthy: " .. text,
            "mend it first; what is saved from a half-working system may not be complete")
    end
end

local function check_secrets(ctx)
    local object = management(ctx)
    ctx.facts.secrets = {}
    for _, item in ipairs(recovery.secrets(object, ctx.facts.version)) do
        if item.problem then
            ctx:problem(item.problem, item.hint)
        else
            table.insert(ctx.facts.secrets, item)
            if item.is_unknown then
                ctx:warn(item.role .. " is not known to this procedure; its secret is saved, its"
                    .. " name in customApplicationCredentials is taken from the secret's",
                    "compare it with the vendor's list for " .. ctx.facts.version)
            end
            local found, err = ctx.k8s:get("secrets", item.secret)
            if found then
                local missing = recovery.missing_keys(item, found)
                if missing then
                    ctx:problem("secret " .. item.secret .. " has " .. missing)
                end
            elseif err.code == "NotFound" then
                ctx:problem("secret " .. item.secret .. " (" .. item.role .. ") does not exist",
                    "without it a recovered database cannot be read; find out why it is gone")
            else
                error(err, 0)
            end
        end
    end
end

local function check_identity(ctx)
    local object = management(ctx)
    local site = dig(object, "spec", "siteName")
    if not site then
        ctx:problem("spec.siteName is not set, so the name of the database cluster is unknown",
            "wait until the operator has set it")
        return
    end
    local original = dig(object, "spec", "originalUID")
    if apiconnect.has_original_uid(ctx.facts.version) then
        if not original then
            ctx:warn("spec.originalUID is not set; metadata.uid, which the operator would put"
                .. " there, is noted instead")
        end
    elseif #ctx.facts.name > apiconnect.LONG_NAME then
        ctx:warn(string.format("the name %s is longer than %d characters: restoring onto version"
            .. " 10.0.2 or earlier may not work", ctx.facts.name, apiconnect.LONG_NAME),
            "restore onto 10.0.3.0 or later, with originalUID set to the noted metadata.uid")
    end
    ctx.facts.site = site
    ctx.facts.original_uid = original or object.metadata.uid
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
        database_cluster = apiconnect.database_cluster(management(ctx), database),
    }
    local newest, count = backup.newest(ctx.k8s, ctx.facts.owner)
    if newest then
        local age = os.time() - newest.time
        ctx:note(string.format("newest usable backup: %s (%s), %.1f hours old", newest.name,
            newest.id or "without an id", math.max(age, 0) / HOUR))
        if age < -CLOCK_TOLERANCE then
            ctx:warn(string.format("that is %.1f hours in the future: the clocks of this machine"
                .. " and of the cluster differ", -age / HOUR), "set them, its age may be wrong")
        elseif age > ctx.params.max_age and not ctx.params.take_backup then
            ctx:warn(string.format("that is more than the %.1f hours allowed",
                ctx.params.max_age / HOUR), "take a new one with -p take_backup=true")
        end
        ctx.facts.backup = newest
    elseif not ctx.params.take_backup then
        local whose = backup.belonging(ctx.facts.owner)
        ctx:problem(count == 0 and "there is no backup of this system (" .. whose .. ")"
            or "none of the " .. count .. " backups of this system can be used (" .. whose .. ")",
            "take one with -p take_backup=true")
    end
end

local function system(ctx)
    return {kind = "ManagementCluster", namespace = ctx.namespace, name = ctx.facts.name,
            uid = ctx.facts.uid, version = ctx.facts.version}
end

local function open_kit(ctx)
    return ctx:kit(ctx.params.kit)
end

local function check_kit(ctx)
    local kit = open_kit(ctx)
    local ok, err = kit:check_place(ctx.facts.uid and system(ctx))
    if not ok then
        return ctx:problem(err.message, err.hint)
    end
    for _, run in ipairs(must(kit:unfinished())) do
        ctx:warn("run " .. run .. " has not finished its generation in " .. kit.url,
            "when it is not at work any more: salvor run --resume " .. run
            .. ", or remove generations/" .. run .. ", which may hold secrets")
    end
end

-- Steps

local function save_secrets(ctx)
    for _, item in ipairs(ctx.facts.secrets) do
        open_kit(ctx):save(secret_file(item.secret), must(ctx.k8s:get("secrets", item.secret)))
    end
end

local function secret_files(ctx)
    local files = {}
    for index, item in ipairs(ctx.facts.secrets) do
        files[index] = secret_file(item.secret)
    end
    return files
end

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
            time = newest.time and os.date("!%Y-%m-%dT%H:%M:%SZ", newest.time),
        },
    }))
end

local function save_resource(ctx)
    local object, kit = management(ctx), open_kit(ctx)
    local source = {kind = object.kind, namespace = ctx.namespace, name = object.metadata.name,
                    uid = object.metadata.uid, resourceVersion = object.metadata.resourceVersion}
    kit:save(RESOURCE_FILE, object)
    kit:write(RECREATE_FILE, recreate(ctx, object), source)
    kit:write(SETTINGS_FILE, settings(ctx, object), source)
end

local function take_backup(ctx)
    local owner = ctx.facts.owner
    ctx.facts.backup = backup.take(ctx.k8s, owner, ctx:name(owner.name), ctx.params.backup_timeout)
    if not ctx.planning then
        ctx:note("took backup " .. (ctx.facts.backup.id or ctx.facts.backup.name))
    end
end

local function read_back(ctx)
    if ctx.planning then
        return
    end
    local manifest, files = open_kit(ctx):read()
    must(manifest, files)
    local count = 0
    for path in pairs(files) do
        count = count + (path:match("%.yaml$") and 1 or 0)
        must(yaml.load(files[path]))
    end
    ctx:note("read back " .. count .. " files of kit " .. open_kit(ctx).url)
end

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
    params = {
        {name = "name", type = "name", help = "the ManagementCluster; the only one when left out"},
        {name = "kit", type = "url", required = true,
         help = "the recovery kit: a folder, made when missing, or the URL of a store"},
        {name = "max_age", type = "duration", default = "24h",
         help = "warn when the newest usable backup is older"},
        {name = "take_backup", type = "boolean", default = false,
         help = "take a backup now and wait for it"},
        {name = "backup_timeout", type = "duration", default = "2h",
         help = "how long that backup may take"},
        {name = "database", type = "enum", values = {"auto", "crunchy", "edb"}, default = "auto",
         help = "the generation of the management database; by version when auto"},
    },
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
            run = find_resource,
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
            run = check_health,
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
        {
            id = "kit",
            title = "The kit's folder can be used",
            why = "A kit belongs to one system; the last good generation is never touched.",
            check = true,
            run = check_kit,
        },
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
        {
            id = "save-secrets",
            title = "Save the secrets",
            why = "Encryption key, client credentials and the credentials of the backup server, "
                .. "without the fields that tie them to this cluster.",
            run = save_secrets,
            verify = function(ctx)
                return open_kit(ctx):holds(secret_files(ctx))
            end,
        },
        {
            id = "save-resource",
            title = "Save the resource and note its settings",
            why = "The replacement must have the same name, siteName, originalUID and database "
                .. "backup settings.",
            run = save_resource,
            verify = function(ctx)
                return open_kit(ctx):holds({RESOURCE_FILE, RECREATE_FILE, SETTINGS_FILE})
            end,
        },
        {
            id = "publish",
            title = "Publish the kit's new generation",
            why = "A kit is whole or not there.",
            run = function(ctx)
                open_kit(ctx):publish(system(ctx))
            end,
        },
        {
            id = "read-back",
            title = "Read the kit back and check it",
            why = "A kit that cannot be read is found out now, not in the disaster.",
            run = read_back,
            verify = function(ctx)
                return open_kit(ctx):read() ~= nil
            end,
        },
    },
    next = function(ctx)
        return {
            "Keep " .. open_kit(ctx).url .. " outside this cluster, safe and private: if "
                .. "it is lost, this system cannot be restored.",
            "Prepare the developer portal in the same way now: management and portal backups must "
                .. "be of the same time.",
        }
    end,
}
