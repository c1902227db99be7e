--- A simulated API Connect v10 with a kit's folder and a home of its own, and the commands that a
--- test of apic-v10/prepare-management gives.
local kit_operation = require("support.kit_operation")
local operation = require("support.operation")
local world = require("worlds.apic_v10")

local apic = {ID = "apic-v10/prepare-management", run_id = operation.run_id}

local Fixture = kit_operation.new_class()

--- start(options of the world) -> fixture: see support.kit_operation
function apic.start(options)
    return kit_operation.start(Fixture, world, {id = apic.ID}, options or {})
end

return apic
