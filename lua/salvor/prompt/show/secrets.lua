--- Secrets as they are shown, wherever in a value they are: with the sizes of their values. Nothing
--- of a value is run.
local value = require("salvor.value")

local secrets = {}

local LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

-- Deeper is nothing that can be written as JSON or YAML.
local MOST_DEEP = 1000

local function copy_of(map)
    local copied = {}
    for key, v in next, map do
        copied[key] = v
    end
    return copied
end

--- How many bytes a text of base64 stands for.
local function decoded_size(text)
    return #text // 4 * 3 - #text:match("=*$")
end

--- The sizes of a map's texts; nil of anything else.
local function sizes_of(values, size_of)
    if type(values) ~= "table" then
        return nil
    end
    local shown = {}
    for key, text in next, values do
        shown[key] = type(text) == "string" and string.format("(%d bytes)", size_of(text))
            or "(left out)"
    end
    return shown
end

local function without_last_applied(metadata)
    local annotations = type(metadata) == "table" and rawget(metadata, "annotations")
    if type(annotations) ~= "table" or rawget(annotations, LAST_APPLIED) == nil then
        return metadata
    end
    metadata, annotations = copy_of(metadata), copy_of(annotations)
    annotations[LAST_APPLIED] = "(left out)"
    metadata.annotations = annotations
    return metadata
end

local function masked(secret)
    local shown = copy_of(secret)
    shown.data = sizes_of(shown.data, decoded_size)
    shown.stringData = sizes_of(shown.stringData, string.len)
    shown.metadata = without_last_applied(shown.metadata)
    return shown
end

--- A server names no kind in the items of its list. Those that have one are masked by it.
local function masked_list(list)
    local shown = copy_of(list)
    local items = type(shown.items) == "table" and copy_of(shown.items) or {}
    for key, item in next, items do
        if type(item) == "table" and rawget(item, "kind") ~= "Secret" then
            items[key] = masked(item)
        end
    end
    shown.items = value.list(items)
    return shown
end

--- masked(table) -> what is shown instead of a Secret, or of a list of them; nil of any other.
function secrets.masked(map)
    local kind = rawget(map, "kind")
    return kind == "Secret" and masked(map) or kind == "SecretList" and masked_list(map) or nil
end

--- all_masked(v) -> the same with all Secrets in it masked, whether there are any. Tables that hold
--- none are not copied.
function secrets.all_masked(v)
    local seen, has_some = {}, false
    local function walk(map, depth)
        if type(map) ~= "table" or depth > MOST_DEEP then
            return map
        elseif seen[map] then
            return seen[map]
        end
        seen[map] = map -- who comes here again has a cycle, which is neither JSON nor YAML
        local shown = secrets.masked(map)
        has_some = has_some or shown ~= nil
        for key, child in next, shown or map do
            local child_shown = walk(child, depth + 1)
            if not rawequal(child_shown, child) then
                shown = shown or copy_of(map)
                shown[key] = child_shown
            end
        end
        seen[map] = shown or map
        return seen[map]
    end
    return walk(v, 0), has_some
end

return secrets
