--- The keys of a table in the order in which they are shown. Nothing of a value is run.
local function compare(one, other)
    local a, b = type(one), type(other)
    if a ~= b then
        return a < b
    elseif a == "number" or a == "string" then
        return one < other
    end
    return string.format("%p", one) < string.format("%p", other)
end

--- sorted_keys(map) -> the keys that are not of its list part, sorted, and how many that part has
return function(map)
    local keys, count = {}, rawlen(map)
    for key in next, map do
        if math.type(key) ~= "integer" or key < 1 or key > count then
            keys[#keys + 1] = key
        end
    end
    table.sort(keys, compare)
    return keys, count
end
