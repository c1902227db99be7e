--- Cassandra in Kubernetes, as cass-operator runs it: a datacenter and its pods.
local fields = require("salvor.k8s.fields")
local k8s = require("salvor.k8s")

local text = fields.text

local cassandra = {}

cassandra.DATACENTERS = "cassandradatacenters.cassandra.datastax.com"

local LABEL = "cassandra.datastax.com/"

--- One that was stopped is as it should be, and does not serve.
local function is_serving(object)
    if fields.map(object, "spec").stopped == true then
        return false, "it is stopped (spec.stopped), as by a restore that has not ended"
    end
    local state, why = k8s.state(object)
    return state == "ready", why
end

local function describe(object)
    local ready, why = is_serving(object)
    return {
        name = object.metadata.name,
        cluster = text(object, "spec", "clusterName"),
        size = fields.integer(object, "spec", "size"),
        ready = ready,
        why = why,
    }
end

--- datacenters(client, name) -> list of {name, cluster, size, ready, why (it is not)}: the
--- CassandraDatacenters of the namespace, or the one of that name. Raises what prevents the look.
function cassandra.datacenters(client, name)
    local found = {}
    for index, object in ipairs(name and {must(client:get(cassandra.DATACENTERS, name))}
        or must(client:list(cassandra.DATACENTERS))) do
        found[index] = describe(object)
    end
    return found
end

--- Whether a pod serves, and why it does not: ready, and Started for cass-operator.
local function is_started(pod)
    local state = text(pod, "metadata", "labels", LABEL .. "node-state")
    if state ~= "Started" then
        return false, "node-state is " .. tostring(state)
    end
    local readiness, why = k8s.state(pod)
    return readiness == "ready", why
end

--- pods(client, datacenter's name) -> list of {name, rack, started, why (it is not)}, by name.
--- Raises what prevents the look.
function cassandra.pods(client, datacenter)
    local found = {}
    for pod in client:each("pods", {label_selector = {[LABEL .. "datacenter"] = datacenter}}) do
        local started, why = is_started(pod)
        found[#found + 1] = {name = pod.metadata.name, started = started, why = why,
                             rack = text(pod, "metadata", "labels", LABEL .. "rack")}
    end
    return found
end

--- racks(pods) -> {rack = number of its pods} of a list of pods() or of anything with a `rack`
function cassandra.racks(pods)
    local racks = {}
    for _, pod in ipairs(pods) do
        local rack = pod.rack or "?"
        racks[rack] = (racks[rack] or 0) + 1
    end
    return racks
end

--- await(client, datacenter's name, names of its pods, timeout): until the datacenter is ready and
--- all of these pods serve; raises when they do not.
function cassandra.await(client, datacenter, names, timeout)
    must(client:wait(cassandra.DATACENTERS, datacenter, {timeout = timeout, ready = is_serving,
                                                         wanted = "to serve"}))
    must(client:wait("pods", names, {timeout = timeout, ready = is_started, wanted = "to serve",
                                     create = true}))
end

return cassandra
