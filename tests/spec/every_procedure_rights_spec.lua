-- Each procedure as a service account that may do what `salvor rbac` prints for it: it plans and
-- runs to its end with that, and with any one rule less it names that before it does anything.
-- Rights that depend on parameters are in the specs of the procedures.
local every_procedure = require("support.every_procedure")
local lab = require("support.lab")
local rights = require("support.rights")
local salvor = require("support.salvor")

lab.describe("with what salvor rbac prints", function()
    every_procedure.describe(function(start)
        it("plans and runs to its end, and with any one rule less does nothing", function()
            local operation <close> = start()
            local robot <close> = rights.grant(operation)
            salvor.expect_code(0, robot:plan())
            robot:expect_least()
            salvor.expect_code(0, robot:act(function()
                return operation:salvor(operation:agreed_words())
            end))
        end)
    end)
end)
