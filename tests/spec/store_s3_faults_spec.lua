-- A bad network, and a gateway that fails, between salvor.store and a real gateway of S3.
local store_faults = require("support.store_faults")
local store_lab = require("support.store_lab")

local UPLOADS = {
    {target = ".*partNumber=2", flip_request = 70000},
    {target = ".*partNumber=2", reset_request = 70000},
    {target = ".*partNumber=1", lost = true},
    {target = ".*partNumber=1", silent = true},
    {target = ".*partNumber=2", status = 503, headers = {["Retry-After"] = "0"}},
    {target = ".*partNumber=2", status = 429, headers = {["Retry-After"] = "0"}},
    {target = ".*partNumber=3", skip = 1, lost = true},
    {method = "POST", target = ".*uploads=", status = 500},
    {method = "POST", target = ".*uploadId=", lost = true},
    {method = "POST", target = ".*uploadId=", status = 502},
}
for _, fault in ipairs(UPLOADS) do
    fault.method = fault.method or "PUT"
end

store_lab.describe("S3 over a bad network", "s3", function(at)
    store_faults.specs("s3", function()
        return "s3://" .. store_lab.bucket()
    end, function(proxy)
        return {endpoint = proxy.url, region = at.region, ca = at.ca,
                access_key = at.access_key, secret_key = at.secret_key}
    end, UPLOADS)
end)
