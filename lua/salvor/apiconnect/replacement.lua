--- The resource that takes a lost subsystem's place, or the APIConnectCluster above it: how it
--- differs from what it must be. `kit` is what management_kit or portal_kit has read.
local apiconnect = require("salvor.apiconnect")
local copy = require("salvor.copy")
local difference = require("salvor.apiconnect.difference")
local dig = require("salvor").dig
local endpoints = require("salvor.apiconnect.endpoints")
local fields = require("salvor.k8s.fields")
local keys = require("salvor").keys
local storage = require("salvor.apiconnect.storage")

local replacement = {}

--- The field that says where backups go, by the section of an APIConnectCluster that the subsystem
--- has.
replacement.BACKUP = {management = "databaseBackup", portal = "portalBackup"}

--- What an APIConnectCluster that does not name its subsystem adds to its own name.
local SUFFIX = {management = "-mgmt", portal = "-ptl"}

local RECOVERY_MODE = "apiconnect-operator/deployment-mode"

--- name_below(top, section) -> the name of the subsystem that this APIConnectCluster has.
function replacement.name_below(top, section)
    return dig(top, "spec", section, "name") or top.metadata.name .. SUFFIX[section]
end

--- Where the settings of the subsystem stand.
local function root_of(object, section)
    return object.kind == apiconnect.TOP_KIND and {"spec", section} or {"spec"}
end

--- The place in the list where the credential of that name stands, or nil.
local function place_of(list, name)
    for index, entry in ipairs(list) do
        if entry.name == name then
            return index
        end
    end
end

--- Those that are there keep their places, the others are appended.
local function want_credentials(want, current, wanted)
    local last = #current
    for _, entry in ipairs(wanted or {}) do
        local index = place_of(current, entry.name) or last + 1
        last = math.max(last, index)
        want(entry.name, "customApplicationCredentials", index, "name")
        want(entry.secretName, "customApplicationCredentials", index, "secretName")
    end
end

--- What is there of another protocol would be wrong beside settings of this one.
local function want_no_other(found, object, path, settings)
    local now = fields.map(object, table.unpack(path))
    for _, key in ipairs(now.protocol ~= settings.protocol and keys(storage.lasting(now)) or {}) do
        if settings[key] == nil then
            found[#found + 1] = {path = difference.at(path, key), before = now[key]}
        end
    end
end

--- differences(object, kit, version, backup_path) -> list of salvor.apiconnect.difference: what
--- must be changed in the object so that it takes over what the kit is of. version: of the
--- replacement; backup_path: where the backups are now, nil when they stay.
function replacement.differences(object, kit, version, backup_path)
    local root, found = root_of(object, kit.section), {}
    local function want(value, ...)
        difference.want(found, object, difference.at(root, ...), value)
    end
    if #root > 1 and replacement.name_below(object, kit.section) ~= kit.name then
        want(kit.name, "name")
    end
    want(kit.spec.siteName, "siteName")
    if apiconnect.has_original_uid(version) then
        want(kit.spec.originalUID, "originalUID")
    end
    want(kit.spec.encryptionSecret.secretName, "encryptionSecret", "secretName")
    want_credentials(want, fields.map(object, table.unpack(difference.at(root,
        "customApplicationCredentials"))), kit.spec.customApplicationCredentials)
    local backup = replacement.BACKUP[kit.section]
    local settings = copy.merge(storage.lasting(kit.spec[backup]), {path = backup_path})
    for _, key in ipairs(keys(settings)) do
        want(settings[key], backup, key)
    end
    want_no_other(found, object, difference.at(root, backup), settings)
    if #root > 1 and kit.section == "management" and settings.protocol == "objstore" then
        difference.want(found, object, {"metadata", "annotations", RECOVERY_MODE},
            "disasterRecovery")
    end
    return found
end

--- consent(object, section) -> the difference by which an installed database of management may
--- restart for other backup settings.
function replacement.consent(object, section)
    local path = difference.at(root_of(object, section), replacement.BACKUP[section], "restartDB",
        "accept")
    return {path = path, before = dig(object, table.unpack(path)), after = true}
end

--- effective(subsystem) -> a living subsystem with the secrets that it uses where its spec names
--- none.
function replacement.effective(subsystem)
    local object = copy.deep(subsystem)
    local spec, status = object.spec, fields.map(object, "status")
    if status.encryptionSecret and not dig(spec, "encryptionSecret", "secretName") then
        spec.encryptionSecret = {secretName = status.encryptionSecret}
    end
    for _, entry in ipairs(apiconnect.CREDENTIALS) do
        local list = fields.map(spec, "customApplicationCredentials")
        if status[entry.status] and not place_of(list, entry.name) then
            list[#list + 1] = {name = entry.name, secretName = status[entry.status]}
            spec.customApplicationCredentials = list
        end
    end
    return object
end

--- endpoint_changes(object, kit) -> list of texts: endpoints whose host names are not the old ones.
--- An APIConnectCluster may leave them to its operator.
function replacement.endpoint_changes(object, kit)
    local root = root_of(object, kit.section)
    return endpoints.changes(dig(object, table.unpack(root)), kit.resource.spec, #root > 1)
end

return replacement
