-- Why an object does not get on: what a wait reports at a standstill and in its errors.
local eventually = require("support.eventually")
local lab = require("support.lab")

lab.describe("a standstill", function()
    local client, namespace

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        must(client:create({apiVersion = "v1", kind = "ServiceAccount",
                            metadata = {name = "default"}}))
    end)
    teardown(function()
        client:delete("ns", namespace)
    end)

    local function pod(name, owner, status)
        local made = must(client:create({
            apiVersion = "v1", kind = "Pod",
            metadata = {name = name, labels = {app = "db"}, ownerReferences = owner and {{
                apiVersion = owner.apiVersion, kind = owner.kind, name = owner.metadata.name,
                uid = owner.metadata.uid, controller = true}}},
            spec = {automountServiceAccountToken = false,
                    containers = {{name = "db", image = "db:1"}}},
        }))
        return must(client:patch("pods", name, {status = status}, {subresource = "status"})), made
    end

    local function event_of(object, reason, message, fields)
        local event = {
            apiVersion = "v1", kind = "Event", metadata = {generateName = "e-"}, type = "Warning",
            involvedObject = {apiVersion = object.apiVersion, kind = object.kind,
                              name = object.metadata.name, namespace = namespace,
                              uid = object.metadata.uid},
            reason = reason, message = message, count = 3, source = {component = "test"},
            firstTimestamp = "2026-01-01T00:00:00Z", lastTimestamp = "2026-01-01T00:00:09Z",
        }
        for name, value in pairs(fields or {}) do
            event[name] = value
        end
        return must(client:create(event))
    end

    it("is reported with the pods below it and the object's events", function()
        local set = must(client:create({
            apiVersion = "apps/v1", kind = "StatefulSet", metadata = {name = "db"},
            spec = {serviceName = "db", replicas = 2, selector = {matchLabels = {app = "db"}},
                    template = {metadata = {labels = {app = "db"}},
                                spec = {containers = {{name = "db", image = "db:1"}}}}},
        }))
        pod("db-0", set, {phase = "Running", containerStatuses = {{name = "db", image = "db:1",
            imageID = "", restartCount = 4, ready = false,
            state = {waiting = {reason = "CrashLoopBackOff", message = "back-off"}},
            lastState = {terminated = {exitCode = 1, reason = "Error"}}}}})
        pod("db-1", set, {phase = "Pending", conditions = {{type = "PodScheduled",
            status = "False", reason = "Unschedulable", message = "0/3 nodes are available"}}})
        pod("alien", nil, {phase = "Failed", message = "not of this set"})
        event_of(set, "FailedCreate", "a\27[31m quota")
        local told
        local _, err = client:wait("sts", "db", {
            timeout = 3, stall = 0.5,
            on_progress = function(report)
                told = report.stalled and report.why or told
            end,
        })
        local line = "pod db-0, container db: CrashLoopBackOff: exit code 1"
        assert.are.equal(line, told.line)
        assert.are.same({"db-0", "db-1"}, {told.pods[1].name, told.pods[2].name})
        assert.are.equal(4, told.pods[1].containers[1].restarts)
        assert.are.equal("Unschedulable: 0/3 nodes are available", told.pods[2].reason)
        assert.are.equal("FailedCreate", told.events[1].reason)
        assert.are.equal("a\\x1b[31m quota", told.events[1].message)
        assert.are.equal('statefulsets "db" was waited for 3 s to be ready; last: no phase or'
            .. " conditions (its controller has not seen the last change yet); " .. line,
            err.message)
        assert.are.same(told, err.details.why)
        client:delete("sts", "db", {propagation = "orphan"})
    end)

    it("of a custom resource is found in the pods below it", function()
        local group = "why.salvor.example"
        must(client:apply({
            apiVersion = "apiextensions.k8s.io/v1", kind = "CustomResourceDefinition",
            metadata = {name = "fleets." .. group},
            spec = {group = group, scope = "Namespaced",
                    names = {plural = "fleets", singular = "fleet", kind = "Fleet"},
                    versions = {{name = "v1", served = true, storage = true, schema =
                        {openAPIV3Schema = {type = "object"}}}}},
        }))
        must(client:wait("crd", "fleets." .. group, {timeout = 60}))
        eventually("the new kind", function()
            return (client:list("fleets." .. group))
        end)
        local fleet = must(client:create({apiVersion = group .. "/v1", kind = "Fleet",
                                          metadata = {name = "fleet"}}))
        local set = must(client:create({
            apiVersion = "apps/v1", kind = "StatefulSet",
            metadata = {name = "ship", ownerReferences = {{apiVersion = fleet.apiVersion,
                kind = "Fleet", name = "fleet", uid = fleet.metadata.uid}}},
            spec = {serviceName = "ship", selector = {matchLabels = {app = "db"}},
                    template = {metadata = {labels = {app = "db"}},
                                spec = {containers = {{name = "db", image = "db:1"}}}}},
        }))
        pod("ship-0", set, {phase = "Pending", containerStatuses = {{name = "db", image = "db:1",
            imageID = "", restartCount = 0, ready = false,
            state = {waiting = {reason = "ImagePullBackOff", message = "no such image"}}}}})
        pod("stranger", nil, {phase = "Failed", message = "not of this fleet"})
        local _, err = client:wait("fleets", "fleet", {timeout = 2})
        assert.truthy(err.message:find(
            "pod ship-0, container db: ImagePullBackOff: no such image", 1, true), err.message)
        assert.are.equal(1, #err.details.why.pods)
        client:delete("crd", "fleets." .. group)
    end)

    it("is reported with the last warning of an object that has no pods", function()
        local claim = must(client:create({
            apiVersion = "v1", kind = "PersistentVolumeClaim", metadata = {name = "data"},
            spec = {accessModes = {"ReadWriteOnce"}, resources = {requests = {storage = "1Gi"}},
                    storageClassName = "slow"},
        }))
        event_of(claim, "ProvisioningFailed", "storageclass \"slow\" not found")
        event_of(claim, "Other", "not it", {lastTimestamp = "2025-01-01T00:00:00Z"})
        local _, err = client:wait("pvc", "data", {timeout = 2})
        assert.truthy(err.message:find(
            'event ProvisioningFailed: storageclass "slow" not found', 1, true), err.message)
        assert.are.equal(2, #err.details.why.events)
    end)

    lab.it_as("restricted", "is reported as far as the user may look", function(path)
        local k8s = require("salvor.k8s")
        local restricted = must(k8s.connect({kubeconfig = path}))
        local why = require("salvor.k8s.why")
        local found = why(restricted, {apiVersion = "apps/v1", kind = "Deployment",
            metadata = {name = "d", namespace = namespace, uid = "u"},
            spec = {selector = {matchLabels = {app = "db"}}}})
        assert.are.same({events = {}, pods = {}}, found)
    end)
end)

describe("the reason of a standstill", function()
    local scripted = require("support.scripted")
    local why = require("salvor.k8s.why")
    local server

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)

    local function resource(name, kind)
        return {name = name, singularName = "", namespaced = true, kind = kind, verbs = {"list"}}
    end

    local DISCOVERED = {path = "/api/v1", json = {kind = "APIResourceList", groupVersion = "v1",
        resources = {resource("pods", "Pod"), resource("events", "Event")}}}
    local NO_EVENTS = {path = "/api/v1/namespaces/default/events",
                       json = {kind = "EventList", metadata = {}, items = {}}}
    local LOG = "/api/v1/namespaces/default/pods/db-0/log"

    local function pod(state, last)
        return {apiVersion = "v1", kind = "Pod",
                metadata = {name = "db-0", namespace = "default", uid = "u"},
                status = {phase = "Running", containerStatuses = {
                    {name = "db", state = state, lastState = last, restartCount = 1}}}}
    end

    local crashing = pod({waiting = {reason = "CrashLoopBackOff"}},
        {terminated = {exitCode = 1, reason = "Error"}})

    it("ends with the last line of the container that crashed", function()
        server:rules({DISCOVERED, NO_EVENTS, {path = LOG, query = "previous=true",
            headers = {["Content-Type"] = "text/plain"},
            body = "starting\n\27]0;evil\7FATAL: no\tspace\r\n\n"}})
        local found = why(server:client(), crashing)
        assert.are.equal("pod db-0, container db: CrashLoopBackOff: exit code 1: last line: "
            .. "\\x1b]0;evil\\x07FATAL: no space", found.line)
        assert.are.equal(2, #found.pods[1].containers[1].log)
        local query = server:requests()[1].query
        for _, request in ipairs(server:requests()) do
            query = request.path == LOG and request.query or query
        end
        assert.truthy(query:find("container=db", 1, true))
        assert.truthy(query:find("tailLines=10", 1, true))
    end)

    it("asks again for the log of a container that has only just ended", function()
        local headers = {["Content-Type"] = "text/plain"}
        server:rules({DISCOVERED, NO_EVENTS,
            {path = LOG, headers = headers, body = "", times = 1},
            {path = LOG, headers = headers, body = "FATAL: written late\n", times = 1}})
        local found = why(server:client(), crashing)
        assert.are.equal("FATAL: written late", found.pods[1].containers[1].log[1])
    end)

    it("reads the present log of a container that runs", function()
        server:rules({DISCOVERED, NO_EVENTS, {path = LOG, query = "container=db",
            headers = {["Content-Type"] = "text/plain"}, body = "waiting for peers"}})
        local found = why(server:client(), pod({running = {startedAt = "x"}}))
        assert.are.equal("pod db-0, container db: running, not ready: last line: waiting for peers",
            found.line)
        for _, request in ipairs(server:requests()) do
            assert.is_nil(request.query:find("previous", 1, true))
        end
    end)

    it("keeps to its bounds with a log that is too long", function()
        server:rules({DISCOVERED, NO_EVENTS, {path = LOG,
            headers = {["Content-Type"] = "text/plain"}, body = (("x"):rep(5000) .. "\n"):rep(40)}})
        local log = why(server:client(), crashing).pods[1].containers[1].log
        assert.are.equal(10, #log)
        assert.are.equal(500, #log[10])
    end)

    it("does without what it may not read, or what does not come in time", function()
        local denied = {status = 403, json = scripted.status(403, "Forbidden", "not you")}
        server:rules({DISCOVERED,
            {path = NO_EVENTS.path, status = 403, json = denied.json},
            {path = LOG, ["end"] = "hang", body = ""}})
        local found = why(server:client(), crashing)
        assert.are.equal("pod db-0, container db: CrashLoopBackOff: exit code 1", found.line)
        assert.are.equal(0, #found.events)
    end)

    it("takes whatever the objects hold", function()
        server:rules({DISCOVERED, NO_EVENTS})
        local client = server:client()
        for _, strange in ipairs({
            {}, {apiVersion = "v1", kind = "Pod", metadata = {}, status = "x"},
            {apiVersion = "v1", kind = "Pod", metadata = {name = "p", namespace = {}, uid = 1},
             status = crashing.status},
            {apiVersion = "apps/v1", kind = "Deployment", metadata = {uid = "u"},
             spec = {selector = {matchLabels = {1}, matchExpressions = {{operator = 1}}}}},
        }) do
            assert.is_table(why(client, strange).pods)
        end
    end)
end)
