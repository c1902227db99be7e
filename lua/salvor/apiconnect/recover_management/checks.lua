--- What must be so before a management subsystem is recovered, beside the checks of
--- salvor.apiconnect.recover.
---
--- ctx.facts: beside those of salvor.apiconnect.recover database ("crunchy" or "edb"), backup
--- ({name, id, server, time}), and job (uid of the stanza-create Job of the settings before).
local backup = require("salvor.apiconnect.management_backup")
local backup_copy = require("salvor.apiconnect.backup_copy")
local dig = require("salvor").dig
local find = require("salvor.k8s.find")
local known = require("salvor.apiconnect.recover_management.known")
local management_restore = require("salvor.apiconnect.management_restore")
local s3_place = require("salvor.apiconnect.s3_place")
local subsystem = require("salvor.apiconnect.recover_management.subsystem")

local checks = {}

--- The same generation of the database.
function checks.database(ctx)
    local kit = subsystem:kit_of(ctx)
    local version = subsystem:version(ctx, kit)
    local old, err = backup.generation(kit.version, ctx.params.database)
    local new, problem = backup.generation(version, ctx.params.database)
    err = err or problem
    if err then
        ctx:problem(err.message, err.hint)
    elseif old ~= new then
        ctx:problem("the backups are of the database of " .. kit.version .. " (" .. old .. "), the"
            .. " replacement has that of " .. version .. " (" .. new .. ")",
            "install " .. kit.version .. ", restore, and upgrade then")
    end
    ctx.facts.database = new
end

--- No restore that failed has left its lock.
function checks.lock(ctx)
    local err = management_restore.left_lock(ctx.k8s, subsystem:name(ctx))
    if err then
        ctx:problem(err.message, err.hint)
    end
end

local MOMENT = "^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d[+-]%d%d$"

--- Of EDB's backups there are no objects on a new cluster: the restore names one in storage.
local function check_stored(ctx, kit, wanted)
    local newest, path = kit.newest, dig(kit.spec, "databaseBackup", "path")
    local id = wanted ~= "newest" and wanted or newest.id
    local server = ctx.params.server_name or newest.serverName
    if not id or not backup.to_epoch(id) then
        ctx:problem("the id of the backup is not known: " .. tostring(id),
            "look into the storage, under " .. path .. "/SERVER/base, and say"
            .. " -p backup=20260826T154646")
    elseif not server then
        ctx:problem("the kit does not say under which server's name the backups are stored",
            "it is the folder below " .. path .. " that begins with " .. kit.name .. "-"
            .. kit.spec.siteName .. "-db: -p server_name=…")
    elseif wanted == "newest" then
        ctx:warn("the newest backup that the kit knows is " .. id .. " of "
            .. tostring(newest.time), "storage may hold a newer one: -p backup=ID")
    end
    ctx.facts.backup = {id = id, server = server, time = backup.to_epoch(id)}
end

function checks.backup(ctx)
    local kit, wanted = subsystem:kit_of(ctx), ctx.params.backup
    local moment = ctx.params.pitr_target
    if moment and not moment:match(MOMENT) then
        ctx:problem("-p pitr_target=" .. moment .. " is not a moment as PostgreSQL reads it",
            "write it like 2026-01-02 03:04:05+00")
    end
    if known(ctx, "database") == "edb" then
        check_stored(ctx, kit, wanted)
    elseif wanted ~= "newest" and not backup.to_epoch(wanted) then
        ctx:problem("'" .. wanted .. "' is not the id of a backup",
            "say -p backup=newest, or one like 20260826-154646F")
    end
end

local function has_multisite(object)
    return (dig(object, "spec", "multiSiteHA")
        or dig(object, "spec", "management", "multiSiteHA")) ~= nil
end

--- It is in what is there, which keeps what it has, or in what is put there.
local function check_multisite(ctx, kit)
    local object = find.object(ctx.k8s, subsystem.plural, kit.name)
    local described, live = subsystem:described(ctx, kit, object)
    if has_multisite(described) or has_multisite(live) then
        ctx:problem("the replacement has multiSiteHA", "it must be taken out before backups on S3"
            .. " are set up: of the resource that is there, or of its definition, which"
            .. " -p resource=FILE gives; put it back when the recovery is done")
    end
end

--- Two databases must not share a path in S3, and a new one must be without a stanza.
function checks.copy(ctx)
    local kit, to = subsystem:kit_of(ctx), ctx.params.copy_backups_to
    local settings = kit.spec.databaseBackup
    if settings.protocol ~= "objstore" then
        return to and ctx:problem("the backups are not on S3: their path stays the same",
            "leave out -p copy_backups_to")
    elseif not to then
        return ctx:problem("the backups are on S3, in " .. settings.path .. ": that path must not"
            .. " be used by the replacement",
            "they are copied to a new one: -p copy_backups_to=bucket/folder")
    elseif to == settings.path then
        return ctx:problem(to .. " is where the backups are",
            "name a new path: -p copy_backups_to=bucket/folder")
    end
    local bucket, wrong = s3_place.split_path(to)
    if not bucket then
        return ctx:problem("the backups cannot be copied to '" .. to .. "'", wrong)
    end
    check_multisite(ctx, kit)
    local secrets = subsystem:backup_secrets(ctx, kit)
    local ok, err = backup_copy.check(secrets, settings, to, known(ctx, "database"))
    if not ok then
        return ctx:problem(err.message, err.hint)
    end
    backup_copy.check_retention(ctx, secrets, settings, to)
end

return checks
