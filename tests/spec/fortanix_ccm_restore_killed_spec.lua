-- kill -9 at any moment of fortanix-ccm/restore, then salvor run --resume: the platform is as after
-- a run that nobody disturbed, and the backup was restored by one job.
local fortanix = require("worlds.fortanix")
local killed = require("support.killed")
local lab = require("support.lab")
local support = require("support.fortanix")

local PATTERNS = "malbork" -- as good as more of them, and quicker

--- What counts in the end.
local function outcome(target)
    local world = target.world
    local job = must(world.client:list("medusarestorejobs"))[1]
    return {
        paused = world:platform().spec.paused,
        deployments = world:deployments(),
        restored = world.medusa.restored,
        backup = job.spec.backup,
        data = {must(world.client:get("configmaps", fortanix.CONFIG_MAP)).data,
                must(world.client:get("secrets", fortanix.SECRET)).data},
    }
end

lab.describe("fortanix-ccm/restore after kill -9", function()
    local fixtures = {}

    setup(function()
        for worker = 1, killed.WORKERS do
            fixtures[worker] = support.start("fortanix-ccm/restore",
                {delays = {operator = 0}, medusa = {delays = {restore = 0, datacenter = 0}}})
            fixtures[worker]:back_up()
        end
    end)

    teardown(function()
        for _, each in ipairs(fixtures) do
            each:close()
        end
    end)

    killed.define({
        shared = true,
        words = function(target)
            return target:agreed_words({deployments = PATTERNS})
        end,
        start = function(worker)
            local fixture = fixtures[worker]
            fixture.world.medusa.restored = nil
            fixture.world.client:delete("configmaps", fortanix.CONFIG_MAP)
            fixture.world.client:delete("secrets", fortanix.SECRET)
            return fixture:another({outcome = outcome})
        end,
    })
end)
