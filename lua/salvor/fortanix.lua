--- Fortanix CCM on-premises: the names of its documentation, and the resource of its operator.
---
--- The group and kind of that resource are not public: it is named by whoever runs a procedure, as
--- plural.group/name or by its manifest.
local dig = require("salvor").dig
local fields = require("salvor.k8s.fields")
local find = require("salvor.k8s.find")
local fs = require("salvor.fs")
local known = require("salvor.procedure.known")({cr = "resource"})
local usage = require("salvor.usage")
local yaml = require("salvor.yaml")

local fortanix = {}

fortanix.DOCUMENT = "Fortanix Confidential Computing Manager: Backup and restore (on-premises)"

fortanix.CONFIG_MAP = "malbork-bootstrapping-data"
fortanix.SECRET = "malbork-bootstrapping-secret-data"

--- The parameters by which procedures are told of the operator: its resource, its deployment.
fortanix.CR_PARAM = {
    name = "cr", type = "string", required = true,
    help = "the Armor operator's resource: plural.group/name, or its manifest (/path)",
}
fortanix.OPERATOR_PARAM = {
    name = "operator", type = "string",
    help = "NAMESPACE/NAME of the operator's deployment, if it is in another namespace",
}

--- The deployments that the documentation has deleted before a restore; "*" stands for a version.
fortanix.DEPLOYMENTS = {"alhambra", "bodrum", "ccm-frontend-*", "main-dc1-reaper", "malbork",
                        "methoni", "microservice-certificate-controller"}

local function wrong(text, problem)
    usage("-p cr: '" .. text .. "' " .. problem, "give plural.group/name, such as"
        .. " armorplatforms.example.com/ccm, or the path of the resource's manifest, from the root"
        .. " (/...)")
end

--- The plural that Kubernetes itself guesses of a kind.
local function plural_of(kind)
    local word = kind:lower()
    if word:find("s$") then
        return word .. "es"
    end
    return word:find("y$") and word:sub(1, -2) .. "ies" or word .. "s"
end

local function in_manifest(path)
    local text, err = fs.read(path)
    local object, problem
    if text then
        object, problem = yaml.load(text)
    end
    if not object then
        wrong(path, "cannot be read: " .. (err or problem).message)
    end
    local api, kind = fields.text(object, "apiVersion"), fields.text(object, "kind")
    local name = fields.text(object, "metadata", "name")
    local group = api and api:match("^([^/]+)/[^/]+$")
    if not group or not kind or not name then
        wrong(path, "is not the manifest of one resource")
    end
    return {kind = api .. "/" .. kind, name = name, resource = plural_of(kind) .. "." .. group}
end

--- resource(text) -> {kind, name, resource} of what plural.group/name or a manifest's path says:
--- `kind` as a client takes it, `resource` as permissions have it. Raises what is wrong with it. A
--- path begins at the root, so that a run that is resumed elsewhere means the same file.
function fortanix.resource(text)
    if text:sub(1, 1) == "/" then
        return in_manifest(text)
    end
    local kind, name = text:match("^(%l[%l%d]*%.[%l%d.-]+)/([%l%d][%l%d.-]*)$")
    if not kind then
        wrong(text, "is neither plural.group/name nor a path from the root")
    end
    -- A version may stand before the group, which permissions know nothing of.
    return {kind = kind, name = name, resource = (kind:gsub("^(%l[%l%d]*)%.v%d%w*%.", "%1."))}
end

--- For a procedure's permissions: the kind, and the names, of what its parameter `cr` names.
function fortanix.permitted(params)
    return fortanix.resource(params.cr).resource
end

function fortanix.permitted_names(params)
    return {fortanix.resource(params.cr).name}
end

--- operator(params) -> {namespace, name} of the operator's deployment that parameter `operator`
--- names; nil when that is one of the platform's namespace. Raises what is wrong with it.
function fortanix.operator(params)
    if not params.operator then
        return nil
    end
    local namespace, name = params.operator:match("^([%l%d-]+)/([%l%d.-]+)$")
    if not namespace then
        usage("-p operator: '" .. params.operator .. "' is no deployment",
            "give NAMESPACE/NAME of its deployment")
    end
    return {namespace = namespace, name = name}
end

--- The right to look at that deployment.
fortanix.OPERATOR_PERMISSION = {
    kind = "deployments.apps", verbs = {"get"},
    namespace = function(params)
        return fortanix.operator(params).namespace
    end,
    names = function(params)
        return {fortanix.operator(params).name}
    end,
    when = function(params)
        return fortanix.operator(params) ~= nil
    end,
}

--- find(ctx, hint) -> the resource that parameter `cr` names, which ctx.facts.cr tells from then
--- on; where there is none, nil and a problem with that hint.
function fortanix.find(ctx, hint)
    local cr = fortanix.resource(ctx.params.cr)
    local kind, unknown = ctx.k8s:kind(cr.kind)
    if not kind then
        return ctx:problem(unknown.message, "kubectl api-resources lists the kinds; " .. hint)
    end
    local object = find.object(ctx.k8s, cr.kind, cr.name)
    if not object then
        return ctx:problem("there is no " .. cr.resource .. " " .. cr.name .. " in namespace "
            .. ctx.namespace, hint)
    end
    ctx.facts.cr = cr
    return object
end

--- The resource that find() has found, as it is now.
function fortanix.platform(ctx)
    local cr = known(ctx, "cr")
    return must(ctx.k8s:get(cr.kind, cr.name))
end

function fortanix.is_paused(platform)
    return dig(platform, "spec", "paused") == true
end

return fortanix
