-- apic-v10/configure-s3-backup as a service account that may do what `salvor rbac` prints.
local lab = require("support.lab")
local rights = require("support.rights")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")

local function define()
    it("sees the Job of the stanza, its pods and their logs where there is one", function()
        local fixture <close> = s3_operation.start({exit_code = 40})
        local robot <close> = rights.grant(fixture, {})
        local result = robot:run({})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "without a stanza")
        local printed = fixture:salvor(fixture:words("rbac"))
        salvor.expect(printed.stdout, "pods/exec", "pods/log", "jobs")
    end)

    it("needs the same in the second data centre's namespace, when that is here", function()
        local fixture <close> = s3_operation.start({version = "10.0.8.0", mode = "active"})
        local other <close> = s3_operation.start({version = "10.0.8.0", second = true,
                                                  mode = "passive"})
        local params = {schedule = "0 0 3 * * *", database = "edb",
                        other_namespace = other.namespace, other_path = other.path}
        local robot <close> = rights.grant(fixture, params)
        salvor.expect_code(0, robot:run(params))
    end)
end

lab.describe("apic-v10/configure-s3-backup with what salvor rbac prints", function()
    store_lab.describe("and a bucket", "s3 pgbackrest", define)
end)
