--- A management subsystem that was lost, and the recovery of it in a namespace of its own.
---
---     local lost <close> = recovery.lose{version = "10.0.5.3"}
---     local operation <close> = recovery.start(lost, {faults = {...}})
---     operation:recover({backup = "newest"})
local apic = require("support.apic")
local backups = require("worlds.apic_v10_backups")
local busted = require("busted")
local fs = require("salvor.fs")
local killed = require("support.killed")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local operation = require("support.operation")
local salvor = require("support.salvor")
local simulated = require("worlds.apic_v10")
local storage = require("worlds.apic_v10_recovery")

local recovery = {
    ID = "apic-v10/recover-management",
    ORIGINAL = "447ea4b3-9514-4a84-a34b-ce0b349838da", -- originalUID
}

local HOUR = 3600

local Lost = {}
Lost.__index = Lost

--- lose(options of the world) -> {kit (its folder), remote (what its storage holds), secrets, spec,
--- options}, to be closed: a subsystem that was prepared for a disaster, and is gone. It had two
--- backups.
function recovery.lose(options)
    options = merge({spec = {originalUID = recovery.ORIGINAL}, backups = {{30 * HOUR}, {6 * HOUR}}},
        options)
    local fixture = apic.start(options)
    salvor.expect_code(0, fixture:run())
    local lost = setmetatable({
        home = must(fs.temporary_folder()),
        secrets = fixture.world.secrets,
        spec = fixture.world:management().spec,
        remote = storage.remote(fixture.world),
        options = options,
    }, Lost)
    lost.kit = fs.join(lost.home, "kit")
    must(fs.rename(fixture.kit, lost.kit))
    fixture:close()
    return lost
end

function Lost:close()
    must(fs.remove_tree(self.home))
end

Lost.__close = Lost.close

local Fixture = operation.new_class()

function Fixture:common_params()
    return {kit = self.kit, backups_settle = self.settle or "1s"}
end

--- salvor run with a yes to what is destructive.
function Fixture:recover(params, options)
    local words = self:words("run", params)
    words[#words + 1] = "--yes"
    return self:salvor(words, options)
end

--- salvor run --resume with the same yes.
function Fixture:go_on(words)
    return self:salvor(table.move(words or {}, 1, #(words or {}), 5,
        {"run", "--resume", self:only_run(), "--yes"}))
end

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
--- operator alone in its namespace.
function recovery.start(lost, options)
    local where = {kubeconfig = lab.kubeconfig(), namespace = lab.namespace()}
    local world = simulated.start(merge({
        version = lost.options.version, name = lost.options.name, empty = true,
        remote = lost.remote,
    }, options, where))
    return setmetatable(operation.start(merge(where, {
        id = recovery.ID, world = world, kit = lost.kit,
    })), Fixture)
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
            local started = recovery.start(lost, {delays = {records = 0.001, restore = 0.005}})
            started.settle = "0s"
            return started
        end,
        words = function(started)
            local words = started:words("run")
            words[#words + 1] = "--yes"
            return words
        end,
        again = function(run)
            return {"run", "--resume", run, "--yes"}
        end,
    })
end

return recovery
