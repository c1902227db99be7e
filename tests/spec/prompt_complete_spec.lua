-- Completion at the prompt, of names, options and what the cluster has.
local fs = require("salvor.fs")
local lab = require("support.lab")
local screen = require("support.screen")

lab.describe("completion at the prompt", function()
    local home, namespace, shown

    setup(function()
        home = must(fs.temporary_folder())
        namespace = lab.namespace()
        local client <close> = lab.client()
        for _, name in ipairs({"alpha-one", "alpha-two", "beta"}) do
            must(client:create({apiVersion = "v1", kind = "ConfigMap",
                                metadata = {name = name, namespace = namespace}}))
        end
        must(fs.write(fs.join(home, "backup.lua"), "loaded = true"))
        shown = screen.start({}, {home = home, columns = 100,
                                  env = {KUBECONFIG = lab.kubeconfig()}})
        shown:expect_text("/default>")
        shown:type(":ns " .. namespace)
        shown:press("Enter")
        shown:expect_text("/" .. namespace .. ">")
    end)

    teardown(function()
        shown:close()
        must(fs.remove_tree(home))
    end)

    after_each(function()
        shown:press("C-c")
        shown:expect_text("> ")
        shown:press("C-l")
    end)

    local function expect(text, completed)
        shown:type(text)
        shown:expect_text(text)
        shown:press("Tab")
        shown:expect_text("> " .. completed)
    end

    it("names a module's functions", function()
        expect("fs.writa", "fs.writable(")
    end)

    it("names the methods of the client, and what they do", function()
        shown:type("c:l")
        shown:press("Tab")
        shown:expect_text("list(kind, opts)")
        shown:expect_text("All objects of a kind as a list")
    end)

    it("knows the kinds of the cluster, and their short names", function()
        expect("c:list(\"configm", "c:list(\"configmaps\"")
        shown:press("C-u")
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

    it("knows the options of a call", function()
        expect("c:list(\"cm\", {limi", "c:list(\"cm\", {limit =")
    end)

    it("knows commands, files and modules", function()
        expect(":proc", ":procedures")
        shown:press("C-u")
        expect("dofile(\"back", "dofile(\"backup.lua")
        shown:press("C-u")
        expect("require(\"salvor.yam", "require(\"salvor.yaml\"")
    end)

    it("offers nothing where nothing can be told", function()
        shown:type("f().x")
        shown:press("Tab")
        shown:type("y")
        shown:expect_text("> f().xy")
    end)
end)
