-- apic-v10/readiness looks into the storage of the backups: on a real gateway of S3, with the
-- credentials of the living subsystems.
local apiconnect = require("salvor.apiconnect")
local backups = require("worlds.apic_v10_backups")
local base64 = require("salvor.digest").base64
local dates = require("salvor.dates")
local fs = require("salvor.fs")
local lab = require("support.lab")
local portal_world = require("worlds.apic_v10_portal")
local readiness = require("support.apic_readiness")
local repositories = require("support.pgbackrest")
local salvor = require("support.salvor")
local store = require("salvor.store")
local store_lab = require("support.store_lab")

local HOUR = 3600

local function with_s3(at)
    local repository, time

    setup(function()
        repository = repositories.copy("gz")
        time = dates.compact(repositories.labels(repository).full)
    end)

    teardown(function()
        must(fs.remove_tree(repository:match("^(.*)/repo$")))
    end)

    local reach = {endpoint = at.tls_endpoint, region = at.region, access_key = at.access_key,
                   secret_key = at.secret_key, ca = at.ca}
    local host = at.tls_endpoint:match("//(.*)$") .. "/" .. at.region
    local authority = {["ca.crt"] = base64(must(fs.read(at.ca)))}

    --- Both with their backups in one bucket; that of management is as old as the repository.
    local function start()
        local bucket, stamp = store_lab.bucket(), portal_world.time(HOUR)
        local folder = must(fs.temporary_folder())
        readiness.portal_files(folder, stamp)
        must(store.copy(folder, "s3://" .. bucket .. "/portal", {to = reach}))
        must(fs.remove_tree(folder))
        must(store.copy(repository, "s3://" .. bucket .. "/management", {to = reach}))
        local operation = readiness.start({
            management = {
                protocol = "objstore",
                spec = {databaseBackup = {
                    protocol = "objstore", s3provider = "custom", backups3URIStyle = "path",
                    host = host, path = bucket .. "/management", schedule = "0 3 29 2 *",
                    credentials = "mgmt-backup-secret", backupCerts = "custom-server-ca",
                }},
                secrets = {credentials = {key = base64(at.access_key),
                                          keysecret = base64(at.secret_key)},
                           certificate = authority},
            },
            portal = {storage = readiness.portal_storage({
                protocol = "objstore", host = host, path = bucket .. "/portal",
                credentials = {username = base64(at.access_key), password = base64(at.secret_key)},
            }, stamp)},
            spoil = function(world)
                must(world.client:patch("secrets", "portal-server-ca", {data = authority}))
                world.portal.secrets["portalBackup.backupCerts"].data = authority
                readiness.delete_all(world.client, apiconnect.MANAGEMENT_BACKUP)
                backups.add(world.management, "stored", time)
            end,
            common = {storage = "true", max_age = "1400d", max_skew = "1400d"},
        })
        return operation, bucket
    end

    it("finds the repository and the portal's files in the bucket", function()
        local operation <close> = start()
        local result = operation:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "management: stored in s3://", "portal: stored in s3://",
            "readiness 100 of 100, no gap")
        for _, text in ipairs({result.stdout, result.stderr}) do
            assert.is_nil(text:find(at.secret_key, 1, true))
        end
    end)

    it("finds a gap when the repository is damaged", function()
        local operation <close>, bucket = start()
        local opened <close> = must(store.open("s3://" .. bucket .. "/management", reach))
        local label = repositories.labels(repository).full
        for item in opened:each("backup") do
            if item.path:find(label .. "/backup.manifest", 1, true) then
                must(opened:remove(item.path))
            end
        end
        local result = operation:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "backup " .. label .. " cannot be restored",
            "-30 storage (management): ", "readiness 70 of 100, 1 gap")
    end)

    it("finds a gap when the credentials do not open the bucket", function()
        local operation <close> = start()
        must(operation.world.client:patch("secrets", "mgmt-backup-secret",
            {data = {keysecret = base64("not-the-secret-key")}}))
        readiness.prepare(operation, "management")
        local result = operation:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "management: its storage: ", "-30 storage (management): ")
    end)

    it("finds a gap when there is nothing in the bucket", function()
        local operation <close>, bucket = start()
        local opened <close> = must(store.open("s3://" .. bucket, reach))
        for item in opened:each("portal") do
            must(opened:remove(item.path))
        end
        local result = operation:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "-30 storage (portal): ", "readiness 70 of 100, 1 gap")
    end)
end

lab.describe("apic-v10/readiness looks into storage", function()
    store_lab.describe("on S3 and", "s3 pgbackrest", with_s3)
end)
