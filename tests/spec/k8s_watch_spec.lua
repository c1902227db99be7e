local cancel = require("support.cancel")
local eventually = require("support.eventually")
local lab = require("support.lab")
local scripted = require("support.scripted")
local task = require("salvor.task")
local watcher = require("salvor.k8s.watch.watcher")
local watching = require("support.watching")

local collect = watching.collect

local CM = "/api/v1/namespaces/default/configmaps"

local function config_map(name, data)
    return {apiVersion = "v1", kind = "ConfigMap", metadata = {name = name}, data = data}
end

lab.describe("a watch", function()
    local client, namespace

    before_each(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
    end)
    after_each(function()
        client:delete("ns", namespace)
    end)

    it("tells what is there and what happens", function()
        must(client:create(config_map("a")))
        assert.are.same({"ADDED a", "ADDED b", "MODIFIED a", "DELETED b"},
            collect(client, 4, nil, function()
                must(client:create(config_map("b")))
                must(client:patch("cm", "a", {data = {x = "1"}}))
                must(client:delete("cm", "b"))
            end))
    end)

    it("can leave out what is there, and what is not selected", function()
        must(client:create(config_map("a")))
        local changing = task.spawn(function()
            while true do -- until the watch has begun
                for _, name in ipairs({"b", "c"}) do
                    must(client:create(config_map(name)))
                    must(client:delete("cm", name))
                end
            end
        end)
        local seen = collect(client, 2, {initial = false, name = "c"})
        cancel(changing)
        table.sort(seen)
        assert.are.same({"ADDED c", "DELETED c"}, seen)
    end)

    it("goes on from a version", function()
        local first = must(client:create(config_map("a")))
        must(client:create(config_map("b")))
        assert.are.same({"ADDED b"},
            collect(client, 1, {resource_version = first.metadata.resourceVersion}))
    end)

    it("ends with its time, and with a break", function()
        -- One that is not answered at all in its time is an error.
        assert.are.same({}, collect(client, nil, {timeout = 3}))
        must(client:create(config_map("a")))
        assert.are.same({"ADDED a"}, collect(client, 1))
    end)

    it("is cancelled while it waits", function()
        local collecting = task.spawn(collect, client)
        task.sleep(0.3) -- somewhere in it
        cancel(collecting)
    end)

    it("runs beside others", function()
        local numbers = {}
        for number = 1, 20 do
            numbers[number] = number
        end
        must(client:create(config_map("n0")))
        local begun = 0
        local all = task.map(numbers, function()
            return table.concat(collect(client, 11, nil, function()
                begun = begun + 1
                for number = 1, begun == #numbers and 10 or 0 do
                    must(client:create(config_map("n" .. number)))
                end
            end), ",")
        end, {workers = #numbers})
        for number = 2, #numbers do
            assert.are.equal(all[1], all[number])
        end
        assert.truthy(all[1]:find("^ADDED n0,ADDED n1,ADDED n2,.*,ADDED n10$"))
    end)

    it("tells of custom resources, and ends when their kind goes", function()
        local crd = {
            apiVersion = "apiextensions.k8s.io/v1", kind = "CustomResourceDefinition",
            metadata = {name = "buoys.watch.salvor.example"},
            spec = {
                group = "watch.salvor.example", scope = "Namespaced",
                names = {plural = "buoys", kind = "Buoy"},
                versions = {{
                    name = "v1", served = true, storage = true,
                    schema = {openAPIV3Schema = {
                        type = "object", ["x-kubernetes-preserve-unknown-fields"] = true,
                    }},
                }},
            },
        }
        must(client:apply(crd))
        must(client:wait("crd", crd.metadata.name, {timeout = 60}))
        local buoy = {apiVersion = "watch.salvor.example/v1", kind = "Buoy",
                      metadata = {name = "one"}, spec = {depth = 1}}
        eventually("the new kind", function()
            return (client:apply(buoy))
        end)
        local seen = {}
        local ok, err = pcall(function()
            for event in client:watch("buoys", {timeout = 60}) do
                seen[#seen + 1] = event.type .. " " .. tostring(event.object.spec.depth)
                if #seen == 1 then
                    must(client:patch("buoys", "one", {spec = {depth = 2}}))
                elseif #seen == 2 then
                    must(client:delete("crd", crd.metadata.name))
                end
            end
        end)
        assert.is_false(ok)
        assert.are.same({"ADDED 1", "MODIFIED 2", "DELETED 2"}, seen)
        assert.are.equal("NotFound", err.code)
        assert.truthy(err.hint:find("kind", 1, true))
    end)

    it("keeps up with many changes, and waits for a slow reader", function()
        local payload = ("x"):rep(20000)
        local seen, numbers = 0, {}
        for number = 1, 200 do
            numbers[number] = number
        end
        must(client:create(config_map("first")))
        for _ in client:watch("cm", {timeout = 60}) do
            seen = seen + 1
            if seen == 1 then
                task.map(numbers, function(number)
                    must(client:create(config_map("many-" .. number, {payload = payload})))
                end)
            elseif seen == 201 then
                break
            end
        end
        assert.are.equal(201, seen)
    end)
end)

describe("a watch", function()
    local server
    local cm, events, list = scripted.config_map, scripted.events, scripted.list
    local usual_restart = watcher.MIN_RESTART

    setup(function()
        server = scripted.start()
    end)
    before_each(function()
        watcher.MIN_RESTART = 0.1
    end)
    teardown(function()
        watcher.MIN_RESTART = usual_restart
        server:stop()
    end)

    --- What a server without streamed lists says to the wish for one.
    local UNKNOWN = {path = CM, query = "sendInitialEvents", status = 422,
                     json = scripted.status(422, "Invalid", "sendInitialEvents is forbidden")}

    --- Rules: what lists answer, then what watches answer, each used once.
    local function play(lists, watches)
        local rules = {UNKNOWN}
        for _, rule in ipairs(watches) do
            rule.path, rule.query, rule.times = CM, "watch=true", 1
            rules[#rules + 1] = rule
        end
        for _, rule in ipairs(lists) do
            rule.path, rule.query, rule.times = CM, "limit=", 1
            rules[#rules + 1] = rule
        end
        server:rules(rules)
    end

    local function versions()
        local result = {}
        for _, request in ipairs(server:requests()) do
            if request.query:find("sendInitialEvents", 1, true) then
                result[#result + 1] = "stream"
            elseif request.query:find("watch=true", 1, true) then
                result[#result + 1] = request.query:match("resourceVersion=(%w+)")
            else
                result[#result + 1] = "list"
            end
        end
        return result
    end

    it("goes on after a normal end, from the last version, not at once", function()
        play({{json = list("10", {cm("a", "9")})}},
            {{body = events({"MODIFIED", cm("a", "11")})},
             {body = events({"BOOKMARK", {metadata = {resourceVersion = "20"}}})},
             {body = events({"DELETED", cm("a", "21")})}})
        watcher.MIN_RESTART = usual_restart
        local began = task.now()
        assert.are.same({"ADDED a", "MODIFIED a", "DELETED a"}, collect(server:client(), 3))
        assert.are.same({"stream", "list", "10", "11", "20"}, versions())
        assert.is_true(task.now() - began >= 2)
    end)

    it("takes versions for names that are the same or not", function()
        play({{json = list("v/9=z", {cm("a", "00"), cm("b", "0")})}},
            {{body = events({"MODIFIED", cm("a", "0")}, {"MODIFIED", cm("a", "0")},
                {"MODIFIED", cm("b", "18446744073709551617")})},
             {body = events({"MODIFIED", cm("b", "18446744073709551616")},
                {"BOOKMARK", {metadata = {resourceVersion = "a&b c"}}})},
             {body = events({"DELETED", cm("b", "-")})}})
        assert.are.same({"ADDED a", "ADDED b", "MODIFIED a", "MODIFIED b", "MODIFIED b",
                         "DELETED b"}, collect(server:client(), 6))
        local asked = {}
        for _, request in ipairs(server:requests()) do
            asked[#asked + 1] = ("&" .. request.query):match("&resourceVersion=([^&]*)")
        end
        assert.are.same({"v%2F9%3Dz", "18446744073709551617", "a%26b%20c"}, asked)
    end)

    it("survives a stream that breaks inside an event", function()
        local whole = events({"MODIFIED", cm("a", "11")}, {"MODIFIED", cm("a", "12")})
        play({{json = list("10", {cm("a", "9")})}},
            {{chunks = {whole:sub(1, 30), whole:sub(31, -20)}, ["end"] = "truncate"},
             {["end"] = "reset"},
             {body = events({"MODIFIED", cm("a", "12")})}})
        assert.are.same({"ADDED a", "MODIFIED a", "MODIFIED a"}, collect(server:client(), 3))
        assert.are.same({"stream", "list", "10", "11", "11"}, versions())
    end)

    it("comes back after an outage, however often somebody looks meanwhile", function()
        local ready = cm("a", "12")
        ready.data = {done = "yes"}
        play({{json = list("10", {cm("a", "9")})}},
            {{body = events({"ERROR", scripted.status(500, "InternalError", "busy")})},
             {body = events({"MODIFIED", ready})}})
        local looks = 0
        local found = watching.within(function()
            return must(server:client():wait("configmaps", "a", {
                ready = function(object)
                    return object.data ~= nil and object.data.done == "yes"
                end,
                timeout = 60,
                tick = 0.1,
                on_progress = function() looks = looks + 1 end,
            }))
        end)
        assert.are.equal("12", found.metadata.resourceVersion)
        assert.is_true(looks > 1)
    end)

    it("lets a wait tell of an outage that lasts, until there is an answer again", function()
        local ready = cm("a", "12")
        ready.data = {done = "yes"}
        play({{json = list("10", {cm("a", "9")})}},
            {{body = events({"MODIFIED", cm("a", "11")}), ["end"] = "truncate"},
             {["end"] = "reset"},
             {["end"] = "reset"},
             {chunks = {"\n", events({"MODIFIED", ready})}, delay = 1}})
        local told = {}
        watching.within(function()
            must(server:client():wait("configmaps", "a", {
                ready = function(object)
                    return object.data ~= nil and object.data.done == "yes"
                end,
                timeout = 60,
                tick = 0.1,
                on_progress = function(report)
                    local code = report.trouble and report.trouble.code or "none"
                    if code ~= told[#told] then
                        told[#told + 1] = code
                    end
                end,
            }))
        end)
        assert.are.same({"none", "Disconnected", "none"}, told)
    end)

    it("takes events that come in pieces", function()
        local whole = events({"ADDED", cm("b", "11")}, {"ADDED", cm("c", "12")}):gsub("\n", "")
        local pieces = {}
        for position = 1, #whole, 7 do
            pieces[#pieces + 1] = whole:sub(position, position + 6)
        end
        play({{json = list("10", {cm("a", "9")})}}, {{chunks = pieces}})
        assert.are.same({"ADDED a", "ADDED b", "ADDED c"}, collect(server:client(), 3))
    end)

    it("tells the difference after its version has expired", function()
        local gone = scripted.status(410, "Expired", "too old resource version: 11 (99)")
        play({{json = list("10", {cm("same", "1"), cm("changed", "2"), cm("deleted", "3"),
                                  cm("again", "4", "first")})},
              {json = list("99", {cm("same", "1"), cm("changed", "50"), cm("new", "51"),
                                  cm("again", "52", "second")})}},
            {{body = events({"MODIFIED", cm("same", "11")}, {"MODIFIED", cm("same", "1")},
                {"ERROR", gone})},
             {body = events({"ADDED", cm("last", "100")})}})
        local seen = collect(server:client(), 12)
        local first = table.move(seen, 1, 6, 1, {})
        assert.are.same({"ADDED same", "ADDED changed", "ADDED deleted", "ADDED again",
                         "MODIFIED same", "MODIFIED same"}, first)
        local rest = table.move(seen, 7, #seen, 1, {})
        table.sort(rest)
        assert.are.same({"ADDED again", "ADDED last", "ADDED new", "DELETED again",
                         "DELETED deleted", "MODIFIED changed"}, rest)
        assert.are.same({"stream", "list", "10", "list", "99"}, versions())
    end)

    it("loses nothing when the pages of what is there expire on the way", function()
        server:rules({
            UNKNOWN,
            {path = CM, query = "watch=true", body = events({"ADDED", cm("last", "21")}),
             ["end"] = "hang"},
            {path = CM, query = "continue=t1", status = 410,
             json = scripted.status(410, "Expired", "the continue token has expired")},
            {path = CM, query = "limit=500",
             json = list("10", {cm("same", "1"), cm("changed", "2"), cm("deleted", "3")}, "t1")},
            {path = CM, json = list("20", {cm("same", "1"), cm("changed", "12"), cm("new", "4")})},
        })
        assert.are.same({"ADDED same", "ADDED changed", "ADDED deleted", "MODIFIED changed",
                         "ADDED new", "DELETED deleted", "ADDED last"},
            (collect(server:client(), 7)))
        assert.are.same({"stream", "list", "list", "list", "20"}, versions())
    end)

    it("lists anew when a start is refused with 410", function()
        play({{json = list("10", {cm("a", "9")})},
              {json = list("20", {cm("a", "9"), cm("b", "15")})}},
            {{status = 410, json = scripted.status(410, "Gone", "gone")}, {body = ""}})
        assert.are.same({"ADDED a", "ADDED b"}, collect(server:client(), 2))
    end)

    it("waits as the error in a stream asks", function()
        play({{json = list("10", {cm("a", "9")})}},
            {{body = events({"ERROR", scripted.status(504, "Timeout", "busy",
                {details = {retryAfterSeconds = 2}})})},
             {body = events({"ADDED", cm("b", "11")})}})
        local began = task.now()
        assert.are.same({"ADDED a", "ADDED b"}, collect(server:client(), 2))
        assert.is_true(task.now() - began >= 1.9)
    end)

    it("waits as a busy server asks", function()
        play({{json = list("10", {cm("a", "9")})}},
            {{body = events({"ERROR", scripted.status(500, "InternalError", "busy",
                {details = {retryAfterSeconds = 2}})})},
             {status = 429, headers = {["Retry-After"] = "1"},
              json = scripted.status(429, "TooManyRequests", "later")},
             {body = events({"ADDED", cm("b", "11")})}})
        local began = task.now()
        assert.are.same({"ADDED a", "ADDED b"}, collect(server:client(), 2))
        assert.is_true(task.now() - began >= 3)
    end)

    it("ends with an error when there is no right to it any more", function()
        for _, rule in ipairs({
            {status = 403, json = scripted.status(403, "Forbidden", "no")},
            {body = events({"ERROR", scripted.status(403, "Forbidden", "no")})},
        }) do
            play({{json = list("10", {cm("a", "9")})}}, {rule})
            local ok, err = pcall(collect, server:client(), 2)
            assert.is_false(ok)
            assert.are.equal("Forbidden", err.code)
            assert.are.equal("k8s.watch", err.op)
        end
    end)

    it("keeps its time when the server does not answer", function()
        play({{json = list("10", {cm("a", "9")})}}, {{["end"] = "mute"}})
        assert.are.same({"ADDED a"}, collect(server:client(), nil, {timeout = 2}))
        play({{["end"] = "mute"}}, {})
        local ok, err = pcall(collect, server:client(), nil, {timeout = 0.5})
        assert.is_false(ok)
        assert.are.equal("Timeout", err.code)
    end)

    it("does not begin without a server", function()
        local other = scripted.start()
        local client = other:client()
        other:stop()
        local ok, err = pcall(collect, client, 1)
        assert.is_false(ok)
        assert.are.equal("Unreachable", err.code)
    end)
end)

describe("pages", function()
    local server
    local cm, list = scripted.config_map, scripted.list

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)

    local function names(client)
        return watching.within(function()
            local seen = {}
            for object in client:each("configmaps") do
                seen[#seen + 1] = object.metadata.name
            end
            return seen
        end)
    end

    it("repeat no object when the rest has to be listed anew", function()
        server:rules({
            {path = CM, query = "continue=t1", status = 410,
             json = scripted.status(410, "Expired", "the continue token has expired",
                 {metadata = {continue = "other"}})},
            {path = CM, query = "limit=500", json = list("10", {cm("a", "1"), cm("b", "2")}, "t1")},
            {path = CM, json = list("20", {cm("a", "1"), cm("b", "2", "new"), cm("c", "3")})},
        })
        assert.are.same({"a", "b", "b", "c"}, names(server:client()))
        local queries = {}
        for _, request in ipairs(server:requests()) do
            queries[#queries + 1] = request.query
        end
        assert.are.equal("", queries[3])
    end)

    it("make a list of what was there at one time, also when they expire on the way", function()
        server:rules({
            {path = CM, query = "continue=t1", status = 410,
             json = scripted.status(410, "Expired", "the continue token has expired")},
            {path = CM, query = "limit=500", json = list("10", {cm("a", "1"), cm("b", "2")}, "t1")},
            {path = CM, json = list("20", {cm("a", "12"), cm("c", "3")})},
        })
        local whole = must(server:client():list("configmaps", {full = true}))
        local found = {}
        for index, item in ipairs(whole.items) do
            found[index] = item.metadata.name .. " " .. item.metadata.resourceVersion
        end
        assert.are.same({"a 12", "c 3"}, found)
        assert.are.equal("20", whole.metadata.resourceVersion)
    end)

    it("end with the error of a page", function()
        server:rules({
            {path = CM, query = "continue=t1", status = 500, body = "broken"},
            {path = CM, json = list("10", {cm("a", "1")}, "t1")},
        })
        local ok, err = pcall(names, server:client())
        assert.is_false(ok)
        assert.are.equal(500, err.status)
        assert.are.equal(500, select(2, server:client():list("configmaps")).status)
    end)
end)
