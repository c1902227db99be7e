local cancel = require("support.cancel")
local eventually = require("support.eventually")
local lab = require("support.lab")
local salvor = require("salvor")
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
        must(client:wait("crd", CRD.metadata.name, {timeout = 60}))
        eventually("the new kind", function()
            return (client:list("dives"))
        end)
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

    --- Runs `steps`, 0.1 s apart, beside what the test does.
    local function later(...)
        local steps = {...}
        task.spawn(function()
            for _, step in ipairs(steps) do
                task.sleep(0.1)
                step()
            end
        end)
    end

    --- The on_progress of a wait: the same as soon as that has told what it found.
    local function once_it_waits(...)
        local steps = {...}
        return function()
            later(table.unpack(steps))
            steps = {}
        end
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
        local _, err = client:wait("dives", name, {ready = "Ready", timeout = 2})
        assert.are.equal("Timeout", err.code)
        assert.are.equal('dives "' .. name .. '" was waited for 2 s for Ready; last: '
            .. "phase Running, state 12/18, Ready=False (Pending: 4 of 18 missing)", err.message)
    end)

    it("says what to look at when time is over", function()
        create()
        local function hint()
            return select(2, client:wait("dives", name, {timeout = 0.3})).hint
        end
        assert.equal("nobody has given it a status: does the operator of its kind run, and watch"
            .. " this namespace?", hint())
        set_status({phase = "Diving"})
        assert.equal("the object's events and its operator's log may say why", hint())
    end)

    it("reports as often as it is told to, although nothing happens", function()
        create()
        set_status({phase = "Running"})
        local seconds = {}
        local _, err = client:wait("dives", name, {
            ready = phase("Complete"),
            timeout = 3,
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
            function() set_status({heartbeatTime = "3"}) end)
        local reports = {}
        must(client:wait("dives", name, {
            ready = phase("Complete"),
            stall = 0.5,
            on_progress = function(report)
                reports[#reports + 1] = (report.stalled and "stalled " or "") .. report.state
                    .. ", " .. report.reason
                if report.stalled then
                    set_status({phase = "Complete"})
                end
            end,
        }))
        assert.are.same({"phase Running, phase is Running",
                         "stalled phase Running, phase is Running"}, reports)
    end)

    it("tells that the object is gone", function()
        create()
        local _, err = client:wait("dives", name, {on_progress = once_it_waits(function()
            must(client:delete("dives", name))
        end)})
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

    it("says what keeps an object that is to go", function()
        create()
        local _, err = client:wait("dives", name, {deleted = true, timeout = 2})
        assert.are.equal('dives "' .. name .. '" was waited for 2 s to be gone; last: no status'
            .. " yet (nobody has deleted it)", err.message)
        must(client:patch("dives", name, {metadata = {finalizers = {"spec.example/diver"}}}))
        must(client:delete("dives", name))
        _, err = client:wait("dives", name, {deleted = true, timeout = 0})
        assert.are.equal('dives "' .. name .. '" is still there; last: being deleted (held by the'
            .. " finalizers spec.example/diver)", err.message)
        must(client:patch("dives", name, {metadata = {finalizers = salvor.null}}))
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

    it("ends in time although the object changes all the while", function()
        create()
        local beats = 0
        local busy = task.spawn(function()
            while true do
                beats = beats + 1
                set_status({beats = beats})
            end
        end)
        local ticks = 0
        local _, err = client:wait("dives", name, {
            ready = phase("Complete"), timeout = 2, tick = 0.1,
            on_progress = function(report) ticks = report.elapsed > 0.1 and ticks + 1 or ticks end,
        })
        busy:cancel()
        pcall(busy.join, busy)
        assert.are.equal("Timeout", err.code)
        assert.is_true(ticks > 2)
    end)

    it("is cancelled at once, and leaves no watch behind", function()
        create()
        local opened, closed = 0, 0
        local stream = client._stream
        client._stream = function(...)
            local made, problem = stream(...)
            opened = opened + 1
            return made and setmetatable({}, {__index = {
                next = function(_, seconds) return made:next(seconds) end,
                close = function() closed = closed + 1 return made:close() end,
            }}), problem
        end
        local waiting = task.spawn(function()
            return client:wait_all({{kind = "dives", name = name},
                                    {kind = "ns", name = namespace, deleted = true}})
        end)
        eventually("two watches", function()
            return opened == 2
        end)
        cancel(waiting)
        client._stream = nil
        assert.are.equal(2, closed)
    end)

    it("runs beside other waits", function()
        create()
        later(function() set_status({phase = "Complete"}) end)
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
    end)

    it("looks once when it has no time", function()
        create()
        local _, err = client:wait("dives", name, {timeout = 0})
        assert.are.equal("Timeout", err.code)
        assert.are.equal('dives "' .. name .. '" is not ready; last: no status yet (it has no'
            .. " condition Ready)", err.message)
        set_status({phase = "Complete"})
        must(client:wait("dives", name, {ready = phase("Complete"), timeout = 0}))
        must(client:wait("dives", "none", {deleted = true, timeout = 0}))
        _, err = client:wait("dives", "none", {timeout = 0})
        assert.are.equal("NotFound", err.code)
        _, err = client:wait_all({{kind = "dives", name = name, ready = phase("Complete")},
                                  {kind = "ns", name = namespace, deleted = true}}, {timeout = 0})
        assert.are.equal('namespaces "' .. namespace .. '" is still there; last: phase Active'
            .. " (nobody has deleted it)", err.message)
    end)

    it("takes several rules that must all hold", function()
        create()
        set_status({conditions = {{type = "Ready", status = "True"}}})
        local rules = {"Ready", phase("Complete")}
        local _, err = client:wait("dives", name, {ready = rules, timeout = 0})
        assert.truthy(err.message:find("no phase yet", 1, true))
        later(function() set_status({phase = "Complete"}) end)
        must(client:wait("dives", name, {ready = rules}))
    end)

    it("takes a rule of what has failed beside the kind's own of what is ready", function()
        create()
        set_status({phase = "Broken"})
        local _, err = client:wait("dives", name, {failed = phase("Broken")})
        assert.are.equal("Failed", err.code)
    end)

    it("waits without end for a negative time, as kubectl does", function()
        create()
        later(function() set_status({phase = "Complete"}) end)
        must(client:wait("dives", name, {ready = phase("Complete"), timeout = -1}))
    end)

    describe("for several", function()
        local names

        before_each(function()
            names = {}
            for index = 1, 3 do
                names[index] = string.format("dive-%d-%d", number, index)
                must(client:create({apiVersion = "spec.salvor.example/v1", kind = "Dive", metadata =
                    {name = names[index], labels = {number = tostring(number)}}}))
            end
        end)

        local function to(of, status)
            return function()
                must(client:patch("dives", of, {status = status}, {subresource = "status"}))
            end
        end

        local function names_of(objects)
            local result = {}
            for index, object in ipairs(objects) do
                result[index] = object.metadata.name
            end
            return result
        end

        --- An on_progress that keeps what it is told in a list, and makes the next step when all of
        --- `first` reports have come, each when the one before is told of.
        local function by_reports(first, steps, told)
            return function(report)
                told[#told + 1] = report
                if #told >= first and steps[1] then
                    table.remove(steps, 1)()
                end
            end
        end

        local function left_of(reports)
            local left = {}
            for index, report in ipairs(reports) do
                left[index] = report.left
            end
            return left
        end

        it("gives them in the order of their names, and says what is missing", function()
            local told, missing = {}, nil
            local objects = must(client:wait("dives", {names[3], names[1], names[2]}, {
                ready = phase("Complete"),
                timeout = 60,
                on_progress = by_reports(3, {
                    to(names[2], {phase = "Complete"}),
                    to(names[1], {phase = "Complete"}),
                    function()
                        missing = told[#told].missing()
                        to(names[3], {phase = "Complete"})()
                    end,
                }, told),
            }))
            assert.are.same({names[3], names[1], names[2]}, names_of(objects))
            assert.are.same({3, 3, 3, 2, 1}, left_of(told))
            assert.are.same({"dives/" .. names[3]}, missing)
        end)

        it("counts those that are not ready any more, and a selector without objects", function()
            local told, missing = {}, nil
            must(client:wait_all({
                {kind = "dives", name = {names[1], names[2]}, ready = phase("Complete")},
                {kind = "dives", label_selector = "late=" .. number, create = true,
                 ready = phase("Complete")},
            }, {timeout = 60, on_progress = by_reports(2, {
                to(names[1], {phase = "Complete"}),
                to(names[1], {phase = "Running"}),
                to(names[1], {phase = "Complete"}),
                to(names[2], {phase = "Complete"}),
                function()
                    missing = told[#told].missing()
                    must(client:patch("dives", names[3],
                        {metadata = {labels = {late = tostring(number)}}}))
                end,
                to(names[3], {phase = "Complete"}),
            }, told)}))
            assert.are.same({"dives with late=" .. number}, missing)
            assert.are.same({3, 3, 2, 3, 2, 1, 1}, left_of(told))
        end)

        it("tells a standstill of each once, also where they change by turns", function()
            local times, slow = {}, false
            must(client:wait("dives", names, {
                ready = phase("Complete"), stall = 0.5, timeout = 60,
                on_progress = function(report)
                    if not report.stalled then
                        return
                    end
                    local what = report.name .. " " .. report.state
                    times[what] = (times[what] or 0) + 1
                    if not slow then
                        slow = true
                        to(names[1], {phase = "Slow"})()
                    elseif times[names[1] .. " phase Slow"] then
                        for _, each in ipairs(names) do
                            to(each, {phase = "Complete"})()
                        end
                    end
                end,
            }))
            for _, name_of in ipairs(names) do
                assert.are.equal(1, times[name_of .. " no status yet"])
            end
            assert.are.equal(1, times[names[1] .. " phase Slow"])
        end)

        it("ends with the first failure", function()
            later(to(names[1], {phase = "Complete"}), to(names[2], {phase = "Failed"}))
            local _, err = client:wait("dives", names, {ready = phase("Complete"),
                                                        failed = phase("Failed")})
            assert.are.equal("Failed", err.code)
            assert.are.equal(names[2], err.details.object.metadata.name)
        end)

        it("wants all of them at the same time", function()
            later(to(names[1], {phase = "Complete"}), to(names[1], {phase = "Broken"}),
                to(names[2], {phase = "Complete"}), to(names[3], {phase = "Complete"}))
            local _, err = client:wait("dives", names, {ready = phase("Complete"), timeout = 3,
                                                        wanted = "to be complete"})
            assert.are.equal("Timeout", err.code)
            assert.truthy(err.message:find(names[1] .. '" was waited for 3 s to be complete; last',
                1, true))
        end)

        it("names those that are missing when time is over", function()
            to(names[2], {phase = "Complete"})()
            local _, err = client:wait("dives", names, {ready = phase("Complete"), timeout = 0})
            assert.truthy(err.message:find(string.format(
                "last: no status yet (no phase yet); in all 2 are missing: dives/%s, dives/%s",
                names[1], names[3]), 1, true), err.message)
        end)

        it("takes a selector, and what comes while it waits", function()
            local selector = {number = tostring(number)}
            later(to(names[1], {phase = "Complete"}), to(names[2], {phase = "Complete"}), function()
                must(client:create({apiVersion = "spec.salvor.example/v1", kind = "Dive", metadata =
                    {name = names[3] .. "-late", labels = selector}}))
            end, to(names[3], {phase = "Complete"}), function()
                to(names[3] .. "-late", {phase = "Complete"})()
            end)
            local objects = must(client:wait("dives", nil, {label_selector = selector,
                                                            ready = phase("Complete")}))
            assert.are.same({names[1], names[2], names[3], names[3] .. "-late"}, names_of(objects))
        end)

        it("wants at least one behind a selector", function()
            local none = {label_selector = "number=none", timeout = 2}
            local _, err = client:wait("dives", nil, none)
            assert.are.equal("NotFound", err.code)
            assert.are.equal("dives with number=none do not exist", err.message)
            none.create = true
            _, err = client:wait("dives", nil, none)
            assert.are.equal("Timeout", err.code)
            assert.are.equal("dives with number=none was waited for 2 s to be ready; last: there"
                .. " is none", err.message)
            must(client:wait("dives", nil, {label_selector = "number=none", deleted = true}))
        end)

        it("can wait until all behind a selector are gone, whatever comes after them", function()
            local function delete(of)
                return function() must(client:delete("dives", of)) end
            end
            local steps = once_it_waits(delete(names[1]), delete(names[2]), function()
                must(client:create({apiVersion = "spec.salvor.example/v1", kind = "Dive", metadata =
                    {name = names[1], labels = {number = tostring(number)}}}))
            end, delete(names[3]))
            local gone = must(client:wait("dives", nil, {label_selector = {number =
                tostring(number)}, deleted = true, on_progress = steps}))
            assert.are.equal(3, #gone)
        end)

        it("says which one was deleted", function()
            local _, err = client:wait("dives", names, {ready = phase("Complete"),
                on_progress = once_it_waits(function() must(client:delete("dives", names[2])) end)})
            assert.are.equal("NotFound", err.code)
            assert.truthy(err.message:find(names[2] .. '" was deleted', 1, true))
        end)

        it("takes kinds of all sorts at once", function()
            local late = "late-" .. number
            local steps = once_it_waits(to(names[1], {phase = "Complete"}), function()
                must(client:delete("dives", names[2]))
            end, function()
                must(client:create({apiVersion = "v1", kind = "ConfigMap",
                                    metadata = {name = late}}))
            end)
            local results = must(client:wait_all({
                {kind = "dives", name = names[1], ready = phase("Complete")},
                {kind = "dives", name = names[2], deleted = true},
                {kind = "cm", name = late, create = true},
                {kind = "ns", name = namespace},
                {kind = "dives", name = {names[3]}, ready = function() return true end},
            }, {on_progress = steps}))
            assert.are.equal("Complete", results[1].status.phase)
            assert.are.equal(names[2], results[2].metadata.name)
            assert.are.equal(late, results[3].metadata.name)
            assert.are.equal("Namespace", results[4].kind)
            assert.are.same({names[3]}, names_of(results[5]))
            local _, err = client:wait_all({{kind = "ns", name = namespace, deleted = true},
                {kind = "dives", name = names[1], failed = phase("Complete")}})
            assert.are.equal("Failed", err.code)
            assert.are.equal("k8s.wait_all", err.op)
        end)

        it("says what did not come beside what is there", function()
            for _, seconds in ipairs({0, 2}) do
                local _, err = client:wait_all({
                    {kind = "ns", name = namespace},
                    {kind = "dives", label_selector = "number=none", create = true},
                }, {timeout = seconds})
                assert.are.equal("Timeout", err.code)
                assert.are.equal("dives with number=none " .. (seconds == 0 and "is not ready"
                    or "was waited for 2 s to be ready") .. "; last: there is none", err.message)
            end
        end)

        it("shares a watch among objects of a kind", function()
            local streams = 0
            local stream = client._stream
            client._stream = function(...)
                streams = streams + 1
                return stream(...)
            end
            later(to(names[1], {phase = "Complete"}), to(names[2], {phase = "Complete"}))
            must(client:wait_all({
                {kind = "dives", name = names[1], ready = phase("Complete")},
                {kind = "Dive", name = names[2], ready = phase("Complete")},
            }))
            client._stream = nil
            assert.are.equal(1, streams)
        end)
    end)

    it("refuses what is no wait", function()
        local function refused(...)
            local ok, message = pcall(client.wait, client, ...)
            assert.is_false(ok)
            return tostring(message)
        end
        assert.truthy(refused("dives", nil):find("either a name", 1, true))
        assert.truthy(refused("dives", {}):find("list of names is empty", 1, true))
        assert.truthy(refused("dives", {timeout = 1}):find("options come after it", 1, true))
        assert.truthy(refused("dives", name, {label_selector = "a=b"}):find("either", 1, true))
        assert.truthy(refused("dives", 7):find("is not the name", 1, true))
        assert.truthy(refused("dives", {"a/b"}):find("'a/b' is not the name", 1, true))
        assert.truthy(refused("dives", name, {ready = {}}):find("empty list", 1, true))
        assert.truthy(refused("dives", name, {tick = 0}):find("'tick' must be more", 1, true))
        assert.truthy(refused("dives", name, {timeout = 0 / 0}):find("'timeout'", 1, true))
        assert.is_false(pcall(client.wait_all, client, {}))
        assert.is_false(pcall(client.wait_all, client, {{kind = "dives", nam = "a"}}))
    end)
end)
