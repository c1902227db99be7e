--- What ConfigMaps and Secrets hold, compared; no value of it gets into any text.
local fields = require("salvor.k8s.fields")

local contents = {}

local PLACES = {"data", "binaryData"}

--- is_empty(object) -> whether it holds nothing at all.
function contents.is_empty(object)
    for _, place in ipairs(PLACES) do
        if next(fields.map(object, place)) then
            return false
        end
    end
    return true
end

--- holds(object, wanted) -> whether it has all that the other one has, and perhaps more; what is
--- not there (nil) holds nothing.
function contents.holds(object, wanted)
    for _, place in ipairs(PLACES) do
        local has = fields.map(object, place)
        for key, value in pairs(fields.map(wanted, place)) do
            if has[key] ~= value then
                return false
            end
        end
    end
    return true
end

--- same(one, other) -> whether both hold the same.
function contents.same(one, other)
    return contents.holds(one, other) and contents.holds(other, one)
end

return contents
