local lab = require("support.lab")
local k8s = require("salvor.k8s")

lab.describe("events", function()
    local client, namespace, pod

    local function event(fields)
        local all = {
            apiVersion = "v1", kind = "Event",
            metadata = {generateName = "e-", namespace = fields.namespace or namespace},
            involvedObject = fields.involvedObject or {
                apiVersion = "v1", kind = "Pod", name = "p", namespace = namespace,
                uid = pod.metadata.uid},
            type = "Normal", source = {component = "kubelet", host = "node1"},
        }
        fields.namespace = nil
        for name, value in pairs(fields) do
            all[name] = value
        end
        return must(client:create(all))
    end

    local function at(second)
        return string.format("2026-01-01T00:00:%02dZ", second)
    end

    local function summary(events)
        local lines = {}
        for index, entry in ipairs(events) do
            lines[index] = string.format("%s x%d", entry.reason, entry.count)
        end
        return lines
    end

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        must(client:create({apiVersion = "v1", kind = "ServiceAccount",
                            metadata = {name = "default"}}))
        pod = must(client:create({apiVersion = "v1", kind = "Pod", metadata = {name = "p"},
                                  spec = {automountServiceAccountToken = false,
                                          containers = {{name = "c", image = "c"}}}}))
        event({reason = "Late", message = "m", lastTimestamp = at(30), type = "Warning", count = 7})
        event({reason = "Pulled", message = "m", firstTimestamp = at(1), lastTimestamp = at(2),
               count = 2})
        event({reason = "Pulled", message = "m", firstTimestamp = at(3), lastTimestamp = at(20),
               count = 3})
        event({reason = "Pulled", message = "another", lastTimestamp = at(4)})
        event({reason = "Old", message = "of the pod before", lastTimestamp = at(1),
               involvedObject = {apiVersion = "v1", kind = "Pod", name = "p", namespace = namespace,
                                 uid = "an-earlier-one"}})
        event({reason = "Other", message = "", lastTimestamp = at(1), involvedObject = {
            apiVersion = "v1", kind = "ConfigMap", name = "p", namespace = namespace}})
        -- As newer components write them.
        must(client:create({
            apiVersion = "events.k8s.io/v1", kind = "Event",
            metadata = {name = "new-form", namespace = namespace},
            regarding = {apiVersion = "v1", kind = "Pod", name = "p", namespace = namespace,
                         uid = pod.metadata.uid},
            reason = "Scheduled", note = "placed", type = "Normal", action = "Binding",
            reportingController = "scheduler", reportingInstance = "scheduler-1",
            eventTime = "2026-01-01T00:00:05.250000Z",
            series = {count = 4, lastObservedTime = "2026-01-01T00:00:20.500000Z"},
        }))
    end)
    teardown(function()
        client:delete("ns", namespace)
    end)

    it("of an object come in order, repeated ones as one", function()
        local found = must(client:events("po", "p"))
        assert.are.same({"Old x1", "Pulled x1", "Pulled x5", "Scheduled x4", "Late x7"},
            summary(found))
        assert.are.same({
            time = at(30), type = "Warning", reason = "Late", message = "m", count = 7,
            source = "kubelet, node1", object = "pod/p", namespace = namespace,
        }, found[5])
        assert.are.equal(at(20), found[3].time)
        assert.are.equal("scheduler, scheduler-1", found[4].source)
        assert.are.equal("placed", found[4].message)
    end)

    it("are those of this object and not of one before it", function()
        assert.are.same({"Pulled x1", "Pulled x5", "Scheduled x4", "Late x7"},
            summary(must(client:events(pod))))
        assert.are.same({"Late x7"}, summary(must(client:events(pod, {limit = 1}))))
        assert.are.same({"Late x7"}, summary(must(client:events("po", "p", {limit = 1}))))
        assert.are.same({"Other x1"}, summary(must(client:events("cm", "p"))))
        assert.are.same({}, must(client:events("po", "none")))
    end)

    it("of a namespace are all there are in it", function()
        assert.are.equal(6, #must(client:events()))
        assert.are.equal(6, #must(client:events({namespace = namespace})))
        assert.are.same({}, must(client:events({namespace = "kube-node-lease"})))
        assert.is_true(#must(client:events({all_namespaces = true})) >= 6)
    end)

    it("of what is in no namespace are found wherever they stand", function()
        event({namespace = "default", reason = "Shrunk", message = "m", lastTimestamp = at(1),
               involvedObject = {apiVersion = "v1", kind = "PersistentVolume", name = namespace}})
        assert.are.same({"Shrunk x1"}, summary(must(client:events("pv", namespace))))
    end)

    it("need what they are of", function()
        assert.is_false(pcall(client.events, client, "po"))
        assert.is_false(pcall(client.events, client, "po", "p", {nam = 1}))
        assert.is_false(pcall(client.events, client, {kind = "Pod"}))
        local _, err = client:events("nonsense", "x")
        assert.are.same({"NotFound", "k8s.events"}, {err.code, err.op})
    end)

    lab.it_as("restricted", "need the right to list them", function(path)
        local restricted = must(k8s.connect({kubeconfig = path, namespace = "kube-system"}))
        local _, err = restricted:events("po", "p")
        assert.are.same({"Forbidden", "k8s.events"}, {err.code, err.op})
    end)
end)

describe("an event that is not as it should be", function()
    local scripted = require("support.scripted")
    local salvor = require("salvor")

    it("is read as far as it goes", function()
        local server = scripted.start()
        local strange = salvor.list({})
        for index, part in ipairs({"text", 7, true, salvor.null, {}, salvor.list({1})}) do
            local event = {metadata = {uid = "u" .. index}}
            for _, name in ipairs({"involvedObject", "series", "source", "reason", "message",
                                   "count", "lastTimestamp", "eventTime", "type"}) do
                event[name] = part
            end
            strange[index] = event
        end
        server:rules({
            {path = "/api/v1", json = {kind = "APIResourceList", groupVersion = "v1", resources = {
                {name = "events", singularName = "", namespaced = true, kind = "Event",
                 verbs = {"list"}}}}},
            {path = "/api/v1/namespaces/default/events",
             json = {kind = "EventList", metadata = {}, items = strange}},
        })
        local found = must(server:client():events({namespace = "default"}))
        assert.is_true(#found >= 1)
        for _, entry in ipairs(found) do
            assert.is_string(entry.object)
            assert.is_string(entry.time)
            assert.are.equal("integer", math.type(entry.count))
        end
        server:stop()
    end)
end)
