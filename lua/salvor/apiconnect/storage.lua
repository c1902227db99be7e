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

--- s3_problems(settings, version) -> list of {message, hint}: what is wrong with a databaseBackup
--- whose protocol is objstore.
function storage.s3_problems(settings, version)
    local problems = {}
    local function add(...)
        problems[#problems + 1] = {...}
    end
    if settings.host and not tostring(settings.host):match("^[^/]+/[^/]+$") then
        add("databaseBackup.host is '" .. tostring(settings.host) .. "'",
            "it is the endpoint and its region: s3.eu-gb.example.com/eu-standard")
    end
    if not apiconnect.at_least(version, "10.0.8") then
        check_provider(settings, version, add)
    end
    local style = settings.backups3URIStyle or "host"
    if style ~= "host" and style ~= "path" then
        add("databaseBackup.backups3URIStyle is '" .. tostring(style) .. "'", "it is host or path")
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
