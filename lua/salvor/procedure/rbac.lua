--- The objects of RBAC that allow exactly given rules (salvor.procedure.permissions).
local list = require("salvor").list

local rbac = {}

local GROUP = "rbac.authorization.k8s.io"

rbac.LABELS = {["app.kubernetes.io/managed-by"] = "salvor"}

--- {kind = "User", "Group" or "ServiceAccount", name, namespace}
function rbac.subject(kind, name, namespace)
    return {kind = kind, name = name, namespace = namespace,
            apiGroup = kind ~= "ServiceAccount" and GROUP or nil}
end

local function policy_rule(rule)
    return {
        apiGroups = {rule.group},
        resources = {rule.resource .. (rule.subresource and "/" .. rule.subresource or "")},
        resourceNames = rule.names,
        verbs = rule.verbs,
    }
end

local function role(prefix, metadata, rules)
    local object = {apiVersion = GROUP .. "/v1", kind = prefix .. "Role", metadata = metadata,
                    rules = list({})}
    for index, rule in ipairs(rules) do
        object.rules[index] = policy_rule(rule)
    end
    return object
end

local function binding(prefix, metadata, subjects)
    return {
        apiVersion = GROUP .. "/v1",
        kind = prefix .. "RoleBinding",
        metadata = metadata,
        roleRef = {apiGroup = GROUP, kind = prefix .. "Role", name = metadata.name},
        subjects = list(subjects),
    }
end

--- The rules of each namespace, in the order in which they come; "" is the whole cluster.
local function by_namespace(rules)
    local places, groups = {}, {}
    for _, rule in ipairs(rules) do
        local place = rule.namespace or ""
        if not groups[place] then
            groups[place], places[#places + 1] = {}, place
        end
        table.insert(groups[place], rule)
    end
    return places, groups
end

--- objects(rules, name, namespace, subjects) -> list of them: for each namespace a Role, for the
--- whole cluster a ClusterRole, and their bindings when there are subjects. Those outside of
--- `namespace`, the target, bear its name too, since there may be such of other targets.
function rbac.objects(rules, name, namespace, subjects)
    local objects = list({})
    local places, groups = by_namespace(rules)
    for _, place in ipairs(places) do
        local prefix = place == "" and "Cluster" or ""
        local function metadata()
            return {
                name = place == namespace and name or name .. "-" .. namespace,
                namespace = place ~= "" and place or nil,
                labels = rbac.LABELS,
            }
        end
        objects[#objects + 1] = role(prefix, metadata(), groups[place])
        if subjects[1] then
            objects[#objects + 1] = binding(prefix, metadata(), subjects)
        end
    end
    return objects
end

return rbac
