local lab = require("support.lab")
local task = require("salvor.task")

local CRD = {
    apiVersion = "apiextensions.k8s.io/v1",
    kind = "CustomResourceDefinition",
    metadata = {name = "dives.spec.salvor.example"},
    spec = {
        group = "spec.salvor.example",
        scope = "Namespaced",
        names = {plural = "dives", singular = "dive", kind = "Dive"},
        versions = {{
            name = "v1", served = true, storage = true, subresources = {status = {}},
            schema = {openAPIV3Schema = {type = "object",
                                         ["x-kubernetes-preserve-unknown-fields"] = true}},
        }},
    },
}

lab.describe("waiting", function()
    local client, namespace, name
    local number = 0

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        must(client:apply(CRD))
        must(client:wait("crd", CRD.metadata.name, {timeout = 10}))
        for _ = 1, 50 do
            if client:list("dives") then
                break
            end
            task.sleep(0.1)
        end
    end)
    teardown(function()
        client:delete("crd", CRD.metadata.name)
        client:delete("ns", namespace)
    end)
    before_each(function()
        number = number + 1
        name = "dive-" .. number
    end)

    local function create()
        return must(client:create({apiVersion = "spec.salvor.example/v1", kind = "Dive",
                                   metadata = {name = name}}))
    end

    local function set_status(status)
        return must(client:patch("dives", name, {status = status}, {subresource = "status"}))
    end

    --- Runs `steps`, 0.2 s apart, beside what the test does.
    local function later(...)
        local steps = {...}
        task.spawn(function()
            for _, step in ipairs(steps) do
                task.sleep(0.2)
                step()
            end
        end)
    end

    local function phase(wanted)
        return function(object)
            local now = object.status and object.status.phase
            return now == wanted, now and "phase is " .. now or "no phase yet"
        end
    end

    it("ends when the object is ready", function()
        create()
        later(function() set_status({phase = "Running"}) end,
            function() set_status({phase = "Complete"}) end)
        local object = must(client:wait("dives", name, {ready = phase("Complete")}))
        assert.are.equal("Complete", object.status.phase)
        -- Ready already: no waiting at all.
        local began = task.now()
        must(client:wait("dives", name, {ready = phase("Complete")}))
        assert.is_true(task.now() - began < 1)
    end)

    it("ends when the object has failed, with the reason", function()
        create()
        later(function() set_status({phase = "Failed", message = "no air"}) end)
        local object, err = client:wait("dives", name, {
            ready = phase("Complete"),
            failed = function(dive)
                local now = dive.status or {}
                return now.phase == "Failed", now.message
            end,
        })
        assert.is_nil(object)
        assert.are.equal("Failed", err.code)
        assert.are.equal("k8s.wait", err.op)
        assert.are.equal('dives "' .. name .. '" has failed: no air', err.message)
        assert.are.equal("no air", err.details.object.status.message)
    end)

    it("takes conditions by name, and none of an older generation", function()
        create()
        later(function()
            set_status({conditions = {{type = "Ready", status = "True", observedGeneration = 0}}})
        end, function()
            set_status({conditions = {{type = "Ready", status = "True", observedGeneration = 1}}})
        end)
        local object = must(client:wait("dives", name, {ready = "ready"}))
        assert.are.equal(1, object.status.conditions[1].observedGeneration)
        must(client:wait("dives", name, {ready = "condition=Ready=true"}))
        must(client:wait("dives", name))
        local _, err = client:wait("dives", name, {ready = "Ready=False", timeout = 0.3})
        assert.are.equal("Timeout", err.code)
    end)

    it("says what it waited for, how long, and the last state", function()
        create()
        set_status({phase = "Running", state = "12/18", conditions = {
            {type = "Ready", status = "False", reason = "Pending", message = "4 of 18 missing"}}})
        local _, err = client:wait("dives", name, {ready = "Ready", timeout = 0.5})
        assert.are.equal("Timeout", err.code)
        assert.are.equal('dives "' .. name .. '" was waited for 0.5 s for Ready; last: '
            .. "phase Running, state 12/18, Ready=False (Pending: 4 of 18 missing)", err.message)
    end)

    it("reports as often as it is told to, although nothing happens", function()
        create()
        set_status({phase = "Running"})
        local seconds = {}
        local _, err = client:wait("dives", name, {
            ready = phase("Complete"),
            timeout = 1.5,
            tick = 0.2,
            on_progress = function(report)
                seconds[#seconds + 1] = report.elapsed
            end,
        })
        assert.are.equal("Timeout", err.code)
        assert.is_true(#seconds >= 3, "only " .. #seconds .. " reports")
        assert.is_true(seconds[#seconds] > seconds[1])
    end)

    it("reports progress, and a standstill once", function()
        create()
        set_status({phase = "Running", heartbeatTime = "1"})
        later(function() set_status({heartbeatTime = "2"}) end,
            function() set_status({heartbeatTime = "3"}) end,
            function() end, function() end, function() end,
            function() set_status({phase = "Complete"}) end)
        local reports = {}
        must(client:wait("dives", name, {
            ready = phase("Complete"),
            stall = 0.5,
            on_progress = function(report)
                reports[#reports + 1] = (report.stalled and "stalled " or "") .. report.state
                    .. ", " .. report.reason
            end,
        }))
        assert.are.same({"phase Running, phase is Running",
                         "stalled phase Running, phase is Running"}, reports)
    end)

    it("tells that the object is gone", function()
        create()
        later(function() must(client:delete("dives", name)) end)
        local _, err = client:wait("dives", name)
        assert.are.equal("NotFound", err.code)
        assert.truthy(err.message:find("was deleted", 1, true))
        _, err = client:wait("dives", name)
        assert.are.equal("NotFound", err.code)
        assert.truthy(err.message:find("does not exist", 1, true))
    end)

    it("can wait for an object to go", function()
        create()
        later(function() must(client:delete("dives", name)) end)
        must(client:wait("dives", name, {deleted = true}))
        must(client:wait("dives", name, {deleted = true}))
    end)

    it("can wait for an object to come", function()
        later(create, function() set_status({phase = "Complete"}) end)
        must(client:wait("dives", name, {create = true, ready = phase("Complete")}))
    end)

    it("passes on what a predicate raises", function()
        create()
        local ok, err = pcall(client.wait, client, "dives", name, {ready = function()
            error("a mistake")
        end})
        assert.is_false(ok)
        assert.truthy(tostring(err):find("a mistake", 1, true))
    end)

    it("refuses contradictions", function()
        local both = {deleted = true, ready = "Ready"}
        assert.is_false(pcall(client.wait, client, "dives", name, both))
        assert.is_false(pcall(client.wait, client, "dives", name, {ready = "="}))
        assert.is_false(pcall(client.wait, client, "dives", name, {timout = 1}))
    end)

    it("runs beside other waits", function()
        create()
        later(function() set_status({phase = "Complete"}) end)
        local began = task.now()
        local results = task.all({
            function()
                return must(client:wait("dives", name, {ready = phase("Complete")}))
            end,
            function()
                local never = {ready = phase("x"), timeout = 0.6}
                return (select(2, client:wait("dives", name, never)))
            end,
        })
        assert.are.equal("Complete", results[1].status.phase)
        assert.are.equal("Timeout", results[2].code)
        assert.is_true(task.now() - began < 2)
    end)
end)

describe("the rule of a kind", function()
    local rule = require("salvor.k8s.ready")

    local function judge(group, kind, object)
        local found = rule({group = group, kind = kind})
        object.metadata = object.metadata or {}
        return (found.ready(object)), found.failed and (found.failed(object)) or false
    end

    it("knows a roll-out", function()
        local spec, metadata = {replicas = 2}, {generation = 3}
        local now = {observedGeneration = 3, replicas = 2, updatedReplicas = 2,
                     availableReplicas = 2}
        local object = {metadata = metadata, spec = spec, status = now}
        assert.is_true((judge("apps", "Deployment", object)))
        now.replicas = 3
        assert.is_false((judge("apps", "Deployment", object)))
        now.replicas, now.observedGeneration = 2, 2
        assert.is_false((judge("apps", "Deployment", object)))
        local stuck = {conditions = {{type = "Progressing", reason = "ProgressDeadlineExceeded"}}}
        assert.is_true(select(2, judge("apps", "Deployment", {spec = spec, status = stuck})))
    end)

    it("knows jobs, pods and claims", function()
        local function condition(name)
            return {status = {conditions = {{type = name, status = "True"}}}}
        end
        assert.is_true((judge("batch", "Job", condition("Complete"))))
        assert.is_true(select(2, judge("batch", "Job", condition("Failed"))))
        assert.is_true((judge("", "Pod", condition("Ready"))))
        assert.is_true(select(2, judge("", "Pod", {status = {phase = "Failed"}})))
        local hopeless = {{state = {waiting = {reason = "ErrImageNeverPull"}}}}
        assert.is_true(select(2, judge("", "Pod",
            {status = {phase = "Pending", containerStatuses = hopeless}})))
        assert.is_true((judge("", "PersistentVolumeClaim", {status = {phase = "Bound"}})))
        assert.is_true((judge("other.example", "Anything", condition("Ready"))))
        assert.is_false((judge("other.example", "Anything", {})))
    end)
end)
