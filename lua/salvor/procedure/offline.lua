--- A procedure with its parameters and its target, without a cluster: for what is made on paper.
local copy = require("salvor.copy")
local k8s = require("salvor.k8s")
local session = require("salvor.procedure.session")
local usage = require("salvor.usage")

local offline = {}

--- The values; a required one that was not given is missed only by who reads it.
local function lenient(declarations, values)
    local required = {}
    for _, declaration in ipairs(declarations) do
        required[declaration.name] = declaration.required and declaration or nil
    end
    return setmetatable(values, {__index = function(_, name)
        if required[name] then
            usage("parameter '" .. name .. "' is missing: " .. required[name].help,
                "add -p " .. name .. "=…")
        end
    end})
end

local function namespace_of(target, default)
    if target.namespace or default then
        return target.namespace or default
    end
    local connection, err = k8s.connect(target)
    if not connection then
        usage("which namespace? " .. err.message, "add -n NAMESPACE")
    end
    return connection.namespace
end

--- open(id, options, default) -> what session.prepare gives, and `namespace`. options: as for
--- session.open. default: the namespace of the kubeconfig's context, where it is known already.
--- Nothing is asked of a server.
function offline.open(id, options, default)
    local prepared = session.prepare(id, copy.merge(options, {incomplete = true}))
    prepared.params = lenient(prepared.procedure.params, prepared.params)
    prepared.namespace = namespace_of(prepared.target, default)
    return prepared
end

--- name(id) -> "salvor-apic-v10-prepare-management", for the objects that belong to the procedure.
function offline.name(id)
    return "salvor-" .. id:gsub("/", "-"):lower()
end

return offline
