-- Saves what the recovery of an API Connect v10 developer portal needs, while it still runs.
local apiconnect = require("salvor.apiconnect")
local keys = require("salvor").keys
local list = require("salvor").list
local portal = require("salvor.apiconnect.portal")
local portal_backup = require("salvor.apiconnect.portal_backup")
local portal_kit = require("salvor.apiconnect.portal_kit")
local prepare = require("salvor.apiconnect.prepare")
local secrets = require("salvor.apiconnect.secrets")

local subject = require("salvor.apiconnect.subsystems").portal()

-- Checks

local function check_endpoints(ctx)
    local endpoints = portal.endpoints(subject:get(ctx).spec)
    for _, field in ipairs({"portalAdminEndpoint", "portalUIEndpoint"}) do
        if #(endpoints[field] or {}) == 0 then
            ctx:problem("spec." .. field .. " names no host",
                "a recovered portal must have the same hosts: set it first")
        end
    end
    for _, field in ipairs(keys(endpoints)) do
        ctx:note(field .. ": " .. table.concat(endpoints[field], ", "))
    end
end

local function check_backups(ctx)
    local set = prepare.check_backups(subject, ctx)
    local names = keys(set.sites)
    ctx.facts.sites = list({})
    for index, name in ipairs(names) do
        local found = set.sites[name]
        ctx.facts.sites[index] = {name = name, site = found.site, backup = found.id}
    end
    for _, text in ipairs(portal_backup.old_sites(set, ctx.params.max_age)) do
        ctx:warn(text, "was the site deleted? otherwise take a new backup with"
            .. " -p take_backup=true")
    end
    if #names > 0 then
        ctx:note(#names .. " sites have backups: " .. table.concat(names, ", "))
    else
        ctx:warn("no site of this portal has a backup", "is it right that there is no site?")
    end
end

-- What is noted

local function encryption_secret(object)
    for _, item in ipairs(subject:secrets(object)) do
        if item.role == secrets.ENCRYPTION then
            return item.secret
        end
    end
end

local function settings(ctx, object)
    local top = apiconnect.top_level(object)
    return {
        encryptionSecret = encryption_secret(object),
        endpoints = portal.endpoints(object.spec),
        topLevel = top and {kind = top.kind, name = top.name},
        sites = ctx.facts.sites,
    }
end

local RECREATE_HEADER = [[
# What the replacement resource must have before it is created, so that it takes over the old
# backups: put these values into its definition. The secrets of the kit are applied first, the host
# names of the endpoints cannot be changed, and host and path of portalBackup must be the same.
]]

local step = prepare.steps(subject, {
    read = portal_kit.read,
    settings = settings,
    recreate = function(_, object, known)
        return RECREATE_HEADER, portal.replacement(object, known)
    end,
})

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
         when = prepare.takes_backup},
    },
    steps = {
        step("resource"),
        step("backup-settings", {
            title = "Backups go to an SFTP server or an S3 bucket",
            why = "Backups inside the cluster are lost with it; host and path must be the same "
                .. "again, so that the new operator finds the backups.",
        }),
        step("health"),
        step("secrets", {
            why = "The encryption secret is made at installation, never again: without it a backup "
                .. "cannot be read.",
        }),
        step("identity", {
            title = "Name and originalUID are known",
            why = "Backups are bound to the name of the resource; a restore with another "
                .. "originalUID fails.",
        }),
        {
            id = "endpoints",
            title = "The host names of the endpoints are known",
            why = "They cannot be changed in a recovery.",
            check = true,
            needs = {"resource"},
            run = check_endpoints,
        },
        step("backups", {
            title = "There are backups that can be used",
            needs = {"resource"},
            run = check_backups,
        }),
        step("kit"),
        step("take-backup", {title = "Take a backup of the system and all sites and wait for it"}),
        step("save-secrets", {
            why = "Encryption secret and the credentials of the backup server, without the fields "
                .. "that tie them to this cluster.",
        }),
        step("save-resource", {
            why = "The replacement must have the same name, originalUID, endpoints and backup "
                .. "settings.",
        }),
        step("publish"),
        step("read-back"),
    },
    next = function(ctx)
        return prepare.next(ctx, "Prepare the management subsystem in the same way now "
            .. "(apic-v10/prepare-management): management and portal backups must be of the same "
            .. "time.",
            "Recover with apic-v10/recover-portal, right after the management subsystem.")
    end,
}
