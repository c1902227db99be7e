--- The names that a namespace can have: labels of DNS, which those of other objects need not be.
local namespace = {}

local LONGEST = 63

--- What is_name() wants, for people.
namespace.WANTED = "up to " .. LONGEST .. " of a-z, 0-9 and '-', with '-' at neither end"

--- is_name(text) -> whether a namespace can be called so
function namespace.is_name(text)
    return #text <= LONGEST and text:find("^[%l%d][%l%d-]*$") ~= nil and text:sub(-1) ~= "-"
end

return namespace
