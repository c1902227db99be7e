-- apic-v10/recover-management after kill -9 while a record of its journal was written:
-- resumed, it ends as a run that nobody disturbed, with one restore.
local lab = require("support.lab")
local recovery = require("support.apic_recovery")

lab.describe("apic-v10/recover-management after kill -9", function()
    recovery.define_killed({torn = true})
end)
