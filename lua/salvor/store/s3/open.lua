--- Buckets of S3 and of what speaks like it: s3://bucket/prefix
local common = require("salvor.store.http.open")
local credentials = require("salvor.store.s3.credentials")
local endpoint = require("salvor.store.s3.endpoint")
local merge = require("salvor.copy").merge
local profiles = require("salvor.store.s3.profiles")

local methods = merge(
    require("salvor.store.s3.request"),
    require("salvor.store.s3.list"),
    require("salvor.store.s3.stat"),
    require("salvor.store.s3.read"),
    require("salvor.store.s3.write"),
    require("salvor.store.s3.multipart"),
    require("salvor.store.s3.upload"),
    require("salvor.store.s3.remove"),
    require("salvor.store.s3.copy"),
    require("salvor.store.s3.etag"),
    require("salvor.store.s3.leftovers"),
    (require("salvor.store.s3.retention")))

--- The parts of the URL that mean something.
local function read_location(location)
    local function invalid(...)
        return common.invalid(location, ...)
    end
    if location.user or location.password then
        return invalid("credentials do not belong into a URL of S3",
            "give access_key and secret_key as options, or a profile")
    elseif location.port then
        return invalid("a bucket has no port",
            "the server's address is a setting: s3://bucket/prefix?endpoint=https://host:port")
    elseif not location.host:find("^[%w][%w._-]+$") then
        return invalid("'" .. location.host .. "' is not the name of a bucket")
    end
    return {bucket = location.host, root = common.root(location)}
end

local function find_credentials(options, profile, at, client)
    local sts = profiles.first(options.sts_endpoint, os.getenv("AWS_ENDPOINT_URL_STS"),
        os.getenv("AWS_ENDPOINT_URL"), endpoint.sts(at.region)):gsub("/$", "")
    return credentials.find(options, profile, os.getenv, {client = client, origin = sts})
end

return {
    kind = "s3",
    settings = {
        endpoint = "string", region = "string", style = "string", profile = "string",
        ca = "string", insecure = "boolean", sts_endpoint = "string",
        anonymous = "boolean", part_size = "number", connect_timeout = "number",
        timeout = "number",
    },
    credentials = {access_key = "string", secret_key = "string", session_token = "string",
                   secret = "table", proxy = "string"},

    open = function(location, options)
        local place, err = read_location(location)
        if not place then
            return nil, err
        elseif options.part_size and math.type(options.part_size) ~= "integer" then
            return common.invalid(location, "'part_size' is a number of bytes")
        end
        local profile, at, client, who
        profile, err = profiles.load(os.getenv, options.profile)
        if not profile then
            return nil, err
        end
        at, err = endpoint.find(options, profile, os.getenv, place.bucket)
        if not at then
            return nil, err
        end
        client, err = common.client(options, profiles.first(options.ca,
            os.getenv("AWS_CA_BUNDLE"), profile.keys.ca_bundle))
        if not client then
            return nil, err
        end
        who, err = find_credentials(options, profile, at, client)
        if not who then
            return nil, err
        end
        return common.backend({
            kind = "s3",
            url = ("s3://" .. place.bucket .. "/" .. place.root):gsub("/$", ""),
            server = endpoint.origin(at, place.bucket),
            features = {
                checksum = "md5",
                any_key = true,
                copies = true,
                part = {smallest = 5 << 20, largest = 5 << 30, count = 10000, at_once = 4,
                        default = options.part_size},
            },
            copy_limit = 5 << 30,
            _bucket = place.bucket,
            _root = place.root,
            _at = at,
            _client = client,
            _credentials = who,
        }, methods)
    end,
}
