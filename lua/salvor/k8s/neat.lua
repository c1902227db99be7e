--- What remains of an object when everything a cluster added is taken away, ready to be created in
--- another one.
---
--- Taken away: status; of the metadata everything but name (or generateName), namespace, labels
--- and annotations; annotations that record what was applied, bound or rolled out; a null
--- creationTimestamp in templates; and what a cluster fills in and refuses or misunderstands
--- elsewhere: a Pod's node, token volume and deprecated serviceAccount, a Job's generated selector
--- and labels, a Service's cluster address (not "None", which means headless), a claim's volume
--- where the cluster chose it, a ServiceAccount's generated token Secrets.
---
--- Finalizers go too: they belong to controllers, which put them back, and without their controller
--- they make an object that cannot be deleted. Everything else stays as it is, unlike with
--- kubectl-neat: empty maps and lists mean something (`emptyDir: {}`), and so do values that happen
--- to be defaults.
local salvor = require("salvor")

local KEPT_METADATA = {"name", "namespace", "labels", "annotations"}

local DROPPED_ANNOTATIONS = {
    "^kubectl%.kubernetes%.io/last%-applied%-configuration$",
    "^deployment%.kubernetes%.io/revision$",
    "^pv%.kubernetes%.io/",
    "^volume%.beta%.kubernetes%.io/storage%-provisioner$",
    "^volume%.kubernetes%.io/storage%-provisioner$",
}

local JOB_LABELS = {"controller-uid", "job-name", "batch.kubernetes.io/controller-uid",
                    "batch.kubernetes.io/job-name"}

local function copy(value)
    if type(value) ~= "table" then
        return value
    end
    local result = {}
    for key, item in pairs(value) do
        result[key] = copy(item)
    end
    return setmetatable(result, getmetatable(value))
end

--- The table below a path of keys, or nil.
local function at(object, ...)
    for _, key in ipairs({...}) do
        object = type(object) == "table" and object[key] or nil
    end
    return type(object) == "table" and object or nil
end

--- Removes the items of the list `owner[field]` that are `unwanted`; an emptied list goes too.
local function remove_items(owner, field, unwanted)
    local items = at(owner, field)
    if not items then
        return
    end
    local count = #items
    for index = count, 1, -1 do
        if unwanted(items[index]) then
            table.remove(items, index)
        end
    end
    if count > 0 and #items == 0 then
        owner[field] = nil
    end
end

local function remove_keys(owner, field, keys)
    local map = at(owner, field)
    if not map then
        return
    end
    local had = next(map) ~= nil
    for _, key in ipairs(keys) do
        map[key] = nil
    end
    if had and next(map) == nil then
        owner[field] = nil
    end
end

local function neat_metadata(metadata)
    local result = {}
    for _, field in ipairs(KEPT_METADATA) do
        result[field] = metadata[field]
    end
    if not result.name then
        result.generateName = metadata.generateName
    end
    local unwanted = {}
    for name in pairs(at(result, "annotations") or {}) do
        for _, pattern in ipairs(DROPPED_ANNOTATIONS) do
            if name:find(pattern) then
                unwanted[#unwanted + 1] = name
            end
        end
    end
    remove_keys(result, "annotations", unwanted)
    return result
end

local function is_token_volume(volume)
    local name = volume.name or ""
    return name:find("^default%-token%-") ~= nil or name:find("^kube%-api%-access%-") ~= nil
end

local kinds = {}

function kinds.Pod(object)
    local spec = at(object, "spec") or {}
    spec.nodeName = nil
    spec.serviceAccount = nil
    remove_items(spec, "volumes", is_token_volume)
    for _, field in ipairs({"containers", "initContainers"}) do
        for _, container in ipairs(at(spec, field) or {}) do
            remove_items(container, "volumeMounts", is_token_volume)
        end
    end
end

function kinds.Job(object)
    local spec = at(object, "spec") or {}
    if spec.manualSelector == true then
        return
    end
    spec.selector = nil
    remove_keys(at(object, "metadata"), "labels", JOB_LABELS)
    local template = at(spec, "template", "metadata")
    if template then
        remove_keys(template, "labels", JOB_LABELS)
    end
end

function kinds.Service(object)
    local spec = at(object, "spec") or {}
    if spec.clusterIP ~= "None" then
        spec.clusterIP = nil
        spec.clusterIPs = nil
    end
end

function kinds.PersistentVolumeClaim(object, original)
    local annotations = at(original, "metadata", "annotations") or {}
    if annotations["pv.kubernetes.io/bound-by-controller"] == "yes" and at(object, "spec") then
        object.spec.volumeName = nil
    end
end

function kinds.ServiceAccount(object)
    local prefix = (object.metadata.name or "") .. "-token-"
    remove_items(object, "secrets", function(secret)
        local name = secret.name or ""
        return name:sub(1, #prefix) == prefix
            and name:sub(#prefix + 1):find("^%w%w%w%w%w$") ~= nil
    end)
end

--- Kinds with those names in other groups are other things.
local GROUP_OF = {Pod = "v1", Job = "batch/", Service = "v1", PersistentVolumeClaim = "v1",
                  ServiceAccount = "v1"}

local function neat_object(original)
    local object = copy(original)
    object.status = nil
    object.metadata = neat_metadata(at(object, "metadata") or {})
    local template = at(object, "spec", "template", "metadata")
    if template and template.creationTimestamp == salvor.null then
        template.creationTimestamp = nil
    end
    local group = GROUP_OF[object.kind]
    local api_version = object.apiVersion or ""
    if group and (api_version == group or group:find("/$") and api_version:sub(1, #group) == group)
    then
        kinds[object.kind](object, original)
    end
    return object
end

local function neat_items(items)
    local result = salvor.list({})
    for index, item in ipairs(items) do
        result[index] = neat_object(item)
    end
    return result
end

--- Of an object, of a List (its items, and nothing else of it) or of a plain list of objects. The
--- argument stays as it is.
return function(object)
    if type(object) ~= "table" then
        error("k8s.neat: an object (table) expected, got " .. type(object), 2)
    end
    if salvor.is_list(object) then
        return neat_items(object)
    end
    if type(object.items) == "table" and type(object.kind) == "string"
        and object.kind:find("List$") then
        return {
            apiVersion = object.apiVersion,
            kind = object.kind,
            items = neat_items(object.items),
        }
    end
    return neat_object(object)
end
