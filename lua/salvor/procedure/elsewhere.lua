--- The other places that a procedure works on as it does on its target: namespaces, of the target's
--- cluster or of another one.
---
--- A place is {context, namespace, connection, cluster}; context is nil in the target's cluster.
local cluster = require("salvor.procedure.cluster")
local k8s = require("salvor.k8s")
local merge = require("salvor.copy").merge
local permissions = require("salvor.procedure.permissions")
local usage = require("salvor.usage")

local elsewhere = {}

local function is_same(one, other)
    return one.connection.namespace == other.connection.namespace
        and cluster.is_same(one.cluster, other.cluster)
end

--- title(place) -> "namespace apic of context london"
function elsewhere.title(place)
    return "namespace " .. place.namespace .. (place.context and " of context " .. place.context
        or "")
end

--- open(opened) -> the places that the procedure of a session names, connected. Raises what
--- prevents it, and Usage where one is the target itself.
function elsewhere.open(opened)
    local places = permissions.places(opened.procedure, opened.params,
        opened.connection.namespace)
    for _, place in ipairs(places) do
        place.connection = must(k8s.connect(merge(opened.target, {
            context = place.context or opened.connection.context,
            namespace = place.namespace,
        })))
        place.cluster = place.context and cluster.identify(place.connection) or opened.cluster
        if is_same(place, opened) then
            usage(elsewhere.title(place) .. " is the target itself", "name the other place")
        end
    end
    return places
end

--- connection(opened, context) -> that of the target's cluster when nil, else of the place with
--- that context
function elsewhere.connection(opened, context)
    for _, place in ipairs(context and opened.elsewhere or {}) do
        if place.context == context then
            return place.connection
        end
    end
    return opened.connection
end

--- identities(places) -> what a journal and a plan keep of them: list of {context, namespace,
--- server, uid}; nil when there are none
function elsewhere.identities(places)
    local kept = {}
    for index, place in ipairs(places) do
        kept[index] = {context = place.context, namespace = place.namespace,
                       server = place.cluster.server, uid = place.cluster.uid}
    end
    return kept[1] and kept
end

--- name(place) -> the short word for it that stands before what is done there
function elsewhere.name(place)
    return place.context or place.namespace
end

--- performer(performer, place) -> one that tells each effect with its place: two places may have
--- objects of the same name.
function elsewhere.performer(performer, place)
    local context, name = place.context, elsewhere.name(place)
    local function at(effect)
        local told = merge(effect, {target = name .. ": " .. effect.target})
        if effect.object and context then
            told.object = merge(effect.object, {context = context})
            told.summary = function(result)
                return merge(effect.summary(result), {context = context})
            end
        end
        return told
    end
    return setmetatable({
        perform = function(_, effect)
            return performer:perform(at(effect))
        end,
        await = performer.await and function(_, wait, fn)
            return performer:await(at(wait), fn)
        end,
    }, {__index = performer})
end

--- waiting(wait, place) -> wait(what, progress) that tells the place, too.
function elsewhere.waiting(wait, place)
    return function(what, progress)
        return wait(elsewhere.name(place) .. ": " .. what, progress)
    end
end

return elsewhere
