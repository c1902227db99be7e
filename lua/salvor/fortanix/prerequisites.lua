--- What must be the same when a backup of Fortanix CCM is restored: Kubernetes, the nodes and their
--- CPUs, the images of operator and microservices.
local fields = require("salvor.k8s.fields")
local fortanix = require("salvor.fortanix")
local keys = require("salvor").keys

local prerequisites = {}

-- Labels that tell the subnet and the pool of a node of Azure's.
local NETWORK = "^kubernetes%.azure%.com/network%-"
local POOL = "kubernetes.azure.com/agentpool"

local function network_of(labels)
    local found = {}
    for label, value in pairs(labels) do
        if label:find(NETWORK) then
            found[label] = value
        end
    end
    return next(found) and found or nil
end

local function address_of(object)
    for _, address in ipairs(fields.items(object, "status", "addresses")) do
        if address.type == "InternalIP" then
            return address.address
        end
    end
end

local function describe_node(object)
    local labels = fields.map(object, "metadata", "labels")
    local capacity, info = fields.map(object, "status", "capacity"),
        fields.map(object, "status", "nodeInfo")
    return {
        name = object.metadata.name,
        cpu = capacity.cpu,
        memory = capacity.memory,
        architecture = info.architecture,
        kubelet = info.kubeletVersion,
        containerRuntime = info.containerRuntimeVersion,
        osImage = info.osImage,
        instanceType = labels["node.kubernetes.io/instance-type"],
        pool = labels[POOL],
        zone = labels["topology.kubernetes.io/zone"],
        internalIP = address_of(object),
        podCIDR = fields.text(object, "spec", "podCIDR"),
        network = network_of(labels),
        providerID = fields.text(object, "spec", "providerID"),
        systemUUID = info.systemUUID,
    }
end

local function nodes(ctx, selector)
    local found = {}
    for object in ctx.k8s:each("nodes", {label_selector = selector}) do
        found[#found + 1] = describe_node(object)
    end
    return found
end

local function images_of(object)
    local images = {}
    for _, container in ipairs(fields.items(object, "spec", "template", "spec", "containers")) do
        images[#images + 1] = container.image
    end
    return images
end

--- Of the deployments of the namespace, and of an operator's that is in another one.
local function images(ctx)
    local found, operator = {}, fortanix.operator(ctx.params)
    for object in ctx.k8s:each("deployments.apps") do
        found[object.metadata.name] = images_of(object)
    end
    if operator then
        found[ctx.params.operator] = images_of(must(ctx.k8s:get("deployments.apps", operator.name,
            {namespace = operator.namespace})))
    end
    return found
end

--- read(ctx, selector) -> {kubernetes = version, nodes = list of {name, cpu, instanceType,
--- systemUUID and more}, images = {deployment = list}}. selector: labels of the nodes that count,
--- nil for all. A deployment of another namespace is NAMESPACE/NAME. Raises what cannot be read.
function prerequisites.read(ctx, selector)
    return {
        kubernetes = must(ctx.k8s:request({path = "/version"})).body.gitVersion,
        nodes = nodes(ctx, selector),
        images = images(ctx),
    }
end

-- Comparing

--- One value of all nodes, as text: "4, 4, 8".
local function values_of(list, field)
    local found = {}
    for index, node in ipairs(list) do
        found[index] = tostring(node[field])
    end
    table.sort(found)
    return table.concat(found, ", ")
end

local SAME_NODES = "restoring is supported on the same physical nodes only, their CPUs and their"
    .. " number"

local function compare_nodes(ctx, before, now)
    if #before ~= #now then
        return ctx:problem(string.format("there are %d nodes, there were %d when the backup was"
            .. " made", #now, #before), SAME_NODES .. "; -p nodes=… says which ones count")
    end
    for _, field in ipairs({"cpu", "architecture", "instanceType"}) do
        local was, is = values_of(before, field), values_of(now, field)
        if was ~= is then
            ctx:problem("the nodes' " .. field .. " is " .. is .. ", it was " .. was, SAME_NODES)
        end
    end
    if values_of(before, "systemUUID") ~= values_of(now, "systemUUID") then
        ctx:warn("the nodes are not the very machines of then (their systemUUID differs)",
            SAME_NODES)
    end
end

local function compare_images(ctx, before, now)
    for _, name in ipairs(keys(before)) do
        local was, is = table.concat(before[name], ", "), now[name]
            and table.concat(now[name], ", ")
        if not is and name:find("/", 1, true) then
            ctx:problem("the kit has the version of deployment " .. name .. ", which is not looked"
                .. " at", "it is the operator's: -p operator=" .. name)
        elseif not is then
            ctx:problem("deployment " .. name .. " is not there",
                "the whole platform, in the versions of the backup, must be deployed before its"
                .. " data are restored; after a restore that stopped: resume or undo that one")
        elseif was ~= is then
            ctx:problem(string.format("deployment %s runs %s, it was %s when the backup was made",
                name, is, was), "deploy the same versions first")
        end
    end
end

--- compare(ctx, before, now): tells what differs between two of read().
function prerequisites.compare(ctx, before, now)
    if before.kubernetes ~= now.kubernetes then
        ctx:problem("Kubernetes is " .. now.kubernetes .. ", it was " .. before.kubernetes
            .. " when the backup was made", "restoring needs the same version")
    end
    compare_nodes(ctx, before.nodes, now.nodes)
    compare_images(ctx, before.images, now.images)
end

return prerequisites
