-- apic-v10/readiness looks into the storage of the backups: on a real SFTP server, with the
-- credentials of the living subsystems.
local apiconnect = require("salvor.apiconnect")
local base64 = require("salvor.digest").base64
local fs = require("salvor.fs")
local lab = require("support.lab")
local portal_world = require("worlds.apic_v10_portal")
local readiness = require("support.apic_readiness")
local salvor = require("support.salvor")
local secret_values = require("support.secret_values")
local sets = require("support.backup_sets")
local store_lab = require("support.store_lab")

local HOUR = 3600

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
        readiness.portal_files(files_of_portal, time)
        local operation = readiness.start({
            management = {spec = {databaseBackup = settings(management, "mgmt-backup-secret")},
                          secrets = {credentials = login}},
            portal = {
                spec = {portalBackup = settings(portal, "portal-backup-secret")},
                storage = readiness.portal_storage({
                    protocol = "sftp", host = at.host, path = portal, credentials = login,
                }, time),
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
        salvor.expect(result.stdout, "readiness 100 of 100, no gap",
            "management: stored in sftp://", "portal: stored in sftp://")
        secret_values.expect_none(secret_values.of(operation.world.client), "the output",
            result.stdout .. result.stderr)
    end)

    it("finds what EDB has stored from 10.0.8 on, and a gap when some of it is missing", function()
        local path, files = store_lab.folder()
        local place = settings(path, "mgmt-backup-secret")
        place.schedule = "0 0 3 * * *"
        local operation <close> = readiness.start({
            management = {version = "10.0.8.0", spec = {databaseBackup = place},
                          secrets = {credentials = login}},
            portal = {version = "10.0.8.0"},
            common = {storage = "true", management_host_key = at.fingerprint},
        })
        must(operation.world.client:delete(apiconnect.PORTAL, "portal"))
        local status = operation.world.management:backups()[1].status
        local root = fs.join(files, status.serverName)
        local base = fs.join(root, "base", status.backupId)
        sets.tar_gz(base .. "/data.tar.gz", "data")
        sets.write(base .. "/backup.info", "begin_wal=0000000100000000000000FE\nstatus=DONE\n"
            .. "end_wal=0000000100000000000000FE\n")
        sets.gzip(root .. "/wals/0000000100000000/0000000100000000000000FE.gz", "wal")
        sets.run({"chmod", "-R", "a+rX", root}) -- the server's user is another one
        local result = operation:run({portal_kit = false})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "management: stored in sftp://", status.backupId,
            "readiness 100 of 100")
        must(fs.remove_tree(fs.join(root, "wals")))
        result = operation:run({portal_kit = false})
        readiness.expect_gaps(result, {["storage (management)"] = 30})
        salvor.expect(result.stdout, "cannot be restored")
    end)

    it("finds a gap when the newest management backup is not there", function()
        local operation <close>, file = start()
        must(fs.rename(file, fs.join(fs.dirname(file), "20200826-154646F.tgz")))
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
        readiness.portal_files(folder, portal_world.time(9 * HOUR))
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
        salvor.expect(result.stdout, "portal: its storage: ", "; ", "-30 storage (portal): ",
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

lab.describe("apic-v10/readiness looks into storage", function()
    store_lab.describe("on SFTP and", "sftp", with_sftp)
end)
