-- What goes wrong while apic-v2018/restore-management is at work: it is recognised, said, and the
-- run goes on from there when it is mended.
local apic = require("support.apic_v2018")
local cassandra = require("salvor.apiconnect.v2018.cassandra")
local lab = require("support.lab")
local restore = require("salvor.apiconnect.v2018.restore")
local salvor = require("support.salvor")

lab.describe("apic-v2018/restore-management, when", function()
    it("the checks of the restore fail: stops at once and says why", function()
        local fixture <close> = apic.start({faults = {restore = "checks"}})
        local result = fixture:run()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step watch", "has failed: restore: Restore prelim"
            .. " checks failed for rdd94fb4a21-apiconnect-cc-0; find out why; a resumed run starts"
            .. " the restore anew once its job has failed or is gone: kubectl -n "
            .. fixture.namespace .. " delete job restore-", "--resume")
    end)

    it("the restore has failed, and its job is removed: a resumed run starts it again", function()
        local fixture <close> = apic.start({faults = {restore = "checks"}})
        salvor.expect_code(5, fixture:run({job_timeout = "5s"}))
        fixture.world.faults.restore = nil
        must(fixture.world.client:delete("jobs.batch", fixture.world:jobs()[1].metadata.name))
        salvor.expect_code(0, fixture:resume(fixture:only_run()))
        assert.same({apic.BACKUP, apic.BACKUP}, fixture.world.restores)
    end)

    it("the restore's job fails: a resumed run starts the restore again", function()
        local fixture <close> = apic.start({faults = {restore = "job"}})
        local result = fixture:run({job_timeout = "5s"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step watch", "BackoffLimitExceeded")
        fixture.world.faults.restore = nil
        salvor.expect_code(0, fixture:resume(fixture:only_run()))
        assert.same({apic.BACKUP, apic.BACKUP}, fixture.world.restores)
        assert.equal("completed", fixture.world:cassandra().status.ClusterRestoreStatus)
    end)

    it("an earlier restore has failed: its status is not taken for this one's", function()
        local fixture <close> = apic.start({delays = {restore = 0.2}})
        fixture.world:add_restore("restore-older", "Failed", "Restore prelim checks failed for x")
        salvor.expect_code(0, fixture:run())
        assert.same({apic.BACKUP}, fixture.world.restores)
    end)

    it("the job is complete and the database is not: waits, and is resumed", function()
        local fixture <close> = apic.start({faults = {restore = "incomplete"}})
        local result = fixture:run({restore_timeout = "3s"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step watch",
            "restore: Running Restore of keyspaces", "was waited for 3 s")
        local cluster = fixture.world:cassandra()
        fixture.world:set_status(cluster, {ClusterRestoreStatus = "completed"})
        salvor.expect_code(0, fixture:resume(fixture:only_run()))
        assert.same({apic.BACKUP}, fixture.world.restores)
    end)

    it("nothing moves: says so, with the state of the restore", function()
        local fixture <close> = apic.start({faults = {restore = "hang"}})
        local result = fixture:run({restore_timeout = "4s", stall = "1s"})
        salvor.expect_code(5, result)
        salvor.expect(result.stdout .. result.stderr, "nothing has changed for a while")
    end)

    it("apicup refuses the restore: says what apicup says, and nothing was started", function()
        local fixture <close> = apic.start({})
        fixture.world:tell({fail = {restore = "connection refused: \27[31mapim"}})
        local result = fixture:run()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step restore: apicup: apicup subsys exec mgmt"
            .. " restore: exit code 1: Error: connection refused: \\x1b[31mapim",
            "it is not to be run by hand: a resumed run knows whether to run it again")
        assert.same({}, fixture.world:jobs())
    end)

    it("apicup says a password: not even a part of it is told", function()
        local fixture <close> = apic.start({})
        fixture.world:tell({fail = {restore = ("x"):rep(280) .. apic.PASSWORD}})
        local result = fixture:run()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, ("x"):rep(280))
        assert.is_nil(result.stderr:find(apic.PASSWORD:sub(1, 7), 1, true))
    end)

    it("apicup says yes and starts nothing: no job is waited for in vain for ever", function()
        local fixture <close> = apic.start({})
        fixture.world:tell({deaf = true})
        local result = fixture:run({job_timeout = "1s"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "apicup has started no restore: there is no new job restore-")
    end)

    it("its job goes while it is waited for: a resumed run goes by the database", function()
        local fixture <close> = apic.start({faults = {restore = "hang"}})
        local world = fixture.world
        local before = cassandra.note(world.client, world.cluster)
        salvor.expect_code(5, fixture:run({restore_timeout = "1s"}))
        local job = world:jobs()[1].metadata.name
        -- Gone behind the look whether it is there, before it is waited for.
        local client = setmetatable({wait_all = function(_, ...)
            must(world.client:delete("jobs.batch", job))
            return world.client:wait_all(...)
        end}, {__index = world.client})
        local ok, err = pcall(restore.watch, {k8s = client, namespace = fixture.namespace,
            facts = {cluster = world.cluster, backup = apic.BACKUP, before = before, job = job},
            params = {restore_timeout = 60, stall = 60}})
        assert.is_false(ok)
        assert.equal("NotFound", err.code)
        assert.equal("the job is gone, the database's own status decides: resume the run", err.hint)
        world:set_status(world:cassandra(), {ClusterRestoreStatus = "completed"})
        salvor.expect_code(0, fixture:resume(fixture:only_run()))
        assert.same({apic.BACKUP}, world.restores)
    end)

    it("the database goes while it is restored: says so", function()
        local fixture <close> = apic.start({faults = {restore = "hang"}})
        local deleted
        fixture.world:control("jobs.batch", function(self)
            if not deleted then
                deleted = true
                must(self.client:delete("cc", self.cluster))
            end
        end, {object = function(job) return job.metadata.name:find("^restore") end})
        local result = fixture:run()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, 'cassandraclusters "rdd94fb4a21-apiconnect-cc" ',
            "find out who has removed it; what is lost is installed anew by a new run")
    end)

    it("tasks stay stuck: names them, and is resumed", function()
        local fixture <close> = apic.start({})
        fixture.world:tell({stuck = {{kind = "heartbeat", id = "77aa"}}, unfixable = true})
        local result = fixture:run()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step stuck-tasks: tasks are still stuck: Stuck"
            .. " heartbeat task id 77aa")
        fixture.world:tell({unfixable = false})
        salvor.expect_code(0, fixture:resume(fixture:only_run()))
        assert.same({apic.BACKUP}, fixture.world.restores)
    end)

    it("apicops says nothing that can be understood: that is no success", function()
        for told, says in pairs({
            [{answer = ""}] = "tasks are still stuck",
            [{version = ""}] = "apicops: the answer of apicops task-queue:list-stuck-tasks is not"
                .. " understood: No stuck",
        }) do
            local fixture <close> = apic.start({})
            fixture.world:tell(told)
            local result = fixture:run()
            salvor.expect_code(5, result)
            salvor.expect(result.stderr, "stopped at step stuck-tasks: " .. says)
        end
    end)

    it("the operator says no: nothing is changed", function()
        local fixture <close> = apic.start({})
        local before = fixture.world:snapshot()
        salvor.expect_code(6, fixture:salvor(fixture:words("run")))
        assert.same(before, fixture.world:snapshot())
        assert.same({}, fixture:calls())
    end)

    it("a check is left out that others need: they say so", function()
        local fixture <close> = apic.start({})
        for check, says in pairs({
            record = "record is not known; begin a new run without --skip record",
            backup = "backup is not known; begin a new run without --skip backup",
            cluster = "cluster is not known; begin a new run without --skip cluster",
            project = "subsystem is not known; begin a new run without --skip project",
        }) do
            local result = fixture:run_without(check)
            salvor.expect_code(check == "project" and 5 or 4, result)
            salvor.expect(result.stdout .. result.stderr, says)
            assert.same({}, fixture:calls())
        end
    end)

    it("the installation fails: the run goes on with it", function()
        local fixture <close> = apic.start({disaster = true})
        fixture.world:tell({fail = {install = "helm: timed out"}})
        local result = fixture:run()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step install",
            "Error: helm: timed out; run it by hand to see all it says")
        fixture.world:tell({fail = {}})
        salvor.expect_code(0, fixture:resume(fixture:only_run()))
        assert.same({apic.BACKUP}, fixture.world.restores)
    end)

    it("the new installation has fewer pods than the backup: names what is missing", function()
        local fixture <close> = apic.start({disaster = true})
        fixture.world.pods = 2
        local result = fixture:run({install_timeout = "2s"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step install", "rdd94fb4a21-apiconnect-cc-2")
    end)

    it("the new installation has more pods than the backup: nothing is restored", function()
        local fixture <close> = apic.start({disaster = true})
        fixture.world.pods = 4
        local result = fixture:run()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step new-system",
            "backup of 3 Cassandra pods, and there are 4")
        assert.same({}, fixture.world.restores)
    end)

    it("the new installation is another one than the old: nothing is restored", function()
        for spoil, says in pairs({
            [{host = "other.example.org"}] = "manager.example.org (api-manager-ui) is served by no",
            [{version = "2018.4.1.13"}] = "the Management subsystem runs at 2018.4.1.13",
        }) do
            local fixture <close> = apic.start({disaster = true})
            fixture.world:tell(spoil)
            local result = fixture:run()
            salvor.expect_code(5, result)
            salvor.expect(result.stderr, "stopped at step new-system", says)
            assert.same({}, fixture.world.restores)
        end
    end)
end)
