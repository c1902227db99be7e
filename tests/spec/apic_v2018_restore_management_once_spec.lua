-- apic-v2018/restore-management starts one restore, also when it was killed while it asked for it,
-- and takes nobody else's for its own.
local apic = require("support.apic_v2018")
local cassandra = require("salvor.apiconnect.v2018.cassandra")
local eventually = require("support.eventually")
local killed = require("support.killed")
local lab = require("support.lab")
local restore = require("salvor.apiconnect.v2018.restore")
local salvor = require("support.salvor")
local task = require("salvor.task")

--- The number of the journal's record from which on apicup is asked for the restore.
local function asks_for_restore(fixture)
    for number, each in ipairs(fixture:journal()) do
        if each.type == "effect.begin" and each.step == "restore" then
            return number
        end
    end
end

lab.describe("apic-v2018/restore-management killed when it asks for the restore", function()
    local number

    setup(function()
        local fixture <close> = apic.start({})
        salvor.expect_code(0, fixture:run())
        number = asks_for_restore(fixture)
    end)

    it("finds the job that comes only when it is resumed, and starts no second one", function()
        local fixture <close> = apic.start({})
        killed.kill(fixture, {"journal.append", number, "after"}, fixture:agreed_words())
        assert.same({}, fixture:calls())
        local late = task.spawn(function()
            task.sleep(1)
            fixture.world:start_restore(apic.BACKUP)
        end)
        salvor.expect_code(0, fixture:resume(fixture:only_run()))
        late:join()
        assert.same({}, fixture:calls())
        assert.equal(1, #fixture.world:jobs())
        assert.same({apic.BACKUP}, fixture.world.restores)
    end)

    it("asks again when none has come", function()
        local fixture <close> = apic.start({})
        killed.kill(fixture, {"journal.append", number, "after"},
            fixture:agreed_words({job_timeout = "1s"}))
        salvor.expect_code(0, fixture:resume(fixture:only_run()))
        assert.equal(1, #fixture:calls())
        assert.same({apic.BACKUP}, fixture.world.restores)
    end)
end)

--- What the database says while it looks at the files of that backup.
local function checking(id)
    return "Running Retrieve checks on backup file " .. id .. "-1-3.tar.gz  for pod "
        .. "rdd94fb4a21-apiconnect-cc-1"
end

lab.describe("apic-v2018/restore-management, when somebody else has started a restore", function()
    local fixture, world

    before_each(function()
        fixture = apic.start({faults = {restore = "hang"}})
        world = fixture.world
    end)

    after_each(function()
        fixture:close()
    end)

    --- The run ends before it asks for the restore, and is resumed when that of the other one is
    --- there: its Job. What the database says, if anything, is `status`.
    local function resume_beside(id, is_mute, status)
        local words = fixture:agreed_words({job_timeout = "5s"})
        salvor.expect_code(0, fixture:salvor(table.move({"--until", "note-state"}, 1, 2,
            #words + 1, words)))
        local job = world:start_restore(id, is_mute)
        if status then
            world:set_status(world:cassandra(), {ClusterRestoreStatus = status})
        end
        return fixture:resume(fixture:only_run()), job
    end

    local function expect_stopped(result, job, ...)
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "job " .. job.metadata.name, ...)
        assert.same({}, fixture:calls())
    end

    it("stops when that is of another backup, by what the database says", function()
        local result, job = resume_beside(apic.OLDER, true, checking(apic.OLDER))
        expect_stopped(result, job, " is not of this run: backup " .. apic.OLDER
            .. " is being restored, not " .. apic.BACKUP)
    end)

    it("stops when nobody says of which backup it is, and goes on when it is gone", function()
        local result, job = resume_beside(apic.OLDER, true)
        expect_stopped(result, job, " was started after this run had looked which there are:"
            .. " whether by this run cannot be told", "which backup it restores",
            "--from stuck-tasks does the rest", "delete job " .. job.metadata.name)
        must(world.client:delete("jobs.batch", job.metadata.name))
        world.faults.restore = nil
        salvor.expect_code(0, fixture:resume(fixture:only_run()))
        assert.same({apic.OLDER, apic.BACKUP}, world.restores)
    end)

    it("does the rest, without a restore, from the step that is named", function()
        world.faults.restore = nil
        world:start_restore(apic.BACKUP, true)
        eventually("its end", function()
            return world:cassandra().status.ClusterRestoreStatus == "completed"
        end)
        local words = fixture:agreed_words()
        salvor.expect_code(0, fixture:salvor(table.move({"--from", "stuck-tasks"}, 1, 2,
            #words + 1, words)))
        assert.same({}, fixture:calls())
    end)

    it("watches that when it is of the same backup: a second one would spoil it", function()
        world.faults.restore = nil
        salvor.expect_code(0, (resume_beside(apic.BACKUP, false)))
        assert.same({apic.BACKUP}, world.restores)
        assert.same({}, fixture:calls())
    end)

    --- What the steps are given, without an engine between them.
    local function context()
        return {k8s = world.client, namespace = fixture.namespace,
                facts = {cluster = world.cluster, backup = apic.BACKUP, subsystem = "mgmt"},
                params = {restore_timeout = 60, stall = 60, job_timeout = 5}}
    end

    it("between the last look and its own: asks for none", function()
        local ctx = context()
        restore.note(ctx)
        local job = world:start_restore(apic.BACKUP)
        assert.is_false(restore.is_started(ctx))
        local ok, err = pcall(restore.start, ctx)
        assert.is_false(ok)
        assert.equal("Conflict", err.code)
        assert.equal("a restore is at work already: job " .. job.metadata.name, err.message)
    end)

    it("does not take its end for that of its own", function()
        local ctx = context()
        ctx.facts.before = cassandra.note(world.client, world.cluster)
        ctx.facts.job = world:start_restore(apic.BACKUP).metadata.name
        world:set_status(world:cassandra(), {ClusterRestoreStatus = checking(apic.OLDER)})
        local ok, err = pcall(restore.watch, ctx)
        assert.is_false(ok)
        salvor.expect(tostring(err), "backup " .. apic.OLDER .. " is being restored, not "
            .. apic.BACKUP, "find out who has started that; when it has ended, begin a new run")
    end)
end)
