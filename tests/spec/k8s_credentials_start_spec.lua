-- How a credential plugin is started: what it is given and told, and where it is looked for.
local copy = require("salvor.copy")
local fs = require("salvor.fs")
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local plugin = require("support.plugin")
local proc = require("salvor.proc")
local salvor = require("salvor")
local support = require("support.salvor")
local yaml = require("salvor.yaml")

local has_kubectl = require("support.kubectl").is_there()

local data = lab.kubeconfig("data")

local function specs()
    local token, at

    setup(function()
        token = must(yaml.load(must(fs.read(lab.kubeconfig())))).users[1].user.token
        at = plugin.new(must(yaml.load(must(fs.read(data)))).clusters[1].cluster)
    end)
    teardown(function()
        at:remove()
    end)

    local function get(client)
        local object, err = client:get("ns", "default")
        return object and object.metadata.name, err
    end

    describe("is given", function()
        it("its arguments as they are, no input, and our environment with its own", function()
            at:prints(plugin.credential({token = token}))
            at:does([[
                for word; do echo "<$word>" >> seen; done
                read line || echo "no input" >> seen
                echo "$MINE $HOME" >> seen
                cat output]])
            os.remove(at:path("seen"))
            must(get(at:client({
                args = {"a b", "$HOME", "", "'"},
                env = {{name = "MINE", value = "old"}, {name = "MINE", value = "new"}},
            })))
            assert.are.equal("<a b>\n<$HOME>\n<>\n<'>\nno input\nnew " .. os.getenv("HOME") .. "\n",
                must(fs.read(at:path("seen"))))
        end)

        --- The program's own environment as it was begun: a text of "NAME=VALUE" lines.
        local function environment(exec, env)
            at:prints(plugin.credential({token = token}))
            at:does('tr "\\0" "\\n" < /proc/$$/environ > environ; cat output')
            must(fs.write(at:path("script.lua"), [[
                local client = must(require("salvor.k8s").connect({kubeconfig = arg[1]}))
                must(client:get("ns", "default"))]]))
            support.expect_code(0, support.run({at:path("script.lua"), at:kubeconfig(exec)},
                {home = at.folder, env = env}))
            return "\n" .. must(fs.read(at:path("environ")))
        end

        it("each variable once, its own in the place of ours", function()
            local both = {name = "BOTH", value = "its own"}
            for _, variables in ipairs({
                {both}, {both, {name = "KUBERNETES_EXEC_INFO", value = "nonsense"}},
            }) do
                local seen = environment({env = variables},
                    {BOTH = "ours", OURS = "kept", KUBERNETES_EXEC_INFO = "an outer plugin's"})
                support.expect(seen, "\nBOTH=its own\n", "\nOURS=kept\n",
                    '\nKUBERNETES_EXEC_INFO={"')
                for _, name in ipairs({"BOTH", "KUBERNETES_EXEC_INFO"}) do
                    assert.are.equal(1, select(2, seen:gsub("\n" .. name .. "=", "")), seen)
                end
            end
        end)

        --- What KUBERNETES_EXEC_INFO says. Whether the request then succeeds is another matter.
        local function told(exec, cluster)
            at:does('printf %s "$KUBERNETES_EXEC_INFO" > info; cat output')
            os.remove(at:path("info"))
            local client = must(k8s.connect({kubeconfig = at:kubeconfig(exec, nil, cluster),
                                             timeout = 60}))
            client:request({path = "/api"})
            return must(json.decode(must(fs.read(at:path("info")))))
        end

        it("the time and cluster in KUBERNETES_EXEC_INFO", function()
            at:prints(plugin.credential({token = token}))
            assert.are.same({kind = "ExecCredential", apiVersion = plugin.V1,
                             spec = {interactive = false}}, told())
            local ca = at.cluster["certificate-authority-data"]
            assert.are.same({kind = "ExecCredential", apiVersion = plugin.V1, spec = {
                interactive = false,
                cluster = {server = at.cluster.server, ["certificate-authority-data"] = ca,
                           config = salvor.null},
            }}, told({provideClusterInfo = true}))
        end)

        it("its own apiVersion", function()
            at:prints(plugin.credential({token = token}, plugin.V1BETA1))
            assert.are.equal(plugin.V1BETA1, told({apiVersion = plugin.V1BETA1}).apiVersion)
        end)

        --- Fields of a cluster, and what is told of them when that is something else.
        local CLUSTERS = {
            {{["tls-server-name"] = "localhost"}},
            {{["disable-compression"] = true}},
            {{["insecure-skip-tls-verify"] = true, ["certificate-authority-data"] = salvor.null}},
            {{["proxy-url"] = "socks5://127.0.0.1:1"}},
            {{["certificate-authority-data"] = salvor.null, ["certificate-authority"] = "ca.crt"},
             {["certificate-authority"] = salvor.null,
              ["certificate-authority-data"] = function()
                  return at.cluster["certificate-authority-data"]
              end}},
            {{extensions = {{name = "another", extension = {audience = "wrong"}},
                            {name = "client.authentication.k8s.io/exec",
                             extension = {audience = {"a", {b = salvor.null}}}}}},
             {extensions = salvor.null, config = {audience = {"a", {b = salvor.null}}}}},
        }

        it("all of the cluster that it may have to know", function()
            at:prints(plugin.credential({token = token}))
            must(fs.write(at:path("ca.crt"),
                must(fs.read(fs.join(fs.dirname(data), "pki/ca.crt")))))
            for _, case in ipairs(CLUSTERS) do
                local expected = copy.merge(at.cluster, {config = salvor.null}, case[1], case[2])
                for name, value in pairs(expected) do
                    value = type(value) == "function" and value() or value
                    expected[name] = (name == "config" or value ~= salvor.null) and value or nil
                end
                assert.are.same(expected, told({provideClusterInfo = true}, case[1]).spec.cluster)
            end
        end)

        if has_kubectl then
            it("the same KUBERNETES_EXEC_INFO as by kubectl", function()
                at:prints(plugin.credential({token = token}))
                for _, case in ipairs({{}, table.unpack(CLUSTERS)}) do
                    local ours = told({provideClusterInfo = true}, case[1])
                    os.remove(at:path("info"))
                    must(proc.run({"kubectl", "--kubeconfig", at:path("kubeconfig"), "get", "--raw",
                                   "/api"}, {timeout = 30}))
                    assert.are.same(must(json.decode(must(fs.read(at:path("info"))))), ours)
                end
            end)
        end

        it("no input, which stays ours", function()
            at:prints(plugin.credential({token = token}))
            at:does('printf %s "$KUBERNETES_EXEC_INFO" > info; cat > input; cat output')
            must(fs.write(at:path("script.lua"), [[
                local client = must(require("salvor.k8s").connect({kubeconfig = arg[1]}))
                print(must(client:get("ns", "default")).metadata.name, io.read("l"))]]))
            for _, mode in ipairs({"Never", "IfAvailable"}) do
                local result = must(proc.run({support.path, at:path("script.lua"),
                    at:kubeconfig({interactiveMode = mode})}, {stdin = "ours\n", timeout = 30}))
                assert.are.equal("default\tours\n", result.stdout, result.stderr)
                assert.are.equal("", must(fs.read(at:path("input"))))
                assert.is_false(must(json.decode(must(fs.read(at:path("info"))))).spec.interactive)
            end
        end)
    end)

    describe("is looked for", function()
        it("beside the kubeconfig when its name has a slash", function()
            at:prints(plugin.credential({token = token}))
            must(fs.mkdir(at:path("bin")))
            must(fs.rename(at:path("plugin"), at:path("bin/other")))
            must(get(at:client({command = "bin/other"})))
        end)

        it("on our PATH otherwise, whatever its own will be", function()
            at:prints(plugin.credential({token = token}))
            must(fs.rename(at:path("plugin"), at:path("salvor-test-plugin")))
            local path = at:kubeconfig({
                command = "salvor-test-plugin",
                env = {{name = "PATH", value = "/usr/bin:/bin"}},
            })
            must(fs.write(at:path("script.lua"), [[
                local client = must(require("salvor.k8s").connect({kubeconfig = arg[1]}))
                print(must(client:get("ns", "default")).metadata.name)]]))
            local result = support.run({at:path("script.lua"), path}, {
                home = at.folder, env = {PATH = at.folder .. ":" .. os.getenv("PATH")}})
            assert.are.equal("default\n", result.stdout)
        end)

        it("among what can be run, and nowhere relative to where we are", function()
            at:prints(plugin.credential({token = token}))
            must(fs.mkdir(at:path("first"), {parents = true}))
            must(fs.write(at:path("first/salvor-test-plugin"), "not to be run", {mode = 384}))
            must(fs.rename(at:path("plugin"), at:path("salvor-test-plugin")))
            local path = at:kubeconfig({command = "salvor-test-plugin"})
            must(fs.write(at:path("script.lua"), [[
                local client = must(require("salvor.k8s").connect({kubeconfig = arg[1]}))
                print(must(client:get("ns", "default")).metadata.name)]]))
            local function run(folders)
                return support.run({at:path("script.lua"), path}, {
                    home = at.folder, cwd = at.folder,
                    env = {PATH = folders .. ":" .. os.getenv("PATH")}})
            end
            assert.are.equal("default\n", run(at:path("first") .. ":" .. at.folder).stdout)
            for _, here in ipairs({".", "", "./."}) do
                local result = run(here)
                assert.are_not.equal(0, result.code)
                support.expect(result.stderr, "executable salvor-test-plugin not found")
            end
        end)

        it("in vain: the error says how to get it", function()
            local _, err = get(at:client({command = "no-such-plugin",
                                          installHint = "get it from the shelf"}))
            assert.are.equal("NotFound", err.code)
            support.expect(err.message, 'user "jane"', "executable no-such-plugin not found")
            assert.are.equal("get it from the shelf", err.hint)
        end)
    end)
end

lab.describe("a credential plugin", data and specs or function()
    lab.it_as("data", "needs the lab's own users", specs)
end)
