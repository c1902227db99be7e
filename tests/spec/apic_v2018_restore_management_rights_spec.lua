-- apic-v2018/restore-management as a service account that may do what `salvor rbac` prints; apicup
-- and apicops have an administrator's rights.
local apic = require("support.apic_v2018")
local lab = require("support.lab")
local permissions = require("salvor.procedure.permissions")
local rights = require("support.rights")
local salvor = require("support.salvor")

local function described(robot)
    local said = {}
    for number, rule in ipairs(robot.rules) do
        said[number] = permissions.describe(rule):gsub(" in namespace .*", "")
    end
    table.sort(said)
    return said
end

lab.describe("apic-v2018/restore-management with what salvor rbac prints", function()
    it("plans and runs to its end", function()
        local fixture <close> = apic.start({})
        local robot <close> = rights.grant(fixture)
        assert.same({
            "create leases.coordination.k8s.io",
            "delete, get and update leases.coordination.k8s.io salvor",
            "get, list and watch cassandraclusters.apic.ibm.com",
            "get, list and watch jobs.batch",
            "list ingresses.networking.k8s.io",
            "list pods",
        }, described(robot))
        salvor.expect_code(0, robot:plan())
        salvor.expect_code(0, robot:run())
    end)

    it("installs anew and restores", function()
        local fixture <close> = apic.start({disaster = true})
        must(fixture.world.client:create({apiVersion = "v1", kind = "Secret",
                                          metadata = {name = "new-secret"}}))
        local params = {registry_secret = "new-secret"}
        local robot <close> = rights.grant(fixture, params)
        salvor.expect_code(0, robot:run(params))
        assert.same({apic.BACKUP}, fixture.world.restores)
    end)
end)
