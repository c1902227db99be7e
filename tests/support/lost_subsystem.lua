--- A subsystem of API Connect v10 that was prepared for a disaster, and is gone: its kit, and what
--- tests compare the recovered one with. To be closed.
local fs = require("salvor.fs")
local salvor = require("support.salvor")

local Lost = {}
Lost.__index = Lost

function Lost:close()
    must(fs.remove_tree(self.home))
end

Lost.__close = Lost.close

--- lost(fixture, fields) -> {kit (its folder), home, namespace, secrets, and the fields}: prepares
--- the fixture's subsystem (support.kit_operation), and loses it.
return function(fixture, fields)
    salvor.expect_code(0, fixture:run())
    local lost = setmetatable(fields, Lost)
    lost.home = must(fs.temporary_folder())
    lost.namespace = fixture.namespace
    lost.secrets = fixture.world.secrets
    lost.kit = fs.join(lost.home, "kit")
    must(fs.rename(fixture.kit, lost.kit))
    fixture:close()
    return lost
end
