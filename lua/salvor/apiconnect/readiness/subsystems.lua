--- Whether API Connect v10 could be recovered: what its resources say of themselves.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local management_restore = require("salvor.apiconnect.management_restore")
local portal = require("salvor.apiconnect.portal")
local portal_restore = require("salvor.apiconnect.portal_restore")
local prepare = require("salvor.apiconnect.prepare")
local readiness = require("salvor.apiconnect.readiness")
local recovery = require("salvor.apiconnect.recovery")
local storage = require("salvor.apiconnect.storage")

local subsystems = {}

local KINDS = {
    management = prepare.subsystem({kind = "ManagementCluster", plural = apiconnect.MANAGEMENT,
                                    backup_field = "databaseBackup", name_param = "management"}),
    portal = prepare.subsystem({kind = portal.KIND, plural = apiconnect.PORTAL,
                                backup_field = portal.BACKUP_FIELD, name_param = "portal"}),
}

--- kind(name) -> the subsystem as salvor.apiconnect.prepare has it: its kind, plural and
--- backup_field.
function subsystems.kind(name)
    return KINDS[name]
end

--- get(own, name) -> the resource.
function subsystems.get(own, name)
    return KINDS[name]:get(own)
end

--- settings(own, name) -> where it says its backups go.
function subsystems.settings(own, name)
    return dig(KINDS[name]:get(own), "spec", KINDS[name].backup_field) or {}
end

-- There is one

local function is_absent(ctx, plural)
    local kind, err = ctx.k8s:kind(plural)
    if not kind and err.code == "NotFound" then
        return true
    end
    must(kind, err)
    return ctx.k8s:each(plural)() == nil
end

local function find(ctx, name)
    local own, subsystem = readiness.of(ctx, name, "resource"), KINDS[name]
    for key in pairs(own.facts) do
        own.facts[key] = nil
    end
    if not is_absent(ctx, subsystem.plural) then
        subsystem:find(own)
        return true
    end
    local message = "there is no " .. subsystem.kind .. " in namespace " .. ctx.namespace
    if ctx.params[name] or ctx.params[name .. "_kit"] then
        own:problem(message .. ", and one is expected", "is it lost? recover it; otherwise leave"
            .. " out -p " .. name .. " and -p " .. name .. "_kit, or name its namespace with -n")
    else
        own:warn(message .. ": it is not judged")
    end
    return false
end

--- Check: the subsystems that are to be judged; one of the two may be installed elsewhere.
function subsystems.find(ctx)
    local has_management, has_portal = find(ctx, "management"), find(ctx, "portal")
    if not has_management and not has_portal and #ctx.facts.gaps.subsystems == 0 then
        for name in pairs(KINDS) do
            readiness.gap(ctx, "resource", name, "there is no " .. KINDS[name].kind
                .. " in namespace " .. ctx.namespace, "name its namespace with -n")
        end
    end
end

-- What they say of themselves

function subsystems.health(ctx)
    readiness.each(ctx, "health", function(own, name)
        KINDS[name]:check_health(own)
    end)
end

function subsystems.versions(ctx)
    local versions = {}
    readiness.each(ctx, "versions", function(own, name)
        versions[name] = own.facts.version
    end)
    if versions.management and versions.portal and versions.management ~= versions.portal then
        readiness.gap(ctx, "versions", "both", "management has version " .. versions.management
            .. ", the portal " .. versions.portal, "upgrade both to the same version and fix pack")
    end
end

local function check_original_uid(own, object)
    local version = own.facts.version
    local top = apiconnect.top_level(object)
    local long, length = apiconnect.long_name(own.facts.name, top and top.name)
    if not apiconnect.has_original_uid(version) then
        if long then
            own:problem(string.format("the name %s is longer than %d characters, and %s has no"
                .. " originalUID: it may not be restorable", long, length, version),
                "upgrade to 10.0.3.0 or later, and prepare and back up anew")
        end
    elseif not dig(object, "spec", "originalUID") then
        local message, cure = "spec.originalUID is not set", "set it to metadata.uid, "
            .. object.metadata.uid
        if long then
            own:problem(string.format("%s, and the name %s is longer than %d characters", message,
                long, length), cure)
        else
            own:warn(message, cure)
        end
    end
end

--- Check: what binds backups to the subsystem is known.
function subsystems.names(ctx)
    readiness.each(ctx, "names", function(own, name)
        local object = KINDS[name]:get(own)
        check_original_uid(own, object)
        if name == "management" and not dig(object, "spec", "siteName") then
            own:problem("spec.siteName is not set, so the name of the database cluster is unknown",
                "wait until the operator has set it")
        end
    end)
end

local RESTORES = {management = management_restore, portal = portal_restore}

function subsystems.restores(ctx)
    readiness.each(ctx, "restores", function(own, name)
        local in_flight = RESTORES[name].all(ctx.k8s, own.facts.name).in_flight
        for _, restore in ipairs(in_flight) do
            own:problem(restore .. " is being restored", "wait until it has ended")
        end
        if name == "management" and not in_flight[1] then
            local lock, err = ctx.k8s:get("configmaps", management_restore.lock_of(own.facts.name))
            if lock then
                own:problem(management_restore.left_lock(own.facts.name),
                    management_restore.way_out(own.facts.name))
            elseif err.code ~= "NotFound" then
                error(err, 0)
            end
        end
    end)
end

local NEEDED = {"host", "path", "credentials"} -- by either protocol

local function portal_problems(settings)
    local problems = portal.backup_problems(settings)
    if settings.protocol == "objstore" and settings.host
        and not settings.host:match("^[^/]+/[^/]+$") then
        problems[#problems + 1] = {"portalBackup.host is '" .. settings.host .. "'",
            "it is the endpoint and its region: s3.eu-gb.example.com/eu-standard"}
    end
    return problems
end

--- Check: backups leave the cluster, to a place that is described completely.
function subsystems.backup_settings(ctx)
    readiness.each(ctx, "backup-settings", function(own, name)
        local before = #ctx.facts.gaps["backup-settings"]
        local settings = KINDS[name]:check_backup_settings(own, NEEDED)
        local problems = {}
        if settings and name == "portal" then
            problems = portal_problems(settings)
        elseif settings and settings.protocol == "objstore" then
            problems = storage.s3_problems(settings, own.facts.version)
        end
        for _, problem in ipairs(problems) do
            own:problem(table.unpack(problem))
        end
        own.facts.has_place = #ctx.facts.gaps["backup-settings"] == before
    end)
end

--- secrets(own, name, object) -> list of salvor.apiconnect.secrets: what a recovery needs.
function subsystems.secrets_of(own, name, object)
    if name == "management" then
        return recovery.secrets(object, own.facts.version)
    end
    return portal.secrets(object)
end

--- Check: they are all there, and hold what a recovery reads from them.
function subsystems.secrets(ctx)
    readiness.each(ctx, "secrets", function(own, name)
        prepare.check_secrets(own, subsystems.secrets_of(own, name, KINDS[name]:get(own)))
        own.facts.secrets = nil
    end)
end

return subsystems
