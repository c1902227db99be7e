--- Where API Connect v10 keeps its backups, as its resources say it.
local apiconnect = require("salvor.apiconnect")
local fields = require("salvor.k8s.fields")
local merge = require("salvor.copy").merge

local storage = {}

local PROVIDERS = {aws = true, ibm = true, custom = true}
local NEEDED = {"host", "path", "credentials"}
local LARGEST_RETENTION = 9999999

--- From 10.0.8 on the provider means nothing.
local function check_provider(settings, version, add)
    local provider = settings.s3provider
    if apiconnect.at_least(version, "10.0.8") then
        return
    elseif not PROVIDERS[provider] then
        add("databaseBackup.s3provider is '" .. tostring(provider or "") .. "'",
            "it is aws, ibm or custom")
    elseif provider == "custom" and not apiconnect.at_least(version, "10.0.2.0") then
        add("databaseBackup.s3provider is custom, which " .. version .. " does not know",
            "it came with 10.0.2.0")
    elseif provider ~= "custom" then
        for _, field in ipairs({"backupCerts", "backups3URIStyle"}) do
            if (settings[field] or "") ~= "" then
                add("databaseBackup." .. field .. " is set, and s3provider is " .. provider,
                    "it is for the provider custom alone: take it out")
            end
        end
    end
end

--- How a bucket is named.
local function check_bucket(field, settings, add)
    local host, style = settings.host or "", settings.backups3URIStyle or ""
    if host ~= "" and not tostring(host):match("^[^/]+/[^/]+$") then
        add(field .. ".host is '" .. tostring(host) .. "'",
            "it is the endpoint and its region: s3.eu-gb.example.com/eu-standard")
    end
    if style ~= "" and style ~= "host" and style ~= "path" then
        add(field .. ".backups3URIStyle is '" .. tostring(style) .. "'", "it is host or path")
    end
end

local function check_retention(settings, add)
    local retained = settings.repoRetentionFull
    if retained and (math.type(retained) ~= "integer" or retained < 1
        or retained > LARGEST_RETENTION) then
        add("databaseBackup.repoRetentionFull is " .. tostring(retained),
            "it is a whole number from 1 to " .. LARGEST_RETENTION)
    end
end

--- lasting(settings) -> a copy without restartDB: that is the consent to one restart, no setting of
--- the backups.
function storage.lasting(settings)
    local lasting = merge(settings)
    lasting.restartDB = nil
    return lasting
end

--- missing(field, settings) -> list of the fields that either protocol needs and that are not set,
--- "databaseBackup.host". field: databaseBackup or portalBackup.
function storage.missing(field, settings)
    local missing = {}
    for _, name in ipairs(NEEDED) do
        if not fields.text(settings, name) then
            missing[#missing + 1] = field .. "." .. name
        end
    end
    return missing
end

--- problems(field, settings, version) -> list of {message, hint}: what is wrong with them beyond
--- what is missing.
function storage.problems(field, settings, version)
    local problems, port = {}, settings.port
    local function add(...)
        problems[#problems + 1] = {...}
    end
    if port and (math.type(port) ~= "integer" or port < 1 or port > 65535) then
        add(field .. ".port is " .. tostring(port),
            "it is a number from 1 to 65535, 22 when it is left out")
    end
    if settings.protocol == "objstore" then
        check_bucket(field, settings, add)
        if field == "databaseBackup" then
            check_provider(settings, version, add)
            check_retention(settings, add)
        end
    end
    return problems
end

return storage
