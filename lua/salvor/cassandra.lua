--- Cassandra in Kubernetes, as cass-operator runs it: a datacenter and its pods.
local fields = require("salvor.k8s.fields")
local k8s = require("salvor.k8s")

local text = fields.text

local cassandra = {}

cassandra.DATACENTERS = "cassandradatacenters.cassandra.datastax.com"

local LABEL = "cassandra.datastax.com/"

local function describe(object)
    local state, why = k8s.state(object)
    return {
        name = object.metadata.name,
        cluster = text(object, "spec", "clusterName"),
        size = fields.integer(object, "spec", "size"),
        ready = state == "ready",
        why = why,
    }
end

--- datacenter(client, name) -> {name, cluster, size, ready, why (it is not)} of that
--- CassandraDatacenter | nil, err. Without a name it is the only one of the namespace; where there
--- is none, or more than one, nil and their number.
function cassandra.datacenter(client, name)
    if name then
        local object, err = client:get(cassandra.DATACENTERS, name)
        return object and describe(object), err
    end
    local found, err = client:list(cassandra.DATACENTERS)
    if not found then
        return nil, err
    end
    return #found == 1 and describe(found[1]) or nil, #found
end

--- Whether a pod serves, and why it does not: ready, and Started for cass-operator.
function cassandra.is_started(pod)
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
        local started, why = cassandra.is_started(pod)
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
    must(client:wait(cassandra.DATACENTERS, datacenter, {timeout = timeout}))
    must(client:wait("pods", names, {timeout = timeout, ready = cassandra.is_started,
                                     create = true}))
end

return cassandra
