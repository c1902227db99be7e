--- Fortanix CCM on-premises: the names of its documentation, and what a platform runs on.
---
--- The group and kind of the operator's resource are not public: it is named by whoever runs a
--- procedure, as kind/name or by its manifest.
local errors = require("salvor.error")
local fields = require("salvor.k8s.fields")
local fs = require("salvor.fs")
local yaml = require("salvor.yaml")

local fortanix = {}

fortanix.CONFIG_MAP = "malbork-bootstrapping-data"
fortanix.SECRET = "malbork-bootstrapping-secret-data"

--- The deployments that the documentation has deleted before a restore; "*" stands for a version.
fortanix.DEPLOYMENTS = {"alhambra", "bodrum", "ccm-frontend-*", "main-dc1-reaper", "malbork",
                        "methoni", "microservice-certificate-controller"}

local function wrong(text, problem)
    return nil, errors.new({
        code = "Usage",
        message = "'" .. text .. "' " .. problem,
        hint = "give kind/name, such as armorplatforms.example.com/ccm, or the manifest's path",
    })
end

--- resource(text) -> {kind, name} of what kind/name or a manifest's path says, or nil and an error
function fortanix.resource(text)
    local manifest = fs.read(text)
    if manifest then
        local object, err = yaml.load(manifest)
        if not object then
            return nil, err
        end
        local kind, name = fields.text(object, "kind"), fields.text(object, "metadata", "name")
        if not kind or not name then
            return wrong(text, "is no manifest of one object")
        end
        return {kind = fields.text(object, "apiVersion") .. "/" .. kind, name = name}
    end
    local kind, name = text:match("^(.+)/([^/]+)$")
    if not kind then
        return wrong(text, "is neither kind/name nor a file")
    end
    return {kind = kind, name = name}
end

local function node_of(object)
    local labels = fields.map(object, "metadata", "labels")
    local capacity, info = fields.map(object, "status", "capacity"),
        fields.map(object, "status", "nodeInfo")
    return {
        name = object.metadata.name,
        cpu = capacity.cpu,
        memory = capacity.memory,
        kubelet = info.kubeletVersion,
        instanceType = labels["node.kubernetes.io/instance-type"],
        zone = labels["topology.kubernetes.io/zone"],
        podCIDR = fields.text(object, "spec", "podCIDR"),
        systemUUID = info.systemUUID,
    }
end

--- nodes(client, selector) -> list of {name, cpu, memory, kubelet, instanceType, zone, podCIDR,
--- systemUUID}, by name. `selector`: labels, nil for all.
function fortanix.nodes(client, selector)
    local found = {}
    for object in client:each("nodes", {label_selector = selector}) do
        found[#found + 1] = node_of(object)
    end
    return found
end

--- images(client) -> {deployment = list of its images} of the namespace
function fortanix.images(client)
    local found = {}
    for object in client:each("deployments.apps") do
        local images = {}
        for _, container in ipairs(fields.items(object, "spec", "template", "spec",
            "containers")) do
            images[#images + 1] = container.image
        end
        found[object.metadata.name] = images
    end
    return found
end

--- prerequisites(client, selector) -> what must be the same when a backup is restored:
--- {kubernetes = version, nodes, images}
function fortanix.prerequisites(client, selector)
    local version = must(client:request({path = "/version"}))
    return {
        kubernetes = version.body.gitVersion,
        nodes = fortanix.nodes(client, selector),
        images = fortanix.images(client),
    }
end

--- matches(name, patterns) -> whether the name is one of the patterns, where "*" stands for
--- anything.
function fortanix.matches(name, patterns)
    for _, pattern in ipairs(patterns) do
        local plain = pattern:gsub("%p", "%%%0"):gsub("%%%*", ".*")
        if name:match("^" .. plain .. "$") then
            return true
        end
    end
    return false
end

--- One value of all nodes, as text: "4, 4, 8".
local function values_of(nodes, field)
    local found = {}
    for index, node in ipairs(nodes) do
        found[index] = tostring(node[field])
    end
    table.sort(found)
    return table.concat(found, ", ")
end

local SAME_NODES = "restoring is supported on the same physical nodes only"

local function compare_nodes(before, now, add)
    if #before ~= #now then
        add("problem", string.format("there are %d nodes, %d when the backup was made", #now,
            #before), SAME_NODES .. "; which ones count is said with -p nodes=…")
        return
    end
    for _, field in ipairs({"cpu", "instanceType"}) do
        local was, is = values_of(before, field), values_of(now, field)
        if was ~= is then
            add("problem", "the nodes' " .. field .. " is " .. is .. ", it was " .. was, SAME_NODES)
        end
    end
    if values_of(before, "systemUUID") ~= values_of(now, "systemUUID") then
        add("warn", "the nodes are not the very machines of then (systemUUID)", SAME_NODES)
    end
end

local function compare_images(before, now, add)
    for name, images in pairs(before) do
        local was, is = table.concat(images, ", "), now[name] and table.concat(now[name], ", ")
        if not is then
            add("problem", "deployment " .. name .. " is not there",
                "the whole platform must be deployed before its data are restored")
        elseif was ~= is then
            add("problem", "deployment " .. name .. " runs " .. is .. ", the backup was made of "
                .. was, "deploy the same versions first")
        end
    end
end

--- differences(before, now) -> list of {level = "problem" or "warn", message, hint}: what differs
--- between two prerequisites().
function fortanix.differences(before, now)
    local found = {}
    local function add(level, message, hint)
        found[#found + 1] = {level = level, message = message, hint = hint}
    end
    if before.kubernetes ~= now.kubernetes then
        add("problem", "Kubernetes is " .. now.kubernetes .. ", it was "
            .. tostring(before.kubernetes) .. " when the backup was made",
            "restoring needs the same version")
    end
    compare_nodes(before.nodes or {}, now.nodes, add)
    compare_images(before.images or {}, now.images, add)
    table.sort(found, function(a, b)
        return a.message < b.message
    end)
    return found
end

return fortanix
