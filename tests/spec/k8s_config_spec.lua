-- Kubeconfigs: which files, entries and fields count. Where kubectl is there, it is asked too.
local fs = require("salvor.fs")
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local proc = require("salvor.proc")
local salvor = require("salvor")
local scripted = require("support.scripted")
local support = require("support.salvor")
local task = require("salvor.task")

local has_kubectl = require("support.kubectl").is_there()

local folder

local function write(name, config)
    local path = fs.join(folder, name)
    must(fs.write(path, type(config) == "string" and config or json.encode(config)))
    return path
end

local function config_of(name, fields)
    local config = {
        ["current-context"] = name,
        contexts = {{name = name, context = {cluster = name, user = name}}},
        clusters = {{name = name, cluster = {server = "https://" .. name .. ".example"}}},
        users = {{name = name, user = {token = "token-of-" .. name}}},
    }
    for key, value in pairs(fields or {}) do
        config[key] = value
    end
    return config
end

local function kubectl(words, env)
    local argv = table.move(words, 1, #words, 2, {"kubectl"})
    env = env or {}
    env.HOME = folder
    return must(proc.run(argv, {env = env, timeout = 60}))
end

describe("the kubeconfig", function()
    setup(function()
        folder = must(fs.temporary_folder())
    end)
    teardown(function()
        must(fs.remove_tree(folder))
    end)

    local SCRIPT = [[
        local k8s, json = require("salvor.k8s"), require("salvor.json")
        local client = must(k8s.connect({kubeconfig = arg[1]}))
        print(must(json.encode({server = client.server, context = client.context,
            cluster = client.cluster, user = client.user, namespace = client.namespace})))
    ]]

    --- What a client finds with that environment, or nil and what it says. `asked`: the path of a
    --- kubeconfig; `options` are further ones of support.run.
    local function connect(env, asked, options)
        local all = {home = folder, env = env}
        for name, value in pairs(options or {}) do
            all[name] = value
        end
        local result = support.run({write("script.lua", SCRIPT), asked}, all)
        return result.code == 0 and must(json.decode(result.stdout)) or nil, result.stderr
    end

    describe("of several files", function()
        local FILES = {
            one = {contexts = {{name = "x", context = {cluster = "c", user = "u",
                                                       namespace = "from-one"}}}},
            two = {["current-context"] = "x",
                   clusters = {{name = "c", cluster = {server = "https://two.example"}}}},
            three = {["current-context"] = "y",
                     contexts = {{name = "x", context = {cluster = "d", user = "v"}},
                                 {name = "y", context = {cluster = "d", user = "u"}}},
                     clusters = {{name = "c", cluster = {server = "https://three.example",
                                                         ["insecure-skip-tls-verify"] = true}},
                                 {name = "d", cluster = {server = "https://d.example"}}},
                     users = {{name = "u", user = {token = "three"}},
                              {name = "v", user = {token = "four"}}}},
            empty = "",
            blank = {["current-context"] = ""},
        }
        local LISTS = {
            "one:two:three", "three:two:one", "two:one:three", "three:one", "::one::two:three:",
            "one:one:three:two", "missing:three", "one:missing:two:also-missing:three",
            "empty:three", "three:empty", "blank:three",
        }

        setup(function()
            for name, config in pairs(FILES) do
                write(name, config)
            end
        end)

        local function paths(list)
            return (list:gsub("[%w-]+", function(name)
                return fs.join(folder, name)
            end))
        end

        it("is what defines a name first, as a whole", function()
            assert.are.same({server = "https://two.example", context = "x", cluster = "c",
                             user = "u", namespace = "from-one"},
                connect({KUBECONFIG = paths("one:two:three")}))
            assert.are.same({server = "https://d.example", context = "y", cluster = "d",
                             user = "u", namespace = "default"},
                connect({KUBECONFIG = paths("three:two:one")}))
        end)

        it("has the first current-context that names one", function()
            assert.are.equal("x", connect({KUBECONFIG = paths("one:two:three")}).context)
            assert.are.equal("y", connect({KUBECONFIG = paths("blank:three:two")}).context)
        end)

        it("is one file alone when that is asked for", function()
            local home = fs.join(folder, "home")
            must(fs.mkdir(fs.join(home, ".kube"), {parents = true}))
            must(fs.write(fs.join(home, ".kube/config"), json.encode(FILES.three)))
            local env, options = {KUBECONFIG = paths("two:one")}, {home = home}
            assert.are.equal("https://d.example", connect(env, paths("three"), options).server)
            local _, problem = connect({KUBECONFIG = paths("three")}, paths("one"), options)
            support.expect(problem, "kubeconfig " .. paths("one") .. ": no context is chosen")
            _, problem = connect({KUBECONFIG = paths("three")}, paths("missing"), options)
            support.expect(problem, paths("missing"), "No such file")
        end)

        it("is that of the home folder only when none is named", function()
            local home = fs.join(folder, "home")
            must(fs.mkdir(fs.join(home, ".kube"), {parents = true}))
            must(fs.write(fs.join(home, ".kube/config"), json.encode(FILES.three)))
            assert.are.equal("y", connect({}, nil, {home = home}).context)
            assert.are.equal("y", connect({KUBECONFIG = ""}, nil, {home = home}).context)
            local _, problem = connect({KUBECONFIG = paths("one")}, nil, {home = home})
            support.expect(problem, "no context is chosen")
            _, problem = connect({KUBECONFIG = paths("missing")}, nil, {home = home})
            support.expect(problem, "there is no kubeconfig")
        end)

        it("reads a file that is listed twice once", function()
            -- A pipe, which is empty the second time.
            local pipe = fs.join(folder, "pipe")
            local prefix = {"timeout", "10", "sh", "-c",
                            [[mkfifo "$0"; timeout 10 sh -c 'cat "$1" > "$0"' "$0" "$1" &
                              shift; exec "$@"]], pipe, paths("three")}
            local found, problem = connect({KUBECONFIG = pipe .. ":" .. pipe}, nil,
                {prefix = prefix})
            assert.are.equal("https://d.example", found and found.server, problem)
        end)

        it("is waited for as long as the timeout says when it is a pipe", function()
            local script = write("waiting.lua", [[
                local k8s = require("salvor.k8s")
                print(must(k8s.connect({kubeconfig = arg[1], timeout = tonumber(arg[2])})).server)
            ]])
            task.map({"1e999", "4294968"}, function(timeout)
                local pipe = fs.join(folder, "pipe-" .. timeout)
                local result = support.run({script, pipe, timeout}, {home = folder, prefix = {
                    "timeout", "60", "sh", "-c",
                    [[mkfifo "$0"; (sleep 1.2; timeout 10 sh -c 'cat "$1" > "$0"' "$0" "$1") &
                      shift; exec "$@"]], pipe, paths("three")}})
                assert.are.equal("https://d.example\n", result.stdout, result.stderr)
            end)
        end)

        it("is named when all of it is missing", function()
            local _, problem = connect({KUBECONFIG = paths("missing:also-missing")})
            support.expect(problem, paths("missing:also-missing"))
        end)

        if has_kubectl then
            it("is what kubectl makes of it", function()
                task.map(LISTS, function(list)
                    local env = {KUBECONFIG = paths(list)}
                    local theirs = must(json.decode(kubectl(
                        {"config", "view", "--minify", "--raw", "-o", "json"}, env).stdout))
                    local context = theirs.contexts[1]
                    assert.are.same({
                        server = theirs.clusters[1].cluster.server,
                        context = theirs["current-context"],
                        cluster = context.context.cluster,
                        user = context.context.user,
                        namespace = context.context.namespace or "default",
                    }, (connect(env)), list)
                end, {workers = 4})
            end)

            it("has the contexts that kubectl lists", function()
                local path = write("several", FILES.three)
                local listed = kubectl({"--kubeconfig", path, "config", "get-contexts",
                                        "--no-headers"}).stdout
                local ours = {}
                for _, context in ipairs(must(k8s.contexts({kubeconfig = path}))) do
                    ours[#ours + 1] = table.concat({context.current and "*" or "", context.name,
                        context.cluster, context.user, context.namespace or ""}, " ")
                end
                local theirs = {}
                for line in listed:gmatch("[^\n]+") do
                    theirs[#theirs + 1] = (line:gsub("%s+", " "))
                end
                for index, line in ipairs(theirs) do
                    assert.are.equal((line:gsub("%s+$", "")), (ours[index]:gsub("%s+$", "")))
                end
                assert.are.equal(#theirs, #ours)
            end)
        end
    end)

    it("lists its contexts without secrets", function()
        local path = write("several", config_of("main", {contexts = {
            {name = "other", context = {cluster = "gone"}},
            {name = "main", context = {cluster = "main", user = "main", namespace = "apic"}},
        }}))
        assert.are.same({
            {name = "main", cluster = "main", user = "main", namespace = "apic",
             server = "https://main.example", current = true},
            {name = "other", cluster = "gone", current = false},
        }, must(k8s.contexts({kubeconfig = path})))
        local _, err = k8s.contexts({kubeconfig = path .. "-missing"})
        assert.are.equal("NotFound", err.code)
        assert.are.equal("k8s.contexts", err.op)
    end)

    if has_kubectl then describe("of one file", function()
        --- {user, cluster, context}: fields of the entries. The token goes when a user is given.
        local CASES = {
            {{token = "t", username = "u"}}, {{token = "t", password = "p"}},
            {{username = "u", password = "p"}},
            {{["client-certificate-data"] = "QQ=="}}, {{["client-certificate"] = "missing"}},
            {{token = 1}}, {{token = {}}}, {{token = salvor.null, username = "u"}},
            {{token = "t", as = "a"}}, {{token = "t", ["as-uid"] = "a"}},
            {{token = "t", ["as-groups"] = {"a"}}},
            {{token = "t", ["as-user-extra"] = {a = {"b"}}}},
            {{token = "t", as = "a", ["as-uid"] = 1}},
            {{token = "t", as = "a", ["as-groups"] = "a"}},
            {{token = "t", as = "a", ["as-user-extra"] = {a = "b"}}},
            {{exec = {command = "x"}}}, {{exec = {apiVersion = "x"}}}, {{exec = "x"}},
            {{exec = {command = "x", apiVersion = "client.authentication.k8s.io/v1"}}},
            {{exec = {command = "x", apiVersion = "client.authentication.k8s.io/v1alpha1"}}},
            {{exec = {command = "x", apiVersion = "client.authentication.k8s.io/v1",
                      interactiveMode = "Sometimes"}}},
            {{token = "t", exec = {command = "x", apiVersion = "client.authentication.k8s.io/v1"}}},
            {{token = "t", exec = {command = "x", interactiveMode = "Never",
                                   apiVersion = "client.authentication.k8s.io/v1"}}},
            {{token = "t", exec = {command = "x", interactiveMode = "Never", env = {{value = "a"}},
                                   apiVersion = "client.authentication.k8s.io/v1"}}},
            {{token = "t", exec = {command = "x", interactiveMode = "Never", args = {1},
                                   apiVersion = "client.authentication.k8s.io/v1"}}},
            {nil, {["proxy-url"] = "ftp://x"}}, {nil, {["proxy-url"] = 1}},
            {nil, {["proxy-url"] = "socks5h://x"}},
            {nil, {["certificate-authority"] = "missing"}},
            {nil, {["certificate-authority-data"] = "@"}},
            {nil, {["certificate-authority-data"] = "QQ=="}},
            {nil, {["insecure-skip-tls-verify"] = "true"}}, {nil, {server = ""}},
            {nil, {server = 1}}, {nil, {["tls-server-name"] = 1}},
            {nil, {["disable-compression"] = "true"}},
            {nil, nil, {cluster = "gone"}}, {nil, nil, {user = "gone"}},
            {nil, nil, {namespace = 1}}, {nil, nil, {cluster = 1}},
        }

        local server

        before_each(function()
            server = scripted.start()
        end)
        after_each(function()
            server:stop()
        end)

        it("is refused when kubectl refuses it, and only then", function()
            server:rules({{path = "/api", json = {kind = "APIVersions", versions = {"v1"}}}})
            local base = must(json.decode(must(fs.read(server:kubeconfig({
                ["insecure-skip-tls-verify"] = true})))))
            local disagreed = {}
            task.map(CASES, function(case, number)
                local config = must(json.decode(json.encode(base)))
                config.users[1].user = case[1] or config.users[1].user
                for key, value in pairs(case[2] or {}) do
                    config.clusters[1].cluster[key] = value
                    if key:find("^certificate") then
                        config.clusters[1].cluster["insecure-skip-tls-verify"] = nil
                    end
                end
                for key, value in pairs(case[3] or {}) do
                    config.contexts[1].context[key] = value
                end
                local path = write("case-" .. number, config)
                local theirs = kubectl({"--kubeconfig", path, "get", "--raw", "/api"})
                local client = k8s.connect({kubeconfig = path})
                local ours = client and client:request({path = "/api"}) ~= nil
                if (theirs.code == 0) ~= (ours or false) then
                    disagreed[#disagreed + 1] = json.encode(case) .. ": " .. theirs.stderr
                end
            end, {workers = 4})
            assert.are.same({}, disagreed)
        end)
    end) end
end)

describe("impersonation", function()
    local server

    setup(function()
        server = scripted.start()
        server:rules({{path = "/api", json = {kind = "APIVersions", versions = {"v1"}}}})
    end)
    teardown(function()
        server:stop()
    end)

    local USER = {
        token = "secret-token", as = "jane doe", ["as-uid"] = "42",
        ["as-groups"] = {"a", "b c", "ü"},
        ["as-user-extra"] = {["acme.com/Project % ü"] = {"x", "y"}, scopes = {"z"}},
    }

    --- The Impersonate-* headers of the last request, names in lower case.
    local function sent()
        local headers, requests = {}, server:requests()
        for name, value in pairs(requests[#requests].headers) do
            if name:lower():find("^impersonate") then
                headers[name:lower()] = value
            end
        end
        return headers
    end

    it("is what the kubeconfig says", function()
        local client = must(k8s.connect({kubeconfig = server:kubeconfig(nil, USER)}))
        assert.are.equal("jane doe", client.act_as)
        must(client:request({path = "/api"}))
        local headers = sent()
        assert.are.equal("jane doe", headers["impersonate-user"])
        assert.are.equal("42", headers["impersonate-uid"])
        assert.are.equal("x, y", headers["impersonate-extra-acme.com%2fproject%20%25%20%c3%bc"])
        if has_kubectl then
            local result = must(proc.run({"kubectl", "--kubeconfig", server:kubeconfig(nil, USER),
                                          "get", "--raw", "/api"}, {timeout = 60}))
            assert.are.equal("", result.stderr)
            assert.are.same(sent(), headers)
        end
    end)

    it("can be asked for, instead of what the kubeconfig says", function()
        local client = must(k8s.connect({
            kubeconfig = server:kubeconfig(nil, USER),
            impersonate = {user = "root", groups = {"g", "h"}, extra = {reason = {"drill"}}},
        }))
        must(client:request({path = "/api"}))
        assert.are.same({["impersonate-user"] = "root", ["impersonate-group"] = "g, h",
                         ["impersonate-extra-reason"] = "drill"}, sent())
        assert.are.equal("root", client.act_as)
    end)

    it("gives way to a request that brings its own", function()
        local client = must(k8s.connect({kubeconfig = server:kubeconfig(nil, USER)}))
        must(client:request({path = "/api", headers = {["Impersonate-User"] = "me"}}))
        assert.are.same({["impersonate-user"] = "me"}, sent())
    end)

    it("is refused when it would break a header line", function()
        local path = server:kubeconfig()
        for _, who in ipairs({
            {user = "a\r\nAuthorization: b"}, {user = "a", uid = "b\n"},
            {user = "a", groups = {"b\0"}}, {user = "a", extra = {k = {"\27[m"}}},
        }) do
            local client, err = k8s.connect({kubeconfig = path, impersonate = who})
            assert.is_nil(client)
            assert.are.equal("Invalid", err.code)
            support.expect(err.message, "impersonate: ")
        end
    end)

    it("is misuse in another shape", function()
        for text, who in pairs({
            ["option 'user' is missing"] = {groups = {"a"}},
            ["unknown option 'group'"] = {user = "a", group = "b"},
            ["option 'groups' must be a list of strings"] = {user = "a", groups = {1}},
            ["option 'extra.k' must be a list of strings"] = {user = "a", extra = {k = "v"}},
        }) do
            local ok, problem = pcall(function()
                return (k8s.connect({impersonate = who}))
            end)
            assert.is_false(ok)
            support.expect(tostring(problem), "k8s_config_spec.lua", text)
        end
    end)
end)

lab.describe("acting as somebody else", function()
    it("has that person's rights", function()
        local client = lab.client({impersonate = {user = "jane", groups = {"nobodies"}}})
        local _, err = client:list("secrets", {namespace = "default"})
        assert.are.equal("Forbidden", err.code)
        support.expect(err.message, 'User "jane"')
        client = lab.client({impersonate = {user = "jane", groups = {"system:masters"}}})
        must(client:list("secrets", {namespace = "default"}))
    end)
end)
