--- Where the database backups of Fortanix CCM go: spec.backup of the operator's resource.
local digest = require("salvor.digest")
local fields = require("salvor.k8s.fields")
local find = require("salvor.k8s.find")
local json = require("salvor.json")

local storage = {}

--- What Medusa calls the credentials in its secret.
storage.KEY = "credentials"

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

--- check(ctx, settings): tells what is missing of the settings.
function storage.check(ctx, settings)
    for _, name in ipairs(NEEDED) do
        if not settings[name] then
            ctx:problem("spec.backup." .. name .. " of the resource is not set",
                "set it as the installation guide says; without it there are no backups. Where"
                .. " this release keeps it elsewhere, leave this check out with --skip storage")
        end
    end
    local schedule = settings.schedule or "@"
    local _, count = schedule:gsub("%S+", "")
    if count ~= 5 and schedule:sub(1, 1) ~= "@" then
        ctx:problem("spec.backup.schedule of the resource, '" .. schedule .. "', is no schedule",
            "it has five fields as cron has them, such as '0 * * * *' for each hour")
    end
end

--- check_secret(ctx, settings, key, cure): tells what is wrong with the secret that keeps the
--- storage's credentials under `key`; cure: the hint where it has no such key. Raises what prevents
--- the look.
function storage.check_secret(ctx, settings, key, cure)
    local name = settings.secret
    if not name then
        return
    end
    local secret = find.object(ctx.k8s, "secrets", name)
    if not secret then
        return ctx:problem("secret " .. name
            .. ", which backups are stored with, does not exist",
            "create it again with the keys of the storage account")
    end
    local value = fields.text(secret, "data", key)
    local mode = settings["storageProvider.mode"] or ""
    if not value then
        ctx:problem("secret " .. name .. ", which backups are stored with, has no " .. key, cure)
    elseif mode:lower():find("azure", 1, true) and not is_azure_key(value) then
        ctx:warn(key .. " of secret " .. name .. " is not the JSON with storage_account and key"
            .. " that Medusa reads for Azure", "see whether Medusa can store backups at all")
    end
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
