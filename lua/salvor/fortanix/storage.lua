--- Where the database backups of Fortanix CCM go: spec.backup of the operator's resource.
local digest = require("salvor.digest")
local fields = require("salvor.k8s.fields")
local json = require("salvor.json")

local storage = {}

local PATHS = {
    secret = {"secret"},
    bucketName = {"bucketName"},
    prefix = {"prefix"},
    schedule = {"schedule"},
    ["storageProvider.mode"] = {"storageProvider", "mode"},
}

-- In the order of the documentation. A prefix may be left out.
local NEEDED = {"secret", "bucketName", "schedule", "storageProvider.mode"}

-- Where the backups are; with another secret or schedule they are still there.
local PLACE = {"storageProvider.mode", "bucketName", "prefix"}

--- settings(platform) -> {secret, bucketName, prefix, schedule, ["storageProvider.mode"]}, as far
--- as the resource has them
function storage.settings(platform)
    local backup, found = fields.map(platform, "spec", "backup"), {}
    for name, path in pairs(PATHS) do
        found[name] = fields.text(backup, table.unpack(path))
    end
    return found
end

--- What Medusa reads for Azure; whether it is right only Azure can tell.
local function is_azure_key(value)
    local text = digest.unbase64(value)
    local key = text and json.decode(text)
    return fields.text(key, "storage_account") and fields.text(key, "key")
end

local function check_secret(client, settings, key, add)
    local name = settings.secret
    local secret, err = client:get("secrets", name)
    if not secret and err.code == "NotFound" then
        return add("problem", "secret " .. name
            .. ", which backups are stored with, does not exist",
            "create it again with the keys of the storage account")
    end
    local value = fields.text(must(secret, err), "data", key)
    local mode = settings["storageProvider.mode"] or ""
    if not value then
        add("problem", "secret " .. name .. ", which backups are stored with, has no " .. key,
            "if it keeps them under another name: -p storage_key=…")
    elseif mode:lower():find("azure", 1, true) and not is_azure_key(value) then
        add("warn", key .. " of secret " .. name .. " is not the JSON with storage_account and key"
            .. " that Medusa reads for Azure", "see whether Medusa can store backups at all")
    end
end

--- findings(client, settings, key) -> list of {level = "problem" or "warn", message, hint}: what is
--- missing of the settings, and of the secret that keeps its credentials under `key`. Raises what
--- prevents the look.
function storage.findings(client, settings, key)
    local found = {}
    local function add(level, message, hint)
        found[#found + 1] = {level = level, message = message, hint = hint}
    end
    for _, name in ipairs(NEEDED) do
        if not settings[name] then
            add("problem", "spec.backup." .. name .. " of the resource is not set",
                "set it as the installation guide says; without it there are no backups")
        end
    end
    if settings.secret then
        check_secret(client, settings, key, add)
    end
    return found
end

--- moved(before, now) -> list of messages: why the backups of then are not where those of now are
function storage.moved(before, now)
    local found = {}
    for _, name in ipairs(PLACE) do
        if before[name] ~= now[name] then
            found[#found + 1] = string.format("spec.backup.%s of the resource is %s, it was %s when"
                .. " the backup was made", name, now[name] or "not set",
                tostring(before[name] or "not set"))
        end
    end
    return found
end

return storage
