-- The simulated Medusa and cass-operator move their objects as the real operators do.
local lab = require("support.lab")
local medusa = require("worlds.medusa")

local BACKUP = "cassandra-1777881600"
local RESTORES = "medusarestorejobs.medusa.k8ssandra.io"

lab.describe("the simulated Medusa", function()
    local function start(options)
        options.kubeconfig, options.namespace = lab.kubeconfig(), lab.namespace()
        return medusa.start(options)
    end

    local function job(world, kind, name, spec)
        spec.cassandraDatacenter = world.datacenter
        must(world.client:create({apiVersion = "medusa.k8ssandra.io/v1alpha1", kind = kind,
                                  metadata = {name = name}, spec = spec}))
    end

    it("starts a datacenter with its pods", function()
        local world <close> = start({})
        local pods = must(world.client:list("pods",
            {label_selector = {["cassandra.datastax.com/node-state"] = "Started"}}))
        assert.equal(3, #pods)
        assert.equal("main-dc1-rack1-sts-0", pods[1].metadata.name)
        must(world.client:wait("pods", pods[1].metadata.name, {timeout = 60}))
    end)

    it("makes a MedusaBackup of a job that succeeds, and none of one that fails", function()
        local world <close> = start({})
        job(world, "MedusaBackupJob", "good", {backupType = "full"})
        must(world.client:wait("medusabackupjobs", "good", {timeout = 60}))
        must(world.client:wait("medusabackups", "good", {timeout = 60}))
        world.faults.backup = "main-dc1-rack1-sts-1"
        job(world, "MedusaBackupJob", "bad", {backupType = "full"})
        local done, err = world.client:wait("medusabackupjobs", "bad", {timeout = 60})
        assert.is_nil(done)
        assert.matches("failed on main%-dc1%-rack1%-sts%-1", err.message)
        assert.is_nil((world.client:get("medusabackups", "bad")))
    end)

    it("restores: stops the datacenter, starts it with new pods", function()
        local world <close> = start({})
        local before = must(world.client:get("pods", "main-dc1-rack1-sts-0"))
        job(world, "MedusaRestoreJob", "restore", {backup = BACKUP})
        local status = must(world.client:wait(RESTORES, "restore", {timeout = 60})).status
        assert.is_true(status.startTime <= status.datacenterStopped)
        assert.is_true(status.datacenterStopped <= status.finishTime)
        local after = must(world.client:get("pods", "main-dc1-rack1-sts-0"))
        assert.not_equal(before.metadata.uid, after.metadata.uid)
        assert.equal(BACKUP, world.restored)
    end)

    it("never begins a restore whose backup is not in the cluster; a sync brings it", function()
        local world <close> = start({remote = {"elsewhere"}})
        job(world, "MedusaRestoreJob", "restore", {backup = "elsewhere"})
        local done, err = world.client:wait(RESTORES, "restore", {timeout = 0.3})
        assert.is_nil(done)
        assert.equal("Timeout", err.code)
        assert.is_nil(must(world.client:get(RESTORES, "restore")).status)
        job(world, "MedusaTask", "sync", {operation = "sync"})
        must(world.client:wait("medusatasks", "sync", {timeout = 60}))
        local brought = must(world.client:wait("medusabackups", "elsewhere", {timeout = 60}))
        assert.is_nil(brought.status.totalSize)
        must(world.client:wait(RESTORES, "restore", {timeout = 60}))
    end)

    it("removes by a sync what is not in the storage that is looked at", function()
        local world <close> = start({})
        world.stored = {}
        job(world, "MedusaTask", "sync", {operation = "sync"})
        must(world.client:wait("medusabackups", BACKUP, {timeout = 60, deleted = true}))
    end)

    local REFUSALS = {
        {{status = "IN_PROGRESS"}, "target backup has not completed successfully"},
        {{nodes = {}}, "node counts differ for source backup and destination datacenter"},
    }
    for _, case in ipairs(REFUSALS) do
        it("ends a restore at once: " .. case[2], function()
            local world <close> = start({backups = {{BACKUP, 60, case[1]}}})
            job(world, "MedusaRestoreJob", "restore", {backup = BACKUP})
            local done, err = world.client:wait(RESTORES, "restore", {timeout = 60})
            assert.is_nil(done)
            assert.equal("Failed", err.code)
            assert.matches(case[2], err.message)
            assert.is_nil(world.restored)
        end)
    end
end)
