-- Credential plugins (exec): programs that print a token or a certificate, against a real server.
local cancel = require("support.cancel")
local digest = require("salvor.digest")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local plugin = require("support.plugin")
local proc = require("salvor.proc")
local salvor = require("salvor")
local scripted = require("support.scripted")
local support = require("support.salvor")
local task = require("salvor.task")
local yaml = require("salvor.yaml")

--- "PAST" and "FUTURE" in RFC 3339, in a zone of its own.
local PAST = "2001-01-01T00:00:00+05:30"
local FUTURE = "2099-12-31T23:59:59-01:00"

--- A process that is gone, or that only its parent has still to notice.
local function is_gone(pid)
    local stat = fs.read("/proc/" .. pid .. "/stat")
    return not stat or stat:match("%) (%a)") == "Z"
end

local data = lab.kubeconfig("data")

--- A file of the lab's authority.
local function pki(name)
    return fs.join(fs.dirname(data), "pki", name)
end

local function specs()
    local token, certificate, key, at

    setup(function()
        local config = must(yaml.load(must(fs.read(data))))
        local admin = must(yaml.load(must(fs.read(lab.kubeconfig()))))
        token = admin.users[1].user.token
        certificate = must(fs.read(pki("admin.crt")))
        key = must(fs.read(pki("admin.key")))
        at = plugin.new(config.clusters[1].cluster)
    end)
    teardown(function()
        at:remove()
    end)

    local function get(client, opts)
        local object, err = client:get("ns", "default", opts)
        return object and object.metadata.name, err
    end

    describe("is run", function()
        it("when the first request needs it, and not again", function()
            at:prints(plugin.credential({token = token}))
            local client = at:client()
            assert.are.equal(0, #at:runs())
            assert.are.equal("default", must(get(client)))
            assert.are.equal("default", must(get(client)))
            assert.are.equal(1, #at:runs())
        end)

        it("once for requests that come at once", function()
            at:prints(plugin.credential({token = token}))
            at:does("sleep 0.3; cat output")
            local client = at:client()
            task.map({1, 2, 3, 4, 5}, function()
                assert.are.equal("default", must(get(client)))
            end)
            assert.are.equal(1, #at:runs())
        end)

        it("once for all clients of the same user, also of one that is closed", function()
            at:prints(plugin.credential({token = token}))
            local one, other = at:client(), at:client()
            must(one:request({path = "/api"}))
            must(other:request({path = "/api"}))
            one._kube:close()
            other._kube:close()
            must(at:client():request({path = "/api"}))
            assert.are.equal(1, #at:runs())
            must(at:client({args = {"another"}}):request({path = "/api"}))
            assert.are.equal(2, #at:runs())
        end)

        it("for others when the client is closed for which it was started", function()
            at:prints(plugin.credential({token = token}))
            at:does("while [ ! -e go ]; do sleep 0.02; done; rm go; cat output")
            local one, other = at:client(), at:client()
            task.all({
                function()
                    local _, err = one:request({path = "/api"})
                    assert.are.equal("Closed", err.code)
                    must(fs.write(at:path("go"), ""))
                end,
                function()
                    must(other:request({path = "/api"}))
                end,
                function()
                    eventually("the plugin", function()
                        return #at:runs() > 0
                    end)
                    one._kube:close()
                end,
            })
            assert.are.equal(1, #at:runs())
        end)

        it("before a watch too", function()
            at:prints(plugin.credential({token = token}))
            local stream <close> = must(at:client()._kube:stream({
                path = "/api/v1/namespaces", query = {watch = true}}))
            assert.are.equal("ADDED", must(stream:next(10)).type)
        end)

        it("again when what it printed has expired", function()
            at:prints(plugin.credential({token = token, expirationTimestamp = PAST}))
            local client = at:client()
            local path = "/api/v1/namespaces/default"
            for number = 1, 3 do
                must(client:request({path = path}))
                assert.are.equal(number, #at:runs())
            end
            at:prints(plugin.credential({token = token, expirationTimestamp = FUTURE}))
            for _ = 1, 3 do
                must(client:request({path = path}))
                assert.are.equal(1, #at:runs())
            end
        end)

        it("again after a 401, of which the request is not repeated", function()
            at:prints(plugin.credential({token = "wrong"}))
            local client = at:client()
            local _, err = client:request({path = "/api"})
            assert.are.equal(401, err.status)
            assert.are.equal("Unauthorized", err.code)
            support.expect(err.message, 'user "jane"')
            support.expect(err.hint, "runs the plugin", "/plugin again")
            assert.are.equal(1, #at:runs())
            must(fs.write(at:path("output"), plugin.credential({token = token})))
            must(client:request({path = "/api"}))
            must(client:request({path = "/api"}))
            assert.are.equal(2, #at:runs())
        end)

        it("once after many got a 401", function()
            at:prints(plugin.credential({token = "wrong"}))
            local client = at:client()
            task.map({1, 2, 3, 4}, function()
                client:request({path = "/api"})
            end)
            local before = #at:runs()
            must(fs.write(at:path("output"), plugin.credential({token = token})))
            task.map({1, 2, 3, 4}, function()
                must(client:request({path = "/api"}))
            end)
            assert.are.equal(before + 1, #at:runs())
        end)

        it("not for a late 401 of what it printed before", function()
            local server = scripted.start()
            finally(function() server:stop() end)
            local unauthorized = scripted.status(401, "Unauthorized", "Unauthorized")
            server:rules({{path = "/late", hold = 1, status = 401, json = unauthorized},
                          {path = "/now", times = 1, status = 401, json = unauthorized},
                          {path = "/now", json = {kind = "x"}}})
            at:prints(plugin.credential({token = "any"}))
            local client = must(k8s.connect({timeout = 60, kubeconfig = at:kubeconfig(nil, nil, {
                server = server.url, ["certificate-authority-data"] = digest.base64(
                    must(fs.read(fs.join(server.folder, "ca.crt")))),
            })}))
            local function status_of(path)
                local answer, err = client:request({path = path})
                return (answer or err).status
            end
            local late = task.spawn(status_of, "/late")
            assert.are.equal(401, status_of("/now"))
            assert.are.equal(200, status_of("/now"))
            assert.are.equal(2, #at:runs())
            assert.are.equal(401, late:join())
            assert.are.equal(200, status_of("/now"))
            assert.are.equal(2, #at:runs())
        end)

        it("not at all when the user has a token", function()
            at:prints("nonsense")
            assert.are.equal("default", must(get(at:client(nil, {token = token}))))
            assert.are.equal(0, #at:runs())
        end)

        it("not at all when the user has a certificate", function()
            at:prints("nonsense")
            local user = must(yaml.load(must(fs.read(data)))).users[1].user
            assert.are.equal("default", must(get(at:client(nil, user))))
            assert.are.equal(0, #at:runs())
        end)

        it("not for a request that brings its own Authorization", function()
            at:prints("nonsense")
            local answer = must(at:client():request({
                path = "/api/v1/namespaces/default",
                headers = {Authorization = "Bearer " .. token}}))
            assert.are.equal("default", answer.body.metadata.name)
            assert.are.equal(0, #at:runs())
        end)

        it("not for a server without TLS", function()
            at:prints(plugin.credential({token = token}))
            local server = at.cluster.server
            at.cluster.server = server:gsub("^https", "http")
            local client = at:client()
            at.cluster.server = server
            local _, err = client:request({path = "/api"})
            support.expect(err.message, "credentials are not sent over plain HTTP")
            assert.are.equal(0, #at:runs())
        end)
    end)

    describe("that prints a certificate", function()
        --- A certificate of the lab's authority for somebody without any rights.
        local function sign(name)
            local function openssl(...)
                local result = must(proc.run({"openssl", ...}, {timeout = 30}))
                assert(result.code == 0, result.stderr)
            end
            openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-noenc", "-subj", "/CN=" .. name, "-keyout", at:path("key"),
                "-out", at:path("request"))
            openssl("x509", "-req", "-in", at:path("request"), "-days", "2",
                "-CA", pki("ca.crt"), "-CAkey", pki("ca.key"), "-set_serial", "77",
                "-out", at:path("crt"))
            return must(fs.read(at:path("crt"))), must(fs.read(at:path("key")))
        end

        it("is who it says", function()
            at:prints(plugin.credential({clientCertificateData = certificate,
                                         clientKeyData = key}))
            assert.are.equal("default", must(get(at:client())))
        end)

        it("has its token sent as well", function()
            at:prints(plugin.credential({token = "beside-it", clientCertificateData = certificate,
                                         clientKeyData = key}))
            local server = scripted.start()
            finally(function() server:stop() end)
            local path = fs.join(server.folder, "ca.crt")
            local client = must(k8s.connect({timeout = 60, kubeconfig = at:kubeconfig(nil, nil, {
                server = server.url, ["certificate-authority"] = path,
                ["certificate-authority-data"] = salvor.null,
            })}))
            client:request({path = "/version"})
            assert.are.equal("Bearer beside-it", server:requests()[1].headers.Authorization)
        end)

        it("is shown where its token is sent as well", function()
            local somebody, their_key = sign("somebody-else")
            at:prints(plugin.credential({token = token, clientCertificateData = somebody,
                                         clientKeyData = their_key}))
            -- To the server a certificate goes before a token.
            local _, err = at:client():request({path = "/api/v1/secrets", query = {limit = 1}})
            assert.are.equal("Forbidden", err and err.code)
            support.expect(err.message, 'User "somebody-else"')
        end)

        it("gets new connections when it is another one", function()
            at:prints(plugin.credential({clientCertificateData = certificate,
                                         clientKeyData = key, expirationTimestamp = PAST}))
            local client = at:client()
            must(client:request({path = "/api/v1/secrets", query = {limit = 1}}))
            local other, other_key = sign("somebody-else")
            must(fs.write(at:path("output"), plugin.credential({
                clientCertificateData = other, clientKeyData = other_key})))
            local _, err = client:request({path = "/api/v1/secrets", query = {limit = 1}})
            assert.are.equal("Forbidden", err.code)
            support.expect(err.message, 'User "somebody-else"')
        end)
    end)

    it("is run again when a server refuses its certificate in the handshake", function()
        local server = scripted.start("client-cert")
        local function read(name)
            return must(fs.read(fs.join(server.folder, name)))
        end
        local client = plugin.new({server = server.url,
                                   ["certificate-authority-data"] = digest.base64(read("ca.crt"))})
        finally(function()
            client:remove()
            server:stop()
        end)
        client:prints(plugin.credential({clientCertificateData = read("client.crt"),
                                         clientKeyData = read("client.key")}))
        local connected = client:client()
        for number = 1, 2 do
            local _, err = connected:request({path = "/api"})
            assert.are.equal("Unauthorized", err.code)
            assert.are.equal(number, #client:runs())
        end
    end)

    it("writes its errors to ours, and a token goes nowhere else", function()
        at:prints(plugin.credential({token = token}))
        at:does("echo 'please touch the key' >&2; cat output")
        must(fs.write(at:path("script.lua"), [[
            local client = must(require("salvor.k8s").connect({kubeconfig = arg[1]}))
            print(must(client:get("ns", "default")).metadata.name)]]))
        local result = support.run({at:path("script.lua"), at:kubeconfig()}, {
            home = at.folder, env = {SALVOR_LOG_LEVEL = "debug"}})
        assert.are.equal("default\n", result.stdout)
        support.expect(result.stderr, "please touch the key\n")
        assert.is_nil(result.stderr:find(token, 1, true))
    end)

    describe("that fails", function()
        local function credential(status, version)
            return plugin.credential(status, version)
        end

        --- {name, what it does or prints, code, part of the message}
        local CASES = {
            {"exits with an error", "echo secret; exit 3", "Unauthorized",
             "plugin failed with exit code 3"},
            {"dies of a signal", "echo secret; kill -9 $$", "Unauthorized", "signal 9 (Killed)"},
            {"prints nothing", ":", "Invalid", "printed nothing"},
            {"prints nonsense", "echo '{\"secret'", "Invalid", "neither JSON nor YAML"},
            {"prints a word", "echo secret", "Invalid", "not an ExecCredential"},
            {"floods", "yes secret", "TooLarge", "printed more than 1 MiB"},
            {"prints another version",
             credential({token = "secret"}, "client.authentication.k8s.io/v1beta1"),
             "Invalid", "v1beta1, where the kubeconfig wants one of"},
            {"prints a version of no group", credential({token = "secret"}, "v1"), "Invalid",
             "of v1, where the kubeconfig wants one of client.authentication.k8s.io/v1"},
            {"prints another kind", '{"kind": "Pod", "apiVersion": "v1", "a": "secret"}',
             "Invalid", "not an ExecCredential"},
            {"prints no status", '{"kind": "ExecCredential", "apiVersion": "' .. plugin.V1 .. '"}',
             "Invalid", "without a status"},
            {"prints neither", credential({token = ""}), "Invalid",
             "neither a token nor a certificate"},
            {"prints a number as token", credential({token = 1}), "Invalid", "token that is not"},
            {"prints a line break", credential({token = "secret\r\nX: y"}), "Invalid",
             "blanks, line breaks or controls"},
            {"prints a NUL", credential({token = "secret\0"}), "Invalid", "token that is not text"},
            {"prints a date that is none",
             credential({token = "secret", expirationTimestamp = "tomorrow"}), "Invalid",
             "expirationTimestamp that is not of RFC 3339"},
            {"prints half a pair", function()
                return credential({clientCertificateData = certificate})
            end, "Invalid", "certificate without its key"},
            {"prints the other half", function()
                return credential({clientKeyData = key})
            end, "Invalid", "key without its certificate"},
            {"prints a certificate that is none", function()
                return credential({clientCertificateData = "secret", clientKeyData = key})
            end, "Invalid", "the certificate is not one in PEM"},
            {"prints another key", function()
                return credential({clientCertificateData = certificate,
                                   clientKeyData = must(fs.read(pki("server.key")))})
            end, "Invalid", "the key does not belong to the certificate"},
        }

        for _, case in ipairs(CASES) do
            local name, what, code, part = table.unpack(case)
            it("since it " .. name .. " is an error", function()
                what = type(what) == "function" and what() or what
                if what:sub(1, 1) == "{" then
                    at:prints(what)
                else
                    at:does(what)
                end
                local _, err = get(at:client())
                assert.are.equal(code, err.code)
                support.expect(err.message, 'user "jane"', at:path("plugin"), part)
                assert.is_nil(tostring(err):find("secret", 1, true))
                assert.is_true(#err.hint > 0)
            end)
        end

        it("fails all that wait, and may succeed the next time", function()
            at:does("sleep 0.2; exit 1")
            local client = at:client()
            task.map({1, 2, 3}, function()
                local _, err = client:request({path = "/api"})
                assert.are.equal("Unauthorized", err.code)
            end)
            assert.are.equal(1, #at:runs())
            at:prints(plugin.credential({token = token}))
            must(client:request({path = "/api"}))
        end)
    end)

    describe("that hangs", function()
        it("is ended at the call's time limit", function()
            at:does("sleep 60")
            local _, err = at:client():request({path = "/api", timeout = 0.3})
            assert.are.equal("Timeout", err.code)
            support.expect(err.message, 'user "jane"', at:path("plugin"), "within 0.3 s")
            eventually("the plugin's end", function()
                return not at:runs()[1] or is_gone(at:runs()[1])
            end)
        end)

        it("is ended when nobody waits any more", function()
            at:does("sleep 60")
            local client = at:client()
            local asking = task.spawn(task.map, {1, 2}, function()
                client:request({path = "/api"})
            end)
            eventually("the plugin", function()
                return at:runs()[1]
            end)
            cancel(asking)
            eventually("the plugin's end", function()
                return is_gone(at:runs()[1])
            end)
        end)

        it("does not hold up Ctrl-C", function()
            at:does("sleep 60")
            must(fs.write(at:path("script.lua"), [[
                local client = must(require("salvor.k8s").connect({kubeconfig = arg[1]}))
                must(client:get("ns", "default"))]]))
            local result = must(proc.run({"sh", "-c", [[
                "$0" "$1" "$2" & salvor=$!
                until [ -e "$3" ] || ! kill -0 $salvor; do sleep 0.01; done
                kill -INT $salvor; wait $salvor; echo $?]],
                support.path, at:path("script.lua"), at:kubeconfig(), at:path("runs")},
                {timeout = 50}))
            assert.are.equal("130\n", result.stdout, result.stderr)
            assert.is_true(is_gone(at:runs()[1]))
        end)

        it("is run anew for those who come while it is being ended", function()
            at:prints(plugin.credential({token = token}))
            at:does([[
                if [ ! -e stubborn ]; then cat output; exit; fi
                rm stubborn
                trap 'sleep 0.5; exit 1' TERM
                echo > ready
                while :; do sleep 0.05; done]])
            must(fs.write(at:path("stubborn"), ""))
            local client = at:client()
            local first = task.spawn(function()
                client:request({path = "/api"})
            end)
            eventually("the plugin", function()
                return fs.stat(at:path("ready"))
            end)
            first:cancel()
            must(client:request({path = "/api"}))
            assert.are.equal(2, #at:runs())
            os.remove(at:path("ready"))
        end)

        it("does so for others when one gives up", function()
            at:prints(plugin.credential({token = token}))
            at:does("while [ ! -e go ]; do sleep 0.02; done; rm go; cat output")
            local client = at:client()
            local answered = 0
            task.all({
                function()
                    local _, err = task.timeout(0.2, function()
                        return client:request({path = "/api"})
                    end)
                    assert.are.equal("Timeout", err.code)
                    must(fs.write(at:path("go"), ""))
                end,
                function()
                    must(client:request({path = "/api"}))
                    answered = answered + 1
                end,
                function()
                    must(client:request({path = "/api"}))
                    answered = answered + 1
                end,
            })
            assert.are.equal(2, answered)
            assert.are.equal(1, #at:runs())
        end)

        it("is ended with its client", function()
            at:does("sleep 60")
            local client = at:client()
            task.all({
                function()
                    local _, err = client:request({path = "/api"})
                    assert.are.equal("Closed", err.code)
                end,
                function()
                    eventually("the plugin", function()
                        return #at:runs() > 0
                    end)
                    client._kube:close()
                end,
            })
            assert.is_true(is_gone(at:runs()[1]))
        end)
    end)

    describe("of v1beta1", function()
        it("prints that version", function()
            at:prints(plugin.credential({token = token}, plugin.V1BETA1))
            assert.are.equal("default", must(get(at:client({apiVersion = plugin.V1BETA1}))))
        end)

        it("may not print v1", function()
            at:prints(plugin.credential({token = token}))
            local _, err = get(at:client({apiVersion = plugin.V1BETA1}))
            assert.are.equal("Invalid", err.code)
            support.expect(err.message, "printed an ExecCredential of " .. plugin.V1,
                "wants one of " .. plugin.V1BETA1)
        end)
    end)

    describe("that may ask somebody", function()
        local SCRIPT = [[
            local client = must(require("salvor.k8s").connect({kubeconfig = arg[1], timeout = 3}))
            print(must(client:get("ns", "default")).metadata.name)]]
        local ASK = [[
            stty -echo; printf 'Password? ' >&2; read password; stty echo
            sleep 3.2
            [ "$password" = sesame ] && cat output]]

        --- Runs it in a terminal where somebody types `answer`.
        local function run(answer, exec)
            must(fs.write(at:path("script.lua"), SCRIPT))
            local result = must(proc.run({
                "python3", "tests/support/terminal.py", "Password? ", answer, support.path,
                at:path("script.lua"), at:kubeconfig(exec)}, {timeout = 30}))
            return result.stdout .. result.stderr
        end

        it("has the terminal, and as much time as the person needs", function()
            at:prints(plugin.credential({token = token}))
            at:does(ASK)
            for _, mode in ipairs({"Always", "IfAvailable"}) do
                support.expect(run("sesame\n", {interactiveMode = mode}), "0, echo on", "default")
            end
        end)

        it("ends with Ctrl-C, and the terminal is as before", function()
            at:does("trap '' INT TERM\n" .. ASK)
            local shown = run("\\x03", {interactiveMode = "Always"})
            support.expect(shown, "-2, echo on")
            eventually("the plugin's end", function()
                return is_gone(at:runs()[1])
            end)
        end)

        it("is told so", function()
            at:prints(plugin.credential({token = token}))
            at:does('printf %s "$KUBERNETES_EXEC_INFO" > info; printf "Password? " >&2; cat output')
            run("", {interactiveMode = "IfAvailable"})
            local told = must(json.decode(must(fs.read(at:path("info")))))
            assert.is_true(told.spec.interactive)
        end)

        it("is one of v1beta1 that does not say so", function()
            at:prints(plugin.credential({token = token}, plugin.V1BETA1))
            at:does(ASK)
            support.expect(run("sesame\n", {apiVersion = plugin.V1BETA1,
                                            interactiveMode = salvor.null}),
                "0, echo on", "default")
            -- Where there is nobody it is run all the same.
            at:does("cat output")
            local result = support.run({at:path("script.lua"), at:kubeconfig({
                apiVersion = plugin.V1BETA1, interactiveMode = salvor.null,
            })}, {home = at.folder})
            assert.are.equal("default\n", result.stdout, result.stderr)
        end)

        it("is none with Never, also at a terminal", function()
            at:prints(plugin.credential({token = token}))
            at:does([[
                printf %s "$KUBERNETES_EXEC_INFO" > info
                printf 'Password? ' >&2; read password || echo 'no input' >&2; cat output]])
            support.expect(run("sesame\n", {interactiveMode = "Never"}), "no input", "default")
            assert.is_false(must(json.decode(must(fs.read(at:path("info"))))).spec.interactive)
        end)

        it("but must, is an error without a terminal", function()
            at:prints(plugin.credential({token = token}))
            must(fs.write(at:path("script.lua"), SCRIPT))
            local result = support.run({at:path("script.lua"),
                                        at:kubeconfig({interactiveMode = "Always"})},
                {home = at.folder})
            assert.are_not.equal(0, result.code)
            support.expect(result.stderr, "standard input is not a terminal")
            assert.are.equal(0, #at:runs())
        end)
    end)
end

lab.describe("a credential plugin", data and specs or function()
    lab.it_as("data", "needs the lab's own users", specs)
end)
