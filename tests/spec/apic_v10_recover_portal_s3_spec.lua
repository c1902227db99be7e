-- apic-v10/recover-portal of a portal whose backups are in a bucket, and from a kit that is on S3.
local lab = require("support.lab")
local recovery = require("support.portal_recovery")
local salvor = require("support.salvor")
local store = require("salvor.store")
local store_lab = require("support.store_lab")

lab.describe("apic-v10/recover-portal with backups in a bucket", function()
    it("puts back the access key, its secret and the certificate of the server", function()
        local lost <close> = recovery.lose({protocol = "objstore"})
        local operation <close> = recovery.start(lost)
        salvor.expect_code(0, operation:recover())
        for _, name in ipairs({"portal-backup-secret", "portal-server-ca", "portal-enc-key"}) do
            assert.truthy(operation.world.client:get("secrets", name))
        end
        assert.same(lost.spec.portalBackup, operation.world:portal().spec.portalBackup)
        assert.truthy(operation.world.restored)
    end)
end)

local function with_kit_on_s3(at)
    it("plans and runs as with one in a folder", function()
        local lost <close> = recovery.lose()
        local operation <close> = recovery.start(lost)
        local url = "s3://" .. store_lab.bucket() .. "/kit"
        must(store.copy(lost.kit, url, {to = {endpoint = at.endpoint, region = at.region,
                                              access_key = at.access_key,
                                              secret_key = at.secret_key}}))
        operation.kit = url .. "?endpoint=" .. at.endpoint .. "&region=" .. at.region
        local env = {env = {AWS_ACCESS_KEY_ID = at.access_key,
                            AWS_SECRET_ACCESS_KEY = at.secret_key, AWS_CA_BUNDLE = false}}
        salvor.expect_code(0, operation:plan(nil, env))
        salvor.expect_code(0, operation:recover(nil, env))
        assert.equal(recovery.ORIGINAL, operation.world:portal().spec.originalUID)
    end)
end

lab.describe("apic-v10/recover-portal", function()
    store_lab.describe("with a kit on S3", "s3", with_kit_on_s3)
end)
