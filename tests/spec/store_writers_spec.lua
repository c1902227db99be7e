-- Two writers of one large object on a server: what has the name is the whole content of one of
-- them, and the other one is told. Folders and SFTP have the same in their own specs.
local open = require("salvor.store.open").url
local store_lab = require("support.store_lab")
local store_writers = require("support.store_writers")

local STORIES = 12

local function expect_conflicts_alone(codes)
    assert.is_true((codes.Conflict or 0) > 0)
    codes.Conflict = nil
    assert.are.same({}, codes)
end

store_lab.describe("two writers on S3", "s3", function(at)
    it("never mix", function()
        local url = "s3://" .. store_lab.bucket()
        expect_conflicts_alone(store_writers.check(function()
            return open(url, {endpoint = at.endpoint, access_key = at.access_key,
                              secret_key = at.secret_key, region = at.region}, "store.open")
        end, STORIES))
    end)
end)

store_lab.describe("two writers on Azure", "azure", function(at)
    it("never mix", function()
        local url = "az://" .. store_lab.container()
        expect_conflicts_alone(store_writers.check(function()
            return open(url, {account = at.account, endpoint = at.endpoint, key = at.key},
                "store.open")
        end, STORIES))
    end)
end)
