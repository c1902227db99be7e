-- Recovery and backup of API Connect v10 as a service account with what `salvor rbac` prints.
local both = require("support.apic_both")
local lab = require("support.lab")
local recovery = require("support.apic_recovery")
local rights = require("support.rights")
local salvor = require("support.salvor")

lab.describe("with what salvor rbac prints,", function()
    for _, version in ipairs({"10.0.5.3", "10.0.8.0"}) do
        it("apic-v10/recover-management plans and runs to its end (" .. version .. ")", function()
            local lost <close> = recovery.lose({version = version})
            -- Long enough for the looks beside the wait, which need rights of their own.
            local operation <close> = recovery.start(lost, {delays = {install = 3}})
            local params = {database = version == "10.0.8.0" and "edb" or "crunchy"}
            local robot <close> = rights.grant(operation, params)
            salvor.expect_code(0, robot:plan(params))
            local result = robot:act(function()
                return operation:recover(params)
            end)
            salvor.expect_code(0, result)
            assert.equal(1, #operation:restored())
        end)

        it("apic-v10/backup runs to its end (" .. version .. ")", function()
            local operation <close> = both.start("apic-v10/backup",
                {management = {version = version}, portal = {version = version}})
            local robot <close> = rights.grant(operation)
            salvor.expect_code(0, robot:run())
            assert.equal(1, #operation:pairs())
        end)
    end

    it("apic-v10/recover-management edits the resource above and none below", function()
        local lost <close> = recovery.lose({owner = "apic"})
        local operation <close> = recovery.start(lost)
        recovery.add_top(operation, "apic")
        local params = {top = "apic"}
        local robot <close> = rights.grant(operation, params)
        for _, rule in ipairs(robot.rules) do
            if rule.resource == "managementclusters" then
                assert.same({"get", "list", "watch"}, rule.verbs)
            end
        end
        local result = robot:act(function()
            return operation:recover(params)
        end)
        salvor.expect_code(0, result)
    end)
end)
