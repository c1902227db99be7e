--- A simulated management subsystem of API Connect v10, and the commands that a test of
--- apic-v10/prepare-management gives.
local preparation = require("support.preparation")
local world = require("worlds.apic_v10")

local apic = {ID = "apic-v10/prepare-management", run_id = preparation.run_id}

--- start(options of the world) -> fixture: see support.preparation.start.
function apic.start(options)
    return preparation.start(apic.ID, world, options)
end

return apic
