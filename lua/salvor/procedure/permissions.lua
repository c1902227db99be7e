--- What a procedure must be allowed to do: the permissions that its script lists, for given
--- parameters, and those that the engine needs to carry it out.
---
--- A rule is {group, resource, subresource, verbs, namespace, names, context}, as RBAC has them:
--- `verbs` and `names` are sorted, `names` is nil for all objects, `namespace` is nil for the whole
--- cluster. `context` is that of another cluster than the target's.
local copy = require("salvor.copy")
local errors = require("salvor.error")
local keys = require("salvor").keys
local lease = require("salvor.procedure.lease")
local lock = require("salvor.procedure.lock")

local permissions = {}

--- The id of the check that asks for them all, which no step of a script may bear.
permissions.CHECK = "permissions"

--- The verbs of RBAC that are about objects.
permissions.VERBS = {get = true, list = true, watch = true, create = true, update = true,
                     patch = true, delete = true, deletecollection = true}

--- The kinds of the core group, which gets no new ones: of any other group a kind bears its name.
local CORE = {}
for plural in ([[bindings componentstatuses configmaps endpoints events limitranges namespaces nodes
                 persistentvolumeclaims persistentvolumes pods podtemplates replicationcontrollers
                 resourcequotas secrets serviceaccounts services]]):gmatch("%a+") do
    CORE[plural] = true
end

--- What a run does with the Lease that is its lock; that one object alone, but for making it.
local LEASES = {
    {group = "coordination.k8s.io", resource = "leases", verbs = {"create"}},
    {group = "coordination.k8s.io", resource = "leases", verbs = {"get", "update", "delete"},
     names = {lease.NAME}},
}

--- parse("deployments.apps/scale") -> {group = "apps", resource = "deployments", subresource =
--- "scale"} | nil, what is wrong
function permissions.parse(kind)
    local name, subresource = kind:match("^([^/]+)/(%l+)$")
    name = name or kind
    local resource, group = name:match("^(%l[%l%d]*)%.([%l%d][%l%d.-]*[%l%d])$")
    resource, group = resource or name:match("^%l[%l%d]*$"), group or ""
    if not resource or group:find("..", 1, true) then
        return nil, "'" .. kind .. "' is not of the form plural[.group][/subresource]"
    elseif group == "" and not CORE[resource] then
        return nil, "the core group has no '" .. resource
            .. "'; the plural and its group are written as in deployments.apps"
    end
    return {group = group, resource = resource, subresource = subresource}
end

--- "deployments.apps/scale"
function permissions.kind(rule)
    return rule.resource .. (rule.group ~= "" and "." .. rule.group or "")
        .. (rule.subresource and "/" .. rule.subresource or "")
end

--- A permission of a script becomes rules

--- place: where the permission stands, "site/script: permissions[1]"
local function invalid(place, field, problem)
    error(errors.new({
        code = "InvalidScript",
        message = place .. "." .. field .. ": " .. problem,
        hint = "the guide, section \"Writing a procedure\", says what a permission is",
    }), 0)
end

--- What a function of the script's gives for these parameters.
local function call(permission, field, place, params)
    local ok, value = pcall(permission[field], params)
    if not ok and errors.is(value) then
        error(value, 0)
    elseif not ok then
        invalid(place, field, tostring(value))
    end
    return value
end

--- A field as it is for these parameters, checked as the contract checks constant ones.
local function value_of(permission, field, place, params, expected)
    local value = permission[field]
    if type(value) == "function" then
        value = call(permission, field, place, params)
        if value ~= nil and type(value) ~= expected then
            invalid(place, field, "gives a " .. type(value) .. ", not a " .. expected)
        end
    end
    return value
end

local function names_of(permission, place, params)
    local names = value_of(permission, "names", place, params, "table")
    local copied = names and table.move(names, 1, #names, 1, {})
    for _, name in ipairs(copied or {}) do
        if type(name) ~= "string" then
            invalid(place, "names", "a name is a string, not a " .. type(name))
        end
    end
    if copied then
        table.sort(copied)
    end
    return copied
end

--- at: the {namespace, context} that is meant where the permission names none
local function rule_of(permission, place, params, at)
    local kind = value_of(permission, "kind", place, params, "string")
    local rule, problem = permissions.parse(kind or "")
    if not rule then
        invalid(place, "kind", problem)
    end
    local namespace = value_of(permission, "namespace", place, params, "string") or at.namespace
    rule.namespace, rule.context = namespace ~= "" and namespace or nil, at.context
    rule.names = names_of(permission, place, params)
    if rule.resource == "namespaces" and rule.group == "" and rule.namespace then
        -- What is allowed in a namespace can be about that namespace alone.
        rule.names = {rule.namespace}
    end
    rule.verbs = permission.verbs
    return rule
end

--- Where it is needed

local PLACE = {context = true, namespace = true}

--- places(procedure, params, namespace) -> list of {context, namespace}: where the procedure works
--- besides its target, with these parameters. `namespace`: the target's, which is that of a place
--- that names none. Raises InvalidScript.
function permissions.places(procedure, params, namespace)
    local source, places = tostring(procedure.id), {}
    for index, given in ipairs(value_of(procedure, "elsewhere", source, params, "table") or {}) do
        for name, value in pairs(type(given) == "table" and given or {given}) do
            if not PLACE[name] or type(value) ~= "string" then
                invalid(source, "elsewhere", "gives something else than {context, namespace}")
            end
        end
        places[index] = {context = given.context, namespace = given.namespace or namespace}
    end
    return places
end

--- What goes with it

local CHANGES = {create = true, update = true, patch = true, delete = true, deletecollection = true}

--- A WebSocket is opened with `get`; from Kubernetes 1.35 on that takes `create` as well.
local STREAMS = {exec = true, attach = true, portforward = true}

local function has_any(verbs, wanted)
    for _, verb in ipairs(verbs) do
        if wanted[verb] then
            return true
        end
    end
    return false
end

--- What is changed is read too: a plan compares, and a resumed run looks for what it has made.
local function implied(rule)
    local more, is_stream = {}, STREAMS[rule.subresource]
    if is_stream then
        more[1] = copy.merge(rule, {verbs = {"get", "create"}})
    end
    if is_stream or has_any(rule.verbs, CHANGES) then
        local read = copy.merge(rule, {verbs = {"get"}})
        read.subresource = nil
        more[#more + 1] = read
    end
    if has_any(rule.verbs, {deletecollection = true}) then
        more[#more + 1] = copy.merge(rule, {verbs = {"list"}})
    end
    return more
end

--- One rule for all verbs on the same objects

local function place_of(rule)
    return table.concat({rule.context or "", rule.namespace or "", rule.group, rule.resource,
                         rule.subresource or "", table.concat(rule.names or {}, " ")}, "\0")
end

local function add(places, rule)
    local place = place_of(rule)
    places[place] = places[place] or copy.merge(rule, {verbs = {}})
    for _, verb in ipairs(rule.verbs) do
        places[place].verbs[verb] = true
    end
end

--- Whether the names of one rule are among those of another; nil is all of them.
local function has_names(wide, names)
    local known = {}
    for _, name in ipairs(wide or {}) do
        known[name] = true
    end
    for _, name in ipairs(wide and names or {}) do
        if not known[name] then
            return false
        end
    end
    return not wide or names ~= nil
end

--- Whether what `wide` allows includes all that `rule` is about.
local function includes(wide, rule)
    return wide ~= rule and wide.group == rule.group and wide.resource == rule.resource
        and wide.subresource == rule.subresource and wide.context == rule.context
        and (wide.namespace == nil or wide.namespace == rule.namespace)
        and has_names(wide.names, rule.names)
end

--- The verbs of the rule that no other one allows already.
local function own_verbs(rule, places)
    local verbs = copy.merge(rule.verbs, {})
    for _, other in pairs(places) do
        if includes(other, rule) then
            for verb in pairs(other.verbs) do
                verbs[verb] = nil
            end
        end
    end
    return keys(verbs)
end

local function merged(places)
    local rules = {}
    for _, place in ipairs(keys(places)) do
        local verbs = own_verbs(places[place], places)
        if verbs[1] then
            rules[#rules + 1] = copy.merge(places[place], {verbs = verbs})
        end
    end
    return rules
end

--- rules(procedure, params, namespace) -> the rules in a stable order: by cluster, the target's
--- first; those of the whole cluster first, then by namespace, group and resource. Raises
--- InvalidScript.
function permissions.rules(procedure, params, namespace)
    local target, places = {namespace = namespace}, {}
    local everywhere = permissions.places(procedure, params, namespace)
    table.insert(everywhere, 1, target)
    local function add_with_implied(rule)
        add(places, rule)
        for _, more in ipairs(implied(rule)) do
            add(places, more)
        end
    end
    for _, at in ipairs(lock.is_needed(procedure) and everywhere or {}) do
        for _, rule in ipairs(LEASES) do
            add(places, copy.merge(rule, at))
        end
    end
    for index, permission in ipairs(procedure.permissions) do
        local place = tostring(procedure.id) .. ": permissions[" .. index .. "]"
        if not permission.when or call(permission, "when", place, params) then
            for _, at in ipairs(permission.elsewhere and everywhere or {target}) do
                add_with_implied(rule_of(permission, place, params, at))
            end
        end
    end
    return merged(places)
end

--- by_cluster(rules) -> list of {context, rules}; the first is the target's, whatever its rules
function permissions.by_cluster(rules)
    local clusters = {{rules = {}}}
    local of = {[""] = clusters[1]}
    for _, rule in ipairs(rules) do
        local key = rule.context or ""
        if not of[key] then
            of[key] = {context = rule.context, rules = {}}
            clusters[#clusters + 1] = of[key]
        end
        table.insert(of[key].rules, rule)
    end
    return clusters
end

--- describe(rule, verbs) -> "get and list secrets a, b in namespace apic of context london"
function permissions.describe(rule, verbs)
    verbs = verbs or rule.verbs
    local most = table.concat(verbs, ", ", 1, #verbs - 1)
    return (most ~= "" and most .. " and " or "") .. verbs[#verbs] .. " " .. permissions.kind(rule)
        .. (rule.names and " " .. table.concat(rule.names, ", ") or "")
        .. (rule.namespace and " in namespace " .. rule.namespace or " in the whole cluster")
        .. (rule.context and " of context " .. rule.context or "")
end

return permissions
