--- A simulated Fortanix CCM platform: its deployments, the operator that keeps them unless its
--- resource is paused, and the Cassandra and Medusa below it.
---
---   local world <close> = fortanix.start{kubeconfig = file, namespace = "prod"}
---
--- The real operator's group and kind are not public: the resource here is of a kind of our own.
local base64 = require("salvor.digest").base64
local json = require("salvor.json")
local medusa = require("worlds.medusa")
local operator = require("worlds.operator")
local salvor = require("salvor")
local task = require("salvor.task")

local CRDS = "tests/worlds/fortanix/crds.yaml"
local PLATFORMS = "armorplatforms.armor.example.org"
local OWNED = "armor.example.org/platform"

local fortanix = {
    PLATFORMS = PLATFORMS,
    CONFIG_MAP = "malbork-bootstrapping-data",
    SECRET = "malbork-bootstrapping-secret-data",
    --- What the documentation has deleted before a restore.
    DEPLOYMENTS = {"alhambra", "bodrum", "ccm-frontend-4-36-2101", "main-dc1-reaper", "malbork",
                   "methoni", "microservice-certificate-controller"},
    OPERATOR = "fortanix-armor-operator",
}

local World = operator.new_class()

local function image_of(name)
    return "images.example.org/" .. name .. ":4.36.2101"
end

local function deployment(self, name)
    local labels = {app = name, [OWNED] = name ~= fortanix.OPERATOR and self.name or nil}
    return {
        apiVersion = "apps/v1", kind = "Deployment",
        metadata = {name = name, labels = labels},
        spec = {
            replicas = 1, selector = {matchLabels = {app = name}},
            template = {metadata = {labels = labels},
                        spec = {schedulerName = "nobody",
                                containers = {{name = "main", image = image_of(name)}}}},
        },
    }
end

--- What the cluster makes of a deployment: a pod, and a status that says so. faults.pending: the
--- name of the deployment whose pod never runs, which the cluster sees at once here.
local function roll_out(self, object)
    local name, labels = object.metadata.name, object.spec.template.metadata.labels
    local pod, containers = name .. "-" .. operator.hex(3), object.spec.template.spec.containers
    local pending = self.faults.pending == name
    if pending then
        must(self.client:create({apiVersion = "v1", kind = "Pod",
                                 metadata = {name = pod, labels = labels},
                                 spec = {containers = containers}}))
    else
        self:running_pod(pod, labels, containers)
    end
    self:set_status(object, {
        observedGeneration = object.metadata.generation, replicas = 1, updatedReplicas = 1,
        readyReplicas = pending and 0 or 1, availableReplicas = pending and 0 or 1,
        unavailableReplicas = pending and 1 or 0,
        conditions = pending and salvor.list({{
            type = "Progressing", status = "False", reason = "ProgressDeadlineExceeded",
            message = name .. " has timed out progressing",
        }}) or nil,
    })
end

local function create_deployment(self, name)
    local made, err = self.client:create(deployment(self, name))
    if made then
        roll_out(self, made)
    elseif err.code ~= "AlreadyExists" then
        error(err, 0)
    end
end

local function is_paused(self)
    local platform = self.client:get(PLATFORMS, self.name)
    return not platform or platform.spec.paused == true and not self.faults.ignores_pause
end

local function keep_deployments(self)
    task.sleep(self.delays.operator)
    for _, name in ipairs(fortanix.DEPLOYMENTS) do
        if not is_paused(self) then
            create_deployment(self, name)
        end
    end
    self.settled = true
end

--- The garbage collector takes the pods; the operator brings the deployment back.
local function on_deleted(self, object)
    must(self.client:delete_all("pods", {label_selector = {app = object.metadata.name}}))
    keep_deployments(self)
end

local function always()
    return true
end

local function is_owned(object)
    return (object.metadata.labels or {})[OWNED] ~= nil
end

local function add_nodes(self, count)
    self.node_label = {["agentpool"] = self.namespace}
    for index = 1, count do
        local node = must(self.client:create({
            apiVersion = "v1", kind = "Node",
            metadata = {
                name = string.format("%s-%d", self.namespace, index),
                labels = {agentpool = self.namespace,
                          ["kubernetes.azure.com/agentpool"] = "ccm",
                          ["kubernetes.azure.com/network-subnet"] = "aks",
                          ["node.kubernetes.io/instance-type"] = "Standard_DC4s_v3",
                          ["topology.kubernetes.io/zone"] = "westeurope-" .. index},
            },
            -- Nothing runs here: in a lab with a node, pods must go to that one.
            spec = {podCIDR = "10.244." .. index .. ".0/24", providerID = "azure:///" .. index,
                    taints = {{key = "simulated", effect = "NoSchedule"}}},
        }))
        self:set_status(node, {
            addresses = salvor.list({{type = "Hostname", address = node.metadata.name},
                                     {type = "InternalIP", address = "10.0.0." .. index}}),
            capacity = {cpu = "4", memory = "32880456Ki", pods = "30"},
            nodeInfo = {kubeletVersion = "v1.20.2", kernelVersion = "5.15", osImage = "Ubuntu",
                        machineID = operator.hex(16), systemUUID = operator.hex(16),
                        bootID = operator.hex(16), containerRuntimeVersion = "containerd://1.6",
                        kubeProxyVersion = "v1.20.2", operatingSystem = "linux",
                        architecture = "amd64"},
        })
        self.node_names[index] = node.metadata.name
    end
end

local function add_bootstrapping_data(self)
    must(self.client:create({
        apiVersion = "v1", kind = "ConfigMap", metadata = {name = fortanix.CONFIG_MAP},
        data = {["config.json"] = "{\"cluster\": \"" .. operator.hex(8) .. "\"}\n"},
    }))
    must(self.client:create({
        apiVersion = "v1", kind = "Secret", metadata = {name = fortanix.SECRET},
        data = {["root-key"] = base64(operator.random_bytes(64)), token = base64(operator.hex(24))},
    }))
    must(self.client:create({
        apiVersion = "v1", kind = "Secret", metadata = {name = self.storage_secret},
        data = {credentials = base64(must(json.encode({
            storage_account = "ccmbackups", key = base64(operator.random_bytes(64)),
        })))},
    }))
end

--- start(options) -> the world. options: kubeconfig, namespace, nodes (3), medusa (options of
--- worlds.medusa), delays {operator} in seconds, faults {ignores_pause, pending = deployment whose
--- pod never runs}. `medusa` of the world is that of worlds.medusa.
function fortanix.start(options)
    local below = {kubeconfig = options.kubeconfig, namespace = options.namespace}
    for name, value in pairs(options.medusa or {}) do
        below[name] = value
    end
    local self = operator.start(World, options, {
        name = "ccm",
        storage_secret = "medusa-azure-key-test",
        delays = {operator = (options.delays or {}).operator or 0.01},
        faults = options.faults or {},
        node_names = {},
    })
    operator.install(self.client, CRDS)
    self.medusa = medusa.start(below)
    add_nodes(self, options.nodes or 3)
    add_bootstrapping_data(self)
    must(self.client:create({
        apiVersion = "armor.example.org/v1", kind = "ArmorPlatform", metadata = {name = self.name},
        spec = {
            paused = false,
            backup = {secret = self.storage_secret, bucketName = "medusa", prefix = "platform",
                      schedule = "0 * * * *", storageProvider = {mode = "azureBlobs"}},
        },
    }))
    create_deployment(self, fortanix.OPERATOR)
    self:control(PLATFORMS, keep_deployments,
        {object = always, types = {ADDED = true, MODIFIED = true}})
    local deletions = self:control("deployments.apps", on_deleted,
        {object = is_owned, types = {DELETED = true}})
    operator.eventually("all deployments", function()
        return self.settled and deletions.watching
    end)
    return self
end

function World:platform()
    return must(self.client:get(PLATFORMS, self.name))
end

--- The names of the deployments that are there.
function World:deployments()
    local names = {}
    for _, object in ipairs(must(self.client:list("deployments.apps"))) do
        names[#names + 1] = object.metadata.name
    end
    table.sort(names)
    return salvor.list(names)
end

local close = World.close

function World:close()
    local below <close> = self.medusa -- luacheck: ignore 211
    for _, name in ipairs(self.client and self.node_names or {}) do
        self.client:delete("nodes", name)
    end
    close(self)
end

World.__close = World.close

return fortanix
