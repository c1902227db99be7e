-- Two operators who run the same procedure on the same namespace at the same time: one does it, the
-- other is told who, and changes nothing. What only checks is open to both.
local eventually = require("support.eventually")
local every_procedure = require("support.every_procedure")
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")
local task = require("salvor.task")

local HOLD = fs.absolute("tests/support/hold.lua")

--- All objects and their versions, but for the Lease, which is renewed all the time.
local function snapshot(operation)
    local seen = operation.world:snapshot()
    seen["leases.coordination.k8s.io/salvor"] = nil
    return seen
end

--- The results of two runs, the second of which begins and ends while the first one is at work.
local function run_both(operation)
    local words = operation:agreed_words()
    local other <close> = operation:another()
    local first = task.spawn(function()
        return operation:salvor(table.move(words, 1, #words, 2, {HOLD}))
    end)
    eventually("the first to be at work", function()
        return fs.stat(operation.home .. "/holding")
    end)
    local before = snapshot(operation)
    local second = other:salvor(words)
    assert.same(before, snapshot(operation))
    must(fs.write(operation.home .. "/go", ""))
    return first:join(), second
end

lab.describe("two operators at once with", function()
    every_procedure.describe(function(start, id)
        if every_procedure.CHECKS[id] then
            it("are both let in, and told the same", function()
                local operation <close> = start()
                local before = snapshot(operation)
                local first, second = run_both(operation)
                for _, result in ipairs({first, second}) do
                    salvor.expect_code(0, result)
                    salvor.expect(result.stdout, "readiness 100 of 100, no gap")
                end
                assert.same(before, snapshot(operation))
            end)
            return
        end
        it("are not both let in", function()
            local operation <close> = start()
            local first, second = run_both(operation)
            salvor.expect_code(0, first)
            salvor.expect_code(1, second)
            salvor.expect(second.stderr, "somebody works on namespace " .. operation.namespace
                .. " already: ", operation:only_run(), "nothing was changed")
        end)
    end)
end)
