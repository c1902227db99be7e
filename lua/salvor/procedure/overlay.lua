--- What a write makes of an object that a plan has changed before: the server knows only the object
--- as it is, so the two are put together here.
local copy = require("salvor.copy")
local errors = require("salvor.error")
local json = require("salvor.json")
local value = require("salvor.value")

local overlay = {}

--- What came from a server is marked as a list, what a script writes is one by its look.
local function is_list(v)
    return value.is_list(v) or v[1] ~= nil
end

--- Whether two values are the same as JSON.
local function is_same(one, other)
    return one == other or json.encode(one) == json.encode(other)
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

local NOWHERE = "there is no such place in the object"

local function put(object, pointer, child)
    local container, key = find(object, pointer)
    if not container or is_list(container) and (key < 1 or key > #container + 1) then
        return NOWHERE
    elseif is_list(container) then
        table.insert(container, key, child)
    else
        container[key] = child
    end
end

local function take(object, pointer)
    local container, key = find(object, pointer)
    local child = container and container[key]
    if child == nil then
        return nil, NOWHERE
    elseif is_list(container) then
        table.remove(container, key)
    else
        container[key] = nil
    end
    return child
end

--- RFC 6902: each does its part, and gives what is wrong when it cannot.
local operations = {
    add = function(object, op)
        return put(object, op.path, copy.deep(op.value))
    end,
    remove = function(object, op)
        return select(2, take(object, op.path))
    end,
    replace = function(object, op)
        local container, key = find(object, op.path)
        if not container or container[key] == nil then
            return NOWHERE
        end
        container[key] = copy.deep(op.value)
    end,
    move = function(object, op)
        local child, problem = take(object, op.from)
        return problem or put(object, op.path, child)
    end,
    copy = function(object, op)
        local container, key = find(object, op.from)
        local child = container and container[key]
        return child == nil and NOWHERE or put(object, op.path, copy.deep(child))
    end,
    test = function(object, op)
        local container, key = find(object, op.path)
        local holds = container and is_same(container[key], op.value)
        return not holds and "the field holds another value" or nil
    end,
}

local function json_patch(object, patch)
    for number, op in ipairs(patch) do
        local operation = operations[op.op]
        local problem = operation and operation(object, op)
        if problem then
            error(errors.new({code = "Invalid", op = "k8s.patch", status = 422,
                              message = string.format("operation %d of the patch (%s %s): %s",
                                  number, op.op, op.path, problem)}), 0)
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

local function is_map(v)
    return type(v) == "table" and not is_list(v)
end

--- difference(before, after) -> the merge patch (RFC 7396) that makes the one of the other
function overlay.difference(before, after)
    local patch = {}
    for key, child in pairs(after) do
        local was = before[key]
        if is_map(was) and is_map(child) then
            local deeper = overlay.difference(was, child)
            patch[key] = next(deeper) and deeper or nil
        elseif not is_same(was, child) then
            patch[key] = child
        end
    end
    for key in pairs(before) do
        if after[key] == nil then
            patch[key] = value.null
        end
    end
    return patch
end

return overlay
