--- A management subsystem that was lost, and the recovery of it in a namespace of its own.
---
---     local lost <close> = recovery.lose{version = "10.0.5.3"}
---     local operation <close> = recovery.start(lost, {faults = {...}})
---     operation:recover({backup = "newest"})
local apic = require("support.apic")
local apiconnect = require("salvor.apiconnect")
local backups = require("worlds.apic_v10_backups")
local busted = require("busted")
local killed = require("support.killed")
local kit_operation = require("support.kit_operation")
local lost_subsystem = require("support.lost_subsystem")
local merge = require("salvor.copy").merge
local simulated = require("worlds.apic_v10")
local storage = require("worlds.apic_v10_recovery")

local recovery = {
    ID = "apic-v10/recover-management",
    ORIGINAL = "447ea4b3-9514-4a84-a34b-ce0b349838da", -- originalUID
}

local HOUR = 3600

--- lose(options of the world) -> {kit (its folder), remote (what its storage holds), secrets, spec,
--- options}, to be closed: a subsystem that was prepared for a disaster, and is gone. It had two
--- backups.
function recovery.lose(options)
    options = merge({spec = {originalUID = recovery.ORIGINAL}, backups = {{30 * HOUR}, {6 * HOUR}}},
        options)
    local fixture = apic.start(options)
    return lost_subsystem(fixture, {
        spec = fixture.world:management().spec,
        remote = storage.remote(fixture.world),
        options = options,
    })
end

local Fixture = kit_operation.new_class()

function Fixture:outcome()
    return self:restored()
end

--- What has been restored into the simulated subsystem.
function Fixture:restored()
    return self.world.restored
end

--- The ids of the backups of `lost`, oldest first.
function recovery.ids(lost, database)
    local ids = {}
    for index, time in ipairs(lost.remote.times) do
        ids[index] = backups.id(database or "crunchy", time)
    end
    return ids
end

--- start(lost, options of the world) -> an operation on apic-v10/recover-management, with the
--- operator alone in its namespace. common: parameters of every command.
function recovery.start(lost, options)
    options = options or {}
    local started = kit_operation.start(Fixture, simulated, {
        id = recovery.ID, kit = lost.kit,
        common = merge({backups_settle = "1s"}, options.common),
    }, merge({version = lost.options.version, name = lost.options.name, empty = true,
              remote = lost.remote}, options))
    started.lost = lost
    return started
end

--- Puts the old secrets into the cluster, which a subsystem that is installed now uses.
function recovery.create_secrets(operation)
    for _, secret in pairs(operation.lost.secrets) do
        must(operation.world.client:create({apiVersion = "v1", kind = "Secret",
            metadata = {name = secret.name}, data = secret.data}))
    end
end

--- An APIConnectCluster that is there already, whose management subsystem has the old secrets and
--- siteName (or another one), and neither originalUID nor backups.
function recovery.add_top(operation, name, site)
    recovery.create_secrets(operation)
    local world = operation.world
    local management = world:management_spec({bare = true, spec = {
        name = world.name, siteName = site or operation.lost.spec.siteName}})
    management.version, management.license = nil, nil
    must(world.client:create({apiVersion = "apiconnect.ibm.com/v1beta1", kind = "APIConnectCluster",
        metadata = {name = name}, spec = {version = world.version, management = management}}))
    must(world.client:wait(apiconnect.MANAGEMENT, world.name, {timeout = 30, create = true}))
end

--- Defines the tests of kill -9 at these moments (see support.killed), inside a describe(). The
--- subsystem that is lost has one backup, so that it does not matter how long more are waited for.
function recovery.define_killed(moments)
    local lost

    busted.setup(function()
        lost = recovery.lose({backups = {{6 * HOUR}}})
    end)

    busted.teardown(function()
        lost:close()
    end)

    killed.define({
        moments = moments,
        start = function()
            return recovery.start(lost, {delays = {records = 0.001, restore = 0.005},
                                         common = {backups_settle = "0s"}})
        end,
    })
end

return recovery
