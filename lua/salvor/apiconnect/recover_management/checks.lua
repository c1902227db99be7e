--- What must be so before a management subsystem is recovered: the checks of
--- apic-v10/recover-management.
---
--- ctx.facts: run, name and version as salvor.apiconnect.recover has them; database; backup ({name,
--- id, server, time}); restore.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.backup")
local backup_copy = require("salvor.apiconnect.backup_copy")
local difference = require("salvor.apiconnect.difference")
local dig = require("salvor").dig
local management_restore = require("salvor.apiconnect.management_restore")
local recover = require("salvor.apiconnect.recover")
local replacement = require("salvor.apiconnect.replacement")
local subsystem = require("salvor.apiconnect.recover_management.subsystem")

local checks = {}

function checks.kit(ctx)
    subsystem:check_kit(ctx)
end

--- The definition that the replacement has, or would have; nothing after a problem.
local function described(ctx, kit, management)
    local target = subsystem:target(ctx, kit)
    local live = recover.find(ctx, target.plural, target.name)
    local definition = subsystem:definition(ctx, kit)
    if not live and not definition then
        return ctx:problem("there is no APIConnectCluster " .. target.name .. " in namespace "
            .. ctx.namespace .. ", and the kit has the ManagementCluster alone",
            "give its definition: -p resource=FILE")
    end
    ctx:note(target.kind .. " " .. target.name .. (live and " is there already"
        or " is created from " .. (ctx.params.resource or "the old definition in the kit")))
    return ctx.params.resource and definition or management or live or definition
end

function checks.resource(ctx)
    local kit = subsystem:kit_of(ctx)
    local kind, unknown = ctx.k8s:kind(apiconnect.MANAGEMENT)
    if not kind and unknown.code == "NotFound" then
        return ctx:problem("this cluster has no ManagementClusters: the operator of API Connect v10"
            .. " is not installed", "install it first, in the version of the old installation")
    end
    must(kind, unknown)
    local management = recover.find(ctx, apiconnect.MANAGEMENT, kit.name)
    subsystem:check_top(ctx, kit, management)
    local object = described(ctx, kit, management)
    if not object then
        return
    end
    recover.check_namespace(ctx, object)
    for _, change in ipairs(replacement.endpoint_changes(object, kit)) do
        ctx:problem(change, "the endpoints must be those of the old subsystem; point their DNS"
            .. " names to the new one instead")
    end
    ctx.facts.version = dig(management, "status", "versions", "reconciled")
        or dig(object, "spec", "version")
    if management and management.metadata.uid == kit.uid then
        ctx:warn("ManagementCluster " .. kit.name .. " is the very one that the kit was made of:"
            .. " its database goes back to the time of the backup")
    end
end

--- Same version and fix pack, or later; and the same generation of the database.
function checks.version(ctx)
    local kit, version = subsystem:kit_of(ctx), ctx.facts.version
    if not apiconnect.parse_version(version) then
        return ctx:problem("the replacement does not tell its version", "set spec.version to "
            .. kit.version)
    elseif not apiconnect.at_least(version, kit.version) then
        ctx:problem("the replacement has version " .. version .. ", the backups are of "
            .. kit.version, "install " .. kit.version .. ", or a later fix pack of that release")
    elseif not apiconnect.at_least(kit.version, version) then
        ctx:warn("the replacement has version " .. version .. ", the backups are of "
            .. kit.version, "all subsystems must have the same version and fix pack")
    end
    local old = ctx.params.database ~= "auto" and ctx.params.database
        or apiconnect.database(kit.version)
    local new = ctx.params.database ~= "auto" and ctx.params.database
        or apiconnect.database(version)
    if not old or not new then
        ctx:problem("versions 10.0.6 and 10.0.7 may have the database of Crunchy or of EDB",
            "say which: -p database=crunchy or edb")
    elseif old ~= new then
        ctx:problem("the backups are of the database of " .. kit.version .. " (" .. old .. "), the"
            .. " replacement has that of " .. version .. " (" .. new .. ")",
            "install " .. kit.version .. ", restore, and upgrade then")
    end
    local name, length = apiconnect.long_name(kit.name, ctx.params.top or kit.top)
    if name and not apiconnect.has_original_uid(version) then
        ctx:problem(string.format("the name %s is longer than %d characters, and %s has no"
            .. " originalUID", name, length, version), "restore onto 10.0.3.0 or later")
    end
    ctx.facts.database = new
end

function checks.secrets(ctx)
    subsystem:check_secrets(ctx)
end

--- What a living subsystem cannot be given any more.
local FIXED = {siteName = "the name of its database cluster goes by it",
               encryptionSecret = "its database was made with another key"}

local function check_difference(ctx, live, restored, one)
    local text = "the resource is there with another value: " .. difference.describe(one)
    local reason = live.object and FIXED[one.path[2]]
    if restored then
        ctx:problem(text .. ", and " .. restored .. " has been restored into it",
            "what was restored is not put at stake: delete the resource first to recover it anew")
    elseif reason then
        ctx:problem(text .. ", which cannot be changed: " .. reason, "delete the resource, and its"
            .. " secrets and volumes, so that this procedure creates it")
    elseif one.before ~= nil then
        ctx:warn(text .. ", which is changed: nothing was restored into it yet")
    end
end

function checks.settings(ctx)
    local kit = subsystem:kit_of(ctx)
    local live = subsystem:look(ctx, kit)
    if not live then
        return
    end
    local restored = management_restore.all(ctx.k8s, kit.name).complete[1]
    local missing = 0
    for _, one in ipairs(live.differences) do
        check_difference(ctx, live, restored, one)
        missing = missing + (one.before == nil and 1 or 0)
    end
    if missing > 0 and not restored then
        ctx:warn("the resource is there without " .. missing .. " of the old values, which are"
            .. " added: nothing was restored into it yet")
    elseif #live.differences == 0 and restored then
        ctx:warn(restored .. " is complete: the subsystem was restored before",
            "what has been changed since then is lost when it is restored again")
    end
end

function checks.restores(ctx)
    local name = ctx.facts.name
    local in_flight = management_restore.all(ctx.k8s, name).in_flight
    for _, other in ipairs(in_flight) do
        ctx:problem("ManagementRestore " .. other .. " is in flight", "wait until it has ended")
    end
    if not in_flight[1] and recover.find(ctx, "configmaps", management_restore.lock_of(name)) then
        ctx:problem(management_restore.left_lock(name), management_restore.way_out(name))
    end
end

local MOMENT = "^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d[+-]%d%d$"

--- Of EDB's backups there are no objects on a new cluster: the restore names one in storage.
function checks.backup(ctx)
    local kit, wanted = subsystem:kit_of(ctx), ctx.params.backup
    local moment = ctx.params.pitr_target
    if moment and not moment:match(MOMENT) then
        ctx:problem("-p pitr_target=" .. moment .. " is not a moment as PostgreSQL reads it",
            "write it like 2026-01-02 03:04:05+00")
    end
    if ctx.facts.database == "crunchy" then
        if wanted ~= "newest" and not backup.to_epoch(wanted) then
            ctx:problem("-p backup=" .. wanted .. " is not the id of a backup",
                "an id is like 20260826-154646F; newest is the newest one")
        end
        return
    end
    local newest = kit.newest
    local id = wanted ~= "newest" and wanted or newest.id
    local server = ctx.params.server_name or newest.serverName
    if not id or not backup.to_epoch(id) then
        ctx:problem("the id of the backup is not known: " .. tostring(id),
            "look into the storage, under " .. dig(kit.spec, "databaseBackup", "path")
            .. "/SERVER/base, and say -p backup=20260826T154646")
    elseif not server then
        ctx:problem("the kit does not say under which server's name the backups are stored",
            "it is the folder below " .. dig(kit.spec, "databaseBackup", "path")
            .. " that begins with " .. kit.name .. "-" .. kit.site .. "-db: -p server_name=…")
    elseif wanted == "newest" then
        ctx:warn("the newest backup that the kit knows is " .. id .. " of "
            .. tostring(newest.time), "storage may hold a newer one: -p backup=ID")
    end
    ctx.facts.backup = {id = id, server = server, time = backup.to_epoch(id)}
end

--- Two databases must not share a path in S3, and a new one must be without a stanza.
function checks.copy(ctx)
    local kit, to = subsystem:kit_of(ctx), ctx.params.copy_backups_to
    if kit.spec.databaseBackup.protocol ~= "objstore" then
        return to and ctx:problem("the backups are not on S3: their path stays the same",
            "leave out -p copy_backups_to")
    elseif not to then
        return ctx:problem("the backups are on S3, in " .. kit.spec.databaseBackup.path .. ": that"
            .. " path must not be used by the replacement",
            "they are copied to a new one: -p copy_backups_to=bucket/folder")
    elseif to == kit.spec.databaseBackup.path then
        return ctx:problem("copy_backups_to is where the backups are", "name a new path")
    end
    local object = subsystem:definition(ctx, kit) or {}
    if dig(object, "spec", "multiSiteHA") then
        ctx:problem("the definition has multiSiteHA", "it must be taken out before backups on S3"
            .. " are set up; put it back when the recovery is done")
    end
    local ok, err = backup_copy.check(subsystem.backup_secrets(ctx, kit),
        kit.spec.databaseBackup, to, ctx.facts.database)
    if not ok then
        ctx:problem(err.message, err.hint)
    end
end

--- What nobody can see from here.
function checks.warn(ctx)
    ctx:warn("nobody may log in to the user interfaces or change any settings before the restore is"
        .. " complete", "external traffic must be stopped until then")
    ctx:warn("the endpoints' DNS names must point to the new installation")
    ctx:warn("the developer portal must be restored immediately afterwards, from a backup of the"
        .. " same time")
end

return checks
