-- Requests through a proxy: the proxy-url of a cluster, or the environment as kubectl reads it.
local fs = require("salvor.fs")
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local proxy = require("support.proxy")
local scripted = require("support.scripted")
local support = require("support.salvor")
local yaml = require("salvor.yaml")

local PATH = "/api/v1/namespaces/default/configmaps/a"
local OBJECT = {apiVersion = "v1", kind = "ConfigMap", metadata = {name = "a"}}
-- A name that only the proxy knows.
local NAME = "scripted.example"

describe("a proxy", function()
    local server, started

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)
    before_each(function()
        started = nil
        server:rules({{path = PATH, json = OBJECT}})
    end)
    after_each(function()
        if started then
            started:stop()
        end
    end)

    local function start(kind, rule)
        started = proxy.start(kind, server.folder, rule)
        return started
    end

    local function kubeconfig(fields)
        local cluster = {
            server = "https://" .. NAME .. ":" .. server.port,
            ["certificate-authority"] = "ca.crt",
        }
        for name, value in pairs(fields or {}) do
            cluster[name] = value
        end
        return server:kubeconfig(cluster)
    end

    local function get(fields)
        local client = must(k8s.connect({kubeconfig = kubeconfig(fields), timeout = 30}))
        local answer, err = client:request({path = PATH})
        return answer and answer.body, err
    end

    for _, kind in ipairs({"http", "https", "socks5"}) do
        it("of " .. kind .. " is asked for the server by its name", function()
            local through = start(kind)
            assert.are.equal("a", must(get({["proxy-url"] = through.url})).metadata.name)
            local asked = through:requests()[1]
            assert.are.equal(NAME .. ":" .. server.port, asked.target)
            -- What is for the server stays within the tunnel.
            assert.is_nil(asked.headers.Authorization)
            assert.are.equal("Bearer secret-token", server:requests()[1].headers.Authorization)
        end)

        it("of " .. kind .. " is given the user and password of its URL", function()
            local through = start(kind, "me:p@ss")
            local url = kind .. "://me:p%40ss@" .. through.address
            assert.are.equal("a", must(get({["proxy-url"] = url})).metadata.name)
            assert.are.equal("me:p@ss", through:requests()[1].user)
        end)

        it("of " .. kind .. " that refuses our password is named without it", function()
            local through = start(kind, "me:right")
            local _, err = get({["proxy-url"] = kind .. "://me:wrong@" .. through.address})
            assert.are.equal("Unreachable", err.code)
            support.expect(err.message, kind:gsub("socks5", "socks5h") .. "://***@"
                .. through.address, NAME .. ":" .. server.port)
            assert.is_nil(tostring(err):find("wrong", 1, true))
            assert.are.equal(0, #server:requests())
        end)

        it("of " .. kind .. " that refuses the server is named", function()
            local _, err = get({["proxy-url"] = start(kind, "refuse").url})
            assert.are.equal("Unreachable", err.code)
            support.expect(err.message, started.address)
        end)

        it("of " .. kind .. " that does not run is named", function()
            local through = proxy.start(kind, server.folder)
            through:stop()
            local _, err = get({["proxy-url"] = through.url})
            assert.are.equal("Unreachable", err.code)
            support.expect(err.message, through.address, "Connection refused")
            support.expect(err.hint, "proxy-url")
        end)

        it("of " .. kind .. " that never answers is named when the time is up", function()
            local through = start(kind, "silent")
            local client = must(k8s.connect({kubeconfig = kubeconfig({["proxy-url"] = through.url}),
                                             timeout = 0.5}))
            local _, err = client:request({path = PATH})
            assert.are.equal("Timeout", err.code)
            support.expect(err.message, through.address)
        end)
    end

    it("that wants a password says so", function()
        local _, err = get({["proxy-url"] = start("http", "me:right").url})
        support.expect(err.message, "HTTP 407")
        support.expect(err.hint, "USER:PASSWORD")
        assert.is_false(err.retryable)
    end)

    it("of https is trusted by the cluster's authority only under its name", function()
        local through = start("https")
        local port = through.port
        local _, err = get({["proxy-url"] = "https://localhost:" .. port})
        assert.are.equal("Untrusted", err.code)
        support.expect(err.message, "the proxy https://localhost:" .. port, "another name")
    end)

    it("of https that speaks no TLS is named so", function()
        local through = start("http")
        local _, err = get({["proxy-url"] = "https://" .. through.address})
        assert.are.equal("Unreachable", err.code)
        support.expect(err.message, "the proxy does not speak TLS")
    end)

    it("does not hide a server that is not trusted", function()
        local through = start("http")
        local _, err = get({["proxy-url"] = through.url, ["tls-server-name"] = "wrong.example"})
        assert.are.equal("Untrusted", err.code)
        support.expect(err.message, NAME .. ":" .. server.port, "another name")
    end)

    it("goes together with another TLS server name", function()
        local through = start("http")
        assert.is_truthy(must(get({["proxy-url"] = through.url, ["tls-server-name"] = NAME,
                                   server = "https://elsewhere.example:" .. server.port})))
        assert.are.equal("elsewhere.example:" .. server.port, through:requests()[1].target)
        assert.are.equal("elsewhere.example:" .. server.port, server:requests()[1].headers.Host)
    end)

    it("is used for watches too", function()
        local through = start("http")
        local list = "/api/v1/namespaces/default/configmaps"
        server:rules({
            {path = list, query = "watch=", chunks = {scripted.events(
                {"ADDED", scripted.config_map("a", "2")})}, ["end"] = "hang"},
            {path = list, json = scripted.list("1", {})}})
        local client = must(k8s.connect({kubeconfig = kubeconfig({["proxy-url"] = through.url})}))
        local event = client:watch("cm", {timeout = 60})()
        assert.are.equal("a", event.object.metadata.name)
    end)

    it("makes answers come packed, unless that is disabled", function()
        local through = start("http")
        must(get({["proxy-url"] = through.url}))
        must(get({["proxy-url"] = through.url, ["disable-compression"] = true}))
        local asked = server:requests()
        assert.are.equal("gzip", asked[1].headers["Accept-Encoding"])
        assert.is_nil(asked[2].headers["Accept-Encoding"])
    end)

    describe("of the environment", function()
        local SCRIPT = [[
            local client = must(require("salvor.k8s").connect({kubeconfig = arg[1], timeout = 30}))
            print(must(client:request({path = arg[2]})).status)
        ]]

        local function run(env, fields)
            local script = server.folder .. "/script.lua"
            must(fs.write(script, SCRIPT))
            local clean = {HTTPS_PROXY = false, https_proxy = false, HTTP_PROXY = false,
                           http_proxy = false, ALL_PROXY = false, all_proxy = false,
                           NO_PROXY = false, no_proxy = false}
            for name, value in pairs(env) do
                clean[name] = value
            end
            return support.run({script, kubeconfig(fields), PATH},
                {home = server.folder, env = clean})
        end

        it("is used", function()
            local result = run({HTTPS_PROXY = start("http").url})
            assert.are.equal("200\n", result.stdout)
            assert.are.equal(1, #started:requests())
        end)

        it("is used in lower case and without a scheme", function()
            assert.are.equal("200\n", run({https_proxy = start("http").address}).stdout)
        end)

        it("is not used for what NO_PROXY lists, nor from ALL_PROXY", function()
            local through = start("http")
            run({HTTPS_PROXY = through.url, NO_PROXY = "other,.example"})
            run({ALL_PROXY = through.url})
            assert.are.equal(0, #through:requests())
        end)

        it("is never used for this machine", function()
            local through = start("http")
            local result = run({HTTPS_PROXY = through.url},
                {server = "https://127.0.0.1:" .. server.port})
            assert.are.equal("200\n", result.stdout)
            assert.are.equal(0, #through:requests())
        end)

        it("gives way to proxy-url, for which NO_PROXY means nothing", function()
            local through = start("socks5")
            local result = run({HTTPS_PROXY = "http://127.0.0.1:1", NO_PROXY = "*"},
                {["proxy-url"] = through.url})
            assert.are.equal("200\n", result.stdout)
        end)

        it("is named when it cannot be used, without its password", function()
            local result = run({HTTPS_PROXY = "ftp://me:secret@proxy"})
            assert.are_not.equal(0, result.code)
            support.expect(result.stderr, "$HTTPS_PROXY")
            assert.is_nil(result.stderr:find("secret", 1, true))
        end)
    end)
end)

lab.describe("a proxy before a real server", function()
    lab.it_as("data", "is used for this machine when the kubeconfig says so", function(admin)
        local folder <close> = setmetatable({path = must(fs.temporary_folder())}, {
            __close = function(self)
                must(fs.remove_tree(self.path))
            end,
        })
        local config = must(yaml.load(must(fs.read(admin))))
        for _, kind in ipairs({"http", "socks5"}) do
            local through = proxy.start(kind, folder.path)
            config.clusters[1].cluster["proxy-url"] = through.url
            local path = fs.join(folder.path, "config")
            must(fs.write(path, json.encode(config)))
            local client = must(k8s.connect({kubeconfig = path}))
            assert.are.equal("default", must(client:get("ns", "default")).metadata.name)
            assert.are.equal(1, #through:requests())
            through:stop()
        end
    end)
end)
