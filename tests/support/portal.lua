--- A simulated portal of API Connect v10, and the commands that a test of apic-v10/prepare-portal
--- or apic-v10/recover-portal gives.
local preparation = require("support.preparation")
local world = require("worlds.apic_v10_portal")

local portal = {PREPARE = "apic-v10/prepare-portal", RECOVER = "apic-v10/recover-portal",
                run_id = preparation.run_id}

local Fixture = preparation.new_class()

--- start(options of the world) -> fixture of prepare-portal: see support.preparation.start. id: of
--- another procedure.
function portal.start(options)
    return setmetatable(preparation.start(portal.PREPARE, world, options), Fixture)
end

--- salvor run with a yes to what is destructive.
function Fixture:recover(params, options)
    local words = self:words("run", params)
    words[#words + 1] = "--yes"
    return self:salvor(words, options)
end

--- Goes on with a run, with a yes to what is destructive.
function Fixture:go_on(run)
    return self:salvor({"run", "--resume", run, "--yes"})
end

return portal
