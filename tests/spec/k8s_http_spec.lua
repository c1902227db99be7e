local cancel = require("support.cancel")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local kube = require("salvor.kube")
local salvor = require("salvor")
local salvor_binary = require("support.salvor")
local scripted = require("support.scripted")
local task = require("salvor.task")

local CM = "/api/v1/namespaces/default/configmaps"

describe("a call of the API", function()
    local server, client

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)
    before_each(function()
        client = server:client({timeout = 30})
    end)

    local function object(name)
        return {apiVersion = "v1", kind = "ConfigMap", metadata = {name = name}}
    end

    it("sends the token and says who it is", function()
        server:rules({{path = CM .. "/a", json = object("a")}})
        must(client:get("cm", "a"))
        local headers = server:requests()[1].headers
        assert.are.equal("Bearer secret-token", headers.Authorization)
        assert.are.equal("salvor/" .. salvor.version, headers["User-Agent"])
        assert.are.equal("application/json", headers.Accept)
    end)

    it("escapes names and query values", function()
        server:rules({{path = CM .. "/a%3Ab", json = object("a:b")},
                      {path = CM, json = scripted.list("1", salvor.list({}))}})
        must(client:get("cm", "a:b"))
        must(client:list("cm", {field_selector = {["a/b"] = "c d,e"}}))
        local query = server:requests()[2].query
        assert.truthy(query:find("fieldSelector=a%2Fb%3Dc%20d%5C%2Ce", 1, true))
    end)

    it("waits as long as Retry-After says, for reads", function()
        server:rules({{path = CM .. "/a", times = 2, status = 429,
                       headers = {["Retry-After"] = "1"},
                       json = scripted.status(429, "TooManyRequests", "slow down")},
                      {path = CM .. "/a", json = object("a")}})
        local began = task.now()
        assert.are.equal("a", must(client:get("cm", "a")).metadata.name)
        assert.is_true(task.now() - began >= 2)
        assert.are.equal(3, #server:requests())
    end)

    it("does not repeat a read without Retry-After", function()
        server:rules({{path = CM .. "/a", status = 503, body = "overloaded"}})
        local _, err = client:get("cm", "a")
        assert.are.equal("ServiceUnavailable", err.code)
        assert.is_false(err.retryable)
        assert.truthy(err.message:find("overloaded", 1, true))
        assert.are.equal(1, #server:requests())
    end)

    it("gives up before a pause that is longer than the deadline", function()
        server:rules({{path = CM .. "/a", status = 503, headers = {["Retry-After"] = "60"},
                       json = scripted.status(503, "ServiceUnavailable", "later")}})
        local _, err = client:get("cm", "a")
        assert.is_true(err.retryable)
        assert.are.equal(60, err.retry_after)
        assert.are.equal(1, #server:requests())
    end)

    it("repeats a read whose connection was lost", function()
        server:rules({{path = CM .. "/a", times = 1, ["end"] = "reset"},
                      {path = CM .. "/a", times = 1, ["end"] = "close"},
                      {path = CM .. "/a", times = 1, body = '{"a":', ["end"] = "truncate"},
                      {path = CM .. "/a", json = object("a")}})
        assert.are.equal("a", must(client:get("cm", "a")).metadata.name)
    end)

    it("never repeats a write that may have been carried out", function()
        for _, rule in ipairs({
            {["end"] = "reset"},
            {["end"] = "close"},
            {status = 503, headers = {["Retry-After"] = "0"}, body = "no"},
        }) do
            rule.method, rule.path = "POST", CM
            server:rules({{path = CM .. "/a", json = object("a")}, rule})
            -- A kept connection, on which libcurl would like to try again.
            must(client:get("cm", "a"))
            local _, err = client:create(object("a"))
            assert.is_truthy(err)
            assert.are.equal(2, #server:requests())
        end
    end)

    it("repeats a read at once when the connection was a kept one", function()
        for _, ending in ipairs({"reset", "close"}) do
            server:rules({{path = CM .. "/a", times = 1, ["end"] = ending},
                          {path = CM .. "/a", json = object("a")},
                          {path = CM .. "/b", json = object("b")}})
            must(client:get("cm", "b"))
            must(client:get("cm", "a"))
            local requests = server:requests()
            assert.are.equal(3, #requests)
            assert.is_true(requests[3].time - requests[2].time < 0.9)
        end
    end)

    it("does not use a kept connection that has ended since", function()
        server:rules({{path = CM .. "/a", json = object("a"), ["end"] = "retire"},
                      {method = "POST", path = CM, json = object("b")}})
        must(client:get("cm", "a"))
        eventually("the end of the connection", function()
            return server:requests()[2]
        end)
        must(client:create(object("b")))
        assert.are.equal("POST", server:requests()[3].method)
    end)

    it("says that a lost write may have happened", function()
        server:rules({{method = "PATCH", path = CM .. "/a", ["end"] = "reset"}})
        local _, err = client:patch("cm", "a", {data = {}})
        assert.are.equal("Disconnected", err.code)
        assert.is_false(err.retryable)
        assert.truthy(err.hint:find("may or may not", 1, true))
    end)

    it("knows that it was refused, although the end of the answer was lost", function()
        server:rules({{method = "POST", path = CM, status = 413,
                       body = "Request entity too large", length = 200, ["end"] = "truncate"}})
        local _, err = client:create({apiVersion = "v1", kind = "ConfigMap",
                                      metadata = {name = "a"}})
        assert.are.equal(413, err.status)
        assert.are.equal("RequestEntityTooLarge", err.code)
        assert.is_nil((err.hint or ""):find("may or may not", 1, true))
    end)

    it("ends at its deadline", function()
        server:rules({{path = CM .. "/a", chunks = {"{"}, ["end"] = "hang"}})
        local _, err = client:get("cm", "a", {timeout = 0.5})
        assert.are.equal("Timeout", err.code)
        assert.are.equal("k8s.get", err.op)
        assert.truthy(err.message:find("within 0%.%d+ s"), err.message)
    end)

    it("is cancelled at once", function()
        server:rules({{path = CM .. "/a", chunks = {"{"}, ["end"] = "hang"}})
        local getting = task.spawn(client.get, client, "cm", "a")
        eventually("the request", function()
            return server:requests()[1]
        end)
        cancel(getting)
    end)

    it("runs beside others", function()
        server:rules({{path = CM .. "/a", json = object("a"), delay = 0.5}})
        must(client:kind("cm"))
        local results = task.map({1, 2, 3, 4}, function()
            return must(client:get("cm", "a")).metadata.name
        end)
        assert.are.same({"a", "a", "a", "a", n = 4}, results)
    end)

    it("keeps the server's own words", function()
        local details = {name = "a", kind = "configmaps",
                         causes = {{reason = "FieldValueInvalid", message = "bad", field = "data"}}}
        server:rules({{path = CM .. "/a", status = 422,
                       json = scripted.status(422, "Invalid", "two\nlines", {details = details})}})
        local _, err = client:get("cm", "a")
        assert.are.equal("Invalid", err.code)
        assert.are.equal("two lines", err.message)
        assert.are.equal(422, err.status)
        assert.are.equal("data", err.details.causes[1].field)
        server:rules({{path = CM .. "/a", status = 410, json = scripted.status(410, "Gone", "x")}})
        _, err = client:get("cm", "a")
        assert.are.equal("Gone", err.code) -- without a reason it would be Expired
    end)

    it("keeps the beginning of an answer that is no Status", function()
        server:rules({{path = CM .. "/a", status = 502, headers = {["Content-Type"] = "text/html"},
                       body = ("<html>proxy</html>"):rep(1000)}})
        local _, err = client:get("cm", "a")
        assert.truthy(err.message:find("HTTP 502 from 127.0.0.1:%d+: <html>proxy</html><html>"))
        assert.is_true(#err.message > 1024)
        assert.is_true(#err.message < 2048)
        -- Another kind of object is none either, whatever its fields are called.
        server:rules({{path = CM .. "/a", status = 409, json = {kind = "Other", reason = "Gone",
                                                               message = "not for us"}}})
        _, err = client:get("cm", "a")
        assert.are.equal("Conflict", err.code)
        assert.truthy(err.message:find("HTTP 409 from 127.0.0.1", 1, true))
    end)

    it("takes a conflict without a reason for what it is for each method", function()
        server:rules({{path = CM .. "/a", method = "PUT", status = 409, body = "no"},
                      {path = CM, method = "POST", status = 409, body = "no"}})
        local _, err = client:replace(object("a"))
        assert.are.equal("Conflict", err.code)
        _, err = client:create(object("a"))
        assert.are.equal("AlreadyExists", err.code)
    end)

    it("ends a script that does not look at its error, and shows it", function()
        local folder = must(fs.temporary_folder())
        local script = fs.join(folder, "script.lua")
        must(fs.write(script, [[
            must(must(require("salvor.k8s").connect({kubeconfig = arg[1]})):get("cm", "a"))
        ]]))
        for status, text in pairs({
            [404] = 'salvor: k8s.get: configmaps "a" not found (NotFound)\n',
            [401] = "salvor: k8s.get: the server does not accept the credentials of user \"u\""
                .. " (context \"scripted\"): who are you? (Unauthorized)\n"
                .. "hint: the token may have expired: log in again\n",
        }) do
            server:rules({{path = CM .. "/a", status = status, json = status == 404
                and scripted.status(404, "NotFound", 'configmaps "a" not found')
                or scripted.status(401, "Unauthorized", "who are you?")}})
            local result = salvor_binary.run({script, server:kubeconfig()}, {home = folder})
            assert.are.same({1, "", text}, {result.code, result.stdout, result.stderr})
        end
        must(fs.remove_tree(folder))
    end)

    it("refuses an answer that is not JSON", function()
        server:rules({{path = CM .. "/a", headers = {["Content-Type"] = "text/html"},
                       body = "<html>log in</html>"}})
        local _, err = client:get("cm", "a")
        assert.are.equal("Corrupt", err.code)
        assert.truthy(err.message:find("text/html", 1, true))
        assert.truthy(err.hint:find("proxy", 1, true))
    end)

    it("follows no redirect", function()
        server:rules({{path = CM .. "/a", status = 302, headers = {Location = "/elsewhere"}}})
        local _, err = client:get("cm", "a")
        assert.are.equal(302, err.status)
        assert.are.equal(1, #server:requests())
    end)

    it("tells each warning once", function()
        local texts = {}
        client = server:client({on_warning = function(text)
            texts[#texts + 1] = text
        end})
        server:rules({{path = CM .. "/a", json = object("a"),
                       headers = {Warning = [[299 - "old, \"very\" old", 299 - "second"]]}}})
        must(client:get("cm", "a"))
        must(client:get("cm", "a"))
        assert.are.same({'old, "very" old', "second"}, texts)
    end)

    it("gives raw bytes and headers on request", function()
        server:rules({{path = "/healthz", body = "ok", headers = {["X-Thing"] = "1"}}})
        local answer = must(client:request({path = "/healthz", raw = true}))
        assert.are.equal("ok", answer.body)
        assert.are.equal(200, answer.status)
        assert.are.equal("1", answer.headers["x-thing"])
    end)

    it("asks for another server name when the kubeconfig says so", function()
        local path = server:kubeconfig({["certificate-authority"] = "ca.crt",
                                        ["tls-server-name"] = "scripted.example"})
        server:rules({{path = CM .. "/a", json = object("a")}})
        must(must(k8s.connect({kubeconfig = path})):get("cm", "a"))
        assert.are.equal("127.0.0.1:" .. server.port, server:requests()[1].headers.Host)
        path = server:kubeconfig({["certificate-authority"] = "ca.crt",
                                  ["tls-server-name"] = "wrong.example"})
        local _, err = must(k8s.connect({kubeconfig = path})):get("cm", "a")
        assert.are.equal("Untrusted", err.code)
    end)

    it("gives what has arrived whole, though a finaliser closes it meanwhile", function()
        local items = {}
        for number = 1, 500 do
            items[number] = "value " .. number .. ("x"):rep(200)
        end
        server:rules({{path = CM, json = {items = items}}})
        local handle = must(kube.connect({kubeconfig = server:kubeconfig()}))
        local function read(open, take)
            local source, finalised, finalise = must(handle[open](handle, {path = CM})), 0, nil
            function finalise()
                setmetatable({}, {__gc = function()
                    finalised = finalised + 1
                    if finalised == 3 then
                        source:close()
                    end
                    finalise()
                end})
            end
            collectgarbage("incremental", 10, 1000)
            collectgarbage()
            finalise()
            local value = take(source)
            finalise = function() end
            collectgarbage("incremental", 200, 100)
            assert.are.same(items, value)
        end
        read("stream", function(stream)
            return must(stream:next()).items
        end)
        read("send", function(exchange)
            exchange:wait()
            return exchange:find("items")
        end)
        read("send", function(exchange)
            return must(exchange:answer()).body.items
        end)
    end)

    it("refuses misuse of the mechanism", function()
        local handle = must(kube.connect({kubeconfig = server:kubeconfig()}))
        for _, options in ipairs({
            {path = "no/slash"}, {path = "/", unknown = 1}, {path = "/", query = {1}},
            {path = "/", headers = {["a b"] = "c"}}, {path = "/", headers = {a = "b\r\nc: d"}},
            {path = "/", query = {a = function() end}}, {path = "/", timeout = "1"},
        }) do
            assert.is_false(pcall(handle.request, handle, options))
        end
        handle:close()
        assert.error_matches(function()
            handle:request({path = "/"})
        end, "the client is closed")
    end)
end)

describe("a server", function()
    local function ask(mode, cluster, user)
        local server = scripted.start(mode)
        local client = must(k8s.connect({kubeconfig = server:kubeconfig(cluster, user)}))
        local list, err = client:list("cm")
        server:stop()
        assert.is_nil(list)
        assert.is_nil(tostring(err):find("secret-token", 1, true))
        return err
    end

    it("with an expired certificate is named so", function()
        local err = ask("expired")
        assert.are.equal("Untrusted", err.code)
        assert.truthy(err.message:find("has expired", 1, true))
        assert.truthy(err.hint:find("clock", 1, true))
    end)

    it("of an unknown authority is named so", function()
        local err = ask("other-ca")
        assert.are.equal("Untrusted", err.code)
        assert.truthy(err.message:find("unknown authority", 1, true))
    end)

    it("is not trusted without its authority", function()
        assert.are.equal("Untrusted", ask(nil, {}).code)
    end)

    it("with another name is named so", function()
        local err = ask("other-name")
        assert.are.equal("Untrusted", err.code)
        assert.truthy(err.message:find("another name", 1, true))
    end)

    it("that finds our certificate expired is understood", function()
        local err = ask("client-cert", nil, {["client-certificate"] = "client.crt",
                                             ["client-key"] = "client.key"})
        assert.are.equal("Unauthorized", err.code)
        assert.truthy(err.message:find("our client certificate has expired", 1, true))
    end)

    it("without TLS gets no credentials", function()
        local err = ask("plain", {})
        assert.are.equal("Invalid", err.code)
        assert.truthy(err.message:find("plain HTTP", 1, true))
    end)

    it("that speaks no TLS is named so", function()
        local server = scripted.start("plain")
        local url = server.url:gsub("http:", "https:")
        local client = must(k8s.connect({kubeconfig = server:kubeconfig({server = url})}))
        local _, err = client:list("cm")
        server:stop()
        assert.are.equal("Unreachable", err.code)
        assert.truthy(err.message:find("does not speak TLS", 1, true))
    end)

    it("that does not run is named so", function()
        local server = scripted.start()
        local client = server:client()
        server:stop()
        local _, err = client:list("cm")
        assert.are.equal("Unreachable", err.code)
        assert.truthy(err.message:find("127.0.0.1:" .. server.port, 1, true))
        assert.truthy(err.message:find("Connection refused", 1, true))
    end)
end)
