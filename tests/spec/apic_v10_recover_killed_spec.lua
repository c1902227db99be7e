-- apic-v10/recover after kill -9: resumed, each subsystem is restored once. The specs of
-- recover-management and recover-portal have every record; here is every seventh.
local killed = require("support.killed")
local lab = require("support.lab")
local lost_installation = require("support.apic_lost")

lab.describe("apic-v10/recover after kill -9", function()
    local lost

    setup(function()
        lost = lost_installation.lose()
    end)

    teardown(function()
        lost:close()
    end)

    killed.define({
        every = 7,
        moments = {after = true},
        start = function()
            local operation = lost_installation.start(lost)
            function operation:outcome()
                return self.world.management.restored
            end
            return operation
        end,
        words = function(operation)
            return operation:agreed_words()
        end,
        again = function(run)
            return {"run", "--resume", run, "--yes"}
        end,
    })
end)
