-- apic-v10/readiness looks into the storage of the backups: with the credentials of the living
-- subsystems, on a real SFTP server and a real gateway of S3.
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
local sets = require("support.backup_sets")
local store = require("salvor.store")
local store_lab = require("support.store_lab")

local HOUR = 3600
local SITE = "portal.example.org@acme@shop"

local function portal_files(folder, time)
    sets.tar_gz(string.format("%s/%s-%s.tar.gz", folder, portal_world.SYSTEM, time), "system")
    sets.tar_gz(string.format("%s/%s-%s.tar.gz", folder, SITE, time), "site")
end

--- What the portal's storage holds, as the simulated operator sees it.
local function portal_storage(where, time)
    where.files = {{name = portal_world.SYSTEM, time = time}, {name = SITE, time = time}}
    return where
end

local function with_sftp(at)
    local login = at.password
        and {username = base64(at.user), password = base64(at.password)}
        or {username = base64(at.user), ["ssh-privatekey"] = base64(must(fs.read(at.ed25519)))}

    local function settings(path, secret)
        return {protocol = "sftp", host = at.host, port = math.tointeger(at.port), path = path,
                credentials = secret, schedule = "0 3 * * *"}
    end

    --- Both with their backups on the server; the folders of management and portal on this machine.
    local function start()
        local management, management_files = store_lab.folder()
        local portal, files_of_portal = store_lab.folder()
        local time = portal_world.time(HOUR)
        portal_files(files_of_portal, time)
        local operation = readiness.start({
            management = {spec = {databaseBackup = settings(management, "mgmt-backup-secret")},
                          secrets = {credentials = login}},
            portal = {
                spec = {portalBackup = settings(portal, "portal-backup-secret")},
                storage = portal_storage({protocol = "sftp", host = at.host, path = portal,
                                          credentials = login}, time),
            },
            common = {storage = "true", management_host_key = at.fingerprint,
                      portal_host_key = at.fingerprint},
        })
        local id = operation.world.management:backups()[1].status.id
        sets.tar_gz(management_files .. "/" .. id .. ".tgz", "management")
        return operation, management_files .. "/" .. id .. ".tgz", files_of_portal, time
    end

    it("finds both backups on the server", function()
        local operation <close> = start()
        local result = operation:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "readiness 100 of 100, no gap", "management: stored in sftp://",
            "portal: stored in sftp://")
        readiness.expect_no_secret(operation, result.stdout .. result.stderr)
    end)

    it("finds a gap when the newest management backup is not there", function()
        local operation <close>, file = start()
        must(fs.rename(file, file:gsub("[^/]+$", "20200826-154646F.tgz")))
        local result = operation:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "management: the newest backup, ", ", is not in sftp://",
            "-30 storage (management): ", "readiness 70 of 100, 1 gap")
    end)

    it("finds a gap when it is empty", function()
        local operation <close>, file = start()
        must(fs.write(file, ""))
        local result = operation:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "cannot be restored", "-30 storage (management): ",
            "readiness 70 of 100, 1 gap")
    end)

    it("finds a gap when the portal's system has no file", function()
        local operation <close>, _, folder, time = start()
        must(fs.remove(string.format("%s/%s-%s.tar.gz", folder, portal_world.SYSTEM, time)))
        local result = operation:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "there is no backup of the system",
            "-30 storage (portal): ", "readiness 70 of 100, 1 gap")
    end)

    it("finds a gap when only an older portal backup is there", function()
        local operation <close>, _, folder, time = start()
        must(fs.remove(string.format("%s/%s-%s.tar.gz", folder, portal_world.SYSTEM, time)))
        portal_files(folder, portal_world.time(9 * HOUR))
        local result = operation:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "portal: the newest backup, " .. time .. ", is not in sftp://",
            "-30 storage (portal): ")
    end)

    it("finds a gap when the server does not let these credentials in", function()
        local operation <close> = start()
        must(operation.world.client:patch("secrets", "portal-backup-secret",
            {data = {username = base64("nobody-knows")}}))
        readiness.prepare(operation, "portal")
        local result = operation:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "portal: its storage: ", "-30 storage (portal): ",
            "readiness 70 of 100")
    end)

    it("warns when the server's key is not known here", function()
        local operation <close> = start()
        local result = operation:run({portal_host_key = false})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: portal: its storage could not be looked into from"
            .. " here", "-p portal_host_key=SHA256:…", "readiness 100 of 100")
    end)

    it("warns when nobody answers from here", function()
        local operation <close> = start()
        for name, field in pairs({management = "databaseBackup", portal = "portalBackup"}) do
            operation.world[name]:patch({spec = {[field] = {port = 1}}})
            readiness.prepare(operation, name)
        end
        local result = operation:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: management: its storage could not be looked into",
            "warning: portal: its storage could not be looked into", "readiness 100 of 100")
    end)
end

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

    local function delete_all(client, kind)
        for _, object in ipairs(must(client:list(kind))) do
            must(client:delete(kind, object.metadata.name))
        end
    end

    --- Both with their backups in one bucket; that of management is as old as the repository.
    local function start()
        local bucket, stamp = store_lab.bucket(), portal_world.time(HOUR)
        local folder = must(fs.temporary_folder())
        portal_files(folder, stamp)
        must(store.copy(folder, "s3://" .. bucket .. "/portal", {to = reach}))
        must(fs.remove_tree(folder))
        must(store.copy(repository, "s3://" .. bucket .. "/management", {to = reach}))
        local operation = readiness.start({
            management = {
                protocol = "objstore",
                spec = {databaseBackup = {
                    protocol = "objstore", s3provider = "custom", backups3URIStyle = "path",
                    host = host, path = bucket .. "/management", schedule = "0 3 1 1 *",
                    credentials = "mgmt-backup-secret", backupCerts = "custom-server-ca",
                }},
                secrets = {credentials = {key = base64(at.access_key),
                                          keysecret = base64(at.secret_key)},
                           certificate = authority},
            },
            portal = {storage = portal_storage({
                protocol = "objstore", host = host, path = bucket .. "/portal",
                credentials = {username = base64(at.access_key), password = base64(at.secret_key)},
            }, stamp)},
            spoil = function(world)
                must(world.client:patch("secrets", "portal-server-ca", {data = authority}))
                world.portal.secrets["portalBackup.backupCerts"].data = authority
                delete_all(world.client, apiconnect.MANAGEMENT_BACKUP)
                backups.add(world.management, "stored", time)
            end,
            common = {storage = "true", max_age = "8000h", max_skew = "8000h"},
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
    store_lab.describe("on SFTP and", "sftp", with_sftp)
    store_lab.describe("on S3 and", "s3 pgbackrest", with_s3)
end)
