-- fortanix-ccm/restore against a simulated platform: the end state, each refusal, each failure.
local fortanix = require("worlds.fortanix")
local lab = require("support.lab")
local salvor = require("support.salvor")
local support = require("support.fortanix")

local ID = "fortanix-ccm/restore"

local function start(options)
    local fixture = support.start(ID, options)
    fixture:back_up()
    return fixture
end

lab.describe("run of fortanix-ccm/restore", function()
    it("restores the kit's backup and brings the platform up", function()
        local fixture <close> = start()
        local client = fixture.world.client
        local before = must(client:get("deployments.apps", "malbork")).metadata.uid
        local untouched = must(client:get("deployments.apps", fortanix.OPERATOR)).metadata.uid
        local result = fixture:run()
        salvor.expect_code(0, result)
        local job = must(client:list("medusarestorejobs"))[1]
        assert.equal(fixture.world.medusa.restored, job.spec.backup)
        assert.matches("^medusa%-backup%-", job.spec.backup)
        assert.is_false(fixture.world:platform().spec.paused)
        assert.equal(#fortanix.DEPLOYMENTS + 1, #fixture.world:deployments())
        assert.not_equal(before, must(client:get("deployments.apps", "malbork")).metadata.uid)
        assert.equal(untouched,
            must(client:get("deployments.apps", fortanix.OPERATOR)).metadata.uid)
    end)
end)
