-- apic-v10/prepare-portal and recover-portal as a service account that may do what `salvor rbac`
-- prints: they run to their end with that, and anything less is named before anything is done.
local apiconnect = require("salvor.apiconnect")
local fs = require("salvor.fs")
local lab = require("support.lab")
local portal = require("support.portal")
local recovery = require("support.portal_recovery")
local rights = require("support.rights")
local salvor = require("support.salvor")

lab.describe("with what salvor rbac prints", function()
    it("apic-v10/prepare-portal plans and runs to its end, backup included", function()
        local fixture <close> = portal.start()
        local params = {take_backup = "true"}
        local robot <close> = rights.grant(fixture, params)
        salvor.expect_code(0, robot:plan(params))
        robot:expect_least(params)
        assert.is_nil(fs.stat(fixture.kit))
        salvor.expect_code(0, robot:run(params))
    end)

    it("apic-v10/prepare-portal needs no right to create anything without a backup", function()
        local fixture <close> = portal.start()
        local robot <close> = rights.grant(fixture, {})
        for _, rule in ipairs(robot.rules) do
            assert.is_true(rule.group == "coordination.k8s.io"
                or not table.concat(rule.verbs, " "):find("create"))
        end
        salvor.expect_code(0, robot:run({}))
    end)

    it("apic-v10/recover-portal plans and runs to its end", function()
        local lost <close> = recovery.lose()
        local operation <close> = recovery.start(lost)
        local params = {resource = recovery.write_file(operation)}
        local robot <close> = rights.grant(operation, params)
        salvor.expect_code(0, robot:plan(params))
        robot:expect_least(params)
        assert.is_nil(operation.world.client:get(apiconnect.PORTAL, "portal"))
        salvor.expect_code(0, robot:run({resource = params.resource, dry_run = "true"}))
    end)

    it("apic-v10/recover-portal edits an APIConnectCluster, and then no portal", function()
        local lost <close> = recovery.lose({name = "top-ptl", owner = "top"})
        local operation <close> = recovery.start(lost)
        operation.world:create_backup_secrets()
        operation.world:create_secret("encryptionSecret", lost.secrets.encryptionSecret)
        operation.world:add_portal("top-ptl", {owner = "top", spec = {
            encryptionSecret = {secretName = "top-ptl-enc-key"}}})
        local params = {top = "top"}
        local robot <close> = rights.grant(operation, params)
        for _, rule in ipairs(robot.rules) do
            assert.is_true(rule.resource ~= "portalclusters"
                or not table.concat(rule.verbs, " "):find("patch"))
        end
        salvor.expect_code(0, robot:run({top = "top", dry_run = "true"}))
    end)
end)
