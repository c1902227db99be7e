-- apic-v2018/restore-management starts one restore, also when it was killed while it asked for it.
local apic = require("support.apic_v2018")
local killed = require("support.killed")
local lab = require("support.lab")
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
