--- What a write makes of an object that a plan has changed before: the server knows only the object
--- as it is, so the two are put together here.
local copy = require("salvor.copy")
local value = require("salvor.value")

local overlay = {}

--- What came from a server is marked as a list, what a script writes is one by its look.
local function is_list(v)
    return value.is_list(v) or v[1] ~= nil
end

--- The fields of a patch that is a map, each merged by `merge`; null takes one away.
local function merge_fields(object, patch, merge)
    local merged = type(object) == "table" and not is_list(object) and object or {}
    for key, child in pairs(patch) do
        if child == value.null then
            merged[key] = nil
        else
            merged[key] = merge(merged[key], child)
        end
    end
    return merged
end

--- RFC 7396.
local function merge_patch(object, patch)
    if type(patch) ~= "table" or is_list(patch) then
        return copy.deep(patch)
    end
    return merge_fields(object, patch, merge_patch)
end

local function is_named(list)
    for _, item in ipairs(list) do
        if type(item) ~= "table" or item.name == nil then
            return false
        end
    end
    return list[1] ~= nil
end

local merge_named

--- As strategic merge and server-side apply do it where items of a list have names, which is nearly
--- everywhere that they merge lists at all.
local function merge_by_name(object, patch)
    if type(patch) ~= "table" then
        return patch
    elseif is_list(patch) then
        if type(object) == "table" and is_named(patch) and is_named(object) then
            return merge_named(object, patch)
        end
        return copy.deep(patch)
    end
    return merge_fields(object, patch, merge_by_name)
end

function merge_named(list, patch)
    for _, item in ipairs(patch) do
        local place = #list + 1
        for index, there in ipairs(list) do
            place = there.name == item.name and index or place
        end
        list[place] = merge_by_name(list[place], item)
    end
    return list
end

--- The parts of a JSON pointer (RFC 6901).
local function parts_of(pointer)
    local parts = {}
    for part in pointer:gmatch("/([^/]*)") do
        parts[#parts + 1] = part:gsub("~1", "/"):gsub("~0", "~")
    end
    return parts
end

local function key_in(container, part)
    if not is_list(container) then
        return part
    end
    return part == "-" and #container + 1 or (math.tointeger(tonumber(part)) or 0) + 1
end

--- The table that a pointer's last part is a key of, and that key; nil when it leads nowhere.
local function find(object, pointer)
    local parts = parts_of(pointer)
    for index = 1, #parts - 1 do
        object = type(object) == "table" and object[key_in(object, parts[index])] or nil
    end
    if type(object) ~= "table" or not parts[1] then
        return nil
    end
    return object, key_in(object, parts[#parts])
end

local function put(object, pointer, child)
    local container, key = find(object, pointer)
    if container and is_list(container) then
        table.insert(container, math.max(1, math.min(key, #container + 1)), child)
    elseif container then
        container[key] = child
    end
end

local function take(object, pointer)
    local container, key = find(object, pointer)
    if container and is_list(container) and container[key] ~= nil then
        return table.remove(container, key)
    elseif container then
        local child = container[key]
        container[key] = nil
        return child
    end
end

--- RFC 6902; what a server would refuse it refuses when it is asked.
local operations = {
    add = function(object, op)
        put(object, op.path, copy.deep(op.value))
    end,
    remove = function(object, op)
        take(object, op.path)
    end,
    replace = function(object, op)
        local container, key = find(object, op.path)
        if container then
            container[key] = copy.deep(op.value)
        end
    end,
    move = function(object, op)
        put(object, op.path, take(object, op.from))
    end,
    copy = function(object, op)
        local container, key = find(object, op.from)
        put(object, op.path, container and copy.deep(container[key]))
    end,
    test = function() end,
}

local function json_patch(object, patch)
    for _, op in ipairs(patch) do
        local operation = operations[op.op]
        if operation then
            operation(object, op)
        end
    end
    return object
end

local merges = {merge = merge_patch, strategic = merge_by_name, json = json_patch}

--- result(object, write) -> the object as a replace, apply or patch leaves it
function overlay.result(object, write)
    if write.verb == "replace" then
        return copy.deep(write.body)
    elseif write.verb == "apply" then
        return merge_by_name(copy.deep(object), write.body)
    end
    return merges[write.patch_type](copy.deep(object), write.body)
end

return overlay
