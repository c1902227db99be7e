-- apic-v10/backup after kill -9 at any moment: resumed, it ends with one backup of each and one
-- record.
local both = require("support.apic_both")
local killed = require("support.killed")
local lab = require("support.lab")

lab.describe("apic-v10/backup after kill -9", function()
    killed.define({start = function()
        return both.start("apic-v10/backup")
    end})
end)
