--- The Developer Portal of API Connect v10: what its resource says that a recovery needs to know.
local apiconnect = require("salvor.apiconnect")
local difference = require("salvor.apiconnect.difference")
local dig = require("salvor").dig
local keys = require("salvor").keys
local secrets = require("salvor.apiconnect.secrets")
local storage = require("salvor.apiconnect.storage")

local portal = {}

portal.KIND = "PortalCluster"
portal.API = "portal.apiconnect.ibm.com/v1beta1"
portal.BACKUP_FIELD = "portalBackup"

--- The files of a kit.
portal.RESOURCE_FILE = "portalcluster.yaml"
portal.SETTINGS_FILE = "settings.yaml"

--- secrets(object) -> list, by role, of salvor.apiconnect.secrets.item. The credentials are a name
--- and a password with SFTP and with S3, where they are the access key and its secret.
function portal.secrets(object)
    local settings = dig(object, "spec", portal.BACKUP_FIELD) or {}
    local items = {secrets.item(portal.KIND, secrets.ENCRYPTION,
        dig(object, "status", secrets.ENCRYPTION) or dig(object, "spec", secrets.ENCRYPTION,
            "secretName"),
        -- The vendor's scripts use the first; the resource's own description names a file .b64.
        secrets.keys("encryption_secret", "encryption_secret.b64"))}
    secrets.add_if_set(items, portal.KIND, portal.BACKUP_FIELD .. ".credentials",
        settings.credentials, settings.protocol == "objstore"
            and secrets.pair("username", "password") or secrets.login)
    secrets.add_if_set(items, portal.KIND, portal.BACKUP_FIELD .. ".backupCerts",
        settings.backupCerts, secrets.keys("ca.crt"))
    return secrets.sorted(items)
end

--- endpoints(spec) -> {portalUIEndpoint = sorted list of host names, ...}, of every such field.
function portal.endpoints(spec)
    local endpoints = {}
    for field, value in pairs(spec or {}) do
        local hosts = field:match("Endpoint$") and dig(value, "hosts")
        if type(hosts) == "table" then
            local names = {}
            for _, host in ipairs(hosts) do
                names[#names + 1] = dig(host, "name")
            end
            table.sort(names)
            endpoints[field] = names
        end
    end
    return endpoints
end

--- What is wrong with portalBackup beyond its missing fields: a list of {message, hint}.
function portal.backup_problems(settings)
    return storage.problems(portal.BACKUP_FIELD, settings)
end

--- fields(known) -> the fields of a portal's spec that make it take the old backups over. known:
--- what a kit's settings say {siteName, originalUID, portalBackup, encryptionSecret (its name)};
--- version: of what takes them over, nil for a version that has originalUID.
function portal.fields(known, version)
    local has_uid = not version or apiconnect.has_original_uid(version)
    return {
        siteName = known.siteName,
        originalUID = has_uid and known.originalUID or nil,
        encryptionSecret = {secretName = known.encryptionSecret},
        portalBackup = known.portalBackup,
    }
end

--- replacement(object, known) -> the part of the replacement resource that makes it take over: of
--- the PortalCluster, or of the APIConnectCluster above it.
function portal.replacement(object, known)
    local spec = portal.fields(known)
    for field in pairs(known.endpoints) do
        spec[field] = object.spec[field]
    end
    local owner = apiconnect.top_level(object)
    if not owner then
        return {apiVersion = object.apiVersion, kind = object.kind,
                metadata = {name = object.metadata.name}, spec = spec}
    end
    spec.name = object.metadata.name
    return {apiVersion = owner.apiVersion, kind = owner.kind, metadata = {name = owner.name},
            spec = {portal = spec}}
end

--- Where the settings of a portal stand in its resource or in the one above it.
local function root_of(object)
    return object.kind == apiconnect.TOP_KIND and {"spec", "portal"} or {"spec"}
end

--- differences(object, known, version) -> list of salvor.apiconnect.difference: what must be
--- changed in a PortalCluster, or in the APIConnectCluster above it, so that it takes over what a
--- kit is of. known: what a kit's settings say; version: of the replacement.
function portal.differences(object, known, version)
    local root, list = root_of(object), {}
    local wanted = portal.fields(known, version)
    -- Left out, an APIConnectCluster names its portal after itself.
    if #root > 1 and (dig(object, "spec", "portal", "name")
        or object.metadata.name .. "-ptl") ~= known.name then
        difference.want(list, object, difference.at(root, "name"), known.name)
    end
    difference.want(list, object, difference.at(root, "siteName"), wanted.siteName)
    difference.want(list, object, difference.at(root, "originalUID"), wanted.originalUID)
    difference.want(list, object, difference.at(root, "encryptionSecret", "secretName"),
        wanted.encryptionSecret.secretName)
    for _, field in ipairs(keys(wanted.portalBackup)) do
        difference.want(list, object, difference.at(root, portal.BACKUP_FIELD, field),
            wanted.portalBackup[field])
    end
    return list
end

--- endpoint_changes(object, known) -> list of texts: endpoints whose hosts are not the old ones. An
--- APIConnectCluster may leave them to its operator.
function portal.endpoint_changes(object, known)
    local root, changes = root_of(object), {}
    local found = portal.endpoints(dig(object, table.unpack(root)))
    for _, field in ipairs(keys(known.endpoints)) do
        local old = table.concat(known.endpoints[field], ", ")
        local new = found[field] and table.concat(found[field], ", ")
        if new and new ~= old or not new and #root == 1 then
            changes[#changes + 1] = string.format("%s is %s, it was %s", field,
                (new or "") ~= "" and new or "not set", old)
        end
    end
    return changes
end

return portal
