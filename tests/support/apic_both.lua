--- Simulated management and portal in one namespace, and an operation on a procedure for both.
local fs = require("salvor.fs")
local json = require("salvor.json")
local kit_operation = require("support.kit_operation")
local lab = require("support.lab")
local management = require("worlds.apic_v10")
local merge = require("salvor.copy").merge
local operation = require("support.operation")
local portal = require("worlds.apic_v10_portal")

local both = {}

local World = {}
World.__index = World

function World:snapshot()
    return self.management:snapshot()
end

function World:close()
    self.management:close()
    self.portal:close()
end

local Fixture = kit_operation.new_class()

function Fixture:common_params()
    return self.common or {record = self.records}
end

--- What is recorded: a list of what the files say.
function Fixture:pairs()
    local found, folder = {}, fs.join(self.records, "pairs")
    for index, entry in ipairs(fs.list(folder) or {}) do
        found[index] = must(json.decode(must(fs.read(fs.join(folder, entry.name)))))
    end
    return found
end

function Fixture:outcome()
    local found = self:pairs()
    return {count = #found, management = found[1] and found[1].management.cluster}
end

--- start(id, {management =, portal = options of the two worlds, where}) -> operation, its world has
--- `management` and `portal`
function both.start(id, options)
    options = options or {}
    local where = {kubeconfig = lab.kubeconfig(), namespace = options.namespace or lab.namespace()}
    local world = setmetatable({
        management = management.start(merge(where, options.management)),
        portal = portal.start(merge(where, options.portal)),
    }, World)
    world.client = world.management.client
    local fixture = setmetatable(operation.start(merge(where, {id = id, world = world})), Fixture)
    fixture.records = fs.join(fixture.home, "records")
    return fixture
end

return both
