-- The simulated Fortanix CCM: its operator keeps the deployments unless it is told to pause.
local fortanix = require("worlds.fortanix")
local lab = require("support.lab")
local operator = require("worlds.operator")

lab.describe("the simulated Fortanix CCM", function()
    local function start(options)
        options.kubeconfig, options.namespace = lab.kubeconfig(), lab.namespace()
        return fortanix.start(options)
    end

    local function has(world, name)
        return world.client:get("deployments.apps", name) ~= nil
    end

    it("runs: each deployment with a pod, next to the operator and Cassandra", function()
        local world <close> = start({})
        assert.equal(#fortanix.DEPLOYMENTS + 1, #world:deployments())
        for _, name in ipairs(fortanix.DEPLOYMENTS) do
            must(world.client:wait("deployments.apps", name, {timeout = 60}))
        end
        assert.equal(#fortanix.DEPLOYMENTS + 1 + 3, #must(world.client:list("pods")))
        assert.equal(3, #must(world.client:list("nodes", {label_selector = world.node_label})))
    end)

    it("brings a deleted deployment back at once", function()
        local world <close> = start({})
        local before = must(world.client:get("deployments.apps", "malbork")).metadata.uid
        must(world.client:delete("deployments.apps", "malbork"))
        operator.eventually("a new malbork", function()
            local object = world.client:get("deployments.apps", "malbork")
            return object and object.metadata.uid ~= before
        end)
    end)

    it("leaves it deleted while it is paused, and brings it back after", function()
        local world <close> = start({})
        must(world.client:patch(fortanix.PLATFORMS, world.name, {spec = {paused = true}}))
        must(world.client:delete("deployments.apps", "malbork"))
        operator.eventually("the end of its pod", function()
            return #must(world.client:list("pods", {label_selector = {app = "malbork"}})) == 0
        end)
        assert.is_false(has(world, "malbork"))
        must(world.client:patch(fortanix.PLATFORMS, world.name, {spec = {paused = false}}))
        operator.eventually("malbork", function()
            return has(world, "malbork")
        end)
    end)
end)
