--- When an object is ready, and when it has failed for good: what client:wait goes by when the
--- script gives no rule of its own, and k8s.state.
---
--- A rule is a function of the object that returns "ready", "failed" or "waiting", and the reason.
--- "failed" means that nothing but a person (or a new object) helps; what a controller still tries
--- is "waiting". Objects may hold anything: a rule reads them by salvor.k8s.fields.
---
--- A kind without a rule is ready when its condition Ready is True.
local fields = require("salvor.k8s.fields")
local status = require("salvor.k8s.status")

local rules = {}

for _, part in ipairs({"workloads", "cluster", "apiconnect", "postgres", "cassandra"}) do
    for kind, rule in pairs((require("salvor.k8s.ready." .. part))) do
        rules[kind] = rule
    end
end

--- Kinds that have no state: they are ready once they exist.
for _, kind in ipairs({
    "/ConfigMap", "/Endpoints", "/LimitRange", "/PodTemplate", "/ResourceQuota", "/Secret",
    "/ServiceAccount", "admissionregistration.k8s.io/MutatingWebhookConfiguration",
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration", "apps/ControllerRevision",
    "batch/CronJob", "coordination.k8s.io/Lease", "discovery.k8s.io/EndpointSlice",
    "networking.k8s.io/IngressClass", "networking.k8s.io/NetworkPolicy", "node.k8s.io/RuntimeClass",
    "rbac.authorization.k8s.io/ClusterRole", "rbac.authorization.k8s.io/ClusterRoleBinding",
    "rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/RoleBinding",
    "scheduling.k8s.io/PriorityClass", "storage.k8s.io/CSIDriver", "storage.k8s.io/StorageClass",
}) do
    rules[kind] = function()
        return "ready"
    end
end

local by_condition = status.ready_by("Ready")

local ready = {}

--- The rule of a kind's record {group=, kind=}. Whatever the kind, what is being deleted is not
--- ready.
function ready.rule(resource)
    local rule = rules[resource.group .. "/" .. resource.kind] or by_condition
    return function(object)
        local state, reason = rule(object)
        if state == "ready" and fields.text(object, "metadata", "deletionTimestamp") then
            return "waiting", "it is being deleted"
        end
        return state, reason
    end
end

--- state(object) -> "ready" | "failed" | "waiting", reason or nil; by its apiVersion and kind.
function ready.state(object)
    return ready.rule({
        group = fields.group(object),
        kind = fields.text(object, "kind") or "",
    })(object)
end

return ready
