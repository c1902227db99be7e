-- Where the prompt works, by its options, the environment and the site's files, and what of that is
-- production.
local fs = require("salvor.fs")
local target = require("salvor.prompt.target")

local CONFIG = [[
apiVersion: v1
kind: Config
current-context: dev
clusters:
- {name: one, cluster: {server: "https://one.example:6443"}}
- {name: two, cluster: {server: "https://two.example:6443"}}
users: [{name: me, user: {token: none}}]
contexts:
- {name: prod, context: {cluster: one, user: me, namespace: apic}}
- {name: prod-admin, context: {cluster: one, user: me}}
- {name: dev, context: {cluster: two, user: me}}
]]

describe("the prompt", function()
    local home, environment
    local getenv = os.getenv

    before_each(function()
        home = must(fs.temporary_folder())
        must(fs.write(fs.join(home, "config.yaml"), CONFIG))
        must(fs.mkdir(fs.join(home, "config/salvor"), {parents = true}))
        environment = {SALVOR_KUBECONFIG = fs.join(home, "config.yaml"),
                       XDG_CONFIG_HOME = fs.join(home, "config")}
        os.getenv = function(name) -- luacheck: ignore 122
            return environment[name]
        end
    end)

    after_each(function()
        os.getenv = getenv -- luacheck: ignore 122
        must(fs.remove_tree(home))
    end)

    local function write(name, text)
        must(fs.write(fs.join(home, name), text))
        return fs.join(home, name)
    end

    local function user(text)
        return write("config/salvor/site.yaml", text)
    end

    local function label(given)
        return (target.open(given or {}):label())
    end

    it("is where the kubeconfig says", function()
        assert.equal("dev/default", label())
        local other = write("other.yaml", (CONFIG:gsub("context: dev", "context: prod")))
        assert.equal("prod/apic", label({kubeconfig = other}))
    end)

    it("reads the kubeconfig once more when its credentials are outdated", function()
        local opened = target.open({context = "prod"})
        local client = opened:client()
        write("config.yaml", (CONFIG:gsub("namespace: apic", "namespace: other")))
        assert.equal(client, opened:client())
        opened:outdate()
        assert.equal("prod/apic", (opened:label()))
        local renewed = opened:client()
        assert.not_equal(client, renewed)
        assert.equal(renewed, opened:client())
        assert.equal("prod/apic", (opened:label()))
    end)

    it("names no namespace to commands, after that, that nobody has given", function()
        local opened = target.open({})
        opened:client()
        write("config.yaml", (CONFIG:gsub("context: dev", "context: prod")))
        opened:outdate()
        assert.equal("dev", opened:client().context)
        assert.same({"dev"}, {opened.context, opened.namespace})
        opened:use("prod", "given")
        opened:outdate()
        opened:client()
        assert.same({"prod", "given"}, {opened.context, opened.namespace})
    end)

    it("is where the options say, else the environment, the site, the user's file", function()
        local site = write("site.yaml", "context: prod-admin\nnamespace: from-site\n"
            .. "kubeconfig: config.yaml\n")
        user("context: dev\nnamespace: from-user\n")
        environment.SALVOR_KUBECONFIG = nil
        assert.equal("prod-admin/from-site", label({site = site}))
        environment.SALVOR_NAMESPACE = "from-environment"
        assert.equal("prod-admin/from-environment", label({site = site}))
        environment.SALVOR_SITE = site
        assert.equal("prod/from-option", label({context = "prod", namespace = "from-option"}))
        environment = {XDG_CONFIG_HOME = environment.XDG_CONFIG_HOME,
                       SALVOR_KUBECONFIG = fs.join(home, "config.yaml")}
        assert.equal("dev/from-user", label())
    end)

    it("goes elsewhere, and says so", function()
        local opened = target.open({context = "prod"})
        assert.equal("prod/apic", opened:label())
        opened:use("dev", "there")
        assert.equal("dev/there", opened:label())
        assert.is_false(pcall(opened.use, opened, "none"))
        assert.equal("dev/there", opened:label())
    end)

    it("is without a cluster where there is none", function()
        environment.SALVOR_KUBECONFIG = write("empty.yaml", "apiVersion: v1\nkind: Config\n")
        assert.equal("no cluster", label())
        assert.same({context = "x"}, target.open({context = "x"}):here())
    end)

    --- Of these contexts those that are production.
    local function production(given)
        local opened, found = target.open(given or {}), {}
        for _, context in ipairs({"prod", "prod-admin", "dev"}) do
            opened:use(context)
            local _, is_production = opened:label()
            found[#found + 1] = is_production and context or nil
        end
        return table.concat(found, " ")
    end

    it("is at no production site unless a file says so", function()
        assert.equal("", production())
        user("name: here\ncontext: prod\n")
        assert.equal("", production())
    end)

    it("takes for production every context of the cluster that a file names", function()
        user("production: true\ncontext: prod-admin\n")
        assert.equal("prod prod-admin", production())
    end)

    it("knows a cluster by its address, however that is written", function()
        user("production: true\ncontext: prod\n")
        for _, address in ipairs({"https://one.example:6443/", "HTTPS://One.Example:6443"}) do
            write("config.yaml", (CONFIG:gsub("https://one.example:6443", address)))
            assert.equal("prod prod-admin", production())
        end
        write("config.yaml", (CONFIG:gsub("https://one.example:6443", "https://one.example")
            :gsub("https://two.example:6443", "https://one.example:443/")))
        assert.equal("prod prod-admin dev", production())
        write("config.yaml", (CONFIG:gsub("https://one.example:6443", "https://one.example/a")
            :gsub("https://two.example:6443", "https://one.example/b")))
        assert.equal("prod prod-admin", production())
    end)

    it("knows a cluster by the kubeconfig of the file that names it", function()
        write("config/salvor/own.yaml", (CONFIG:gsub("name: prod,", "name: live,")))
        user("production: true\ncontext: live\nkubeconfig: own.yaml\n")
        assert.equal("prod prod-admin", production())
    end)

    it("takes every context for production when a file names none", function()
        user("production: true\n")
        assert.equal("prod prod-admin dev", production())
    end)

    it("believes the file that names the context before one that names none", function()
        user("production: true\ncontext: prod\n")
        assert.equal("prod prod-admin",
            production({site = write("site.yaml", "production: false\n")}))
        user("production: false\ncontext: dev\n")
        assert.equal("prod prod-admin",
            production({site = write("site.yaml", "production: true\n")}))
    end)

    it("believes the site's file before the user's where neither names a context", function()
        user("production: true\n")
        assert.equal("", production({site = write("site.yaml", "production: false\n")}))
    end)

    it("believes the site's file before the user's about the same context", function()
        user("production: true\ncontext: prod\n")
        assert.equal("", production({
            site = write("site.yaml", "production: false\ncontext: prod\n")}))
    end)

    it("does not begin where a site's file is wrong", function()
        user("production: perhaps\n")
        local ok, err = pcall(target.open, {})
        assert.is_false(ok)
        assert.equal("Usage", err.code)
    end)
end)
