--- Whether API Connect v10 could be recovered: what its resources say of themselves.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local find = require("salvor.k8s.find")
local readiness = require("salvor.apiconnect.readiness")
local both = require("salvor.apiconnect.subsystems").both()

local subsystems = {}

--- kind("management" or "portal") -> it, as salvor.apiconnect.subsystems has it.
function subsystems.kind(name)
    return both[name]
end

-- There is one

local function is_there(ctx, plural)
    return find.has_kind(ctx.k8s, plural) and ctx.k8s:each(plural)() ~= nil
end

local function find_one(look, name)
    local own, subject = readiness.of(look, name, "resource"), both[name]
    if is_there(look, subject.plural) then
        subject:find(own)
        return true
    end
    local message = "there is no " .. subject.kind .. " in namespace " .. look.namespace
    if look.params[name] or look.params[name .. "_kit"] then
        own:problem(message .. ", and one is expected", "is it lost? recover it; otherwise leave"
            .. " out -p " .. name .. " and -p " .. name .. "_kit, or name its namespace with -n")
    else
        own:warn(message .. ": it is not judged")
    end
    return false
end

--- Check: the subsystems that are to be judged; one of the two may be installed elsewhere.
function subsystems.find(look)
    local has_management, has_portal = find_one(look, "management"), find_one(look, "portal")
    if not has_management and not has_portal and #look.gaps == 0 then
        for _, name in ipairs({"management", "portal"}) do
            readiness.gap(look, "resource", name, "there is no " .. both[name].kind
                .. " in namespace " .. look.namespace, "name its namespace with -n")
        end
    end
end

-- What they say of themselves

function subsystems.health(look)
    readiness.each(look, "health", function(own, name)
        both[name]:check_health(own)
    end)
end

function subsystems.versions(look)
    local versions = {}
    readiness.each(look, "versions", function(own, name)
        versions[name] = own.facts.version
    end)
    if versions.management and versions.portal and versions.management ~= versions.portal then
        readiness.gap(look, "versions", "both", "management has version " .. versions.management
            .. ", the portal " .. versions.portal, "upgrade both to the same version and fix pack")
    end
end

local function check_original_uid(own, subject, object)
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
            .. object.metadata.uid .. ", " .. subject:place(object)
        if long then
            own:problem(string.format("%s, and the name %s is longer than %d characters", message,
                long, length), cure)
        else
            own:warn(message, cure)
        end
    end
end

--- Check: what binds backups to the subsystem is known.
function subsystems.names(look)
    readiness.each(look, "names", function(own, name)
        local object = both[name]:get(own)
        check_original_uid(own, both[name], object)
        both[name]:check_site(own, object)
    end)
end

function subsystems.restores(look)
    readiness.each(look, "restores", function(own, name)
        both[name]:check_restores(own)
    end)
end

--- Check: backups leave the cluster, to a place that is described completely.
function subsystems.backup_settings(look)
    readiness.each(look, "backup-settings", function(own, name)
        local _, is_whole = both[name]:check_backup_settings(own)
        own.facts.has_place = is_whole
    end)
end

--- Check: all secrets that a recovery needs are there, and hold what it reads from them.
function subsystems.secrets(look)
    readiness.each(look, "secrets", function(own, name)
        both[name]:check_secrets(own)
    end)
end

return subsystems
