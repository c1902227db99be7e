--- A simulated API Connect v10 portal with a kit's folder and a home of its own, and the commands
--- that a test of apic-v10/prepare-portal gives.
local kit_operation = require("support.kit_operation")
local operation = require("support.operation")
local world = require("worlds.apic_v10_portal")

local portal = {PREPARE = "apic-v10/prepare-portal", RECOVER = "apic-v10/recover-portal",
                run_id = operation.run_id}

local Fixture = kit_operation.new_class()

--- start(options of the world) -> fixture: see support.kit_operation. id: of another procedure;
--- common: parameters of every command; kit: another folder.
function portal.start(options)
    options = options or {}
    return kit_operation.start(Fixture, world, {
        id = options.id or portal.PREPARE, common = options.common, kit = options.kit,
    }, options)
end

return portal
