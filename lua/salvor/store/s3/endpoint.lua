--- Where an S3 store is: the server, the region, and whether the bucket is part of the host's name.
local errors = require("salvor.store.errors")
local first = require("salvor.store.s3.profiles").first
local url = require("salvor.store.url")

local endpoint = {}

local DEFAULT_REGION = "us-east-1"

--- Whose hosts name their region: "s3.REGION.cloud-object-storage.appdomain.cloud".
local REGION_OF_HOST = {
    "^s3[.-]([%w-]+)%.amazonaws%.com$",
    "^s3[.-]([%w-]+)%.amazonaws%.com%.cn$",
    "^s3%.dualstack%.([%w-]+)%.amazonaws%.com$",
    "^s3%.([%w-]+)%.cloud%-object%-storage%.appdomain%.cloud$",
    "^s3%.%a+%.([%w-]+)%.cloud%-object%-storage%.appdomain%.cloud$",
    "^s3%.([%w-]+)%.backblazeb2%.com$",
    "^s3%.([%w-]+)%.wasabisys%.com$",
}

local STYLES = {path = "path", host = "host", virtual = "host", auto = "auto"}

local function invalid(what, reason, hint)
    return errors.fail("Invalid", {url = url.mask_login(what), op = "store.open", reason = reason,
                                   hint = hint})
end

--- [scheme://]host[:port][/region], the last as API Connect writes it; nil and an error otherwise.
local function parse(text)
    local scheme, rest = text:match("^(%a+)://(.*)$")
    rest = rest or text
    local place, path = rest:match("^([^/]*)(.*)$")
    local host, port = place:match("^(%b[])(.*)$")
    if not host then
        host, port = place:match("^([^:]*)(.*)$")
    end
    local region = not scheme and path:match("^/([%w-]+)/?$") or nil
    scheme = (scheme or "https"):lower()
    if scheme ~= "http" and scheme ~= "https" then
        return invalid(text, "an endpoint begins with http:// or https://")
    elseif place:find("@", 1, true) then
        return invalid(text, "an endpoint holds no credentials")
    elseif host == "" or host:find("[^%w%.%-_%[%]:]")
        or not (port == "" or port:find("^:%d+$")) then
        return invalid(text, "not the address of an endpoint")
    elseif not region and path ~= "" and path ~= "/" then
        return invalid(text, "an endpoint has no path", "the bucket belongs into the store's URL")
    end
    if (scheme == "https" and port == ":443") or (scheme == "http" and port == ":80") then
        port = ""
    end
    return {scheme = scheme, host = host:lower(), port = port, region = region}
end

local function region_of_host(host)
    for _, pattern in ipairs(REGION_OF_HOST) do
        local region = host:match(pattern)
        if region then
            return region
        end
    end
end

local function aws_host(region)
    return "s3." .. region .. ".amazonaws.com" .. (region:find("^cn%-") and ".cn" or "")
end

--- The host of AWS's service "sts" for a region.
function endpoint.sts(region)
    return "https://sts." .. region .. ".amazonaws.com" .. (region:find("^cn%-") and ".cn" or "")
end

--- Not every bucket can be the first part of a host's name, and a certificate's "*" is no more than
--- one part.
local function fits_host(bucket, scheme)
    return #bucket <= 63 and bucket:find("^[%l%d][%l%d.-]*[%l%d]$")
        and not (scheme == "https" and bucket:find(".", 1, true))
end

local function style_of(wanted, at, bucket)
    if wanted ~= "auto" then
        return wanted
    end
    local is_address = at.host:find("^[%d.]+$") or at.host:find("^%[")
    if is_address or at.port ~= "" or at.host == "localhost" then
        return "path"
    end
    return fits_host(bucket, at.scheme) and "host" or "path"
end

--- find(options, profile, getenv, bucket) -> {scheme, host, port, region, style, is_aws}, or nil
--- and an error.
function endpoint.find(options, profile, getenv, bucket)
    local keys = profile.keys
    local text = first(options.endpoint, getenv("AWS_ENDPOINT_URL_S3"), getenv("AWS_ENDPOINT_URL"),
        keys.endpoint_url)
    local at, err
    if text then
        at, err = parse(text)
        if not at then
            return nil, err
        end
    end
    local region = first(options.region, at and (at.region or region_of_host(at.host)),
        getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"), keys.region, DEFAULT_REGION)
    if region:find("[^%w-]") then
        return invalid(region, "not the name of a region")
    end
    at = at or {scheme = "https", port = "", host = aws_host(region)}
    at.is_aws = at.host:find("%.amazonaws%.com$") or at.host:find("%.amazonaws%.com%.cn$")
    at.region = region
    local wanted = first(options.style, keys["s3.addressing_style"], "auto")
    if not STYLES[wanted] then
        return invalid(wanted, "a style is path, host or auto")
    end
    at.style = style_of(STYLES[wanted], at, bucket)
    return at
end

--- The bucket turned out to be elsewhere: another region, and with AWS another host.
function endpoint.move(at, region)
    at.region = region
    if at.is_aws then
        at.host = aws_host(region)
    end
end

--- The scheme, host and port to ask for the bucket.
function endpoint.origin(at, bucket)
    local host = at.style == "host" and bucket .. "." .. at.host or at.host
    return at.scheme .. "://" .. host .. at.port
end

return endpoint
