--- What every other module shares: null, lists, reading deep values, and the version.
local value = require("salvor.value")

local salvor = {
    version = "0.1.0",
    null = value.null,
    list = value.list,
    is_list = value.is_list,
}

--- dig(value, key, ...) -> what lies at that path, or nil as soon as a part is missing or null.
function salvor.dig(v, ...)
    for _, key in ipairs({...}) do
        if type(v) ~= "table" then
            return nil
        end
        v = v[key]
    end
    if v == value.null then
        return nil
    end
    return v
end

--- keys(table) -> list of its keys, sorted, so that whoever goes over them does it in one order
function salvor.keys(map)
    local keys = {}
    for key in pairs(map) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

return salvor
