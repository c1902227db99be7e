--- What a kit of fortanix-ccm/backup holds, and whether it can be what a restore goes by.
local fields = require("salvor.k8s.fields")
local keys = require("salvor").keys
local yaml = require("salvor.yaml")

local kit = {}

kit.PROCEDURE = "fortanix-ccm/backup"

kit.CR = "cr.yaml"
kit.CONFIG_MAP = "configmap.yaml"
kit.SECRET = "secret.yaml"
kit.PREREQUISITES = "prerequisites.yaml"
kit.SETTINGS = "settings.yaml"

local text = fields.text

--- Each: what it is called, and whether the file can be that. Whoever writes a kit could put
--- anything into it.
local function is_object(kind)
    return function(part)
        return text(part, "kind") == kind and part.apiVersion == "v1"
            and text(part, "metadata", "name") and type(part.data or part.binaryData) == "table"
    end
end

local function is_list_of(type_name, list)
    for _, item in ipairs(list) do
        if type(item) ~= type_name then
            return false
        end
    end
    return true
end

local function are_images(images)
    for _, list in pairs(images) do
        if type(list) ~= "table" or not is_list_of("string", list) then
            return false
        end
    end
    return true
end

local PARTS = {
    [kit.CR] = {"resource", function(part)
        return text(part, "kind") and text(part, "metadata", "name")
    end},
    [kit.CONFIG_MAP] = {"ConfigMap", is_object("ConfigMap")},
    [kit.SECRET] = {"Secret", is_object("Secret")},
    [kit.PREREQUISITES] = {"prerequisites", function(part)
        return text(part, "kubernetes") and type(part.nodes) == "table"
            and is_list_of("table", part.nodes) and type(part.images) == "table"
            and are_images(part.images)
    end},
    [kit.SETTINGS] = {"settings", function(part)
        return text(part, "backup", "name") and text(part, "cr", "name")
            and text(part, "datacenter", "name") and fields.integer(part, "datacenter", "size")
            and type(part.storage) == "table"
    end},
}

kit.FILES = keys(PARTS)

--- parse(files) -> {cr, config_map, secret, prerequisites, settings}, problems: what the files of
--- such a kit {path = data} say, and a list of what is missing or wrong; with problems, not all
--- parts are there.
function kit.parse(files)
    local parts, problems = {}, {}
    for _, path in ipairs(kit.FILES) do
        local what, is_right = table.unpack(PARTS[path])
        local part = files[path] and yaml.load(files[path])
        if not files[path] then
            problems[#problems + 1] = "the kit lacks the " .. what .. " (" .. path .. ")"
        elseif type(part) ~= "table" or not is_right(part) then
            problems[#problems + 1] = "the kit's " .. path .. " is not the " .. what
                .. " of a backup"
        else
            parts[path] = part
        end
    end
    return {
        cr = parts[kit.CR],
        config_map = parts[kit.CONFIG_MAP],
        secret = parts[kit.SECRET],
        prerequisites = parts[kit.PREREQUISITES],
        settings = parts[kit.SETTINGS],
    }, problems
end

-- ConfigMap and Secret

local function has_all(one, other)
    for _, place in ipairs({"data", "binaryData"}) do
        local there = fields.map(other, place)
        for key, value in pairs(fields.map(one, place)) do
            if there[key] ~= value then
                return false
            end
        end
    end
    return true
end

--- compare(client, object) -> "missing", "same" or "other": what the cluster has in the place of a
--- saved ConfigMap or Secret; and whether that has at least all that was saved.
function kit.compare(client, object)
    local found, err = client:get(object.kind, object.metadata.name)
    if not found and err.code == "NotFound" then
        return "missing", false
    end
    must(found, err)
    local holds = has_all(object, found)
    return holds and has_all(found, object) and "same" or "other", holds
end

--- Whether a ConfigMap or Secret has no data at all.
function kit.is_empty(object)
    return not next(fields.map(object, "data")) and not next(fields.map(object, "binaryData"))
end

return kit
