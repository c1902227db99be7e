--- The management subsystem of API Connect v10: what its resource says that a recovery needs to
--- know.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local secrets = require("salvor.apiconnect.secrets")
local section = require("salvor.apiconnect.section")

local management = {}

management.KIND = "ManagementCluster"
management.BACKUP_FIELD = "databaseBackup"

--- What the Secrets hold that its resource names: the key of its data, the credentials of a client
--- application, and those of a bucket. See salvor.apiconnect.secrets.
management.ENCRYPTION_KEYS = secrets.keys("encryption_secret.bin")
management.CREDENTIAL_KEYS = secrets.keys("credential.json")
management.BUCKET_KEYS = secrets.pair("key", "keysecret")

local function credential_item(role, name, credential)
    local item = secrets.item(management.KIND, role, name, management.CREDENTIAL_KEYS)
    item.credential = credential
    return item
end

--- A later version may have more credentials: each goes by what its secret's name ends in.
local function add_unknown(items, known, object)
    local prefix = object.metadata.name .. "-"
    for role, name in pairs(dig(object, "status") or {}) do
        if role:match("CredentialSecret$") and not known[role] and type(name) == "string" then
            local is_usual = name:sub(1, #prefix) == prefix
            local item = credential_item(role, name, is_usual and name:sub(#prefix + 1) or name)
            item.is_unknown = true
            items[#items + 1] = item
        end
    end
end

--- secrets(object, version) -> list, by role, of salvor.apiconnect.secrets.item. Those of client
--- applications have `credential` (the name in customApplicationCredentials) and is_unknown (newer
--- than this list).
function management.secrets(object, version)
    local items, known = {secrets.item(management.KIND, secrets.ENCRYPTION,
        dig(object, "status", secrets.ENCRYPTION), management.ENCRYPTION_KEYS)}, {}
    for _, entry in ipairs(apiconnect.CREDENTIALS) do
        known[entry.status] = true
        local name = dig(object, "status", entry.status)
        if name or not entry.since or apiconnect.at_least(version, entry.since) then
            items[#items + 1] = credential_item(entry.status, name, entry.name)
        end
    end
    add_unknown(items, known, object)
    secrets.add_backup(items, management.KIND, management.BACKUP_FIELD,
        dig(object, "spec", management.BACKUP_FIELD) or {}, management.BUCKET_KEYS)
    return secrets.sorted(items)
end

--- replacement(object, known, items) -> the part of the replacement resource that makes it take
--- over the old database: of the ManagementCluster, or of the APIConnectCluster above it. known:
--- what a kit's settings say {siteName, originalUID}; items: of secrets().
function management.replacement(object, known, items)
    local spec = {
        siteName = known.siteName,
        originalUID = known.originalUID,
        customApplicationCredentials = {},
        databaseBackup = object.spec.databaseBackup,
    }
    for _, item in ipairs(items) do
        if item.role == secrets.ENCRYPTION then
            spec.encryptionSecret = {secretName = item.secret}
        elseif item.credential then
            table.insert(spec.customApplicationCredentials,
                {name = item.credential, secretName = item.secret})
        end
    end
    return section.definition(object, "management", spec)
end

return management
