-- fortanix-ccm/backup and fortanix-ccm/restore need fewer rights where they have less to do, and
-- none that they could do without.
local lab = require("support.lab")
local rights = require("support.rights")
local salvor = require("support.salvor")
local support = require("support.fortanix")

local CASES = {
    {"fortanix-ccm/backup", {take_backup = "false", datacenter = "dc1"}},
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
