-- Steps that fail for a while, and steps that take too long.
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")
local small_procedure = require("support.small_procedure")
local task = require("salvor.task")

local ID = "site/script"
local QUICK_RETRY = fs.absolute("tests/support/quick_retry.lua")

lab.describe("a step", function()
    local small

    before_each(function()
        small = small_procedure.new()
    end)

    after_each(function()
        small:close()
    end)

    local function quick()
        return small:salvor({QUICK_RETRY, "run", ID})
    end

    local function pauses()
        local found = {}
        for index, record in ipairs(small:records_of("retry")) do
            found[index] = record.pause
        end
        return found
    end

    it("is tried again after a passing failure, as often as it says", function()
        small:steps({'id = "one", retry = 2, run = function()'
            .. ' note("try") if #fs.read(home .. "/notes") < 8 then fail_at_will() end end'})
        small:set("fail", true)
        local result = small:run()
        salvor.expect_code(0, result)
        assert.equal("try\ntry\n", small:notes())
        salvor.expect(result.stdout, "try 2 of 3 in 1 s, after: not yet")
        local record = small:records_of("retry")[1]
        assert.same({"one", 2, 3, 1, "not yet"},
            {record.step, record.try, record.of, record.pause, record.message})
    end)

    it("waits twice as long each time, up to a limit, and gives up after the last try", function()
        small:steps({'id = "one", retry = 5, run = function() note("try") fail_at_will() end'})
        small:set("fail", true)
        salvor.expect_code(5, quick())
        assert.equal(("try\n"):rep(6), small:notes())
        assert.same({0.01, 0.02, 0.04, 0.05, 0.05}, pauses())
        assert.equal(1, #small:records_of("step.failed"))
    end)

    it("is not tried again after a failure that stays", function()
        small:steps({'id = "one", retry = 5, run = function() note("try")'
            .. ' error(require("salvor.error").new{code = "Invalid", message = "never"}) end'})
        salvor.expect_code(5, quick())
        assert.equal("try\n", small:notes())
        small:steps({'id = "one", retry = 5, run = function() note("try") error("a fault") end'})
        salvor.expect_code(5, quick())
        assert.equal("try\ntry\n", small:notes())
    end)

    it("is stopped when it takes longer than it says, wherever it waits", function()
        for _, waits in ipairs({
            "task.sleep(60)",
            'must(ctx.k8s:wait("cm", "none", {create = true, timeout = 60}))',
        }) do
            local own <close> = small_procedure.new()
            own:steps({'id = "one", timeout = 0.2, run = function(ctx) ' .. waits .. " end"})
            local result = own:run()
            salvor.expect_code(5, result)
            salvor.expect(result.stderr, "stopped at step one: ", "not done within 0.2 s",
                "go on with: salvor run --resume")
            salvor.expect(own:records_of("step.failed")[1].message, "not done within 0.2 s")
        end
    end)

    it("that took too long is tried again too", function()
        small:steps({'id = "one", timeout = 2, retry = 1, run = function() note("try")'
            .. ' if #fs.read(home .. "/notes") < 8 then task.sleep(60) end end'})
        salvor.expect_code(0, quick())
        assert.equal("try\ntry\n", small:notes())
        assert.equal(1, #pauses())
    end)

    it("ends at Ctrl-C while it pauses", function()
        small:steps({'id = "one", retry = 9, run = function() note("try") fail_at_will() end'})
        small:set("fail", true)
        local running = task.spawn(small.run, small)
        small:await_record("retry")
        small:signal("INT")
        assert.equal(2, running:join().signal)
    end)
end)
