--- Copies of tables.
local copy = {}

--- A new map with the fields of all that are given (nil is none); a later one wins.
function copy.merge(...)
    local merged = {}
    for number = 1, select("#", ...) do
        for key, value in pairs((select(number, ...)) or {}) do
            merged[key] = value
        end
    end
    return merged
end

--- The same value with tables of its own all the way down, which keep their metatables: a list
--- stays one. The value must be a tree, as JSON and YAML are. convert(leaf), where it is given, is
--- what stands for each value that is no table.
function copy.deep(value, convert)
    if type(value) ~= "table" then
        return convert and convert(value) or value
    end
    local copied = {}
    for key, child in pairs(value) do
        copied[key] = copy.deep(child, convert)
    end
    return setmetatable(copied, getmetatable(value))
end

return copy
