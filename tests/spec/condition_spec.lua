-- Tasks that wait until another one has changed something.
local condition = require("salvor.condition")
local task = require("salvor.task")

describe("a condition", function()
    it("wakes all that wait, and nobody who comes later", function()
        local changed, order = condition.new(), {}
        local function waiter(name)
            return function()
                changed:wait()
                order[#order + 1] = name
            end
        end
        task.all({waiter("a"), waiter("b"), function()
            task.sleep(0.01)
            assert.are.same({}, order)
            changed:wake()
            assert.are.same({}, order)
        end})
        assert.are.same({"a", "b"}, order)
        local result, err = task.timeout(0.01, function()
            changed:wait()
            return true
        end)
        assert.is_nil(result)
        assert.are.equal("Timeout", err.code)
    end)

    it("may be woken when nobody waits", function()
        local changed = condition.new()
        changed:wake()
        changed:wake()
    end)

    it("lets a cancelled task go, and the others stay", function()
        local changed, woken = condition.new(), false
        task.all({
            function()
                changed:wait()
                woken = true
            end,
            function()
                assert.is_nil((task.timeout(0.01, function()
                    changed:wait()
                end)))
                assert.is_false(woken)
                changed:wake()
            end,
        })
        assert.is_true(woken)
    end)

    it("that nobody can wake any more is a fault and no endless wait", function()
        local salvor = require("support.salvor")
        local result = salvor.run({"-e", [[require("salvor.condition").new():wait()]]},
            {home = "/tmp"})
        assert.are_not.equal(0, result.code)
    end)
end)
