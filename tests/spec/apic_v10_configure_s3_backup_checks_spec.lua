-- What apic-v10/configure-s3-backup refuses before anything changes.
local lab = require("support.lab")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")

local function define()
    local fixture

    setup(function()
        fixture = s3_operation.start()
    end)

    teardown(function()
        fixture:close()
    end)

    it("tells problem", function()
        local r = fixture:run()
        print(r.code, r.stdout, r.stderr)
    end)
end

lab.describe("apic-v10/configure-s3-backup", function()
    store_lab.describe("refuses", "s3", define)
end)
