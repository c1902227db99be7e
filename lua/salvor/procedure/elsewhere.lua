--- Clients of other clusters, or of other namespaces of the same one, whose writes are planned and
--- journaled as those of the target's own client are.
local client = require("salvor.procedure.client")
local k8s = require("salvor.k8s")
local merge = require("salvor.copy").merge

local elsewhere = {}

--- Writes are told with their place. What is compared when a run is resumed are objects of its own
--- cluster, so these are not recorded as such.
local function performer_at(performer, place)
    local function at(effect)
        local told = merge(effect, {target = place .. ": " .. effect.target})
        told.object = nil
        return told
    end
    return setmetatable({
        planning = performer.planning,
        perform = function(_, effect)
            return performer:perform(at(effect))
        end,
        await = performer.await and function(_, wait, fn)
            return performer:await(at(wait), fn)
        end,
    }, {__index = performer})
end

--- connector(opened, {performer, run, wait}) -> connect(options) -> client: with the context
--- (the target's when nil) and namespace of the options. Raises what prevents it.
function elsewhere.connector(opened, fields)
    return function(options)
        local connection = must(k8s.connect({
            context = options.context or opened.connection.context,
            kubeconfig = opened.target.kubeconfig,
            namespace = options.namespace,
        }))
        return client.wrap(connection, {
            performer = performer_at(fields.performer, connection.context .. "/"
                .. connection.namespace),
            run = fields.run,
            wait = fields.wait,
        })
    end
end

return elsewhere
