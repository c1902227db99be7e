--- A simulated API Connect v10 with a kit's folder and a home of its own, and the commands that a
--- test of apic-v10/prepare-management gives.
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local operation = require("support.operation")
local salvor = require("support.salvor")
local world = require("worlds.apic_v10")

local apic = {ID = "apic-v10/prepare-management", run_id = operation.run_id}

local Fixture = operation.new_class()

--- start(options of the world) -> fixture: an operation, with `kit`
function apic.start(options)
    local given = merge(options)
    given.kubeconfig = given.kubeconfig or lab.kubeconfig()
    given.namespace = given.namespace or lab.namespace()
    local fixture = setmetatable(operation.start({
        id = apic.ID,
        world = world.start(given),
        kubeconfig = given.kubeconfig,
        namespace = given.namespace,
    }), Fixture)
    fixture.kit = fs.join(fixture.home, "kit")
    return fixture
end

function Fixture:common_params()
    return {kit = self.kit}
end

--- The folder of the latest generation of the kit in the folder `kit`, this fixture's when nil.
function Fixture:latest(kit)
    kit = kit or self.kit
    return fs.join(kit, (must(fs.read(fs.join(kit, "latest"))):gsub("\n", "")))
end

function Fixture:manifest()
    return must(json.decode(must(fs.read(fs.join(self:latest(), "manifest.json")))))
end

--- What the latest generation holds: {path = data}
function Fixture:files()
    return salvor.tree(self:latest())
end

return apic
