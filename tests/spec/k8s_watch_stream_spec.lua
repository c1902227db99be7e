--- A watch that gets what is there as a stream (KEP 3157), and streams that are not what they
--- should be.
local errors = require("salvor.error")
local eventually = require("support.eventually")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local scripted = require("support.scripted")
local task = require("salvor.task")
local watcher = require("salvor.k8s.watch.watcher")
local watching = require("support.watching")

local CM = "/api/v1/namespaces/default/configmaps"
local cm, events, list = scripted.config_map, scripted.events, scripted.list
local collect = watching.collect

--- A bookmark; the one that ends what is there when `is_end`.
local function bookmark(version, is_end)
    local annotations = is_end and {["k8s.io/initial-events-end"] = "true"} or nil
    return {"BOOKMARK", {kind = "ConfigMap", apiVersion = "v1",
                         metadata = {resourceVersion = version, annotations = annotations}}}
end

describe("a watch", function()
    local server
    local usual = {}

    setup(function()
        server = scripted.start()
        for name in pairs({MIN_RESTART = 1, SERVER_LIMIT = 1, GRACE = 1}) do
            usual[name] = watcher[name]
        end
        watcher.MIN_RESTART = 0.1
    end)
    teardown(function()
        server:stop()
        for name, value in pairs(usual) do
            watcher[name] = value
        end
    end)

    --- Rules for streams of what is there, watches from a version, and lists; each used once.
    local function play(rules)
        for _, rule in ipairs(rules) do
            rule.path, rule.times = CM, rule.times or 1
            rule.query = rule.query or "watch=true"
        end
        server:rules(rules)
    end

    --- What was asked for: "stream", "list" or the version.
    local function asked()
        local result = {}
        for _, request in ipairs(server:requests()) do
            local query = "&" .. request.query
            result[#result + 1] = query:find("&sendInitialEvents=true", 1, true) and "stream"
                or query:match("&resourceVersion=(%w+)") or "list"
        end
        return result
    end

    --- The entry of the first request with that method, once it is there.
    local function await(method)
        return eventually(method, function()
            for _, request in ipairs(server:requests()) do
                if request.method == method then
                    return request
                end
            end
        end)
    end

    it("hangs up at once when it is cancelled before the answer has begun", function()
        play({{["end"] = "mute"}})
        local client = server:client()
        local running = task.spawn(function()
            collect(client, 1)
        end)
        await("GET")
        collectgarbage("stop") -- which would end the connection too, at some time
        running:cancel()
        local hung_up, problem = pcall(await, "END")
        collectgarbage("restart")
        assert.is_true(hung_up, problem)
        pcall(running.join, running)
        assert.are.equal("cancelled", running:status())
    end)

    describe("of a server that streams what is there", function()
        it("begins with that, and goes on in the same stream", function()
            play({{body = events({"ADDED", cm("a", "5")}, {"ADDED", cm("b", "7")},
                bookmark("10", true), {"MODIFIED", cm("a", "11")})}})
            assert.are.same({"ADDED a", "ADDED b", "MODIFIED a"}, collect(server:client(), 3))
            local query = server:requests()[1].query
            for _, part in ipairs({"sendInitialEvents=true", "resourceVersionMatch=NotOlderThan",
                                   "watch=true", "allowWatchBookmarks=true"}) do
                assert.truthy(query:find(part, 1, true))
            end
            assert.is_nil(query:find("resourceVersion=", 1, true))
        end)

        it("goes on from the version of the bookmark", function()
            play({{body = events({"ADDED", cm("a", "5")}, bookmark("10", true))},
                  {body = events({"DELETED", cm("a", "12")})}})
            local client = server:client()
            assert.are.same({"ADDED a", "DELETED a"}, collect(client, 2))
            assert.are.same({"stream", "10"}, asked())
            play({{body = events(bookmark("20", true), {"ADDED", cm("c", "21")})}})
            assert.are.same({"ADDED c"}, collect(client, 1))
            assert.are.same({"stream"}, asked())
        end)

        it("tells the difference after its version has expired", function()
            local gone = scripted.status(410, "Gone", "too old")
            play({{body = events({"ADDED", cm("same", "1")}, {"ADDED", cm("changed", "2")},
                      {"ADDED", cm("deleted", "3")}, {"ADDED", cm("again", "4", "first")},
                      bookmark("10", true), {"ERROR", gone})},
                  {body = events({"ADDED", cm("same", "1")}, {"ADDED", cm("changed", "50")},
                      {"ADDED", cm("again", "52", "second")}, bookmark("99", true),
                      {"ADDED", cm("last", "100")})}})
            local seen = collect(server:client(), 9)
            assert.are.same({"MODIFIED changed", "DELETED again", "ADDED again",
                             "DELETED deleted", "ADDED last"}, {table.unpack(seen, 5)})
            assert.are.same({"stream", "stream"}, asked())
        end)

        it("begins anew when the stream breaks before the end of what is there", function()
            play({{body = events({"ADDED", cm("a", "5")}, bookmark("6"), bookmark("10", true)),
                   times = 1},
                  {chunks = {events({"ADDED", cm("a", "5")}), events({"ADDED", cm("b", "7")})},
                   ["end"] = "truncate"},
                  {body = events({"ADDED", cm("b", "7")}, bookmark("12", true))}})
            local client = server:client()
            assert.are.same({"ADDED a"}, collect(client, 1))
            local seen = collect(client, 3)
            assert.are.same({"ADDED a", "ADDED b", "DELETED a"}, seen)
            assert.are.same({"stream", "stream", "stream"}, asked())
        end)
    end)

    describe("of a server that does not", function()
        it("lists, and remembers that", function()
            for _, status in ipairs({400, 422}) do
                play({{query = "sendInitialEvents", status = status, body = "unknown"},
                      {query = "limit=", times = 2, json = list("10", {cm("a", "9")})},
                      {times = 2, body = events({"MODIFIED", cm("a", "11")})}})
                local client = server:client()
                assert.are.same({"ADDED a"}, collect(client, 1))
                assert.are.same({"ADDED a", "MODIFIED a"}, collect(client, 2))
                assert.are.same({"stream", "list", "list", "10"}, asked())
            end
        end)

        it("lists when a stream has no end of what is there, and tells nothing twice", function()
            play({{query = "sendInitialEvents", body = events({"ADDED", cm("a", "9")})},
                  {query = "limit=", json = list("10", {cm("a", "9"), cm("b", "10")})},
                  {body = events({"MODIFIED", cm("a", "11")})}})
            assert.are.same({"ADDED a", "ADDED b", "MODIFIED a"}, collect(server:client(), 3))
            assert.are.same({"stream", "list", "10"}, asked())
        end)

        it("is not asked for a stream when nobody wants to know what is there", function()
            play({{query = "limit=", json = list("10", {cm("a", "9")})},
                  {body = events({"ADDED", cm("b", "11")})}})
            assert.are.same({"ADDED b"}, collect(server:client(), 1, {initial = false}))
            assert.are.same({"list", "10"}, asked())
        end)
    end)

    it("keeps of an object that went during a gap its identity alone", function()
        local labelled = cm("a", "9")
        labelled.metadata.labels = {app = "db"}
        labelled.data = {large = "value"}
        play({{body = events({"ADDED", labelled}, bookmark("10", true),
                  {"ERROR", scripted.status(410, "Expired", "too old")})},
              {body = events(bookmark("20", true))}})
        local _, whole = collect(server:client(), 2)
        assert.is_nil(whole[1].partial)
        assert.are.same({type = "DELETED", partial = true, object = {
            apiVersion = "v1", kind = "ConfigMap",
            metadata = {name = "a", namespace = "default", uid = "uid-a", resourceVersion = "9",
                        labels = {app = "db"}},
        }}, whole[2])
    end)

    it("tells of a warning that comes with a stream, once", function()
        local texts = {}
        play({{headers = {Warning = '299 - "v1beta1 is old"'}, times = 2,
               body = events(bookmark("20", true), {"ADDED", cm("c", "21")})}})
        local client = server:client({on_warning = function(text) texts[#texts + 1] = text end})
        collect(client, 1)
        collect(client, 1)
        assert.are.same({"v1beta1 is old"}, texts)
    end)

    describe("from a version", function()
        local from = {resource_version = "7", timeout = 60}

        it("that is too old begins with what is there", function()
            play({{query = "resourceVersion=7", status = 410,
                   json = scripted.status(410, "Gone", "too old")},
                  {body = events({"ADDED", cm("a", "9")}, bookmark("10", true))}})
            assert.are.same({"ADDED a"}, collect(server:client(), 1, from))
            assert.are.same({"7", "stream"}, asked())
        end)

        it("survives a start that is broken off, or asked to wait", function()
            for _, rule in ipairs({
                {["end"] = "reset"},
                {status = 503, headers = {["Retry-After"] = "1"}, body = "busy"},
                {status = 504, headers = {["Retry-After"] = "1"}, body = "not there yet"},
                {status = 429, headers = {["Retry-After"] = "1"}, body = "busy"},
            }) do
                play({rule, {body = events({"ADDED", cm("a", "9")})}})
                assert.are.same({"ADDED a"}, collect(server:client(), 1, from))
            end
        end)

        it("survives a start that is not answered in time", function()
            play({{hold = 30}, {body = events({"ADDED", cm("a", "9")})}})
            local client = server:client({timeout = 0.5})
            must(client:kind("configmaps"))
            assert.are.same({"ADDED a"}, collect(client, 1, {resource_version = "7",
                                                             timeout = 60}))
        end)

        it("ends with what is wrong from the beginning", function()
            for _, case in ipairs({{401, "Unauthorized"}, {403, "Forbidden"}, {404, "NotFound"},
                                   {500, "InternalError"}}) do
                play({{status = case[1], json = scripted.status(case[1], case[2], "no")}})
                local ok, err = pcall(collect, server:client(), 1, from)
                assert.is_false(ok)
                assert.are.equal(case[2], err.code)
                assert.are.equal(1, #server:requests())
            end
        end)
    end)

    it("gives up on a server that is silent beyond its own limit", function()
        watcher.SERVER_LIMIT, watcher.GRACE = 1, 0.2
        finally(function()
            watcher.SERVER_LIMIT, watcher.GRACE = usual.SERVER_LIMIT, usual.GRACE
        end)
        play({{chunks = {events({"ADDED", cm("a", "9")}, bookmark("10", true))},
               ["end"] = "hang"},
              {body = events({"ADDED", cm("b", "11")})}})
        local began = task.now()
        assert.are.same({"ADDED a", "ADDED b"}, collect(server:client(), 2))
        assert.are.same({"stream", "10"}, asked())
        local limit = tonumber(server:requests()[1].query:match("timeoutSeconds=(%d+)"))
        assert.is_true(limit >= 1 and limit <= 2)
        assert.is_true(task.now() - began >= 1.2)
    end)

    it("takes bytes one by one", function()
        local pieces = {}
        events(bookmark("10", true), {"ADDED", cm("\u{e4}", "11")}):gsub(".", function(byte)
            pieces[#pieces + 1] = utf8.char(byte:byte()) -- what latin1 makes that byte of
        end)
        play({{chunks = pieces, latin1 = true, delay = 0.001}})
        assert.are.same({"ADDED \u{e4}"}, collect(server:client(), 1, {timeout = 60}))
    end)

    it("takes events with nothing and with all kinds of space between them", function()
        local one, two = events({"ADDED", cm("a", "9")}), events({"ADDED", cm("b", "10")})
        play({{chunks = {events(bookmark("8", true)) .. one .. two .. "\r\n\t \n"
                         .. events({"ADDED", cm("c", "11")})}}})
        assert.are.same({"ADDED a", "ADDED b", "ADDED c"}, collect(server:client(), 3))
    end)

    describe("of something hostile", function()
        local deep = ("["):rep(100000) .. ("]"):rep(100000)
        local good = '{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}'

        for what, case in pairs({
            ["no type"] = {'{"object":{"metadata":{"name":"a","resourceVersion":"1"}}}'},
            ["a type that is a number"] = {'{"type":1,"object":{}}'},
            ["an unknown type"] = {'{"type":"EXPLODED\\u001b[2J","object":{}}'},
            ["no object"] = {'{"type":"ADDED"}'},
            ["an object that is null"] = {'{"type":"ADDED","object":null}'},
            ["an object that is a list"] = {'{"type":"MODIFIED","object":[]}'},
            ["an object without metadata"] = {'{"type":"DELETED","object":{}}'},
            ["metadata that is null"] = {'{"type":"ADDED","object":{"metadata":null}}'},
            ["metadata that is a text"] = {'{"type":"ADDED","object":{"metadata":"x"}}'},
            ["no name"] = {'{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}'},
            ["a name that is a list"] =
                {'{"type":"ADDED","object":{"metadata":{"name":[],"resourceVersion":"1"}}}'},
            ["no version"] = {'{"type":"ADDED","object":{"metadata":{"name":"a"}}}'},
            ["a version that is a number"] =
                {'{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":1}}}'},
            ["a namespace that is a number"] = {'{"type":"ADDED","object":{"metadata":'
                .. '{"name":"a","namespace":7,"resourceVersion":"1"}}}'},
            ["a bookmark without a version"] = {'{"type":"BOOKMARK","object":{"metadata":{}}}'},
            ["a bookmark without metadata"] = {'{"type":"BOOKMARK","object":{}}'},
            ["an ERROR that is a text"] = {'{"type":"ERROR","object":"x"}'},
            ["a list"] = {"[]"},
            ["a text"] = {'"ADDED"'},
            ["HTML"] = {"<html>log in</html>"},
            ["two values without a comma"] = {'{"type":"ADDED" "object":{}}'},
            ["a closing bracket too many"] = {good .. "]"},
            ["something 100,000 deep"] = {'{"type":"ADDED","object":' .. deep .. "}"},
            ["100,000 brackets that never close"] = {("{[\"a\","):rep(100000)},
            ["bytes that are not UTF-8"] = {'{"type":"ADDED","object":{"metadata":'
                .. '{"name":"\u{ff}","resourceVersion":"1"}}}', latin1 = true},
        }) do
            it("ends with what came: " .. what, function()
                play({{body = case[1], latin1 = case.latin1, times = 20}})
                local ok, err = pcall(collect, server:client(), 3, {resource_version = "7",
                                                                    timeout = 2})
                if what:find("never close") then
                    -- Cut short, it may go on elsewhere.
                    assert.is_true(ok)
                    return
                end
                assert.is_false(ok)
                assert.is_true(errors.is(err, "Corrupt"), tostring(err))
                assert.are.equal("k8s.watch", err.op)
                assert.is_nil(err.message:find("%c"))
            end)
        end

        it("takes an ERROR of any shape as an error", function()
            for _, status in ipairs({
                '{"code":403}', '{"code":403,"reason":7,"message":[],"details":"x"}',
                '{"code":403,"details":{"retryAfterSeconds":"soon"}}',
                '{"code":403,"message":"\\u001b[2J"}',
            }) do
                play({{body = '{"type":"ERROR","object":' .. status .. "}"}})
                local ok, err = pcall(collect, server:client(), 1, {resource_version = "7"})
                assert.is_false(ok)
                assert.are.equal(403, err.status)
                assert.is_nil(err.message:find("%c"))
            end
        end)

        it("does not take in an object without end", function()
            play({{chunks = {'{"type":"ADDED","object":{"metadata":{"name":"' .. ("x"):rep(1 << 20),
                             ("y"):rep(1 << 20)}, ["repeat"] = 40}})
            local ok, err = pcall(collect, server:client(), 1, {resource_version = "7"})
            assert.is_false(ok)
            assert.is_true(errors.is(err, "TooLarge"), tostring(err))
        end)
    end)

    it("of 10,000 objects of 1.6 kB stays small and loses nothing", function()
        local object = cm("many-@@", "1@@")
        object.metadata.labels = {app = "many"}
        object.data = {value = ("x"):rep(1600)}
        play({{chunks = {events({"ADDED", object})}, ["repeat"] = 10000}})
        local code = [[
            local client = must(require("salvor.k8s").connect({}))
            local count = 0
            for event in client:watch("configmaps", {resource_version = "1"}) do
                assert(event.object.metadata.name == "many-" .. count)
                count = count + 1
                if count == 10000 then
                    break
                end
            end
            local function read(name)
                local file <close> = assert(io.open("/proc/self/" .. name))
                return file:read("a")
            end
            -- A sanitizer keeps freed memory back for a while.
            print(read("maps"):find("libasan") and 0 or read("status"):match("VmHWM:%s*(%d+)"))
        ]]
        local result = must(proc.run({salvor.path, "-e", code},
            {env = {KUBECONFIG = server:kubeconfig()}, timeout = 60}))
        assert.are.equal("", result.stderr)
        assert.is_true(tonumber(result.stdout) < 32 * 1024, result.stdout)
    end)
end)
