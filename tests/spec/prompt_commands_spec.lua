-- The commands of the prompt, on a terminal.
local fs = require("salvor.fs")
local lab = require("support.lab")
local prompt = require("support.prompt")
local salvor = require("support.salvor")

local OTHER = [[
apiVersion: v1
kind: Config
contexts:
- name: other
  context: {cluster: nowhere, namespace: elsewhere}
clusters:
- name: nowhere
  cluster: {server: "http://127.0.0.1:9"}
]]

describe(":help", function()
    it("begins with its beginning on a small terminal, and breaks between words", function()
        local shown <close> = prompt.start({columns = 80, rows = 24})
        shown:clear()
        shown:enter(":help")
        shown:expect_text("COMMAND ")
        shown:expect_text("-- more:")
        shown:press("a")
        shown:expect_text("\nAnything else is Lua.")
        for row in shown:text():match("\n(Anything .*)\nno cluster>"):gmatch("[^\n]+") do
            assert.is_true(#row < 80, row) -- one that has 80 may go on in the next
        end
    end)
end)

lab.describe("commands of the prompt", function()
    local home, shown, context, client

    setup(function()
        home = must(fs.temporary_folder())
        client = lab.client()
        context = client.context
        must(fs.write(fs.join(home, "other.yaml"), OTHER))
        must(fs.write(fs.join(home, "editor"), [[#!/bin/sh
            case $(cat "$1") in
            *long*) head -c 2000000 /dev/zero | tr '\0' x >>"$1" ;;
            *) echo '+ 1' >>"$1" ;;
            esac]], {mode = tonumber("700", 8)}))
        shown = prompt.start({home = home, columns = 150, rows = 40, label = "/default>", env = {
            KUBECONFIG = lab.kubeconfig() .. ":" .. fs.join(home, "other.yaml"),
            EDITOR = fs.join(home, "editor"), VISUAL = false,
        }})
    end)

    teardown(function()
        shown:close()
        client._kube:close()
        must(fs.remove_tree(home))
    end)

    after_each(function()
        shown:press("C-c")
    end)

    it("are listed and explained by :help, :doc and :apropos", function()
        local all = shown:run(":help")
        for _, name in ipairs(require("salvor.prompt.commands").names()) do
            assert.truthy(all:find("\n:" .. name, 1, true), name)
        end
        assert.truthy(shown:run(":help c:get"):find("^client:get%(kind, name, opts%)\n"))
        assert.truthy(shown:run(":help nonsense"):find("there is nothing about nonsense; :apropos"))
        assert.truthy(shown:run(":apropos finalizers"):find("client:delete(", 1, true))
        assert.truthy(shown:run(":help :watch"):find("^:watch EXPRESSION\n"))
        shown:clear()
        shown:enter(":doc task")
        shown:expect_text("Structured concurrency.")
        shown:press("q")
    end)

    it("list kinds", function()
        assert.truthy(shown:run(":kinds configmap")
            :find("^NAME +SHORT +API +NAMESPACED +KIND\nconfigmaps +cm +v1 +yes +ConfigMap$"))
        assert.are.equal("no kind has nonsense in its name", shown:run(":kinds nonsense"))
    end)

    it("go to another context and namespace, which must be known", function()
        shown:go(":ns kube-system", context .. "/kube-system>")
        assert.are.equal("\"kube-system\"", shown:run("c.namespace"))
        shown:go(":ns", context .. "/default>")
        assert.truthy(shown:run(":use"):find("\n +other +elsewhere +http://127.0.0.1:9$"))
        shown:go(":use other", "other/elsewhere>")
        assert.truthy(shown:run("c:get('ns', 'default')"):find("127.0.0.1:9", 1, true))
        shown:clear()
        shown:go(":ns there", "other/there>")
        assert.is_nil(shown:text():find("no namespace", 1, true)) -- which nobody can tell
        local problem = shown:run(":use nope")
        assert.truthy(problem:find("there is no context \"nope\"; the contexts are", 1, true))
        assert.truthy(problem:find("other", 1, true))
        shown:go(":use " .. context, context .. "/default>")
        assert.truthy(shown:run("c:get('ns', 'default').metadata.name")
            :find("\"default\"", 1, true))
    end)

    it("warn of a namespace that is not there, and refuse what is no name of one", function()
        assert.are.equal("a b is no name of a namespace; give up to 63 of a-z, 0-9 and '-', with"
            .. " '-' at neither end", shown:run(":ns a b"))
        assert.truthy(shown:run(":ns Shop"):find("Shop is no name of a namespace", 1, true))
        for _, name in ipairs({"-a", "a-", "-", ("x"):rep(64)}) do
            assert.truthy(shown:run(":ns " .. name):find("is no name of a namespace", 1, true))
        end
        local label = context .. "/not-there>"
        shown:go(":ns not-there", "this cluster has no namespace not-there yet\n" .. label)
        shown:go(":ns", context .. "/default>")
    end)

    it("tell time and memory", function()
        assert.truthy(shown:run(":time task.sleep(0.02)"):find("^[%d.]+ m?s, [%d.]+ %a+ more$"))
        assert.truthy(shown:run(":time 6 * 7, 'x'")
            :find("^[%d.]+ m?s, [%d.]+ %a+ more\n42\n\"x\"$"))
        assert.truthy(shown:run(":time kept = ('x'):rep(8 << 20)"):find(", 8.0 MiB more", 1, true))
    end)

    it("edit the next input, beginning with the last", function()
        shown:run("40")
        shown:enter(":e")
        shown:expect(shown.label .. " 40\n... + 1")
        shown:press("Enter")
        shown:expect("41\n" .. shown.label)
        shown:run("long = 1")
        shown:enter(":edit")
        shown:expect("an input has at most 1 MiB; a file is run by :load FILE\n" .. shown.label)
    end)

    it("load a file, and once more as it and its modules are then", function()
        must(fs.write(fs.join(home, "part.lua"), "return 'one'"))
        must(fs.write(fs.join(home, "file.lua"), "package.path = '" .. home .. "/?.lua'\n"
            .. "loaded = (loaded or 0) + 1\nreturn require('part'), loaded"))
        assert.are.equal("\"one\"\n1", shown:run(":load file.lua"))
        must(fs.write(fs.join(home, "part.lua"), "return 'two'"))
        assert.are.equal("\"two\"\n2", shown:run(":reload"))
        assert.are.equal("\"two\"\n3", shown:run(":load ~/file.lua"))
        assert.are.equal(":load needs FILE", shown:run(":load"))
        assert.truthy(shown:run(":load no.lua"):find("^cannot open no.lua"))
        must(fs.write(fs.join(home, "wrong.lua"), "x x"))
        assert.truthy(shown:run(":load wrong.lua"):find("^wrong.lua:1: syntax error"))
    end)

    it("show an expression again and again, until Ctrl-C", function()
        shown:run("turns = 0")
        shown:clear()
        shown:enter(":watch (function() turns = turns + 1 return turns, c:list('ns') end)()")
        shown:expect_text("\n2\nNAME")
        assert.is_nil(shown:text():find("\n1\n", 1, true))
        shown:press("C-c")
        shown:expect("cancelled\n" .. shown.label)
        assert.are.equal("true", shown:run("turns >= 2"))
        shown:clear()
        shown:enter(":watch (function() turns = turns + 1 error('turn ' .. turns) end)()")
        shown:expect_text("line 1: turn")
        shown:press("C-c")
        shown:expect("cancelled\n" .. shown.label)
        shown:clear()
        shown:enter(":watch c:get('cm', 'no-such')")
        shown:expect_text("\"no-such\" not found")
        assert.truthy(shown:text():find("%f[%d]%d%d:%d%d:%d%d\nk8s.get: ")) -- and no nil
        shown:press("C-c")
        shown:expect("cancelled\n" .. shown.label)
        shown:clear()
        shown:enter(":watch ('row\\n'):rep(100)")
        shown:expect_text("\nrow\n")
        assert.truthy(shown:text():find("%f[%d]%d%d:%d%d:%d%d\nrow\n")) -- from the first row on
        shown:press("C-c")
        shown:expect("cancelled\n" .. shown.label)
    end)

    it("list, plan and run procedures", function()
        assert.truthy(shown:run(":procedures"):find("\napic%-v10/backup "))
        assert.truthy(shown:run(":plan no/such"):find("there is no procedure 'no/such'", 1, true))
        assert.truthy(shown:run(":run"):find(":run needs ID [OPTIONS]", 1, true))
        assert.truthy(shown:run(":run apic-v10/backup -p 'x")
            :find("a quote ' is not closed", 1, true))
        assert.truthy(shown:run(":plan apic-v10/backup -p a\" b\"=c")
            :find("'a b=c' is no parameter", 1, true))
    end)

    it("may be shortened as long as they are the only one", function()
        assert.truthy(shown:run(":ki configmap"):find("ConfigMap", 1, true))
        assert.are.equal(":p may be :plan, :procedures", shown:run(":p"))
        assert.truthy(shown:run(":"):find("^: may be :all, :apropos, "))
        assert.are.equal("5", shown:run("::again:: do return 5 end"))
        assert.are.equal("there is no command :nonsense; :help lists the commands",
            shown:run(":nonsense"))
        assert.truthy(shown:run(":output nonsense")
            :find("no form of output: nonsense; give", 1, true))
        assert.are.equal(":edit takes nothing, and was given x.lua", shown:run(":edit x.lua"))
        assert.are.equal(":watch needs EXPRESSION", shown:run(":watch"))
        assert.are.equal("syntax error near 'x'", shown:run(":all x x"))
        assert.truthy(shown:run(":all c:get('cm', 'no-such')"):find("^k8s.get: "))
    end)
end)

lab.describe(":save", function()
    it("writes the session as a script, which does the same", function()
        local env = {KUBECONFIG = lab.kubeconfig()}
        local client <close> = lab.client()
        local namespace = lab.namespace()
        local shown <close> = prompt.start({env = env, columns = 150, label = "/default>"})
        shown:run("#c:list('ns', {field_selector = 'metadata.name=default'})")
        shown:run("nonsense()")
        shown:run("c:delete('cm', 'no-such')")
        shown:run("local name = 'made'")
        shown:go(":ns " .. namespace, client.context .. "/" .. namespace .. ">")
        shown:run("must(c:apply({apiVersion = 'v1', kind = 'ConfigMap', "
            .. "metadata = {name = name}})).metadata.namespace")
        shown:run(":time yaml.dump({a = null})")
        shown:run(":time n = 7; n")
        must(fs.write(fs.join(shown.home, "eight.lua"), "print(8)"))
        shown:run(":load ~/eight.lua")
        assert.are.equal("salvor " .. shown.home .. "/session.lua runs it",
            shown:run(":save ~/session.lua"))
        assert.are.equal("session.lua is there already; choose another name, or remove it first",
            shown:run(":save session.lua"))
        assert.are.equal(":save needs FILE", shown:run(":save"))
        must(client:delete("cm", "made", {namespace = namespace}))
        local path = fs.join(shown.home, "session.lua")
        assert.are.equal(tonumber("700", 8), must(fs.stat(path)).mode)
        local result = salvor.run({path}, {home = shown.home, env = env})
        assert.are.equal("", result.stderr)
        assert.are.equal("1\n" .. namespace .. "\na: null\n\n7\n8\n", result.stdout)
        assert.truthy(client:get("cm", "made", {namespace = namespace}))
    end)
end)
