--- Reading objects that may hold anything: what is not of the wanted type counts as absent.
local dig = require("salvor").dig

local fields = {}

--- The table at that path, or an empty one.
function fields.map(value, ...)
    local found = dig(value, ...)
    return type(found) == "table" and found or {}
end

--- The text at that path, or nil when there is none or an empty one.
function fields.text(value, ...)
    local found = dig(value, ...)
    return type(found) == "string" and found ~= "" and found or nil
end

--- The integer at that path, or nil.
function fields.integer(value, ...)
    local found = dig(value, ...)
    return math.type(found) == "integer" and found or nil
end

--- The integer at that path, or 0.
function fields.count(value, ...)
    return fields.integer(value, ...) or 0
end

--- The tables of the list at that path, as a list; what is no table is left out.
function fields.items(value, ...)
    local found = {}
    for _, item in ipairs(fields.map(value, ...)) do
        if type(item) == "table" then
            found[#found + 1] = item
        end
    end
    return found
end

--- The group of an object's kind, by its apiVersion; "" for the core group.
function fields.group(object)
    return (fields.text(object, "apiVersion") or ""):match("^(.*)/") or ""
end

--- The parts that are there, "a: b: c"; nil when none is.
function fields.join(...)
    local parts = {}
    for index = 1, select("#", ...) do
        local part = select(index, ...)
        if type(part) == "string" and part ~= "" then
            parts[#parts + 1] = part
        end
    end
    return parts[1] and table.concat(parts, ": ") or nil
end

return fields
