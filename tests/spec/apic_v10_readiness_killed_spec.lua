-- apic-v10/readiness after kill -9 at any moment: resumed, it says what a run says that nobody
-- disturbed, and nothing was changed.
local killed = require("support.killed")
local lab = require("support.lab")
local readiness = require("support.apic_readiness")

lab.describe("apic-v10/readiness after kill -9", function()
    local operations, before = {}, {}

    setup(function()
        for worker = 1, killed.WORKERS do
            operations[worker] = readiness.start()
            before[worker] = operations[worker].world:snapshot()
        end
    end)

    teardown(function()
        for _, each in ipairs(operations) do
            each:close()
        end
    end)

    killed.define({
        start = function(worker)
            return operations[worker]:another({
                outcome = function(mine, run)
                    assert.same(before[worker], mine.world:snapshot())
                    local facts
                    for _, record in ipairs(mine:journal(run)) do
                        facts = record.facts or facts
                    end
                    return facts.readiness
                end,
            })
        end,
    })
end)
