-- salvor doctor and servers that are ill: what no healthy API server answers, by a scripted one.
local digest = require("salvor.digest")
local doctor = require("support.doctor")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local json = require("salvor.json")
local plugin = require("support.plugin")
local salvor = require("support.salvor")
local scripted = require("support.scripted")
local validity = require("salvor.doctor.validity")

local expect = doctor.expect

local REVIEW = "/apis/authentication.k8s.io/%s/selfsubjectreviews"

local function reviewed(version, who)
    return {method = "POST", path = REVIEW:format(version), status = 201,
            json = {status = {userInfo = who}}}
end

local function version(text, headers)
    return {path = "/version", json = {gitVersion = text}, headers = headers}
end

--- What a healthy server answers.
local HEALTHY = {version("v1.30.1"), {path = "/readyz", body = "ok"},
                 {path = "/api/v1/namespaces/default", json = {status = {phase = "Active"}}},
                 reviewed("v1", {username = "jane", groups = {"devs", "ops"}})}

describe("salvor doctor", function()
    local servers, server = {}, nil

    before_each(doctor.open)
    after_each(doctor.close)
    teardown(function()
        for _, each in pairs(servers) do
            each:stop()
        end
    end)

    --- Makes `server` one of that mode.
    local function start(mode)
        servers[mode or ""] = servers[mode or ""] or scripted.start(mode)
        server = servers[mode or ""]
    end

    --- What it finds of a server that has these rules before those of a healthy one.
    local function examine(rules, options)
        options = options or {}
        start(options.mode)
        server:rules(table.move(HEALTHY, 1, #HEALTHY, #rules + 1, rules))
        return doctor.run({"--kubeconfig", server:kubeconfig(options.cluster, options.user),
                           table.unpack(options.words or {})})
    end

    describe("and the clock", function()
        local function at(seconds)
            return examine({version("v1.30.1", {
                Date = seconds and os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + seconds)
                    or "yesterday"})})
        end

        it("that goes as the server's is fine", function()
            expect(examine({}), "server/clock", "ok")
        end)

        it("that is a little behind is a warning", function()
            local found, result = at(55)
            salvor.expect_code(0, result)
            expect(found, "server/clock", "warning", "s behind the server's", "NTP")
            local seconds = tonumber(found["server/clock"].seen:match("(%d+) s"))
            assert(seconds > 2 and seconds <= 55, seconds)
        end)

        it("that is far ahead is an error", function()
            local found, result = at(-7200)
            salvor.expect_code(1, result)
            expect(found, "server/clock", "error", "s ahead of the server's", "tokens")
            expect(found, "user/identity", "ok")
        end)

        it("that the server does not tell is a warning", function()
            expect(at(nil), "server/clock", "warning", "does not tell its time")
        end)
    end)

    describe("and TLS", function()
        it("tells the certificate and its end", function()
            expect(examine({}), "server/TLS", "ok", "certificate of CN=server, until 2099-01-01")
        end)

        it("looks at it anew for each context", function()
            start()
            server:rules({table.unpack(HEALTHY)})
            local config = must(json.decode(must(fs.read(server:kubeconfig()))))
            config.contexts[2] = {name = "again", context = config.contexts[1].context}
            local found = doctor.run({"--context", "scripted,again", "--kubeconfig",
                                      server:put("kubeconfig", json.encode(config))})
            expect(found, "scripted:server/TLS", "ok", "CN=server")
            expect(found, "again:server/TLS", "ok", "CN=server")
        end)

        it("is looked at again on a connection of its own", function()
            start()
            server:rules({table.unpack(HEALTHY)})
            local client <close> = server:client()
            for _ = 1, 2 do
                local exchange = must(client._kube:send({path = "/version", inspect = true}))
                exchange:wait()
                assert.are.equal("CN=server", must(exchange:certificate()).subject)
                must(exchange:answer())
            end
        end)

        --- {mode, what is said}
        local REFUSED = {
            {"expired", "has expired", "renew the server's certificate"},
            {"other-name", "is for another name", "TLS server name"},
            {"other-ca", "is signed by an unknown authority", "authority (CA)"},
        }
        for _, case in ipairs(REFUSED) do
            it("refuses a certificate: " .. case[1], function()
                local found, result = examine({}, {mode = case[1]})
                salvor.expect_code(1, result)
                expect(found, "server/connection", "ok")
                expect(found, "server/TLS", "error", case[2], case[3])
                for _, name in ipairs({"server/clock", "server/version", "user/identity"}) do
                    expect(found, name, "skipped", "since 'TLS' failed")
                end
            end)
        end

        it("warns where nobody verifies", function()
            local found, result = examine({}, {mode = "other-ca",
                                               cluster = {["insecure-skip-tls-verify"] = true}})
            salvor.expect_code(0, result)
            expect(found, "server/TLS", "warning", "CN=server, which nobody verifies",
                "certificate-authority")
        end)

        it("warns where there is none", function()
            local found, result = examine({}, {mode = "plain", cluster = {}, user = {}})
            salvor.expect_code(0, result)
            expect(found, "server/TLS", "warning", "none", "https://")
        end)

        it("tells of a client certificate that the server refuses", function()
            -- What the server says of it may be lost with the connection.
            local found = eventually("the server's words", function()
                local seen = examine({}, {mode = "client-cert"})
                return seen["server/connection"].status == "ok" and seen
            end)
            expect(found, "server/TLS", "error", "refuses our client certificate")
        end)
    end)

    describe("and a server that", function()
        it("does not answer costs one time-out", function()
            local found, result = examine({{path = "/version", ["end"] = "mute"}},
                {words = {"--timeout", "0.5"}})
            salvor.expect_code(1, result)
            expect(found, "server/connection", "error", "127.0.0.1:", "within 0.5 s")
            expect(found, "user/identity", "skipped", "since 'connection' failed")
            expect(found, "procedures/site/script", "skipped", "since 'connection' failed")
        end)

        it("answers slowly to one question is asked the others", function()
            local found = examine({{path = "/readyz", ["end"] = "mute"}},
                {words = {"--timeout", "5"}})
            expect(found, "server/ready", "error", "no complete answer")
            expect(found, "server/version", "ok", "v1.30.1")
        end)

        it("is not ready says what is not", function()
            local found, result = examine({{path = "/readyz", status = 500,
                body = "[+]ping ok\n[-]etcd failed: reason withheld\n[-]hook\27[2J failed\n"}})
            salvor.expect_code(1, result)
            expect(found, "server/ready", "error", "not ready: etcd, hook", "log")
        end)

        it("is in trouble gives its own words", function()
            local found = examine({{path = "/readyz", status = 503, body = "try later"}})
            expect(found, "server/ready", "error", "try later")
        end)

        it("does not let itself be asked is no error", function()
            local found, result = examine({{path = "/readyz", status = 403,
                json = scripted.status(403, "Forbidden", "not for you")}})
            salvor.expect_code(0, result)
            expect(found, "server/ready", "skipped", "not for you")
        end)

        it("is old is a warning", function()
            local found = examine({version("v1.18.20-gke.1")})
            expect(found, "server/version", "warning", "v1.18.20-gke.1 is older than 1.19")
            expect(examine({version("v1.19.0")}), "server/version", "ok")
            expect(examine({version("v2.0.0")}), "server/version", "ok")
        end)

        it("does not know what an API service has is a warning", function()
            local found, result = examine({
                {path = "/apis", json = {kind = "APIGroupList", groups = {{
                    name = "metrics.example.org",
                    versions = {{groupVersion = "metrics.example.org/v1", version = "v1"}},
                }}}},
                {path = "/apis/metrics.example.org/v1", status = 503, body = "down"},
            })
            salvor.expect_code(0, result)
            expect(found, "server/kinds", "warning", "metrics.example.org/v1 does not answer",
                "kubectl get apiservices")
            expect(found, "procedures/site/script", "ok")
        end)

        it("deletes the namespace is an error", function()
            local found, result = examine({{path = "/api/v1/namespaces/default",
                                            json = {status = {phase = "Terminating"}}}})
            salvor.expect_code(1, result)
            expect(found, "server/namespace", "error", "default is being deleted", "--namespace")
        end)

        it("has nothing of Kubernetes has no namespaces that could be missing", function()
            local found = examine({{path = "/api/v1/namespaces/default", status = 404,
                                    body = "<html>"}})
            expect(found, "server/namespace", "skipped", "HTTP 404", "<html>")
        end)

        --- {rule, what is said}
        for _, case in ipairs({
            {{status = 502, body = "<h1>Bad gateway</h1>"}, "HTTP 502", "a proxy in front of it"},
            {{status = 302, body = ""}, "HTTP 302", "redirects are not followed"},
            {{["end"] = "close"}, "lost", "proxy, firewall, VPN"},
            {{["end"] = "mute"}, "no complete answer", "--timeout"},
        }) do
            it("answers so says what to do: " .. case[2], function()
                case[1].method, case[1].path = "POST", REVIEW:format("v1")
                local found = examine({case[1]}, {words = {"--timeout", "2"}})
                expect(found, "user/identity", "error", table.unpack(case, 2))
            end)
        end

        it("is none of Kubernetes is an error", function()
            expect(examine({{path = "/version", json = {"x"}}}), "server/version", "error",
                "which version", "is this an API server?")
            expect(examine({{path = "/version", body = "<html>"}}), "server/version", "error",
                "is not JSON", "login page")
        end)
    end)

    describe("and who we are", function()
        it("is what the server says", function()
            expect(examine({}), "user/identity", "ok", "jane, of devs, ops")
        end)

        it("is asked in the versions of the question, the newest first", function()
            local missing = {method = "POST", path = REVIEW:format("v1"), status = 404, body = "no"}
            local found = examine({missing, reviewed("v1beta1", {username = "beta"})})
            expect(found, "user/identity", "ok", "beta")
            found = examine({missing, {method = "POST", path = REVIEW:format("v1beta1"),
                                       status = 404, body = "no"},
                             reviewed("v1alpha1", {username = "alpha"})})
            expect(found, "user/identity", "ok", "alpha")
        end)

        it("is not taken from what is no answer", function()
            for _, who in ipairs({1, {"jane"}, {username = 7}, {username = {}}}) do
                expect(examine({reviewed("v1", who)}), "user/identity", "ok",
                    "u, as the kubeconfig calls it")
            end
            expect(examine({reviewed("v1", {username = "jane", groups = "x"})}), "user/identity",
                "ok", "jane")
        end)

        it("is in a refusal, too", function()
            local found = examine({{method = "POST", path = REVIEW:format("v1"), status = 403,
                json = scripted.status(403, "Forbidden", 'forbidden: User "ann" cannot create x')}})
            expect(found, "user/identity", "ok", "ann")
        end)

        it("neither moves the cursor nor changes colours", function()
            local found, result = examine({reviewed("v1", {username = "a\27[31mb",
                                                           groups = {"\u{202e}g"}})})
            expect(found, "user/identity", "ok", "a\27[31mb")
            assert.is_nil(result.stdout:find("\27", 1, true))
            local text = salvor.run({"doctor", "--procedure", "site/script", "--kubeconfig",
                                     server.folder .. "/kubeconfig"}, {home = doctor.home}).stdout
            salvor.expect(text, "a\\x1b[31mb")
            assert.is_nil(text:find("\27", 1, true))
            assert.is_nil(text:find("\u{202e}", 1, true))
        end)
    end)

    describe("and a token", function()
        local function token(claims)
            local function part(value)
                return (digest.base64(json.encode(value)):gsub("=", "")
                    :gsub("[+/]", {["+"] = "-", ["/"] = "_"}))
            end
            return {token = part({alg = "none"}) .. "." .. part(claims) .. ".c2lnbmF0dXJl"}
        end

        it("that has ended is an error", function()
            local found, result = examine({}, {user = token({sub = "system:x~~~???",
                                                             exp = 1000000000})})
            salvor.expect_code(1, result)
            expect(found, "kubeconfig/credentials", "error",
                "token of system:x~~~??? has expired on 2001-09-09")
            assert.is_nil(result.stdout:find("c2lnbmF0dXJl", 1, true))
        end)

        it("that ends soon is a warning", function()
            local found = examine({}, {user = token({sub = "jane", exp = os.time() + 600})})
            expect(found, "kubeconfig/credentials", "warning", "token of jane, until 20",
                "renew it")
        end)

        it("that lasts, or says nothing of itself, is fine", function()
            expect(examine({}, {user = token({sub = "jane", exp = os.time() + 86400})}),
                "kubeconfig/credentials", "ok", "token of jane, until 20")
            expect(examine({}, {user = token({})}), "kubeconfig/credentials", "ok", "token")
            expect(examine({}), "kubeconfig/credentials", "ok", "token")
        end)

        it("is not all there is: a password is as good", function()
            expect(examine({}, {user = {username = "jane", password = "secret"}}),
                "kubeconfig/credentials", "ok", "user name and password")
        end)

        it("file that cannot be read is an error", function()
            local path = doctor.home .. "/nothing"
            expect(examine({}, {user = {tokenFile = path}}), "kubeconfig/credentials", "error",
                path)
        end)
    end)

    describe("and a credential plugin", function()
        local at

        before_each(function()
            at = plugin.new()
        end)
        after_each(function()
            at:remove()
        end)

        local function exec(command)
            return {exec = {command = command, apiVersion = plugin.V1, interactiveMode = "Never"}}
        end

        it("that is not on PATH is not taken for the server", function()
            local found = examine({}, {user = exec("no-such-plugin")})
            expect(found, "kubeconfig/credentials", "error", "no-such-plugin is not on PATH")
            expect(found, "server/TLS", "ok")
            expect(found, "user/identity", "skipped", "since 'credentials' failed")
        end)

        it("that is no program says so", function()
            expect(examine({}, {user = exec(at.folder)}), "kubeconfig/credentials", "error",
                "the plugin " .. at.folder .. " is no program that can be run", "install it")
        end)

        it("that fails is not either", function()
            at:does("exit 3")
            local found = examine({}, {user = exec(at:path("plugin"))})
            expect(found, "kubeconfig/credentials", "ok", "the plugin " .. at:path("plugin"))
            expect(found, "server/TLS", "ok")
            expect(found, "user/identity", "error", "exit code 3")
        end)

        it("that works is run once", function()
            at:prints(plugin.credential({token = "printed"}))
            local found = examine({}, {user = exec(at:path("plugin"))})
            expect(found, "user/identity", "ok", "jane")
            assert.are.equal(1, #at:runs())
        end)
    end)
end)

describe("the validity of a certificate", function()
    local DAY = 86400

    local function is(status, begins, ends, early)
        local now = os.time()
        local got, text = validity("it", {begins = begins and now + begins,
                                          ends = ends and now + ends}, early or 30 * DAY)
        assert.are.equal(status, got, text)
    end

    it("is told by its begin and its end", function()
        is("ok", nil, nil)
        is("ok", -DAY, 31 * DAY)
        is("warning", -DAY, 29 * DAY)
        is("error", -DAY, -1)
        is("error", DAY, 2 * DAY)
        is("ok", nil, 2 * 3600, 3600)
    end)
end)
