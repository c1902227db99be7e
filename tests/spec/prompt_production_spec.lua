-- The prompt at a site that is production: it is seen, and writes are asked about, unless the
-- session was opened for them.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local lab = require("support.lab")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local prompt = require("support.prompt")
local site = require("support.site")
local task = require("salvor.task")

-- Three contexts of two clusters: the second is the first one by another address.
local CONFIG = [[
apiVersion: v1
kind: Config
current-context: prod
clusters:
- {name: one, cluster: {server: "https://127.0.0.1:PORT", insecure-skip-tls-verify: true}}
- {name: two, cluster: {server: "https://localhost:PORT", insecure-skip-tls-verify: true}}
users: [{name: me, user: {token: TOKEN}}]
contexts:
- {name: prod, context: {cluster: one, user: me, namespace: NAMESPACE}}
- {name: prod-admin, context: {cluster: one, user: me, namespace: NAMESPACE}}
- {name: dev, context: {cluster: two, user: me, namespace: NAMESPACE}}
]]

lab.describe("the prompt at a production site", function()
    local home, namespace, client, shown

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
    end)

    teardown(function()
        must(client:delete("namespaces", namespace))
        getmetatable(client).__close(client)
    end)

    local function write(name, text)
        must(fs.mkdir(fs.dirname(fs.join(home, name)), {parents = true}))
        must(fs.write(fs.join(home, name), text))
    end

    before_each(function()
        home = must(fs.temporary_folder())
        local config = must(fs.read(lab.kubeconfig()))
        write("config.yaml", (CONFIG:gsub("PORT", config:match("127%.0%.0%.1:(%d+)"))
            :gsub("TOKEN", config:match("token: (%S+)")):gsub("NAMESPACE", namespace)))
        write("site.yaml", "production: true\ncontext: prod\nkubeconfig: config.yaml\n")
        for _, name in ipairs({"one", "two", "three"}) do
            client:delete("configmaps", name)
            must(client:create({apiVersion = "v1", kind = "ConfigMap", metadata = {name = name}}))
        end
    end)

    after_each(function()
        if shown then
            shown:close()
            shown = nil
        end
        must(fs.remove_tree(home))
    end)

    --- Opens the prompt; `label` is what stands before the line.
    local function open(words, label, env)
        shown = prompt.start({words = words, home = home, columns = 120, env = env,
                              label = label .. "/" .. namespace .. ">"})
    end

    local function is_there(name)
        return client:get("configmaps", name) ~= nil
    end

    local function question(what)
        return "PRODUCTION prod: " .. what .. "? [yes/no/all]"
    end

    --- Would delete the ConfigMap of that name, and says no when it is asked.
    local function expect_question_and_refuse(name)
        shown:enter("c:delete('configmaps', '" .. name .. "')")
        shown:expect_text(question("delete ConfigMap " .. namespace .. "/" .. name))
        shown:enter("no")
        shown:expect_text("the operator said no")
        assert.is_true(is_there(name))
    end

    it("shows what it is, and reads without a question", function()
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        shown:enter("c:get('configmaps', 'one').metadata.name")
        shown:expect("\"one\"\nPRODUCTION prod/" .. namespace .. ">")
    end)

    it("asks before each write, and does what is agreed to", function()
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        shown:enter("c:delete('configmaps', 'one').status")
        shown:expect_text(question("delete ConfigMap " .. namespace .. "/one"))
        assert.is_true(is_there("one"))
        shown:enter("yes")
        shown:expect_text("Success")
        assert.is_false(is_there("one"))
        expect_question_and_refuse("two")
    end)

    it("takes nothing but a whole yes for one", function()
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        for _, answer in ipairs({"y", "", "ye", "yes!"}) do
            shown:enter("c:delete('configmaps', 'one')")
            shown:expect_text("/one? [yes/no/all]")
            shown:enter(answer)
            shown:expect_text("the operator said no")
            shown:clear()
        end
        assert.is_true(is_there("one"))
    end)

    it("takes one answer for all that an input writes, and none for the next input", function()
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        shown:enter("for _, n in ipairs{'one', 'two'} do must(c:delete('configmaps', n)) end")
        shown:expect_text(question("delete ConfigMap " .. namespace .. "/one"))
        shown:enter("all")
        shown:expect(question("delete ConfigMap " .. namespace .. "/one")
            .. " all\nPRODUCTION prod/" .. namespace .. ">")
        assert.is_false(is_there("one") or is_there("two"))
        expect_question_and_refuse("three")
    end)

    it("asks one question at a time", function()
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        shown:enter("#task.map({'one', 'two', 'three'}, function(n) c:delete('configmaps', n) end)")
        for number = 1, 3 do
            local count
            eventually("question " .. number, function()
                count = select(2, shown:text():gsub("yes/no/all", ""))
                return count >= number
            end)
            assert.equal(number, count)
            shown:enter("yes")
        end
        shown:expect_text("\n0\nPRODUCTION prod/" .. namespace .. ">")
        assert.is_false(is_there("one") or is_there("two") or is_there("three"))
    end)

    it("does nothing when Ctrl-C is the answer", function()
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        shown:enter("c:delete('configmaps', 'one')")
        shown:expect_text(question("delete ConfigMap " .. namespace .. "/one"))
        shown:press("C-c")
        shown:expect_text("cancelled\nPRODUCTION prod/" .. namespace .. ">")
        assert.is_true(is_there("one"))
        shown:enter("6 * 7")
        shown:expect("42\nPRODUCTION prod/" .. namespace .. ">")
    end)

    it("asks about stores, too", function()
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        shown:enter("store.open('there'):write('x', 'text')")
        shown:expect_text("PRODUCTION prod: write " .. home .. "/there/x? [yes/no/all]")
        shown:enter("no")
        shown:expect_text("the operator said no")
        assert.is_nil(fs.stat(fs.join(home, "there")))
    end)

    it("goes by the cluster, whatever its context is called", function()
        open({"--site", "site.yaml", "--context", "prod-admin"}, "PRODUCTION prod-admin")
        shown:enter("c:delete('configmaps', 'one')")
        shown:expect_text("PRODUCTION prod-admin: delete ConfigMap")
        shown:enter("no")
        shown:enter(":use dev")
        shown:expect_text("\ndev/" .. namespace .. ">")
        shown:enter("c:delete('configmaps', 'one').status")
        shown:expect_text("Success")
        shown:enter("k8s.connect({kubeconfig = 'config.yaml', context = 'prod'})"
            .. ":delete('configmaps', 'two')")
        shown:expect_text(question("delete ConfigMap " .. namespace .. "/two"))
        shown:enter("no")
        shown:enter(":use prod")
        shown:expect_text("\nPRODUCTION prod/" .. namespace .. ">")
    end)

    it("is known by the user's file, and by the environment's", function()
        write("config/salvor/site.yaml", must(fs.read(fs.join(home, "site.yaml"))))
        write("config/salvor/config.yaml", must(fs.read(fs.join(home, "config.yaml"))))
        open({}, "PRODUCTION prod")
        shown:close()
        open({"--context", "dev"}, "dev")
        shown:close()
        must(fs.remove(fs.join(home, "config/salvor/site.yaml")))
        open({}, "PRODUCTION prod", {SALVOR_SITE = fs.join(home, "site.yaml")})
    end)

    it("writes without a question where the session was opened for it", function()
        open({"--site", "site.yaml", "--write"}, "PRODUCTION prod")
        shown:enter("c:delete('configmaps', 'one').status")
        shown:expect_text("Success")
    end)

    it("writes nothing where the session is read-only", function()
        open({"--site", "site.yaml", "--read-only"}, "PRODUCTION read-only prod")
        shown:enter("c:delete('configmaps', 'one')")
        shown:expect_text("the session is read-only")
        assert.is_true(is_there("one"))
    end)

    it("asks once about a procedure, and nothing about what that does", function()
        site.install(home, "site/script", site.script({}, {run = [[function(ctx)
            for _, name in ipairs({"made", "made-too"}) do
                must(ctx.k8s:create({apiVersion = "v1", kind = "ConfigMap",
                                     metadata = {name = name}}))
            end
        end]]}))
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        local asked = "PRODUCTION prod: run site/script in namespace " .. namespace .. "? [yes/no]"
        shown:enter(":run site/script")
        shown:expect_text(asked)
        shown:enter("no")
        shown:expect_text("the operator said no")
        assert.is_false(is_there("made"))
        shown:press("C-l")
        shown:enter(":run site/script")
        shown:expect_text(asked)
        shown:enter("yes")
        shown:expect_text("is done; its journal is")
        assert.is_true(is_there("made") and is_there("made-too"))
    end)

    it("asks about a procedure at each of its places", function()
        local of_both = site.script({elsewhere = [[function()
            return {{context = "prod", namespace = "default"}}
        end]]})
        site.install(home, "site/script", of_both)
        open({"--site", "site.yaml", "--context", "dev"}, "dev")
        shown:enter(":run site/script")
        shown:expect_text("PRODUCTION prod: run site/script in namespace default? [yes/no]")
        shown:enter("no")
        shown:expect_text("the operator said no")
        assert.is_nil(fs.stat(fs.join(home, "state/salvor/runs")))
    end)

    it("asks about each of several targets", function()
        site.install(home, "site/script", site.script())
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        shown:enter(":run site/script --context prod,prod-admin")
        local first = eventually("a question", function()
            return shown:text():match("PRODUCTION (%S+): run site/script in namespace "
                .. namespace:gsub("%-", "%%-") .. "%? %[yes/no%]$")
        end)
        shown:enter("yes")
        shown:expect_text("PRODUCTION " .. (first == "prod" and "prod-admin" or "prod")
            .. ": run site/script")
        shown:enter("no")
        shown:expect_text("refused")
    end)

    it("asks once about what is tried in two ways", function()
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        shown:enter("c:evict('none')") -- by two versions of the API
        shown:expect_text(question("evict Pod " .. namespace .. "/none"))
        shown:enter("yes")
        shown:expect_text("\"none\" not found")
    end)

    it("hands its options on to commands, which may have their own", function()
        site.install(home, "site/script", site.script())
        open({"--site", "site.yaml", "--context", "dev", "-n", namespace}, "dev")
        shown:enter(":plan site/script")
        shown:expect_text("on https://localhost:")
        shown:expect_text("(context dev), namespace " .. namespace)
        shown:expect_text("nothing was changed")
        shown:press("C-l")
        shown:enter(":plan site/script --context prod -n default")
        shown:expect_text("(context prod), namespace default")
        shown:expect_text("nothing was changed")
        shown:press("C-l")
        shown:enter(":procedures")
        shown:expect_text("apic-v10/backup")
    end)

    it("takes no answer that was given before the question", function()
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        shown:enter("function wait() while not fs.stat('go') do task.sleep(0.01) end end")
        shown:enter("fs.write('begun', '') wait() return c:delete('configmaps', 'one')")
        eventually("its beginning", function()
            return fs.stat(fs.join(home, "begun"))
        end)
        shown:type("all\r")
        shown:expect_text("\nall")
        write("go", "")
        shown:expect_text(question("delete ConfigMap " .. namespace .. "/one"))
        shown:enter("no")
        shown:expect_text("the operator said no")
        assert.is_true(is_there("one"))
    end)

    it("leaves time for the answer", function()
        open({"--site", "site.yaml"}, "PRODUCTION prod")
        shown:enter("c:delete('configmaps', 'one', {timeout = 1}).status")
        shown:expect_text(question("delete ConfigMap " .. namespace .. "/one"))
        local asked = task.now()
        eventually("more time than the call had", function()
            return task.now() > asked + 1.5
        end)
        shown:enter("yes")
        shown:expect_text("Success")
        shown:enter("c:exec('none', {'ls'}, {timeout = 1})")
        shown:expect_text(question("run in Pod " .. namespace .. "/none: ls"))
        asked = task.now()
        eventually("more time than the call had", function()
            return task.now() > asked + 1.5
        end)
        shown:enter("yes")
        shown:expect_text("\"none\" not found")
    end)

    it("says what is wrong with a site's file instead of going on without it", function()
        write("site.yaml", "production: maybe\n")
        local result = salvor.run({"--site", "site.yaml", "-i"}, {home = home, cwd = home})
        salvor.expect_code(2, result)
        salvor.expect(result.stderr, "site.yaml:1:1: 'production' must be true or false")
    end)

    it("refuses what a pipe wants to write, since nobody can be asked", function()
        local input = string.format("c = must(require('salvor.k8s').connect{kubeconfig = %q})\n"
            .. "print(c:delete('configmaps', 'one'))\nyes\nyes\n", fs.join(home, "config.yaml"))
        local function pipe(...)
            return must(proc.run({salvor.path, "-i", "--site", "site.yaml", ...}, {
                stdin = input, cwd = home, env = salvor.environment(home), timeout = 60}))
        end
        local result = pipe()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "it is production, and there is nobody to ask")
        assert.is_true(is_there("one"))
        pipe("--write")
        assert.is_false(is_there("one"))
    end)

    it("asks on a dumb terminal as well", function()
        shown = prompt.start({words = {"--site", "site.yaml"}, home = home, columns = 120,
                              env = {TERM = "dumb"}, label = ">"})
        shown:enter("c = require('salvor.k8s').connect{kubeconfig = 'config.yaml'}")
        shown:enter("c:delete('configmaps', 'one').status")
        shown:expect_text(question("delete ConfigMap " .. namespace .. "/one"))
        shown:enter("all")
        shown:expect_text("Success")
        assert.is_false(is_there("one"))
        expect_question_and_refuse("two")
    end)
end)
