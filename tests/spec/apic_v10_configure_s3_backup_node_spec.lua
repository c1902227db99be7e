-- apic-v10/configure-s3-backup with pods: the real pgBackRest makes the stanza in the gateway's
-- bucket, says why it cannot, and is asked afterwards.
local node = require("support.node")
local pgbackrest_pod = require("support.pgbackrest_pod")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")

local function define()
    local pods

    setup(function()
        pods = pgbackrest_pod.new()
    end)

    teardown(function()
        pods:close()
    end)

    local function start(options)
        return s3_operation.start({kubeconfig = node.kubeconfig(), namespace = node.namespace(),
                                   pods = pods, top = (options or {}).top})
    end

    it("makes the stanza and asks pgBackRest for it", function()
        local fixture <close> = start()
        local result = fixture:run()
        print(result.stdout, result.stderr)
        salvor.expect_code(0, result)
    end)
end

node.describe("apic-v10/configure-s3-backup", function()
    store_lab.describe("with pods", "s3", define)
end)
