--- What the recovery of an API Connect v10 management subsystem needs to know of the living one.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local secrets = require("salvor.apiconnect.secrets")

local recovery = {}

local KIND = "ManagementCluster"
local BACKUP = "databaseBackup.credentials"
local CERTIFICATE = "databaseBackup.backupCerts"

local encryption_key = secrets.keys("encryption_secret.bin")
local credential_key = secrets.keys("credential.json")
local bucket_keys = secrets.pair("key", "keysecret")

local function credential_item(role, name, credential)
    local item = secrets.item(KIND, role, name, credential_key)
    item.credential = credential
    return item
end

--- A later version may have more credentials: each goes by what its secret's name ends in.
local function add_unknown(items, known, management)
    local prefix = management.metadata.name .. "-"
    for role, name in pairs(dig(management, "status") or {}) do
        if role:match("CredentialSecret$") and not known[role] and type(name) == "string" then
            local is_usual = name:sub(1, #prefix) == prefix
            local item = credential_item(role, name, is_usual and name:sub(#prefix + 1) or name)
            item.is_unknown = true
            items[#items + 1] = item
        end
    end
end

--- secrets(management, version) -> list, by role, of {role, secret (its name), missing (see
--- salvor.apiconnect.secrets), credential (its name in customApplicationCredentials, for client
--- applications), is_unknown (newer than this list)}, or {role, problem, hint} where the resource
--- does not name it.
function recovery.secrets(management, version)
    local items, known = {secrets.item(KIND, secrets.ENCRYPTION,
        dig(management, "status", secrets.ENCRYPTION), encryption_key)}, {}
    for _, entry in ipairs(apiconnect.CREDENTIALS) do
        known[entry.status] = true
        local name = dig(management, "status", entry.status)
        if name or not entry.since or apiconnect.at_least(version, entry.since) then
            items[#items + 1] = credential_item(entry.status, name, entry.name)
        end
    end
    add_unknown(items, known, management)
    local settings = dig(management, "spec", "databaseBackup") or {}
    secrets.add_if_set(items, KIND, BACKUP, settings.credentials,
        settings.protocol == "objstore" and bucket_keys or secrets.login)
    secrets.add_if_set(items, KIND, CERTIFICATE, settings.backupCerts, secrets.keys("ca.crt"))
    return secrets.sorted(items)
end

--- replacement(management, {site, original_uid, secrets}) -> the part of the replacement resource
--- that makes it take over the old database: of the ManagementCluster, or of the APIConnectCluster
--- above it.
function recovery.replacement(management, known)
    local name = management.metadata.name
    local spec = {
        siteName = known.site,
        originalUID = known.original_uid,
        customApplicationCredentials = {},
        databaseBackup = management.spec.databaseBackup,
    }
    for _, item in ipairs(known.secrets) do
        if item.role == secrets.ENCRYPTION then
            spec.encryptionSecret = {secretName = item.secret}
        elseif item.credential then
            table.insert(spec.customApplicationCredentials,
                {name = item.credential, secretName = item.secret})
        end
    end
    local owner = apiconnect.top_level(management)
    if not owner then
        return {apiVersion = management.apiVersion, kind = management.kind,
                metadata = {name = name}, spec = spec}
    end
    spec.name = name
    return {apiVersion = owner.apiVersion, kind = owner.kind, metadata = {name = owner.name},
            spec = {management = spec}}
end

return recovery
