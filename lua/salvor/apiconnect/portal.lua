--- The Developer Portal of API Connect v10: what its resource says that a recovery needs to know.
local dig = require("salvor").dig
local endpoints = require("salvor.apiconnect.endpoints")
local secrets = require("salvor.apiconnect.secrets")
local section = require("salvor.apiconnect.section")

local portal = {}

portal.KIND = "PortalCluster"
portal.API = "portal.apiconnect.ibm.com/v1beta1"
portal.BACKUP_FIELD = "portalBackup"

--- secrets(object) -> list, by role, of salvor.apiconnect.secrets.item. The credentials are a name
--- and a password with SFTP and with S3, where they are the access key and its secret.
function portal.secrets(object)
    local items = {secrets.item(portal.KIND, secrets.ENCRYPTION,
        dig(object, "status", secrets.ENCRYPTION) or dig(object, "spec", secrets.ENCRYPTION,
            "secretName"),
        -- The vendor's scripts use the first; the resource's own description names a file .b64.
        secrets.keys("encryption_secret", "encryption_secret.b64"))}
    secrets.add_backup(items, portal.KIND, portal.BACKUP_FIELD,
        dig(object, "spec", portal.BACKUP_FIELD) or {}, secrets.pair("username", "password"))
    return secrets.sorted(items)
end

--- endpoints(spec) -> see salvor.apiconnect.endpoints.
portal.endpoints = endpoints.of

--- fields(known) -> the fields of a portal's spec that make it take the old backups over. known:
--- what a kit's settings say {siteName, originalUID, portalBackup, encryptionSecret (its name)}.
function portal.fields(known)
    return {
        siteName = known.siteName,
        originalUID = known.originalUID,
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
    return section.definition(object, "portal", spec)
end

return portal
