-- apic-v10/prepare-management of a subsystem whose backups go to S3, with a kit that is on S3, too.
local apic = require("support.apic")
local lab = require("support.lab")
local read_kit = require("support.read_kit")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")
local yaml = require("salvor.yaml")

lab.describe("apic-v10/prepare-management with backups on S3", function()
    it("saves the credentials of the bucket, its certificate, and how the path is to be copied",
        function()
            local fixture <close> = apic.start({protocol = "objstore"})
            salvor.expect_code(0, fixture:run())
            local files = fixture:files()
            for _, role in ipairs({"databaseBackup.credentials", "databaseBackup.backupCerts"}) do
                local secret = fixture.world.secrets[role]
                local saved = must(yaml.load(files["secrets/" .. secret.name .. ".yaml"]))
                assert.same(secret.data, saved.data)
            end
            salvor.expect(files["recreate.yaml"], "must not share with the old subsystem")
            local recreate = must(yaml.load(files["recreate.yaml"]))
            assert.same(fixture.world:management().spec.databaseBackup,
                recreate.spec.databaseBackup)
        end)
end)

local function with_kit_on_s3(at)
    it("writes nothing while it plans, then the same kit as in a folder", function()
        local fixture <close> = apic.start()
        local options = {endpoint = at.endpoint, access_key = at.access_key,
                         secret_key = at.secret_key, region = at.region}
        local url = "s3://" .. store_lab.bucket() .. "/kit"
        local params = {kit = url .. "?endpoint=" .. at.endpoint .. "&region=" .. at.region}
        local env = {env = {AWS_ACCESS_KEY_ID = at.access_key,
                            AWS_SECRET_ACCESS_KEY = at.secret_key, AWS_CA_BUNDLE = false}}
        local planned = fixture:plan(params, env)
        salvor.expect_code(0, planned)
        salvor.expect(planned.stdout, "write " .. url .. "/secrets/management-enc-key.yaml",
            "publish " .. url)
        assert.equal("NotFound", select(2, read_kit(url, {store = options})).code)

        salvor.expect_code(0, fixture:run(params, env))
        local manifest, on_s3 = read_kit(url, {store = options})
        assert.equal(fixture.namespace, must(manifest, on_s3).system.namespace)
        salvor.expect_code(0, fixture:run())
        local in_folder = fixture:files()
        for path, data in pairs(on_s3) do
            assert.equal(in_folder[path], data, path)
        end
    end)
end

lab.describe("apic-v10/prepare-management", function()
    store_lab.describe("with a kit on S3", "s3", with_kit_on_s3)
end)
