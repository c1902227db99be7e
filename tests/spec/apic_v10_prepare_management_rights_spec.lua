-- apic-v10/prepare-management as a service account that may do what `salvor rbac` prints: it runs
-- to its end with that, and with anything less the check of permissions says what is missing.
local apic = require("support.apic")
local lab = require("support.lab")
local permissions = require("salvor.procedure.permissions")
local rights = require("support.rights")
local salvor = require("support.salvor")

local PARAMS = {take_backup = "true"}

lab.describe("apic-v10/prepare-management with what salvor rbac prints", function()
    for _, version in ipairs({"10.0.5.3", "10.0.8.0"}) do
        it(version .. ": plans and runs to its end, backup included", function()
            local fixture <close> = apic.start({version = version})
            local robot <close> = rights.grant(fixture, PARAMS)
            salvor.expect_code(0, robot:plan(PARAMS))
            salvor.expect_code(0, robot:run(PARAMS))
            assert.is_nil(fixture:manifest().cluster.uid) -- of kube-system, which it may not read
        end)
    end

    it("needs less when it takes no backup and the database is known", function()
        local fixture <close> = apic.start()
        local robot <close> = rights.grant(fixture, {database = "crunchy"})
        local said = {}
        for number, rule in ipairs(robot.rules) do
            said[number] = permissions.describe(rule):gsub(" in namespace .*", "")
        end
        assert.are.same({
            "get secrets",
            "create leases.coordination.k8s.io",
            "delete, get and update leases.coordination.k8s.io salvor",
            "list managementbackups.management.apiconnect.ibm.com",
            "get and list managementclusters.management.apiconnect.ibm.com",
        }, said)
        salvor.expect_code(0, robot:run({database = "crunchy"}))
    end)

    it("needs nothing of the other database when it is known which it is", function()
        local fixture <close> = apic.start()
        for database, other in pairs({crunchy = "postgresql.k8s.enterprisedb.io",
                                      edb = "managementbackups"}) do
            local printed = fixture:salvor(fixture:words("rbac",
                {database = database, take_backup = "true"}))
            salvor.expect_code(0, printed)
            assert.is_nil(printed.stdout:find(other, 1, true))
        end
    end)

    it("and no right at all: everything is named at once, in a plan too", function()
        local fixture <close> = apic.start()
        local robot <close> = rights.grant(fixture, PARAMS, {nothing = true})
        local result = robot:plan(PARAMS)
        salvor.expect_code(4, result)
        for _, rule in ipairs(robot.rules) do
            salvor.expect(result.stdout, "this user may not " .. permissions.describe(rule))
        end
        salvor.expect(result.stdout, "not looked at, since 'permissions' failed")
        assert.are.equal(1, select(2, result.stdout:gsub("salvor rbac", "")))
    end)
end)
