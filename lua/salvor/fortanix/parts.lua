--- What a kit of fortanix-ccm/backup holds, and whether it can be what a restore goes by.
local contents = require("salvor.k8s.contents")
local fields = require("salvor.k8s.fields")
local find = require("salvor.k8s.find")
local keys = require("salvor").keys
local yaml = require("salvor.yaml")

local parts = {}

parts.PROCEDURE = "fortanix-ccm/backup"

parts.CR = "cr.yaml"
parts.CONFIG_MAP = "configmap.yaml"
parts.SECRET = "secret.yaml"
parts.PREREQUISITES = "prerequisites.yaml"
parts.SETTINGS = "settings.yaml"

local text = fields.text

--- Each: what it is called, and whether the file can be that. Whoever writes a kit could put
--- anything into it.
local function is_object(kind)
    return function(part)
        return text(part, "kind") == kind and part.apiVersion == "v1"
            and text(part, "metadata", "name") and not contents.is_empty(part)
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
    [parts.CR] = {"resource", function(part)
        return text(part, "kind") and text(part, "metadata", "name")
    end},
    [parts.CONFIG_MAP] = {"ConfigMap", is_object("ConfigMap")},
    [parts.SECRET] = {"Secret", is_object("Secret")},
    [parts.PREREQUISITES] = {"prerequisites", function(part)
        return text(part, "kubernetes") and type(part.nodes) == "table"
            and is_list_of("table", part.nodes) and type(part.images) == "table"
            and are_images(part.images)
    end},
    [parts.SETTINGS] = {"settings", function(part)
        return text(part, "namespace") and text(part, "backup", "name")
            and text(part, "datacenter", "name") and fields.integer(part, "datacenter", "size")
            and type(part.storage) == "table" and (part.nodes == nil or text(part, "nodes"))
    end},
}

parts.FILES = keys(PARTS)

--- parse(files) -> {cr, config_map, secret, prerequisites, settings}, problems: what the files of
--- such a kit {path = data} say, and a list of what is missing or wrong; with problems, not all
--- parts are there.
function parts.parse(files)
    local found, problems = {}, {}
    for _, path in ipairs(parts.FILES) do
        local what, is_right = table.unpack(PARTS[path])
        local part = files[path] and yaml.load(files[path])
        if not files[path] then
            problems[#problems + 1] = "the kit lacks the " .. what .. " (" .. path .. ")"
        elseif type(part) ~= "table" or not is_right(part) then
            problems[#problems + 1] = "the kit's " .. path .. " is not the " .. what
                .. " of a backup"
        else
            found[path] = part
        end
    end
    return {
        cr = found[parts.CR],
        config_map = found[parts.CONFIG_MAP],
        secret = found[parts.SECRET],
        prerequisites = found[parts.PREREQUISITES],
        settings = found[parts.SETTINGS],
    }, problems
end

-- ConfigMap and Secret

--- compare(client, object) -> "missing", "same" or "other": what the cluster has in the place of a
--- saved ConfigMap or Secret; and whether that has at least all that was saved.
function parts.compare(client, object)
    local found = find.object(client, object.kind, object.metadata.name)
    if not found then
        return "missing", false
    end
    return contents.same(found, object) and "same" or "other", contents.holds(found, object)
end

return parts
