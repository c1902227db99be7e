-- apic-v10/recover-management when the operator does not go along: it stops at once, says why and
-- what the way out is, and goes on when it is resumed.
local apiconnect = require("salvor.apiconnect")
local fs = require("salvor.fs")
local lab = require("support.lab")
local null = require("salvor").null
local operator = require("worlds.operator")
local recovery = require("support.apic_recovery")
local salvor = require("support.salvor")

local function new_generation(operation)
    local manifest = fs.join(operation:latest(), "manifest.json")
    must(fs.write(manifest, (must(fs.read(manifest)):gsub('"run": "[^"]+"', '"run": "other"'))))
end

lab.describe("plan of apic-v10/recover-management", function()
    it("shows each object, the edited file and the restore, and changes nothing", function()
        local lost <close> = recovery.lose()
        local operation <close> = recovery.start(lost)
        local file = fs.join(operation.home, "cr.yaml")
        must(fs.write(file, "kind: ManagementCluster\napiVersion: management.apiconnect.ibm.com/"
            .. "v1beta1\nmetadata: {name: management}\nspec:\n  version: 10.0.5.3\n"
            .. "  analytics: {}\n  portal: {}\n  license: {}\n"
            .. "  apiManagerEndpoint: {hosts: [{name: manager.example.org}]}\n"
            .. "  cloudManagerEndpoint: {hosts: [{name: admin.example.org}]}\n"
            .. "  consumerAPIEndpoint: {hosts: [{name: consumer.example.org}]}\n"
            .. "  platformAPIEndpoint: {hosts: [{name: api.example.org}]}\n"))
        local before = operation:everything()
        local result = operation:plan({resource = file})
        salvor.expect_code(0, result)
        assert.equal("", result.stderr)
        salvor.expect(result.stdout,
            "create Secret " .. operation.namespace .. "/management-enc-key",
            "edit " .. file,
            "+ spec.siteName: 82b290a2",
            "create ManagementCluster " .. operation.namespace .. "/management",
            "+ spec.originalUID: " .. recovery.ORIGINAL,
            "wait for managementclusters",
            "create ManagementRestore " .. operation.namespace .. "/management-",
            "nothing was changed")
        assert.same(before, operation:everything())
    end)

    it("also of a subsystem below an APIConnectCluster, and of EDB's database", function()
        local lost <close> = recovery.lose({owner = "apic", version = "10.0.8.0"})
        local operation <close> = recovery.start(lost)
        recovery.add_top(operation, "apic")
        local before = operation:everything()
        local result = operation:plan({top = "apic"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "patch APIConnectCluster " .. operation.namespace .. "/apic",
            "of the old values, which are added: nothing was restored into it yet",
            "+ spec.management.originalUID: " .. recovery.ORIGINAL,
            "+ spec.backup.path: /backups/management/")
        assert.same(before, operation:everything())
    end)
end)

lab.describe("apic-v10/recover-management stops", function()
    local lost

    setup(function()
        lost = recovery.lose()
    end)

    teardown(function()
        lost:close()
    end)

    for _, phase in ipairs({"Failed", "RestoreFailed", "Error", "SFTPBackupDownloadFailure"}) do
        it("at once when the restore ends in phase " .. phase, function()
            local operation <close> = recovery.start(lost,
                {faults = {restore = "no space left on device", restore_phase = phase}})
            local result = operation:recover()
            salvor.expect_code(5, result)
            salvor.expect(result.stderr, "stopped at step restore", "no space left on device",
                "delete ConfigMap management-oplock", "-p 'pitr_target="
                .. os.date("!%Y-%m-%d %H:%M:%S+00", lost.remote.times[2] + 1) .. "'", "--resume")
        end)
    end

    it("and restores anew when it is resumed after the way out", function()
        local operation <close> = recovery.start(lost, {faults = {restore = "no space left"}})
        local world = operation.world
        salvor.expect_code(5, operation:recover())
        local again = operation:go_on()
        salvor.expect_code(5, again)
        salvor.expect(again.stderr, "ConfigMap management-oplock is there and no restore is in"
            .. " flight")
        must(world.client:delete("configmaps", "management-oplock"))
        world.faults = {}
        salvor.expect_code(0, operation:go_on())
        assert.equal(1, #operation:restored())
        local restores = must(world.client:list(apiconnect.MANAGEMENT_RESTORE))
        assert.equal(2, #restores)
        assert.equal(restores[1].metadata.name .. "-2", restores[2].metadata.name)
    end)

    it("when a secret was removed meanwhile, which is put back when that is agreed to", function()
        local operation <close> = recovery.start(lost)
        local client = operation.world.client
        salvor.expect_code(0, operation:recover_until("apply-secrets"))
        must(client:delete("secrets", "management-enc-key"))
        salvor.expect_code(6, operation:go_on())
        salvor.expect_code(0, operation:salvor({"run", "--resume", operation:only_run(), "--yes",
                                                "--accept-changes"}))
        assert.same(lost.secrets.encryptionSecret.data,
            must(client:get("secrets", "management-enc-key")).data)
    end)

    it("when another restore was begun meanwhile, and goes on behind it", function()
        local operation <close> = recovery.start(lost)
        local client = operation.world.client
        salvor.expect_code(0, operation:recover_until("await-backups"))
        must(client:create({apiVersion = "management.apiconnect.ibm.com/v1beta1",
            kind = "ManagementRestore", spec = {},
            metadata = {name = "other", labels = {["salvor-test-seeded"] = "true"}}}))
        local stopped = operation:go_on()
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "ManagementRestore other is in flight",
            "wait until it has ended")
        assert.same({}, operation:restored())
        must(client:delete(apiconnect.MANAGEMENT_RESTORE, "other"))
        salvor.expect_code(0, operation:go_on())
        assert.equal(1, #operation:restored())
    end)

    it("when the restore takes too long, and goes on with the same one", function()
        local operation <close> = recovery.start(lost, {faults = {restore_hangs = true}})
        local result = operation:recover({restore_timeout = "5s"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "RestoreInProgress",
            "Waiting on management services to disable")
        local restores = must(operation.world.client:list(apiconnect.MANAGEMENT_RESTORE))
        assert.equal(1, #restores)
        operation.world:patch_status({phase = "Running", state = "18/18"})
        must(operation.world.client:patch(apiconnect.MANAGEMENT_RESTORE, restores[1].metadata.name,
            {status = {phase = "Complete", state = null}}, {subresource = "status"}))
        salvor.expect_code(0, operation:go_on())
        assert.equal(1, #must(operation.world.client:list(apiconnect.MANAGEMENT_RESTORE)))
    end)

    it("when no backup of the old subsystem appears", function()
        local operation <close> = recovery.start(lost)
        operation.world.remote = nil
        local result = operation:recover({backups_timeout = "1s"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "no backup of the old subsystem has appeared",
            "databaseBackup's host and path must be those of the old subsystem")
    end)

    it("when the backup that was named is not among them", function()
        local operation <close> = recovery.start(lost)
        salvor.expect_code(0, operation:recover_until("await-operator",
            {backups_timeout = "1s", backup = "20200826-154646F"}))
        operator.eventually("both backups", function()
            return #operation.world:backups() == 2
        end)
        local result = operation:go_on()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "2 backups have appeared, and 20200826-154646F is not among")
    end)

    it("when the subsystem does not come up", function()
        local operation <close> = recovery.start(lost, {delays = {install = 1000}})
        local result = operation:recover({install_timeout = "3s"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step await-operator", "phase Pending, state 0/18")
    end)

    it("when the kit got a new generation meanwhile", function()
        local operation <close> = recovery.start(lost, {faults = {restore = "no space left"}})
        operation:copy_kit()
        salvor.expect_code(5, operation:recover())
        new_generation(operation)
        local result = operation:go_on()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "has a new generation since this run began: other")
    end)
end)

lab.describe("apic-v10/recover-management without", function()
    it("the checks of resource and version has the old originalUID all the same", function()
        local lost <close> = recovery.lose()
        local operation <close> = recovery.start(lost)
        salvor.expect_code(0, operation:run_without("resource version"))
        assert.equal(recovery.ORIGINAL, operation.world:management().spec.originalUID)
        assert.equal(1, #operation:restored())
    end)

    it("the check of the kit, which others read as well, is restored all the same", function()
        local lost <close> = recovery.lose()
        local operation <close> = recovery.start(lost)
        salvor.expect_code(0, operation:run_without("kit"))
        assert.equal(1, #operation:restored())
    end)

    it("the check of the kit goes by one generation of it", function()
        local lost <close> = recovery.lose()
        local operation <close> = recovery.start(lost, {faults = {restore = "no space left"}})
        operation:copy_kit()
        salvor.expect_code(5, operation:run_without("kit"))
        new_generation(operation)
        salvor.expect(operation:go_on().stderr, "has a new generation since this run began: other")
    end)

    it("what finds the database or the backup says so before anything is changed", function()
        local lost <close> = recovery.lose({version = "10.0.8.0"})
        local operation <close> = recovery.start(lost)
        local before = operation.world:snapshot()
        local UNKNOWN_DATABASE = "database is not known; begin a new run without --skip database"
        for left_out, case in pairs({
            ["database"] = {4, UNKNOWN_DATABASE},
            ["database backup"] = {1, UNKNOWN_DATABASE},
            ["backup"] = {1, "backup is not known; begin a new run without --skip backup and"
                .. " --skip await-backups"},
        }) do
            local result = operation:run_without(left_out)
            salvor.expect_code(case[1], result)
            salvor.expect(result.stdout .. result.stderr, case[2])
            assert.same(before, operation.world:snapshot())
        end
    end)
end)
