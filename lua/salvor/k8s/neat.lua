--- What remains of an object when everything a cluster added is taken away, ready to be created in
--- another one: what kubectl-neat removes, but for what would be lost by that.
---
--- Taken away, as by kubectl-neat: status; of the metadata everything but name, namespace, labels
--- and annotations; the last-applied-configuration; in the spec of the core kinds what a server
--- fills in by itself (lua/salvor/k8s/neat/defaults.lua); a Pod's node, token volumes and
--- deprecated serviceAccount. Finalizers go too: they belong to controllers, which put them back,
--- and without their controller they make an object that cannot be deleted.
---
--- Beyond kubectl-neat, since another cluster refuses or misunderstands it: further annotations of
--- controllers (binding, roll-out revision); a null creationTimestamp in templates; a Pod's
--- priority (it comes from its class) and ephemeral containers; a Job's generated selector and
--- labels; a Service's cluster address (not "None", which means headless); a claim's volume where
--- the cluster chose it, and the uid of the claim in a volume; a ServiceAccount's generated token
--- Secrets.
---
--- Kept, unlike by kubectl-neat: empty maps and lists, since they mean something (`emptyDir: {}`, a
--- selector of everything); generateName where there is no name; spec.nodeName of other kinds than
--- Pods, where it is the owner's; a hostPath, emptyDir or other volume although its name begins
--- like a token's. Of a List nothing but apiVersion, kind and items remains, and an item that is no
--- object is an error and not left as it is. Secret data stays in clear text.
local copy = require("salvor.copy")
local drop_defaults = require("salvor.k8s.neat.defaults")
local fields = require("salvor.k8s.fields")
local salvor = require("salvor")

local KEPT_METADATA = {"name", "namespace", "labels", "annotations"}

local DROPPED_ANNOTATIONS = {
    "^kubectl%.kubernetes%.io/last%-applied%-configuration$",
    "^deployment%.kubernetes%.io/revision$",
    "^pv%.kubernetes%.io/",
    "^volume%.beta%.kubernetes%.io/storage%-provisioner$",
    "^volume%.kubernetes%.io/selected%-node$",
    "^volume%.kubernetes%.io/storage%-provisioner$",
}

local JOB_LABELS = {"controller-uid", "job-name", "batch.kubernetes.io/controller-uid",
                    "batch.kubernetes.io/job-name"}

--- The table below a path of keys, or nil.
local function at(object, ...)
    local found = salvor.dig(object, ...)
    return type(found) == "table" and found or nil
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
            if type(name) == "string" and name:find(pattern) then
                unwanted[#unwanted + 1] = name
            end
        end
    end
    remove_keys(result, "annotations", unwanted)
    return result
end

--- The names of the volumes with the token of the pod's account, which the cluster mounts by
--- itself: a Secret of that name on older servers, a projection on newer ones.
local function token_volumes(spec)
    local names = {}
    local account = fields.text(spec, "serviceAccountName") or "default"
    for _, volume in ipairs(fields.items(spec, "volumes")) do
        local name = fields.text(volume, "name") or ""
        local is_secret = fields.text(volume, "secret", "secretName") == name
            and (name:find("^default%-token%-")
                or name:sub(1, #account + 7) == account .. "-token-"
                and name:sub(#account + 8):find("^%w%w%w%w%w$"))
        if is_secret or name:find("^kube%-api%-access%-") and at(volume, "projected") then
            names[name] = true
        end
    end
    return names
end

local kinds = {}

function kinds.Pod(object)
    local spec = at(object, "spec") or {}
    local tokens = token_volumes(spec)
    local function is_token(item)
        return type(item) == "table" and tokens[item.name or false] or false
    end
    for _, field in ipairs({"nodeName", "serviceAccount", "priority", "preemptionPolicy",
                            "ephemeralContainers"}) do
        spec[field] = nil
    end
    remove_items(spec, "volumes", is_token)
    for _, field in ipairs({"containers", "initContainers"}) do
        for _, container in ipairs(fields.items(spec, field)) do
            remove_items(container, "volumeMounts", is_token)
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

--- The name keeps the volume for its claim; with the uid of the old one it would fit none.
function kinds.PersistentVolume(object)
    local claim = fields.map(object, "spec", "claimRef")
    claim.uid, claim.resourceVersion = nil, nil
end

function kinds.ServiceAccount(object)
    local prefix = (fields.text(object, "metadata", "name") or "") .. "-token-"
    remove_items(object, "secrets", function(secret)
        local name = fields.text(secret, "name") or ""
        return name:sub(1, #prefix) == prefix
            and name:sub(#prefix + 1):find("^%w%w%w%w%w$") ~= nil
    end)
end

--- Kinds with those names in other groups are other things.
local GROUP_OF = {Pod = "v1", Job = "batch/", Service = "v1", PersistentVolumeClaim = "v1",
                  PersistentVolume = "v1", ServiceAccount = "v1"}

local function neat_object(original)
    local object = copy.deep(original)
    object.status = nil
    object.metadata = neat_metadata(at(object, "metadata") or {})
    local template = at(object, "spec", "template", "metadata")
    if template and template.creationTimestamp == salvor.null then
        template.creationTimestamp = nil
    end
    local kind, api_version = fields.text(object, "kind") or "", fields.text(object, "apiVersion")
        or ""
    local group = GROUP_OF[kind]
    if group and (api_version == group or group:find("/$") and api_version:sub(1, #group) == group)
    then
        kinds[kind](object, original)
    end
    if api_version == "v1" and at(object, "spec") then
        drop_defaults(kind, object.spec)
    end
    return object
end

local function neat_items(items)
    local result = salvor.list({})
    for index, item in ipairs(items) do
        if type(item) ~= "table" then
            error(string.format("k8s.neat: item %d is no object (table) but a %s", index,
                type(item)), 3)
        end
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
    if salvor.is_list(object) or object[1] ~= nil then
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
