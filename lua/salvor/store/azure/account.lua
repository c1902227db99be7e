--- Which account of Azure Storage, and where its blobs are: the texts of endpoints, connection
--- strings, keys and shared access signatures.
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")
local url = require("salvor.store.url")

local account = {}

local SUFFIX = "core.windows.net"

--- The emulator's account, whose key is the same everywhere ("Use the Azurite emulator").
local EMULATOR = {
    account = "devstoreaccount1",
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K"
        .. "1SZFPTOtr/KBHBeksoGMGw==",
    endpoint = "http://127.0.0.1:10000/devstoreaccount1",
}

--- Parameters of requests, which no signature holds.
local NO_PART_OF_SAS = {comp = true, restype = true, prefix = true, delimiter = true,
                        marker = true, maxresults = true, include = true, blockid = true,
                        blocklisttype = true, copyid = true, snapshot = true, versionid = true,
                        timeout = true}

local function invalid(what, reason, hint)
    return errors.fail("Invalid", {url = what, op = "store.open", reason = reason, hint = hint})
end

local function is_address(host)
    return host:find("^[%d.]+$") or host:find("^%[") or not host:find(".", 1, true)
end

--- Whose endpoint it is: the first part of the path (the emulator) or of the host's name.
local function account_of(host, base)
    if base ~= "" then
        return base:match("^/([^/]+)$")
    elseif not is_address(host) then
        local name = host:match("^([^.]+)%.blob%.")
        return name and name:gsub("%-secondary$", "") -- a copy of it in another region
    end
end

--- endpoint(text) -> {origin = "https://host:port", base = "" or "/account", account = its name or
--- nil}, or nil and an error
function account.endpoint(text)
    local shown = url.mask_login(text):gsub("%?.*$", "")
    local scheme, place, base = text:match("^(%a+)://([^/?#]*)([^?#]*)$")
    scheme = scheme and scheme:lower()
    if scheme ~= "http" and scheme ~= "https" then
        return invalid(shown, "an endpoint is http:// or https://, a host, and no query",
            "for example https://ACCOUNT.blob." .. SUFFIX)
    elseif place:find("@", 1, true) then
        return invalid(shown, "an endpoint holds no credentials")
    end
    local host, port = place:match("^(%b[])(.*)$")
    if not host then
        host, port = place:match("^([^:]*)(.*)$")
    end
    base = base:gsub("/+$", "")
    if host == "" or host:find("[^%w%.%-_%[%]:]") or not (port == "" or port:find("^:%d+$")) then
        return invalid(shown, "not the address of an endpoint")
    elseif base ~= "" and not base:find("^/[%w-]+$") then
        return invalid(shown, "the path of an endpoint is the name of the account, or nothing",
            "the container belongs into the store's URL: az://container/prefix")
    end
    if (scheme == "https" and port == ":443") or (scheme == "http" and port == ":80") then
        port = ""
    end
    host = host:lower()
    return {origin = scheme .. "://" .. host .. port, base = base,
            account = account_of(host, base)}
end

--- The endpoint of an account in Azure itself, as text.
function account.default_endpoint(name, scheme, suffix)
    return string.format("%s://%s.blob.%s", scheme or "https", name, suffix or SUFFIX)
end

--- The bytes of a key; nil and an error.
function account.key(text, source)
    local bytes = digest.unbase64((text:gsub("%s+$", "")))
    if not bytes or bytes == "" then
        return invalid("credentials of Azure", "the account's key in " .. source
            .. " is not base64", "copy the whole key, with the = at its end")
    end
    return bytes
end

--- The parameters of a shared access signature, which may also be the query of a whole URL: {sv =,
--- sig =...}; nil and an error.
function account.sas(text, source)
    local query, found = text:gsub("%s+$", ""):match("%?(.*)$") or text:gsub("%s+$", ""), {}
    for pair in query:gmatch("[^&]+") do
        local name, value = pair:match("^([^=]+)=(.*)$")
        if not name or NO_PART_OF_SAS[name:lower()] then
            found.sig = nil
            break
        end
        found[name] = value:gsub("%%(%x%x)", function(hex)
            return string.char(tonumber(hex, 16))
        end)
    end
    if not found.sig or found.sig == "" then
        return invalid("credentials of Azure", "the shared access signature in " .. source
            .. " is not one: it is sv=...&sp=...&sig=... and has a sig")
    end
    return found
end

local function emulator(fields)
    local at = {account = EMULATOR.account, key = EMULATOR.key, endpoint = EMULATOR.endpoint}
    local proxy = fields.developmentstorageproxyuri
    if proxy then
        at.endpoint = proxy:gsub("/+$", "") .. ":10000/" .. EMULATOR.account
    end
    return at
end

--- connection_string(text, source) -> {account, endpoint, key or sas}, texts, or nil and an error
--- ("Configure Azure Storage connection strings").
function account.connection_string(text, source)
    local fields = {}
    for part in text:gmatch("[^;\r\n]+") do
        local name, value = part:match("^%s*(%w+)=(.*)$")
        if not name then
            return invalid("credentials of Azure", "the connection string in " .. source
                .. " is not one: its parts are Name=value, with ; between them")
        end
        fields[name:lower()] = value
    end
    if (fields.usedevelopmentstorage or ""):lower() == "true" then
        return emulator(fields)
    end
    local name = fields.accountname
    local endpoint = fields.blobendpoint
    if not endpoint and name then
        endpoint = account.default_endpoint(name, fields.defaultendpointsprotocol,
            fields.endpointsuffix)
    end
    if not endpoint or not (fields.accountkey or fields.sharedaccesssignature) then
        return invalid("credentials of Azure", "the connection string in " .. source
            .. " has no " .. (endpoint and "AccountKey or SharedAccessSignature"
                or "AccountName or BlobEndpoint"))
    end
    return {account = name, endpoint = endpoint, key = fields.accountkey,
            sas = not fields.accountkey and fields.sharedaccesssignature or nil}
end

return account
