--- A procedure with its parameters and its target, without a cluster: for what is made on paper.
local copy = require("salvor.copy")
local errors = require("salvor.error")
local k8s = require("salvor.k8s")
local loader = require("salvor.procedure.loader")
local params = require("salvor.procedure.params")

local offline = {}

local function usage(message, hint)
    error(errors.new({code = "Usage", message = message, hint = hint}), 0)
end

--- The values; a required one that was not given is missed only by who reads it.
local function lenient_values(declarations, texts)
    local optional, required = {}, {}
    for index, declaration in ipairs(declarations) do
        optional[index] = copy.merge(declaration, {required = false})
        required[declaration.name] = declaration.required and declaration or nil
    end
    return setmetatable(must(params.resolve(optional, texts)), {__index = function(_, name)
        if required[name] then
            usage("parameter '" .. name .. "' is missing: " .. required[name].help,
                "add -p " .. name .. "=…")
        end
    end})
end

local function namespace_of(options)
    if options.namespace then
        return options.namespace
    end
    local connection, err = k8s.connect({context = options.context,
                                         kubeconfig = options.kubeconfig})
    if not connection then
        usage("which namespace? " .. err.message, "add -n NAMESPACE")
    end
    return connection.namespace
end

--- open(id, options) -> {procedure, origin, params, namespace}. options: as for session.open.
--- Nothing is asked of a server.
function offline.open(id, options)
    local procedure, origin = loader.load(id)
    return {
        procedure = procedure,
        origin = origin,
        params = lenient_values(procedure.params, options.params or {}),
        namespace = namespace_of(options),
    }
end

--- name(id) -> "salvor-apic-v10-prepare-management", for the objects that belong to the procedure.
function offline.name(id)
    return "salvor-" .. id:gsub("/", "-"):lower()
end

return offline
