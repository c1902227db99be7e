-- fortanix-ccm/backup and fortanix-ccm/restore as a service account that may do what `salvor rbac`
-- prints: they plan and run to their end with that, and with any one rule less the check of
-- permissions says what is missing.
local lab = require("support.lab")
local rights = require("support.rights")
local salvor = require("support.salvor")
local support = require("support.fortanix")

local CASES = {
    {"fortanix-ccm/backup"},
    {"fortanix-ccm/backup", {take_backup = "false", datacenter = "dc1"}},
    {"fortanix-ccm/restore", {recreated = "yes"}},
    {"fortanix-ccm/restore", {recreated = "no", backup = "newest"}},
}

lab.describe("with what salvor rbac prints", function()
    for _, case in ipairs(CASES) do
        local id, params = table.unpack(case)
        it(id .. " runs, and is told what is missing", function()
            local fixture <close> = support.start(id)
            if id == "fortanix-ccm/restore" then
                fixture:back_up()
            end
            local robot <close> = rights.grant(fixture, params)
            salvor.expect_code(0, robot:plan(params))
            robot:expect_least(params)
            salvor.expect_code(0, robot:run(params))
        end)
    end
end)
