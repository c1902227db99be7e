--- A recovery kit of apic-v10/prepare-management, read for a recovery.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local fields = require("salvor.k8s.fields")
local kit_files = require("salvor.apiconnect.kit_files")
local kit_reader = require("salvor.apiconnect.kit_reader")
local management = require("salvor.apiconnect.management")
local secrets = require("salvor.apiconnect.secrets")

local management_kit = {PROCEDURE = "apic-v10/prepare-management"}

--- The secrets that the replacement names.
local function secrets_of(reader, spec)
    local found = {reader:secret(secrets.ENCRYPTION, dig(spec, "encryptionSecret", "secretName"),
        management.ENCRYPTION_KEYS)}
    for _, entry in ipairs(fields.items(spec, "customApplicationCredentials")) do
        found[#found + 1] = reader:secret(tostring(entry.name), entry.secretName,
            management.CREDENTIAL_KEYS)
    end
    local settings = fields.map(spec, "databaseBackup")
    found[#found + 1] = reader:secret("databaseBackup.credentials", settings.credentials,
        settings.protocol == "objstore" and management.BUCKET_KEYS or secrets.login)
    if (settings.backupCerts or "") ~= "" then
        found[#found + 1] = reader:secret("databaseBackup.backupCerts", settings.backupCerts,
            secrets.keys("ca.crt"))
    end
    return found
end

--- read(kit) -> what it says; raises when it cannot be relied on:
---   section, run, created, name, uid, version    see salvor.apiconnect.kit_reader
---   resource           the old ManagementCluster, neat
---   top                the name of the APIConnectCluster above it, or nil
---   spec               what the replacement must have
---   secrets            a list of {role, object}
---   newest             the backup that was newest: name, id, time as text, serverName
function management_kit.read(kit)
    local reader = kit_reader.open(kit, management_kit.PROCEDURE)
    local resource = reader:object(kit_files.resource(management.KIND))
    local settings = reader:object(kit_files.SETTINGS)
    local recreate = reader:object(kit_files.RECREATE)
    local is_top = recreate.kind == apiconnect.TOP_KIND
    local spec = is_top and fields.map(recreate, "spec", "management")
        or fields.map(recreate, "spec")
    reader:agree("name", reader.name, settings.name, dig(resource, "metadata", "name"))
    reader:agree("uid", reader.uid, settings.metadataUID)
    reader:agree("siteName", settings.siteName, spec.siteName, dig(resource, "spec", "siteName"))
    reader:agree("originalUID", settings.originalUID, spec.originalUID)
    return reader:kit("management", {
        resource = resource,
        top = is_top and dig(recreate, "metadata", "name") or nil,
        spec = spec,
        secrets = secrets_of(reader, spec),
        newest = fields.map(settings, "newestBackup"),
    })
end

return management_kit
