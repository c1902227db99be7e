--- The fields of an object by their JSON Pointers (RFC 6901), and digests of what they hold.
local digest = require("salvor.digest")
local json = require("salvor.json")
local salvor = require("salvor")
local secret = require("salvor.secret")

local fields = {}

local ABSENT = "absent"
local DIGITS = 16 -- of a digest: enough to tell a change

--- What belongs to the server, or says which object it is.
local IGNORED = {["/apiVersion"] = true, ["/kind"] = true}
for _, name in ipairs({"name", "namespace", "generateName", "uid", "resourceVersion", "generation",
                       "creationTimestamp", "deletionTimestamp", "managedFields", "selfLink"}) do
    IGNORED["/metadata/" .. name] = true
end

local function join(pointer, key)
    return pointer .. "/" .. (tostring(key):gsub("~", "~0"):gsub("/", "~1"))
end

local function is_table(v)
    return type(v) == "table" and v ~= salvor.null
end

local function is_list(v)
    return salvor.is_list(v) or v[1] ~= nil
end

--- A list of plain values is one field: nothing in it has a place of its own.
local function is_leaf(v)
    return not is_table(v) or (is_list(v) and not is_table(v[1]))
end

--- {pointer = value} of every field in `v`, server's fields left out.
local function leaves(v, pointer, out)
    if IGNORED[pointer] then
        return out
    elseif is_leaf(v) then
        out[pointer] = v
        return out
    end
    local offset = is_list(v) and 1
    for key, child in pairs(v) do
        leaves(child, join(pointer, offset and key - offset or key), out)
    end
    return out
end

--- set_by(object) -> {pointer = value} of every field that the object sets
function fields.set_by(object)
    return leaves(object, "", {})
end

local function key_of(v, part)
    if not is_table(v) then
        return nil
    elseif is_list(v) then
        local index = math.tointeger(tonumber(part))
        return index and index + 1
    end
    return (part:gsub("~1", "/"):gsub("~0", "~"))
end

local function value_at(object, pointer)
    local v = object
    for part in pointer:gmatch("/([^/]*)") do
        local key = key_of(v, part)
        if key == nil then
            return nil
        end
        v = v[key]
    end
    if v == salvor.null then
        return nil
    end
    return v
end

--- digest(object, pointer) -> the digest of what the field holds; nil when that is a secret.
function fields.digest(object, pointer)
    local v = value_at(object, pointer)
    if v == nil then
        return ABSENT
    end
    local text = json.encode(v)
    if not text or secret.mask(text) ~= text then
        return nil
    end
    return digest.sha256(text):sub(1, DIGITS)
end

--- name("/spec/containers/0/image") -> "spec.containers[0].image"
function fields.name(pointer)
    local words = {}
    for part in pointer:gmatch("/([^/]*)") do
        local key = part:gsub("~1", "/"):gsub("~0", "~")
        if key:match("^%d+$") then
            words[#words + 1] = "[" .. key .. "]"
        elseif key:match("^[%w_-]+$") then
            words[#words + 1] = (#words > 0 and "." or "") .. key
        else
            words[#words + 1] = "[\"" .. key .. "\"]"
        end
    end
    return table.concat(words)
end

--- differing(digests by pointer, object) -> sorted list of the pointers whose digest is another now
function fields.differing(digests, object)
    local found = {}
    for pointer, was in pairs(digests) do
        if (fields.digest(object, pointer) or was) ~= was then
            found[#found + 1] = pointer
        end
    end
    table.sort(found)
    return found
end

--- state(pointers, object) -> a digest of the object's identity and of all these fields
function fields.state(pointers, object)
    local texts = {object.metadata.uid or ""}
    for _, pointer in ipairs(pointers) do
        texts[#texts + 1] = pointer .. "=" .. (fields.digest(object, pointer) or "")
    end
    return digest.sha256(table.concat(texts, "\0")):sub(1, DIGITS)
end

return fields
