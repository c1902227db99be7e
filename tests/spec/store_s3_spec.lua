-- salvor.store on S3, against a real gateway.
local conformance = require("support.store_conformance")
local merge = require("salvor.copy").merge
local open = require("salvor.store.s3.open").open
local store_lab = require("support.store_lab")
local url = require("salvor.store.url")

store_lab.describe("S3", "s3", function(at)
    local function open_url(text, options)
        return open(must(url.parse(text)), merge({
            endpoint = at.endpoint, region = at.region,
            access_key = at.access_key, secret_key = at.secret_key,
        }, options))
    end

    local buckets = {}
    conformance.run("a bucket's folder", function(name)
        buckets[name] = buckets[name] or store_lab.bucket()
        return open_url("s3://" .. buckets[name] .. "/a folder/+/")
    end)
end)
