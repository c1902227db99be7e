--- What an API server fills in by itself in the spec of the core kinds (the defaulting of the group
--- v1), taken out where it stands: it puts the same back. Nothing that a server would not put back
--- exactly is touched; an own value that happens to be the default is the same as none.
local fields = require("salvor.k8s.fields")

local defaults = {}

--- Removes the fields of a table that have these values. A value that is a table stands for a
--- default that is filled in as a whole: it goes when it is empty.
local function drop(owner, values)
    for field, value in pairs(values) do
        local present = owner[field]
        if present == value
            or type(value) == "table" and type(present) == "table" and next(present) == nil then
            owner[field] = nil
        end
    end
end

--- What an image without a pull policy gets; nil where it is not sure how a server reads its name.
local function pull_policy(image)
    if type(image) ~= "string" then
        return nil
    end
    local name, digest = image:match("^([^@]*)@?(.*)$")
    local path, tag = name:match("^(.*):([%w_][%w_.-]*)$")
    if not (path or name):find("^[%l%d][%l%d._/:-]*$") then
        return nil
    elseif tag == "latest" or not tag and digest == "" then
        return "Always"
    end
    return "IfNotPresent"
end

local FIELD_REF = {apiVersion = "v1"}

local function drop_handler(handler)
    drop(fields.map(handler, "httpGet"), {path = "/", scheme = "HTTP"})
    drop(fields.map(handler, "grpc"), {service = ""})
end

--- requests are filled in from the limits, each resource on its own.
local function drop_requests(resources)
    local limits, requests = fields.map(resources, "limits"), fields.map(resources, "requests")
    local had = next(requests) ~= nil
    for name, amount in pairs(limits) do
        if requests[name] == amount then
            requests[name] = nil
        end
    end
    if had and next(requests) == nil then
        resources.requests = nil
    end
end

local function drop_container(container, spec)
    drop(container, {
        terminationMessagePath = "/dev/termination-log", terminationMessagePolicy = "File",
        imagePullPolicy = pull_policy(container.image),
    })
    for _, port in ipairs(fields.items(container, "ports")) do
        drop(port, {protocol = "TCP"})
        if spec.hostNetwork == true and port.hostPort == port.containerPort then
            port.hostPort = nil
        end
    end
    for _, name in ipairs({"livenessProbe", "readinessProbe", "startupProbe"}) do
        local probe = fields.map(container, name)
        drop(probe, {timeoutSeconds = 1, periodSeconds = 10, successThreshold = 1,
                     failureThreshold = 3})
        drop_handler(probe)
    end
    for _, name in ipairs({"postStart", "preStop"}) do
        drop_handler(fields.map(container, "lifecycle", name))
    end
    for _, variable in ipairs(fields.items(container, "env")) do
        drop(fields.map(variable, "valueFrom", "fieldRef"), FIELD_REF)
    end
    drop_requests(fields.map(container, "resources"))
    drop(container, {resources = {}})
end

local MODE = {defaultMode = 420} -- 0644

local VOLUME = {
    secret = MODE, configMap = MODE, downwardAPI = MODE, projected = MODE, hostPath = {type = ""},
    iscsi = {iscsiInterface = "default"},
    rbd = {pool = "rbd", user = "admin", keyring = "/etc/ceph/keyring"},
    azureDisk = {cachingMode = "ReadWrite", kind = "Shared", fsType = "ext4", readOnly = false},
    scaleIO = {storageMode = "ThinProvisioned", fsType = "xfs"},
}

--- Of a pod's volume, or of a PersistentVolume.
local function drop_source(volume)
    for name, values in pairs(VOLUME) do
        drop(fields.map(volume, name), values)
    end
end

local function drop_volume(volume)
    drop_source(volume)
    for _, item in ipairs(fields.items(volume, "downwardAPI", "items")) do
        drop(fields.map(item, "fieldRef"), FIELD_REF)
    end
    for _, source in ipairs(fields.items(volume, "projected", "sources")) do
        drop(fields.map(source, "serviceAccountToken"), {expirationSeconds = 3600})
        for _, item in ipairs(fields.items(source, "downwardAPI", "items")) do
            drop(fields.map(item, "fieldRef"), FIELD_REF)
        end
    end
    drop(fields.map(volume, "ephemeral", "volumeClaimTemplate", "spec"),
        {volumeMode = "Filesystem"})
end

local function drop_pod(spec)
    drop(spec, {
        dnsPolicy = "ClusterFirst", restartPolicy = "Always", terminationGracePeriodSeconds = 30,
        schedulerName = "default-scheduler", enableServiceLinks = true, securityContext = {},
    })
    for _, list in ipairs({"initContainers", "containers"}) do
        for _, container in ipairs(fields.items(spec, list)) do
            drop_container(container, spec)
        end
    end
    for _, volume in ipairs(fields.items(spec, "volumes")) do
        drop_volume(volume)
    end
end

defaults.Pod = drop_pod

local function is_same_map(a, b)
    for key, value in pairs(a) do
        if b[key] ~= value then
            return false
        end
    end
    for key in pairs(b) do
        if a[key] == nil then
            return false
        end
    end
    return true
end

function defaults.ReplicationController(spec)
    drop(spec, {replicas = 1})
    local selector = fields.map(spec, "selector")
    if next(selector)
        and is_same_map(selector, fields.map(spec, "template", "metadata", "labels")) then
        spec.selector = nil
    end
    drop_pod(fields.map(spec, "template", "spec"))
end

function defaults.Service(spec)
    local kind = spec.type or "ClusterIP"
    for _, port in ipairs(fields.items(spec, "ports")) do
        drop(port, {protocol = "TCP"})
        if port.targetPort == port.port then
            port.targetPort = nil
        end
    end
    if kind == "NodePort" or kind == "LoadBalancer" then
        drop(spec, {externalTrafficPolicy = "Cluster"})
    end
    if kind == "LoadBalancer" then
        drop(spec, {allocateLoadBalancerNodePorts = true})
    end
    if kind ~= "ExternalName" then
        drop(spec, {internalTrafficPolicy = "Cluster"})
    end
    drop(spec, {type = "ClusterIP", sessionAffinity = "None"})
    if spec.sessionAffinity == "ClientIP" then
        local client = fields.map(spec, "sessionAffinityConfig", "clientIP")
        if client.timeoutSeconds == 10800 then
            spec.sessionAffinityConfig = nil
        end
    end
end

function defaults.PersistentVolumeClaim(spec)
    drop(spec, {volumeMode = "Filesystem"})
end

function defaults.PersistentVolume(spec)
    drop(spec, {persistentVolumeReclaimPolicy = "Retain", volumeMode = "Filesystem"})
    drop_source(spec)
end

--- Of a container's limits: `default` is filled in from max, `defaultRequest` from default, then
--- min.
function defaults.LimitRange(spec)
    for _, limit in ipairs(fields.items(spec, "limits")) do
        local default, request = fields.map(limit, "default"), fields.map(limit, "defaultRequest")
        local min, max = fields.map(limit, "min"), fields.map(limit, "max")
        if limit.type == "Container" then
            for name, amount in pairs(request) do
                if amount == (default[name] or max[name] or min[name]) then
                    request[name] = nil
                end
            end
            for name, amount in pairs(default) do
                if amount == max[name] then
                    default[name] = nil
                end
            end
            drop(limit, {default = {}, defaultRequest = {}})
        end
    end
end

--- Takes the defaults out of the spec of a core kind, in place.
return function(kind, spec)
    if defaults[kind] then
        defaults[kind](spec)
    end
end
