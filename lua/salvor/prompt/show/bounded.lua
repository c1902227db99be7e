--- As much of a value as JSON or YAML of so many bytes can hold. A table may stand in it many
--- times, and then little memory holds what no disk could. Nothing of a value is run.
local sorted_keys = require("salvor.prompt.show.sorted_keys")

local INDENT = 2
local LEAST = 4 -- bytes that an entry takes beside its indentation and texts

local function size_of(v)
    return type(v) == "string" and #v or 0
end

--- Takes the room of an entry, and whether there was enough.
local function take(state, key, v, depth)
    state.room = state.room - LEAST - INDENT * depth - size_of(key) - size_of(v)
    return state.room >= 0
end

--- A table that holds itself has an end here: it is refused by who writes it.
local function fits(state, map, depth)
    if state.open[map] then
        return true
    end
    state.open[map] = true
    for key, v in next, map do
        if not take(state, key, v, depth)
            or type(v) == "table" and not fits(state, v, depth + 1) then
            return false
        end
    end
    state.open[map] = nil
    return true
end

--- Each table has its first entry, so that what is a list stays one.
local function beginning(state, map, depth)
    if state.open[map] or next(map) == nil then
        return state.open[map] or map
    end
    local copied = {}
    state.open[map] = copied
    local function add(key)
        local v = rawget(map, key)
        local has_room = take(state, key, v, depth)
        copied[key] = type(v) == "table" and beginning(state, v, depth + 1) or v
        return has_room and state.room >= 0
    end
    local keys, count = sorted_keys(map)
    for index = 1, count do
        if not add(index) then
            break
        end
    end
    for _, key in ipairs(#copied == count and keys or {}) do
        if not add(key) then
            break
        end
    end
    state.open[map] = nil
    return copied
end

--- bounded(v, bytes) -> the value, or its beginning and true
return function(v, bytes)
    if type(v) ~= "table" or fits({room = bytes, open = {}}, v, 0) then
        return v, false
    end
    return beginning({room = bytes, open = {}}, v, 0), true
end
