-- apic-v10/recover-management after kill -9 after each record of its journal:
-- resumed, it ends as a run that nobody disturbed, with one restore.
local lab = require("support.lab")
local recovery = require("support.apic_recovery")

lab.describe("apic-v10/recover-management after kill -9", function()
    recovery.define_killed({after = true})
end)
