-- Where a store of S3 is: what becomes of URLs, settings and the environment.
local endpoint = require("salvor.store.s3.endpoint")
local store = require("salvor.store")

local function find(options, environment, keys, bucket)
    return endpoint.find(options or {}, {keys = keys or {}},
        function(name) return (environment or {})[name] end, bucket or "bucket")
end

local function origin(...)
    local at = must(find(...))
    return endpoint.origin(at, select(4, ...) or "bucket"), at.region, at.style
end

describe("the address of a bucket", function()
    it("is AWS's when nothing is said", function()
        assert.are.same({"https://bucket.s3.us-east-1.amazonaws.com", "us-east-1", "host"},
            {origin()})
        assert.are.same({"https://bucket.s3.cn-north-1.amazonaws.com.cn", "cn-north-1", "host"},
            {origin({region = "cn-north-1"})})
    end)

    it("has the bucket in its path where it cannot be in the host's name", function()
        local function style(options, bucket)
            return (select(3, origin(options, nil, nil, bucket)))
        end
        assert.are.equal("path", style({endpoint = "http://127.0.0.1"}))
        assert.are.equal("path", style({endpoint = "https://[::1]:9000"}))
        assert.are.equal("path", style({endpoint = "https://minio.example:9000"}))
        assert.are.equal("path", style({endpoint = "http://localhost"}))
        assert.are.equal("path", style({}, "with.dot"))
        assert.are.equal("path", style({}, "Upper_Case"))
        assert.are.equal("host", style({endpoint = "https://s3.example"}))
        assert.are.equal("host", style({endpoint = "https://minio.example:9000", style = "host"}))
        assert.are.equal("host", style({endpoint = "https://minio.example:9000",
                                        style = "virtual"}))
        assert.are.equal("path", style({style = "path"}))
    end)

    it("comes from the option, the environment, the profile", function()
        local environment = {AWS_ENDPOINT_URL = "https://any.example",
                             AWS_ENDPOINT_URL_S3 = "https://s3.example", AWS_REGION = "eu-1",
                             AWS_DEFAULT_REGION = "eu-2"}
        local keys = {endpoint_url = "https://profile.example", region = "eu-3",
                      ["s3.addressing_style"] = "path"}
        assert.are.same({"https://o.example", "eu-0", "path"},
            {origin({endpoint = "https://o.example", region = "eu-0"}, environment, keys)})
        assert.are.same({"https://s3.example", "eu-1", "path"}, {origin({}, environment, keys)})
        environment.AWS_ENDPOINT_URL_S3, environment.AWS_REGION = nil, ""
        assert.are.same({"https://any.example", "eu-2", "path"}, {origin({}, environment, keys)})
        assert.are.same({"https://profile.example", "eu-3", "path"}, {origin({}, {}, keys)})
    end)

    it("tells the region where it has it in its name", function()
        local function region(host)
            return (select(2, origin({endpoint = host}, {AWS_REGION = "other"})))
        end
        assert.are.equal("eu-central-1", region("https://s3.eu-central-1.amazonaws.com"))
        assert.are.equal("eu-west-1", region("s3-eu-west-1.amazonaws.com"))
        assert.are.equal("eu-gb", region("s3.eu-gb.cloud-object-storage.appdomain.cloud"))
        assert.are.equal("us-south",
            region("https://s3.private.us-south.cloud-object-storage.appdomain.cloud"))
        assert.are.equal("other", region("https://s3.example"))
    end)

    it("is taken as API Connect writes it: host/region", function()
        assert.are.same({
            "https://bucket.s3.eu-gb.cloud-object-storage.appdomain.cloud", "eu-standard", "host",
        }, {origin({endpoint = "s3.eu-gb.cloud-object-storage.appdomain.cloud/eu-standard"})})
    end)

    it("keeps no port that is the scheme's own", function()
        assert.are.equal("https://s3.example/",
            (origin({endpoint = "https://s3.example:443", style = "path"})) .. "/")
        assert.are.equal("http://s3.example:443", (origin({endpoint = "http://S3.example:443"})))
    end)

    it("is refused when it is none", function()
        for text, part in pairs({
            ["ftp://s3.example"] = "http:// or https://",
            ["https://user:very-secret@s3.example"] = "no credentials",
            ["https://s3.example/bucket"] = "no path",
            ["https://"] = "not the address",
            ["https://a b"] = "not the address",
            ["https://h:x"] = "not the address",
        }) do
            local at, err = find({endpoint = text})
            assert.is_nil(at)
            assert.are.equal("Invalid", err.code)
            assert.is_truthy(err.message:find(part, 1, true), err.message)
            assert.is_nil(err.message:find("very-secret", 1, true))
        end
        assert.are.equal("Invalid", select(2, find({region = "eu/1"})).code)
        assert.are.equal("Invalid", select(2, find({style = "sideways"})).code)
    end)

    it("changes its host with the region at AWS, and nowhere else", function()
        local aws = must(find())
        endpoint.move(aws, "eu-west-1")
        assert.are.equal("https://bucket.s3.eu-west-1.amazonaws.com",
            endpoint.origin(aws, "bucket"))
        local other = must(find({endpoint = "https://s3.example"}))
        endpoint.move(other, "eu-west-1")
        assert.are.equal("https://bucket.s3.example", endpoint.origin(other, "bucket"))
        assert.are.equal("eu-west-1", other.region)
    end)
end)

describe("a URL of S3", function()
    local KEY = {access_key = "A", secret_key = "option-secret"}

    local function refused(text, part, options)
        local opened, err = store.open(text, options or KEY)
        assert.is_nil(opened)
        assert.is_truthy(err.message:find(part, 1, true), err.message)
        assert.is_nil(tostring(err):find("very-secret", 1, true))
    end

    it("has a bucket, and neither credentials nor a port", function()
        refused("s3:///prefix", "is not the name of a bucket")
        refused("s3://a b/", "is not the name of a")
        refused("s3://user:very-secret@bucket/x", "do not belong into a URL")
        refused("s3://bucket:9000/x", "a bucket has no port")
        refused("s3://bucket/x?secret_key=very-secret", "must not stand in a URL")
        refused("s3://bucket/x?endpoint=key:very-secret@s3.example:9000", "no credentials")
        refused("s3://bucket/x?endpoint=https://key:a/very-secret@s3.example", "***@s3.example")
        refused("s3://bucket/x?endpoint=https://key:very-secret@s3.example&colour=red", "'colour'")
        refused("s3://bucket/x?colour=red", "unknown setting 'colour'")
        refused("s3://bucket/x?insecure=perhaps", "must be a boolean")
    end)

    it("has settings in its query", function()
        local opened = must(store.open(
            "s3://bucket/a%20b/?endpoint=http://127.0.0.1:1&region=x&style=path&timeout=3", KEY))
        opened:close()
        refused("s3://bucket/?ca=/none.pem", "/none.pem")
        refused("s3://bucket/?part_size=8388608.5", "a number of bytes")
        assert.has_error(function() store.open("s3://bucket", {colour = "red"}) end)
        assert.has_error(function() store.open("s3://bucket", {secret = "text"}) end)
    end)
end)
