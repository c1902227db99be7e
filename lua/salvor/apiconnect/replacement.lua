--- The resource that takes a lost management subsystem's place, a ManagementCluster or the
--- APIConnectCluster above it: how it differs from what it must be.
local apiconnect = require("salvor.apiconnect")
local copy = require("salvor.copy")
local difference = require("salvor.apiconnect.difference")
local dig = require("salvor").dig
local fields = require("salvor.k8s.fields")
local keys = require("salvor").keys

local replacement = {}

local RECOVERY_MODE = "apiconnect-operator/deployment-mode"
local ENDPOINTS = {"apiManagerEndpoint", "cloudManagerEndpoint", "consumerAPIEndpoint",
                   "platformAPIEndpoint"}

--- Where the settings of the management subsystem stand.
local function root_of(object)
    return object.kind == apiconnect.TOP_KIND and {"spec", "management"} or {"spec"}
end

-- What it must have

--- The place in the list where the credential of that name stands, or would be appended; `next`
--- for one that is not there yet.
local function place_of(list, name, next)
    for index, entry in ipairs(list) do
        if entry.name == name then
            return index
        end
    end
    return next
end

--- differences(object, kit, options) -> list of salvor.apiconnect.difference: what must be changed
--- in the object so that it takes over what the kit is of. options: backup_path (in place of the
--- kit's databaseBackup.path), version (of the replacement).
function replacement.differences(object, kit, options)
    local root, found = root_of(object), {}
    local function want(path, value)
        difference.want(found, object, path, value)
    end
    -- Left out, an APIConnectCluster names its subsystem after itself.
    if #root > 1 and (dig(object, "spec", "management", "name")
        or object.metadata.name .. "-mgmt") ~= kit.name then
        want(difference.at(root, "name"), kit.name)
    end
    want(difference.at(root, "siteName"), kit.site)
    if apiconnect.has_original_uid(options.version) then
        want(difference.at(root, "originalUID"), kit.original_uid)
    end
    want(difference.at(root, "encryptionSecret", "secretName"),
        kit.spec.encryptionSecret.secretName)
    local list = difference.at(root, "customApplicationCredentials")
    local current = fields.map(object, table.unpack(list))
    local last = #current
    for _, entry in ipairs(kit.spec.customApplicationCredentials or {}) do
        local index = place_of(current, entry.name, last + 1)
        last = math.max(last, index)
        want(difference.at(list, index, "name"), entry.name)
        want(difference.at(list, index, "secretName"), entry.secretName)
    end
    local settings = copy.merge(kit.spec.databaseBackup, {path = options.backup_path})
    for _, key in ipairs(keys(settings)) do
        want(difference.at(root, "databaseBackup", key), settings[key])
    end
    if #root > 1 and settings.protocol == "objstore" then
        want({"metadata", "annotations", RECOVERY_MODE}, "disasterRecovery")
    end
    return found
end

--- A living ManagementCluster with the secrets that it uses where its spec names none.
function replacement.effective(management)
    local object = copy.deep(management)
    local spec, status = object.spec, fields.map(object, "status")
    if status.encryptionSecret and not dig(spec, "encryptionSecret", "secretName") then
        spec.encryptionSecret = {secretName = status.encryptionSecret}
    end
    spec.customApplicationCredentials = spec.customApplicationCredentials or {}
    for _, entry in ipairs(apiconnect.CREDENTIALS) do
        local list = spec.customApplicationCredentials
        if status[entry.status] and not place_of(list, entry.name) then
            list[#list + 1] = {name = entry.name, secretName = status[entry.status]}
        end
    end
    return object
end

--- endpoint_changes(object, kit) -> list of texts: endpoints whose host names are not the old ones.
--- An APIConnectCluster tells none in a form of its own.
function replacement.endpoint_changes(object, kit)
    local function hosts(of, endpoint)
        local names = {}
        for index, host in ipairs(fields.items(of, "spec", endpoint, "hosts")) do
            names[index] = tostring(host.name)
        end
        return table.concat(names, ", ")
    end
    local found = {}
    for _, endpoint in ipairs(object.kind == "ManagementCluster" and ENDPOINTS or {}) do
        local old, new = hosts(kit.resource, endpoint), hosts(object, endpoint)
        if old ~= new then
            found[#found + 1] = string.format("%s is %s, it was %s", endpoint, new, old)
        end
    end
    return found
end

return replacement
