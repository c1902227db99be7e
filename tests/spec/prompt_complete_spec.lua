-- Completion at the prompt, of names, options and what the cluster has. What is typed ends in Tab.
local fs = require("salvor.fs")
local lab = require("support.lab")
local prompt = require("support.prompt")

local OTHER = [[
apiVersion: v1
kind: Config
contexts:
- name: other
  context: {cluster: nowhere}
- name: "a\"quoted\e[2J"
  context: {cluster: nowhere}
- name: "b\e[2Jone"
  context: {cluster: nowhere}
- name: "b\e[2Jtwo"
  context: {cluster: nowhere}
clusters:
- name: nowhere
  cluster: {server: "http://127.0.0.1:9"}
]]

lab.describe("completion at the prompt", function()
    local home, shown

    setup(function()
        home = must(fs.temporary_folder())
        local namespace = lab.namespace()
        local client <close> = lab.client({namespace = namespace})
        for _, name in ipairs({"alpha-one", "alpha-two", "beta"}) do
            must(client:create({apiVersion = "v1", kind = "ConfigMap", metadata = {name = name}}))
        end
        must(client:create({apiVersion = "v1", kind = "Pod", metadata = {name = "db-0"}, spec = {
            initContainers = {{name = "prepare", image = "x"}},
            containers = {{name = "postgres", image = "example.com/postgres"}}}}))
        must(fs.write(fs.join(home, "backup.lua"), "loaded = true"))
        must(fs.write(fs.join(home, "it's \"one\".txt"), ""))
        must(fs.mkdir(fs.join(home, "sets/daily"), {parents = true}))
        must(fs.write(fs.join(home, "sets/daily/100%.tar"), ""))
        must(fs.mkdir(fs.join(home, "my scripts")))
        must(fs.write(fs.join(home, "my scripts/größe 2.lua"), "return 'found'"))
        must(fs.write(fs.join(home, ".hidden.lua"), ""))
        must(fs.write(fs.join(home, "other.yaml"), OTHER))
        shown = prompt.start({home = home, columns = 120, rows = 30, label = "/default>", env = {
            KUBECONFIG = lab.kubeconfig() .. ":" .. fs.join(home, "other.yaml")}})
        shown:go(":ns " .. namespace, client.context .. "/" .. namespace .. ">")
    end)

    teardown(function()
        shown:close()
        must(fs.remove_tree(home))
    end)

    after_each(function()
        shown:press("C-c")
        shown:clear()
    end)

    local function type_and_tab(text)
        shown:press("C-u")
        shown:type(text)
        shown:expect_text("> " .. text)
        shown:press("Tab")
    end

    local function expect(text, completed)
        type_and_tab(text)
        shown:expect_text("> " .. completed)
    end

    it("names variables, modules and their functions", function()
        expect("pgb", "pgbackrest")
        expect("fs.writa", "fs.writable(path)")
        expect("archive.chec", "archive.check(path, options?)")
        expect("string.gma", "string.gmatch(")
    end)

    it("names the methods of the client and of what variables hold, and what they do", function()
        type_and_tab("c:l")
        shown:expect_text("list(kind, opts)")
        shown:expect_text("All objects of a kind as a list")
        expect("c.names", "c.namespace")
        shown:press("C-c")
        shown:enter("held = {{spec = {replicas = 1}}} s = must(store.open('.'))")
        shown:expect(shown.label)
        expect("held[1].spec.repl", "held[1].spec.replicas")
        expect("s:sta", "s:stat(path)")
        expect("('x'):up", "('x'):up") -- nothing is run to find out
    end)

    it("knows the kinds of the cluster, and their short names", function()
        expect("c:list(\"configm", "c:list(\"configmaps\"")
        expect("c:list('configm", "c:list('configmaps'")
        expect("c:list(\"deplo", "c:list(\"deploy")
    end)

    it("knows the names of objects, as far as all agree, then one after the other", function()
        expect("c:get(\"cm\", \"al", "c:get(\"cm\", \"alpha-")
        shown:expect_text("alpha-one  alpha-two")
        shown:press("Tab")
        shown:expect_text("> c:get(\"cm\", \"alpha-one")
        shown:press("Tab")
        shown:expect_text("> c:get(\"cm\", \"alpha-two")
    end)

    it("knows pods, their containers, and namespaces", function()
        expect("c:logs('d", "c:logs('db-0'")
        expect("c:logs('db-0', {container = 'post", "c:logs('db-0', {container = 'postgres'")
        expect("c:logs('db-0', {container = 'prep", "c:logs('db-0', {container = 'prepare'")
        expect("c:list('po', {namespace = 'kube-sy", "c:list('po', {namespace = 'kube-system'")
        expect("c:table('cm', {name = 'bet", "c:table('cm', {name = 'beta'")
    end)

    it("asks the client whose method is called", function()
        shown:enter("elsewhere = k8s.connect{namespace = 'kube-system'}")
        shown:expect(shown.label)
        expect("elsewhere:get('cm', 'extension-",
            "elsewhere:get('cm', 'extension-apiserver-authentication'")
    end)

    it("knows the options of a call, and what they can be", function()
        expect("c:list(\"cm\", {limi", "c:list(\"cm\", {limit =")
        expect("c:patch('cm', 'beta', {}, {type = 'strat",
            "c:patch('cm', 'beta', {}, {type = 'strategic'")
        expect("k8s.connect{context = 'oth", "k8s.connect{context = 'other'")
    end)

    it("knows that an option is true or false", function()
        expect("c:list('pods', {all_namespaces = t", "c:list('pods', {all_namespaces = true")
        type_and_tab("c:list('pods', {all_namespaces = ")
        shown:expect_text("\nfalse  true")
    end)

    it("knows files, modules and what is in a store", function()
        expect("dofile(\"back", "dofile(\"backup.lua\"")
        expect("fs.read('sets/da", "fs.read('sets/daily/")
        expect("require(\"salvor.yam", "require(\"salvor.yaml\"")
        expect("store.open('sf", "store.open('sftp://")
        local url = "file://" .. home .. "/sets/daily/"
        expect("store.open('" .. url .. "1", "store.open('" .. url .. "100%25.tar'")
        shown:press("C-c")
        shown:enter("s = must(store.open('.'))")
        shown:expect(shown.label)
        expect("s:read('sets/d", "s:read('sets/daily/")
        expect("s:read('sets/daily/1", "s:read('sets/daily/100%.tar'")
    end)

    it("takes all behind a command for the name of its file, and ~/ for home", function()
        expect(":load my", ":load my scripts/")
        expect(":load my scripts/gr", ":load my scripts/größe 2.lua")
        expect(":save ~/my scr", ":save ~/my scripts/")
        expect(":load ~/my scripts/", ":load ~/my scripts/größe 2.lua")
        shown:press("Enter")
        shown:expect_text("\n\"found\"\n")
        expect(":plan apic-v10/backup -p record=~/set", ":plan apic-v10/backup -p record=~/sets/")
    end)

    it("does not offer what would not be found, or is hidden", function()
        type_and_tab("fs.read('~/back")
        shown:type("y")
        shown:expect_text("> fs.read('~/backy")
        expect("fs.read('.hid", "fs.read('.hidden.lua'")
        type_and_tab(":load ")
        shown:expect_text("backup.lua")
        assert.is_nil(shown:text():find(".hidden", 1, true))
    end)

    it("cannot be made to write anything but a text", function()
        expect("fs.read('it", [[fs.read('it\'s \"one\".txt']])
        expect("k8s.connect{context = 'a", [[k8s.connect{context = 'a\"quoted\x1b[2J']])
        expect("k8s.connect{context = 'b", [[k8s.connect{context = 'b\x1b[2J]])
        shown:expect_text([[b\x1b[2Jone]])
        shown:expect_text([[b\x1b[2Jtwo]])
    end)

    it("knows commands and what they are given", function()
        expect(":proc", ":procedures")
        expect(":use oth", ":use other")
        expect(":ns kube-sy", ":ns kube-system")
        expect(":output y", ":output yaml")
        expect(":help c:pat", ":help c:patch")
        expect(":help :wat", ":help :watch")
        expect(":doc pgb", ":doc pgbackrest")
        expect(":kinds configm", ":kinds configmaps")
        expect(":load back", ":load backup.lua")
        expect(":save sets/da", ":save sets/daily/")
        expect(":time c:list('configm", ":time c:list('configmaps'")
        expect(":watch fs.writa", ":watch fs.writable(")
        expect(":all c:l", ":all c:l")
        shown:expect_text("list(kind, opts)")
    end)

    it("knows procedures, their options and parameters, and what these can be", function()
        expect(":plan apic-v10/b", ":plan apic-v10/backup")
        expect(":run apic-v10/backup --from s", ":run apic-v10/backup --from s")
        expect(":run apic-v10/backup --outp", ":run apic-v10/backup --output")
        expect(":run apic-v10/backup --output j", ":run apic-v10/backup --output json")
        expect(":run apic-v10/backup -n kube-sy", ":run apic-v10/backup -n kube-system")
        expect(":run apic-v10/recover -p portal_ki", ":run apic-v10/recover -p portal_kit=")
    end)

    it("offers nothing where nothing can be told", function()
        shown:type("f().x")
        shown:press("Tab")
        shown:type("y")
        shown:expect_text("> f().xy")
    end)
end)
