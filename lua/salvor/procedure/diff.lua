--- What a write would change, field by field, with the values of secrets left out.
local salvor = require("salvor")
local value = require("salvor.value")

local diff = {}

--- Which object it is, which is told beside the changes, and the fields that the server keeps for
--- itself and that change with every write.
local IGNORED = {
    ["apiVersion"] = true,
    ["kind"] = true,
    ["metadata.name"] = true,
    ["metadata.namespace"] = true,
    ["metadata.managedFields"] = true,
    ["metadata.resourceVersion"] = true,
    ["metadata.generation"] = true,
    ["metadata.uid"] = true,
    ["metadata.creationTimestamp"] = true,
    ["metadata.selfLink"] = true,
}

--- Lists are counted from 0, as in all that Kubernetes says of fields.
local function join(path, key)
    if type(key) == "number" then
        return path .. "[" .. key - 1 .. "]"
    elseif not tostring(key):match("^[%w_-]+$") then
        return path .. "[\"" .. key .. "\"]"
    end
    return path == "" and key or path .. "." .. key
end

local function is_empty(v)
    return type(v) == "table" and next(v) == nil
end

--- {path = value} of all that holds no more fields, and the set of paths of what does.
local function flatten(v, path, leaves, inner)
    if IGNORED[path] then
        return leaves, inner
    elseif type(v) ~= "table" or is_empty(v) then
        leaves[path] = v
        return leaves, inner
    end
    inner[path] = true
    for key, child in pairs(v) do
        flatten(child, join(path, key), leaves, inner)
    end
    return leaves, inner
end

--- What kubectl applied holds the data of a Secret a second time.
local function is_secret(path, object)
    return object and object.kind == "Secret"
        and (path:match("^data") or path:match("^stringData")
            or path:find("last-applied-configuration", 1, true)) ~= nil
end

local function show(v, secret)
    if v == nil then
        return nil
    elseif secret then
        return "(" .. #tostring(v) .. " bytes)"
    elseif is_empty(v) then
        return value.is_list(v) and "[]" or "{}"
    end
    return tostring(v)
end

--- fields(before, after, asked) -> sorted list of {op = "+", "-" or "~", path, before, after, by},
--- values as text. Either object may be nil. by = "server": not in the object `asked` (nil: nobody
--- asks), so the server has filled it in.
function diff.fields(before, after, asked)
    local old, inner_old = flatten(before or {}, "", {}, {})
    local new, inner_new = flatten(after or {}, "", {}, {})
    local asked_for, changes = asked and flatten(asked, "", {}, {}), salvor.list()
    local function add(op, path)
        local secret = is_secret(path, after or before)
        changes[#changes + 1] = {
            op = op,
            path = path,
            before = show(old[path], secret),
            after = show(new[path], secret),
            by = asked_for and asked_for[path] == nil and "server" or nil,
        }
    end
    -- What becomes empty, or is so no more, is told by its fields.
    for path, v in pairs(new) do
        if old[path] == nil and path ~= "" and not inner_old[path] then
            add("+", path)
        elseif old[path] ~= nil and old[path] ~= v
            and not (is_empty(v) and is_empty(old[path])) then
            add("~", path)
        end
    end
    for path in pairs(old) do
        if new[path] == nil and path ~= "" and not inner_new[path] then
            add("-", path)
        end
    end
    table.sort(changes, function(a, b)
        return a.path < b.path
    end)
    return changes
end

return diff
