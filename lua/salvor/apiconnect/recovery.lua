--- What the recovery of an API Connect v10 management subsystem needs to know of the living one.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig

local recovery = {}

local ENCRYPTION = "encryptionSecret"
local BACKUP = "databaseBackup.credentials"
local CERTIFICATE = "databaseBackup.backupCerts"

--- What the data of a secret in that role is found under; a client application's in all others.
local KEYS = {[ENCRYPTION] = "encryption_secret.bin", [CERTIFICATE] = "ca.crt"}

local function item_for(role, name, credential)
    if type(name) ~= "string" or name == "" then
        return {
            role = role,
            problem = "the status of the ManagementCluster names no " .. role,
            hint = "the operator sets it when the installation is complete",
        }
    elseif not name:match("^[%l%d][%l%d.-]*$") then
        -- It becomes the name of a file, too.
        return {role = role, problem = role .. " of the ManagementCluster is no secret's name: "
            .. name}
    end
    return {role = role, secret = name, credential = credential}
end

--- A later version may have more credentials: each goes by what its secret's name ends in.
local function add_unknown(items, known, management)
    local prefix = management.metadata.name .. "-"
    for role, name in pairs(dig(management, "status") or {}) do
        if role:match("CredentialSecret$") and not known[role] and type(name) == "string" then
            local is_usual = name:sub(1, #prefix) == prefix
            local item = item_for(role, name, is_usual and name:sub(#prefix + 1) or name)
            item.is_unknown = true
            items[#items + 1] = item
        end
    end
end

--- secrets(management, version) -> list, by role, of {role, secret (its name), credential (its name
--- in customApplicationCredentials, for client applications), protocol (of the backups that it is
--- for), is_unknown (newer than this list)}, or {role, problem, hint} where the resource does not
--- name it.
function recovery.secrets(management, version)
    local items, known = {item_for(ENCRYPTION, dig(management, "status", ENCRYPTION))}, {}
    for _, entry in ipairs(apiconnect.CREDENTIALS) do
        known[entry.status] = true
        local name = dig(management, "status", entry.status)
        if name or not entry.since or apiconnect.at_least(version, entry.since) then
            items[#items + 1] = item_for(entry.status, name, entry.name)
        end
    end
    add_unknown(items, known, management)
    -- That it is set at all is a matter of the backup's settings.
    local settings = dig(management, "spec", "databaseBackup") or {}
    for role, name in pairs({[BACKUP] = settings.credentials,
                             [CERTIFICATE] = settings.backupCerts}) do
        if type(name) == "string" and name ~= "" then
            local item = item_for(role, name)
            item.protocol = settings.protocol
            items[#items + 1] = item
        end
    end
    table.sort(items, function(a, b)
        return a.role < b.role
    end)
    return items
end

--- missing_keys(item, secret) -> what the secret lacks of what a recovery reads from it ("no key
--- credential.json"), or nil. An empty value is none.
function recovery.missing_keys(item, secret)
    local function has(key)
        return (dig(secret, "data", key) or "") ~= ""
    end
    if item.role == BACKUP and item.protocol == "objstore" then
        local complete = has("key") and has("keysecret")
        return not complete and "not the keys key and keysecret" or nil
    elseif item.role == BACKUP then
        local complete = has("username") and (has("password") or has("ssh-privatekey"))
        return not complete and "not the keys username and password (or ssh-privatekey)" or nil
    end
    local key = KEYS[item.role] or "credential.json"
    return not has(key) and "no key " .. key or nil
end

--- The top-level APIConnectCluster, when there is one: its operator overwrites what is changed
--- below it.
local function top_level(management)
    for _, owner in ipairs(management.metadata.ownerReferences or {}) do
        if owner.kind == "APIConnectCluster" then
            return owner
        end
    end
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
        if item.role == ENCRYPTION then
            spec.encryptionSecret = {secretName = item.secret}
        elseif item.credential then
            table.insert(spec.customApplicationCredentials,
                {name = item.credential, secretName = item.secret})
        end
    end
    local owner = top_level(management)
    if not owner then
        return {apiVersion = management.apiVersion, kind = management.kind,
                metadata = {name = name}, spec = spec}
    end
    spec.name = name
    return {apiVersion = owner.apiVersion, kind = owner.kind, metadata = {name = owner.name},
            spec = {management = spec}}
end

return recovery
