local cancel = require("support.cancel")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local kube = require("salvor.kube")
local salvor = require("salvor")
local scripted = require("support.scripted")
local task = require("salvor.task")

local CM = "/api/v1/namespaces/default/configmaps"

local function page(token, ...)
    local items = salvor.list({})
    for number, name in ipairs({...}) do
        items[number] = scripted.config_map(name, "1")
    end
    return scripted.list("10", items, token)
end

describe("the pages of a list", function()
    local server, client

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)
    before_each(function()
        client = server:client({timeout = 30})
        must(client:kind("configmaps"))
    end)

    local function queries()
        local result = {}
        for number, request in ipairs(server:requests()) do
            result[number] = request.query
        end
        return result
    end

    --- Waits until the server has seen that many requests.
    local function await(count)
        eventually(count .. " requests", function()
            return #queries() >= count
        end)
        assert.are.equal(count, #queries())
    end

    local function names(list)
        local result = {}
        for number, item in ipairs(list) do
            result[number] = item.metadata.name
        end
        return result
    end

    it("are asked for with the same query, the version only at first", function()
        server:rules({{path = CM, query = "continue=t2", json = page(nil, "c")},
                      {path = CM, query = "continue=t1", json = page("t2", "b")},
                      {path = CM, json = page("t1", "a")}})
        local list = must(client:list("cm", {label_selector = "x=y", resource_version = "7"}))
        assert.are.same({"a", "b", "c"}, names(list))
        local seen = queries()
        assert.are.equal(3, #seen)
        for number, query in ipairs(seen) do
            assert.truthy(query:find("limit=500", 1, true))
            assert.truthy(query:find("labelSelector=x%3Dy", 1, true))
            assert.are.equal(number == 1, query:find("resourceVersion=7", 1, true) ~= nil)
            assert.are.equal(number == 1, query:find("resourceVersionMatch=", 1, true) ~= nil)
        end
    end)

    it("are asked for while the one before is being used", function()
        server:rules({{path = CM, query = "continue=t1", json = page(nil, "c")},
                      {path = CM, json = page("t1", "a", "b")}})
        local next_item = client:each("cm")
        assert.are.equal("a", next_item().metadata.name)
        await(2)
        assert.are.same({"b", "c"}, {next_item().metadata.name, next_item().metadata.name})
        assert.is_nil(next_item())
        assert.are.equal(2, #queries())
    end)

    it("are never more than one ahead", function()
        server:rules({{path = CM, query = "continue=t2", json = page(nil, "c")},
                      {path = CM, query = "continue=t1", json = page("t2", "b")},
                      {path = CM, json = page("t1", "a")}})
        local next_item = client:each("cm")
        next_item()
        await(2)
        next_item()
        await(3)
    end)

    it("of custom resources have their token at the end", function()
        local text = '{"items":[{"metadata":{"name":"a","continue":"no"}}],"metadata":%s}'
        server:rules({{path = CM, query = "continue=t1", json = page(nil, "b")},
                      {path = CM, body = text:format('{"continue":"t1"}')}})
        local next_item = client:each("cm")
        assert.are.equal("a", next_item().metadata.name)
        await(2)
        assert.are.equal("b", next_item().metadata.name)
    end)

    it("follow what is read, and not what was found ahead of it", function()
        -- Of two equal keys the later counts.
        local text = '{"metadata":{"continue":"no"},"items":[],"metadata":{"continue":"t1"}}'
        server:rules({{path = CM, query = "continue=no", json = page(nil, "wrong")},
                      {path = CM, query = "continue=t1", json = page(nil, "right")},
                      {path = CM, body = text}})
        assert.are.same({"right"}, names(must(client:list("cm"))))
    end)

    it("are asked for anew when the request ahead was lost", function()
        server:rules({{path = CM, query = "continue=t1", times = 1, ["end"] = "reset"},
                      {path = CM, query = "continue=t1", json = page(nil, "b")},
                      {path = CM, json = page("t1", "a")}})
        assert.are.same({"a", "b"}, names(must(client:list("cm"))))
    end)

    it("wait as long as Retry-After says", function()
        server:rules({{path = CM, query = "continue=t1", times = 1, status = 429,
                       headers = {["Retry-After"] = "1"},
                       json = scripted.status(429, "TooManyRequests", "slow down")},
                      {path = CM, query = "continue=t1", json = page(nil, "b")},
                      {path = CM, json = page("t1", "a")}})
        local began = task.now()
        assert.are.same({"a", "b"}, names(must(client:list("cm"))))
        assert.is_true(task.now() - began >= 1)
    end)

    it("go on when the request ahead was forgotten for longer than it may take", function()
        server:rules({{path = CM, query = "continue=t1", times = 1, ["end"] = "hang"},
                      {path = CM, query = "continue=t1", json = page(nil, "b")},
                      {path = CM, json = page("t1", "a")}})
        local next_item = client:each("cm", {timeout = 2})
        next_item()
        task.sleep(2.2)
        assert.are.equal("b", next_item().metadata.name)
    end)

    it("end where the server does not go on", function()
        server:rules({{path = CM, query = "continue=t1", json = page("t1", "b")},
                      {path = CM, json = page("t1", "a")}})
        local _, err = client:list("cm")
        assert.are.equal("Corrupt", err.code)
        assert.are.equal("k8s.list", err.op)
        assert.truthy(err.message:find("the same page", 1, true))
        server:rules({{path = CM, json = page("", "a")}})
        assert.are.same({"a"}, names(must(client:list("cm"))))
    end)

    it("all come before the deadline of a list", function()
        server:rules({{path = CM, query = "continue=t1", ["end"] = "hang"},
                      {path = CM, json = page("t1", "a")}})
        local _, err = client:list("cm", {timeout = 0.5})
        assert.are.equal("Timeout", err.code)
        assert.are.equal("k8s.list", err.op)
    end)

    it("take nothing with them when the loop is left", function()
        server:rules({{path = CM, query = "continue=t1", ["end"] = "hang"},
                      {path = CM, json = page("t1", "a")}})
        local function count_descriptors()
            return #must(fs.list("/proc/self/fd"))
        end
        local under_way
        for item in client:each("cm") do
            under_way = count_descriptors()
            if item.metadata.name == "a" then
                break
            end
        end
        assert.are.equal(under_way - 1, count_descriptors())
    end)

    it("take nothing with them when the list is cancelled", function()
        server:rules({{path = CM, query = "continue=t1", ["end"] = "hang"},
                      {path = CM, json = page("t1", "a")}})
        local function count_descriptors()
            return #must(fs.list("/proc/self/fd"))
        end
        must(client:kind("cm"))
        local before = count_descriptors()
        local listing = task.spawn(client.list, client, "cm")
        await(2)
        cancel(listing)
        assert.is_true(count_descriptors() <= before)
    end)
end)

describe("a request that is sent ahead", function()
    local server, handle

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)
    before_each(function()
        handle = must(kube.connect({kubeconfig = server:kubeconfig()}))
    end)

    it("shows one value of its answer before it is read", function()
        server:rules({{path = CM, delay = 0.2, json = page("a\nb", "x")}})
        local exchange = must(handle:send({path = CM}))
        assert.is_nil(exchange:find("metadata", "continue"))
        exchange:wait()
        assert.are.equal("a\nb", exchange:find("metadata", "continue"))
        assert.are.same({"x"}, {exchange:find("items")[1].metadata.name})
        assert.is_nil(exchange:find("metadata", "nothing"))
        local answer = must(exchange:answer())
        assert.are.equal(200, answer.status)
        assert.are.equal("a\nb", answer.body.metadata.continue)
    end)

    it("shows nothing of an answer that is an error, or cut short", function()
        server:rules({{path = CM, status = 410, times = 1,
                       json = scripted.status(410, "Expired", "gone", {metadata = {a = "b"}})},
                      {path = CM, chunks = {'{"metadata": {"a": "b"}, '}, ["end"] = "truncate"}})
        for _, code in ipairs({"Expired", "Disconnected"}) do
            local exchange = must(handle:send({path = CM}))
            exchange:wait()
            assert.is_nil(exchange:find("metadata", "a"))
            local answer, err = exchange:answer()
            assert.is_nil(answer)
            assert.are.equal(code, err.code)
        end
    end)

    it("is answered once", function()
        server:rules({{path = CM, json = page()}})
        local exchange = must(handle:send({path = CM}))
        must(exchange:answer())
        for _, method in ipairs({"answer", "wait", "find"}) do
            assert.error_matches(function()
                exchange[method](exchange, "metadata")
            end, "the exchange is closed")
        end
        exchange:close()
    end)

    it("has one who waits", function()
        server:rules({{path = CM, ["end"] = "hang"}})
        local exchange <close> = must(handle:send({path = CM}))
        task.race({
            function()
                exchange:answer()
            end,
            function()
                assert.error_matches(function()
                    exchange:answer()
                end, "another task waits")
            end,
        })
    end)

    it("tells who waits that it was closed", function()
        server:rules({{path = CM, ["end"] = "hang"}})
        local exchange = must(handle:send({path = CM}))
        task.all({
            function()
                assert.error_matches(function()
                    exchange:answer()
                end, "the exchange is closed")
            end,
            function()
                exchange:close()
            end,
        })
    end)

    it("refuses misuse", function()
        for _, options in ipairs({{path = "no/slash"}, {path = "/", raw = true}}) do
            assert.is_false(pcall(handle.send, handle, options))
        end
    end)
end)
