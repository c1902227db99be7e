-- Saves what the recovery of an API Connect v10 developer portal needs, while it still runs.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.portal_backup")
local keys = require("salvor").keys
local list = require("salvor").list
local portal = require("salvor.apiconnect.portal")
local prepare = require("salvor.apiconnect.prepare")
local secrets = require("salvor.apiconnect.secrets")
local yaml = require("salvor.yaml")

local HOUR = 3600

local subsystem = prepare.subsystem({
    kind = portal.KIND,
    plural = apiconnect.PORTAL,
    backup_field = portal.BACKUP_FIELD,
})

-- Checks

local NEEDED = {"host", "path", "credentials"} -- by either protocol

local function check_backup_settings(ctx)
    local settings = subsystem:check_backup_settings(ctx, NEEDED)
    if not settings then
        return
    elseif (settings.schedule or "") == "" then
        ctx:warn("portalBackup.schedule is not set: nobody knows when the next backup is taken",
            "set one at the time of the management database's backups")
    end
    for _, problem in ipairs(portal.backup_problems(settings)) do
        ctx:problem(table.unpack(problem))
    end
end

local function check_endpoints(ctx)
    local endpoints = portal.endpoints(subsystem:get(ctx).spec)
    for _, field in ipairs({"portalAdminEndpoint", "portalUIEndpoint"}) do
        if #(endpoints[field] or {}) == 0 then
            ctx:problem("spec." .. field .. " names no host",
                "a recovered portal must have the same hosts: set it first")
        end
    end
    for _, field in ipairs(keys(endpoints)) do
        ctx:note(field .. ": " .. table.concat(endpoints[field], ", "))
    end
    ctx.facts.endpoints = endpoints
end

local function warn_of_old_sites(ctx, set)
    for _, site in ipairs(keys(set.sites)) do
        local behind = set.system.time - set.sites[site].time
        if behind > ctx.params.max_age then
            ctx:warn(string.format("the newest backup of site %s is %.1f hours older than that of"
                .. " the system", site, behind / HOUR),
                "was the site deleted? otherwise take a new backup with -p take_backup=true")
        end
    end
end

local function note_sites(ctx, set)
    ctx.facts.sites = list({})
    for _, site in ipairs(keys(set.sites)) do
        local found = set.sites[site]
        table.insert(ctx.facts.sites, {name = site, site = found.site, backup = found.id})
    end
    ctx:note(#ctx.facts.sites .. " sites have backups"
        .. (#ctx.facts.sites > 0 and ": " .. table.concat(keys(set.sites), ", ") or ""))
    if #ctx.facts.sites == 0 then
        ctx:warn("no site of this portal has a backup", "is it right that there is no site?")
    end
end

local function check_backups(ctx)
    local usable, count = backup.of(ctx.k8s, ctx.facts.name)
    local set = backup.set(usable, "now")
    note_sites(ctx, set)
    if set.system then
        prepare.tell_age(ctx, set.system)
        warn_of_old_sites(ctx, set)
        ctx.facts.backup = {name = set.system.name, id = set.system.id, time = set.system.time}
    elseif not ctx.params.take_backup then
        local whose = "PortalBackup of the system with spec.portalCluster " .. ctx.facts.name
        ctx:problem(count == 0 and "there is no backup of this system (" .. whose .. ")"
            or "none of the " .. count .. " backups of this system can be used (" .. whose .. ")",
            "take one with -p take_backup=true")
    end
end

-- Steps

local function known(ctx, object)
    local encryption
    for _, item in ipairs(ctx.facts.secrets) do
        encryption = item.role == secrets.ENCRYPTION and item.secret or encryption
    end
    return {
        siteName = ctx.facts.site,
        originalUID = ctx.facts.original_uid,
        portalBackup = object.spec.portalBackup,
        encryptionSecret = encryption,
        endpoints = ctx.facts.endpoints,
    }
end

local RECREATE_HEADER = [[
# What the replacement resource must have before it is created, so that it takes over the old
# backups: put these values into its definition. The secrets of the kit are applied first, the host
# names of the endpoints cannot be changed, and host and path of portalBackup must be the same.
]]

local function settings(ctx, object)
    local newest, top = ctx.facts.backup, apiconnect.top_level(object)
    local all = known(ctx, object)
    all.name = ctx.facts.name
    all.namespace = ctx.namespace
    all.version = ctx.facts.version
    all.metadataUID = ctx.facts.uid
    all.topLevel = top and {kind = top.kind, name = top.name} or nil
    all.sites = ctx.facts.sites
    all.newestBackup = {
        name = newest.name,
        id = newest.id,
        time = newest.time and os.date("!%Y-%m-%dT%H:%M:%SZ", newest.time),
    }
    return must(yaml.dump(all))
end

local function save_resource(ctx)
    local object, kit = subsystem:get(ctx), prepare.kit(ctx)
    local source = prepare.source_of(object)
    kit:save(portal.RESOURCE_FILE, object)
    kit:write(portal.RECREATE_FILE, RECREATE_HEADER
        .. must(yaml.dump(portal.replacement(object, known(ctx, object)))), source)
    kit:write(portal.SETTINGS_FILE, settings(ctx, object), source)
end

local function take_backup(ctx)
    local taken = backup.take(ctx.k8s, ctx.facts.name, ctx:name(ctx.facts.name),
        ctx.params.backup_timeout)
    ctx.facts.backup = {name = taken.name, id = taken.id, time = taken.time}
    if not ctx.planning then
        ctx:note("took backup " .. taken.name)
    end
end

local function takes_backup(params)
    return params.take_backup
end

return {
    id = "apic-v10/prepare-portal",
    title = "Prepare the developer portal for a disaster",
    summary = "Saves the secrets and settings without which backups of the developer portal cannot "
        .. "be restored on a new cluster, and checks that there are such backups.",
    document = "IBM API Connect v10: Preparing the Developer Portal for disaster recovery",
    systems = {{name = "IBM API Connect", versions = "10.0.1 and later"}},
    categories = {"prepare", "safe"},
    params = prepare.params("the PortalCluster"),
    permissions = {
        {kind = apiconnect.PORTAL, verbs = {"get", "list"}},
        {kind = "secrets", verbs = {"get"}},
        {kind = apiconnect.PORTAL_BACKUP, verbs = {"list"}},
        {kind = apiconnect.PORTAL_BACKUP, verbs = {"get", "watch", "create"},
         when = takes_backup},
    },
    steps = {
        {
            id = "resource",
            title = "Find the PortalCluster",
            why = "Everything else is read from this resource and its status.",
            check = true,
            run = function(ctx)
                subsystem:find(ctx)
            end,
        },
        {
            id = "backup-settings",
            title = "Backups go to an SFTP server or an S3 bucket",
            why = "Backups inside the cluster are lost with it; host and path must be the same "
                .. "again, so that the new operator finds the backups.",
            check = true,
            needs = {"resource"},
            run = check_backup_settings,
        },
        {
            id = "health",
            title = "The subsystem is healthy",
            why = "Only a running subsystem names its secrets in its status.",
            check = true,
            needs = {"resource"},
            run = function(ctx)
                subsystem:check_health(ctx)
            end,
        },
        {
            id = "secrets",
            title = "All secrets that a recovery needs exist",
            why = "The encryption secret is made at installation, never again: without it a backup "
                .. "cannot be read.",
            check = true,
            needs = {"resource"},
            run = function(ctx)
                prepare.check_secrets(ctx, portal.secrets(subsystem:get(ctx)))
            end,
        },
        {
            id = "identity",
            title = "Name and originalUID are known",
            why = "Backups are bound to the name of the resource; a restore with another "
                .. "originalUID fails.",
            check = true,
            needs = {"resource"},
            run = function(ctx)
                subsystem:check_identity(ctx)
            end,
        },
        {
            id = "endpoints",
            title = "The host names of the endpoints are known",
            why = "They cannot be changed in a recovery.",
            check = true,
            needs = {"resource"},
            run = check_endpoints,
        },
        {
            id = "backups",
            title = "There are backups that can be used",
            why = "A kit without a backup restores nothing.",
            check = true,
            needs = {"resource"},
            run = check_backups,
        },
        subsystem:kit_check(),
        {
            id = "take-backup",
            title = "Take a backup of the system and all sites and wait for it",
            why = "What is saved now and the newest backup should be of the same time.",
            when = function(ctx)
                return takes_backup(ctx.params)
            end,
            run = take_backup,
            verify = function(ctx)
                return backup.is_usable(ctx.k8s, ctx.facts.backup.name)
            end,
        },
        prepare.save_secrets("Encryption secret and the credentials of the backup server, "
            .. "without the fields that tie them to this cluster."),
        {
            id = "save-resource",
            title = "Save the resource and note its settings",
            why = "The replacement must have the same name, originalUID, endpoints and backup "
                .. "settings.",
            run = save_resource,
            verify = function(ctx)
                return prepare.kit(ctx):holds({portal.RESOURCE_FILE, portal.RECREATE_FILE,
                                               portal.SETTINGS_FILE})
            end,
        },
        subsystem:publish(),
        prepare.read_back(),
    },
    next = function(ctx)
        return {
            "Keep " .. prepare.kit(ctx).url .. " outside this cluster, safe and private: if it is "
                .. "lost, this portal cannot be restored.",
            "Prepare the management subsystem in the same way now (apic-v10/prepare-management): "
                .. "management and portal backups must be of the same time.",
            "Recover with apic-v10/recover-portal, right after the management subsystem.",
        }
    end,
}
