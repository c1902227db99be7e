--- Where API Connect v10 keeps its backups, as its resources say it.
local apiconnect = require("salvor.apiconnect")

local storage = {}

local PROVIDERS = {aws = true, ibm = true, custom = true}
local LARGEST_RETENTION = 9999999

--- From 10.0.8 on the provider means nothing.
local function check_provider(settings, version, add)
    local provider = settings.s3provider
    if not PROVIDERS[provider] then
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

local function collect()
    local problems = {}
    return problems, function(...)
        problems[#problems + 1] = {...}
    end
end

--- problems(field, settings) -> list of {message, hint}: what is wrong with a databaseBackup or a
--- portalBackup (`field`) by either protocol, beyond what is missing.
function storage.problems(field, settings)
    local problems, add = collect()
    local port = settings.port
    if port and (math.type(port) ~= "integer" or port < 1 or port > 65535) then
        add(field .. ".port is " .. tostring(port),
            "it is a number from 1 to 65535, 22 when it is left out")
    end
    if settings.protocol == "objstore" then
        check_bucket(field, settings, add)
    end
    return problems
end

--- s3_problems(settings, version) -> the same of a databaseBackup whose protocol is objstore.
function storage.s3_problems(settings, version)
    local problems, add = collect()
    check_bucket("databaseBackup", settings, add)
    if not apiconnect.at_least(version, "10.0.8") then
        check_provider(settings, version, add)
    end
    local retained = settings.repoRetentionFull
    if retained and (math.type(retained) ~= "integer" or retained < 1
        or retained > LARGEST_RETENTION) then
        add("databaseBackup.repoRetentionFull is " .. tostring(retained),
            "it is a whole number from 1 to " .. LARGEST_RETENTION)
    end
    return problems
end

return storage
