-- apic-v10/recover after kill -9 after each record of its journal: resumed, each subsystem is
-- restored once. What is torn, or done and not told yet, is in the specs of recover-management and
-- recover-portal, of which it consists.
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
        moments = {after = true},
        start = function()
            local operation = lost_installation.start(lost)
            function operation:outcome()
                return {self.world.management.restored, self.world.portal.restored}
            end
            return operation
        end,
    })
end)
