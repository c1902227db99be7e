-- apic-v10/recover-portal when something goes wrong on its way: it stops at once with the reason
-- and the cure, and a resumed run goes on.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local fs = require("salvor.fs")
local lab = require("support.lab")
local list = require("salvor").list
local operator = require("worlds.operator")
local portal = require("support.portal")
local recovery = require("support.portal_recovery")
local salvor = require("support.salvor")
local world = require("worlds.apic_v10_portal")

--- Waits until there are so many records that can be used.
local function await_records(operation, count)
    operator.eventually("the records", function()
        local ready = 0
        for _, object in ipairs(operation.world:list(apiconnect.PORTAL_BACKUP)) do
            ready = ready + (dig(object, "status", "phase") == "Ready" and 1 or 0)
        end
        return ready == count
    end)
end

lab.describe("apic-v10/recover-portal stops when", function()
    local lost

    setup(function()
        lost = recovery.lose()
    end)

    teardown(function()
        lost:close()
    end)

    local function expect_stopped(operation, params, ...)
        local result = operation:recover(params)
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, ...)
        return result
    end

    it("the portal does not come up", function()
        local operation <close> = recovery.start(lost,
            {faults = {install = "waiting for the database"}})
        expect_stopped(operation, {install_timeout = "3s"}, "stopped at step await-operator",
            "phase Pending, state 2/6, message waiting for the database")
    end)

    it("the operator finds no backups, and goes on when it does", function()
        local operation <close> = recovery.start(lost, {delays = {records = 1000}})
        local stopped = expect_stopped(operation, {records_timeout = "1s"},
            "stopped at step choose-backups", "the operator has made no records of the old backups",
            "portalBackup's host and path must be those of the old portal")
        operation.world.delays.records = 0
        salvor.expect_code(0, operation:go_on(portal.run_id(stopped)))
        assert.truthy(operation.world.restored)
    end)

    it("a site of the kit has no backup, unless it is to do without", function()
        local operation <close> = recovery.start(lost,
            {faults = {unseen = "portal.example.org@acme@lab"}})
        salvor.expect_code(0, operation:recover_until("await-operator", {records_timeout = "1s"}))
        await_records(operation, 4)
        local stopped = operation:go_on()
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "stopped at step choose-backups", "4 records of backups have"
            .. " appeared, and none of site portal.example.org@acme@lab; do without these sites in"
            .. " a new run: -p accept_missing_sites=true")
        salvor.expect_code(0, operation:recover({accept_missing_sites = "true"}))
    end)

    it("its records name no portal and there is another one, and goes on without it", function()
        local operation <close> = recovery.start(lost, {faults = {unnamed = true}})
        operation.world:add_portal("second", {spec = {portalBackup = false}})
        local stopped = expect_stopped(operation, {records_timeout = "1s"},
            "stopped at step choose-backups", "the operator has made no records of the old backups;"
            .. " 6 PortalBackups name no portal (spec.portalCluster), and there are several: whose"
            .. " they are cannot be told, and they do not count")
        must(operation.world.client:delete(apiconnect.PORTAL, "second"))
        salvor.expect_code(0, operation:go_on(portal.run_id(stopped)))
    end)

    it("the system has no backup", function()
        local operation <close> = recovery.start(lost, {faults = {unseen = world.SYSTEM}})
        salvor.expect_code(0, operation:recover_until("await-operator", {records_timeout = "1s"}))
        await_records(operation, 4)
        local stopped = operation:go_on()
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "and none of the system; the name, portalBackup's host")
    end)

    it("every backup of the system is newer than the time that is wanted", function()
        local operation <close> = recovery.start(lost)
        local oldest = lost.storage.files[1].time
        expect_stopped(operation, {timestamp = "20200101.000000"}, "stopped at step choose-backups",
            "there is no backup of the system until 20200101.000000",
            "the oldest one is " .. oldest)
    end)

    it("the newest backup may be one of the new, empty portal", function()
        local storage = {}
        for field, value in pairs(lost.storage) do
            storage[field] = value
        end
        storage.files = table.move(lost.storage.files, 1, #lost.storage.files, 1, {})
        local operation <close> = recovery.start(lost, {storage = storage})
        local time = world.time(-600)
        operation.world:add_file(world.SYSTEM, time)
        expect_stopped(operation, {}, "backup " .. time .. " (portal-record-",
            "is newer than this installation: it may be one of the new, still empty portal")
        local newest = lost.storage.files[#lost.storage.files].time
        salvor.expect_code(0, operation:recover({timestamp = newest}))
        assert.equal(lost.storage.files[4].time, operation.world.restored[world.SYSTEM])
    end)

    for _, fault in ipairs({"dry_run", "restore"}) do
        it("the " .. fault .. " fails, at once and with the operator's reason", function()
            local operation <close> = recovery.start(lost,
                {faults = {[fault] = "the database refused its admin"}})
            local stopped = expect_stopped(operation, {}, "stopped at step "
                .. fault:gsub("_", "-"), "has failed: the database refused its admin; go on with")
            operation.world.faults[fault] = nil
            salvor.expect_code(0, operation:go_on(portal.run_id(stopped)))
            assert.truthy(operation.world.restored)
            assert.matches(fault == "restore" and "Failed, Ready, dry Ready"
                or "Ready, dry Failed, dry Ready", recovery.restores(operation), 1, true)
        end)
    end

    --- Dry runs that tell what `change` makes of the usual text.
    local function telling(change)
        return {faults = {actions = function(set, usual)
            return change(usual(set), set)
        end}}
    end

    it("the dry run leaves a site out, and dry runs again when it is resumed", function()
        local operation <close> = recovery.start(lost, telling(function(text)
            return (text:gsub("[^\n]*acme/lab[^\n]*\n?", ""))
        end))
        local time = lost.storage.files[#lost.storage.files].time
        local stopped = expect_stopped(operation, {}, "stopped at step dry-run",
            "it leaves out site portal.example.org@acme@lab (" .. time .. ")", "--skip dry-run")
        assert.is_nil(stopped.stderr:find("acme@shop", 1, true))
        assert.is_nil(operation.world.restored)
        operation.world.faults.actions = nil
        salvor.expect_code(0, operation:go_on(portal.run_id(stopped)))
        assert.equal("Ready, dry Ready, dry Ready", recovery.restores(operation))
    end)

    it("the dry run would take another backup of a site", function()
        local operation <close> = recovery.start(lost, telling(function(text)
            return (text:gsub("(acme@shop%-)[%d.]+(%.tar)", "%120200101.010101%2"))
        end))
        expect_stopped(operation, {}, "stopped at step dry-run",
            "it restores site portal.example.org@acme@shop from 20200101.010101 and not from ")
        assert.is_nil(operation.world.restored)
    end)

    it("the dry run tells nothing, unless that step is left out", function()
        local operation <close> = recovery.start(lost, telling(function()
            return "n/a"
        end))
        local stopped = expect_stopped(operation, {}, "it leaves out site portal.example.org@acme"
            .. "@lab (", "); it leaves out site portal.example.org@acme@shop (")
        local result = operation:salvor({"run", "--resume", portal.run_id(stopped), "--yes",
                                         "--skip", "dry-run"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "left out by --skip")
        assert.truthy(operation.world.restored)
    end)

    it("the restore does not end", function()
        local operation <close> = recovery.start(lost, {faults = {stuck = true}})
        expect_stopped(operation, {restore_timeout = "1s"}, "stopped at step dry-run",
            "was waited for 1 s to be ready; last: ")
    end)

    it("somebody has changed originalUID meanwhile", function()
        local operation <close> = recovery.start(lost, {on_restored = function() end})
        operation.world.on_restored = function()
            operation.world:patch({spec = {originalUID = "another"}})
        end
        expect_stopped(operation, {}, "stopped at step verify",
            "spec.originalUID: another -> " .. recovery.ORIGINAL, "look who has changed it")
    end)

    it("somebody has changed the encryption secret meanwhile", function()
        local operation <close> = recovery.start(lost)
        operation.world.on_restored = function()
            must(operation.world.client:patch("secrets", "portal-enc-key",
                {data = {encryption_secret = "b3RoZXI="}}))
        end
        expect_stopped(operation, {}, "stopped at step verify", "after the restore a secret is not"
            .. " the kit's any more")
    end)

    it("another restore was begun meanwhile, and goes on behind it", function()
        local operation <close> = recovery.start(lost)
        local client = operation.world.client
        operation.world.faults.actions = function(set, usual)
            client:create({apiVersion = "portal.apiconnect.ibm.com/v1beta1", kind = "PortalRestore",
                metadata = {name = "other", labels = {["salvor-test-seeded"] = "true"}},
                spec = {type = "all", portalCluster = "portal"}})
            return usual(set)
        end
        local stopped = expect_stopped(operation, {}, "stopped at step restore",
            "PortalRestore other is in flight")
        assert.is_nil(operation.world.restored)
        must(client:delete(apiconnect.PORTAL_RESTORE, "other"))
        salvor.expect_code(0, operation:go_on(portal.run_id(stopped)))
        assert.truthy(operation.world.restored)
    end)

    it("the kit gets a new generation", function()
        local operation <close> = recovery.start(lost, {delays = {records = 1000}})
        operation:copy_kit()
        local stopped = expect_stopped(operation, {records_timeout = "1s"}, "no records")
        local manifest = fs.join(operation:latest(), "manifest.json")
        must(fs.write(manifest, (must(fs.read(manifest)):gsub('"run": "[^"]+"', '"run": "other"'))))
        local result = operation:go_on(portal.run_id(stopped))
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "has a new generation since this run began", "begin a new run")
    end)
end)

--- A backup of the system that is there, whatever the operator does.
local function add_backup(client, name, type, time)
    must(client:create({
        apiVersion = "portal.apiconnect.ibm.com/v1beta1", kind = "PortalBackup",
        metadata = {name = name, labels = {["salvor-test-seeded"] = "true"}},
        spec = {type = "system", crType = type, portalCluster = "portal"},
    }))
    must(client:patch(apiconnect.PORTAL_BACKUP, name, {status = {
        phase = "Ready", backupId = time, commentLeft = "n/a", id = "n/a", message = "n/a",
        fullBackupName = world.SYSTEM .. "-" .. time .. ".tar.gz", conditions = list(),
    }}, {subresource = "status"}))
end

lab.describe("apic-v10/recover-portal", function()
    local shared

    setup(function()
        shared = recovery.lose()
    end)

    teardown(function()
        shared:close()
    end)

    it("minds neither dry runs nor backups that were not in storage", function()
        local operation <close> = recovery.start(shared)
        local client = operation.world.client
        must(client:create({apiVersion = "portal.apiconnect.ibm.com/v1beta1",
            kind = "PortalRestore", spec = {type = "all", portalCluster = "portal", dryRun = true},
            metadata = {name = "theirs", labels = {["salvor-test-seeded"] = "true"}}}))
        salvor.expect_code(0, operation:recover_until("await-operator"))
        add_backup(client, "own", "create", world.time(0))
        local result = operation:go_on()
        salvor.expect_code(0, result)
        assert.is_nil(result.stdout:find("(own)", 1, true))
    end)

    it("restores without the checks that read the kit, which steps read as well", function()
        local operation <close> = recovery.start(shared)
        salvor.expect_code(0,
            operation:run_without("kit resource version secrets settings restores"))
        assert.truthy(operation.world.restored)
    end)

    it("leaves out records of an earlier installation", function()
        local operation <close> = recovery.start(shared)
        add_backup(operation.world.client, "left", "record", world.time(60))
        local created = os.time() -- times of creation are whole seconds
        operator.eventually("the next second", function()
            return os.time() > created
        end)
        local result = operation:recover()
        salvor.expect_code(0, result)
        assert.is_nil(result.stdout:find("(left)", 1, true))
    end)
end)
