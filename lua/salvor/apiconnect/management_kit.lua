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
local function items_of(spec)
    local items = {secrets.item(management.KIND, secrets.ENCRYPTION,
        dig(spec, "encryptionSecret", "secretName"), management.ENCRYPTION_KEYS)}
    for _, entry in ipairs(fields.items(spec, "customApplicationCredentials")) do
        items[#items + 1] = secrets.item(management.KIND, tostring(entry.name), entry.secretName,
            management.CREDENTIAL_KEYS)
    end
    secrets.add_backup(items, management.KIND, management.BACKUP_FIELD,
        fields.map(spec, management.BACKUP_FIELD), management.BUCKET_KEYS)
    return items
end

--- read(kit) -> what it says; raises when it cannot be relied on:
---   section, run, created, name, uid, version, resource, secrets  see salvor.apiconnect.kit_reader
---   top                the name of the APIConnectCluster above it, or nil
---   spec               what the replacement must have
---   newest             the backup that was newest: name, id, time as text, serverName
function management_kit.read(kit)
    local reader = kit_reader.open(kit, management_kit.PROCEDURE, management.KIND)
    local settings, recreate = reader.settings, reader:object(kit_files.RECREATE)
    local is_top = recreate.kind == apiconnect.TOP_KIND
    local spec = is_top and fields.map(recreate, "spec", "management")
        or fields.map(recreate, "spec")
    reader:agree("siteName", settings.siteName, spec.siteName,
        dig(reader.resource, "spec", "siteName"))
    reader:agree("originalUID", settings.originalUID, spec.originalUID)
    return reader:kit("management", management.BACKUP_FIELD, items_of(spec), {
        top = is_top and dig(recreate, "metadata", "name") or nil,
        spec = spec,
        newest = fields.map(settings, "newestBackup"),
    })
end

return management_kit
