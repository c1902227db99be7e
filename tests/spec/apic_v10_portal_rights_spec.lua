-- apic-v10/prepare-portal and recover-portal need fewer rights where they have less to do.
local lab = require("support.lab")
local portal = require("support.portal")
local recovery = require("support.portal_recovery")
local rights = require("support.rights")
local salvor = require("support.salvor")

lab.describe("with what salvor rbac prints", function()
    it("apic-v10/prepare-portal needs no right to create anything without a backup", function()
        local fixture <close> = portal.start()
        local robot <close> = rights.grant(fixture, {})
        for _, rule in ipairs(robot.rules) do
            assert.is_true(rule.group == "coordination.k8s.io"
                or not table.concat(rule.verbs, " "):find("create"))
        end
        salvor.expect_code(0, robot:run({}))
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
