-- kill -9 at any moment of apic-v10/recover-portal, then salvor run --resume: it ends as a run that
-- nobody disturbed, and nothing was created twice.
local apiconnect = require("salvor.apiconnect")
local fs = require("salvor.fs")
local killed = require("support.killed")
local lab = require("support.lab")
local recovery = require("support.portal_recovery")

--- The resource, the operator's file and what was restored.
local function outcome(operation)
    return {
        spec = operation.world:portal().spec,
        file = must(fs.read(operation.file)),
        restored = operation.world.restored,
        restores = #operation.world:list(apiconnect.PORTAL_RESTORE),
    }
end

lab.describe("apic-v10/recover-portal after kill -9", function()
    local lost

    setup(function()
        -- One backup: it is known when all that there is has its record.
        lost = recovery.lose({backups = {3600}})
    end)

    teardown(function()
        lost:close()
    end)

    killed.define({
        start = function()
            local operation = recovery.start(lost, {common = {records_settle = "0s"}})
            operation.file = recovery.write_file(operation)
            operation.outcome = outcome
            return operation
        end,
        words = function(operation)
            return operation:agreed_words({resource = operation.file})
        end,
    })
end)
