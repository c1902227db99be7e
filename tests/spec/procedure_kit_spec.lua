-- A recovery kit: generations that are whole or not there, and damage that is noticed.
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local json = require("salvor.json")
local kit = require("salvor.procedure.kit")
local keys = require("salvor").keys
local merge = require("salvor.copy").merge
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

local SYSTEM = {kind = "ManagementCluster", namespace = "apic", name = "management", uid = "u-1"}

--- The latest generation of the kit there.
local function read(url, options)
    local opened <close> = must(kit.open(url, options))
    return opened:read()
end

--- Does what a run does, without its journal.
local PERFORMER = {perform = function(_, effect)
    return must(effect.run())
end}

describe("a kit", function()
    local folder, path

    before_each(function()
        folder = must(fs.temporary_folder())
        path = fs.join(folder, "kits/one")
    end)

    after_each(function()
        must(fs.remove_tree(folder))
    end)

    local function open(run, entries)
        return must(kit.open(path, {run = run, performer = PERFORMER, entries = entries,
                                    header = {procedure = "site/test"}}))
    end

    local function publish(run, files)
        local opened = open(run)
        for name, data in pairs(files) do
            opened:write(name, data, {kind = "Secret"})
        end
        opened:publish(SYSTEM)
        return opened
    end

    it("is not there until it is published, and then as a whole", function()
        local opened = open("r1")
        opened:write("a.yaml", "a: 1\n")
        opened:write("secrets/b.yaml", "b: 2\n")
        assert.same({"r1"}, must(opened:unfinished()))
        assert.is_nil((read(path)))
        opened:publish(SYSTEM)
        local manifest, files = must(read(path))
        assert.same({["a.yaml"] = "a: 1\n", ["secrets/b.yaml"] = "b: 2\n"}, files)
        assert.same(SYSTEM, manifest.system)
        assert.equal("r1", manifest.run)
        assert.equal("site/test", manifest.procedure)
        assert.same({}, must(opened:unfinished()))
        assert.same({"generations/r1/a.yaml", "generations/r1/manifest.json",
                     "generations/r1/secrets/b.yaml", "latest"}, keys(salvor.tree(path)))
    end)

    it("keeps each generation as it was", function()
        publish("r1", {["a.yaml"] = "one"})
        local first = salvor.tree(path .. "/generations/r1")
        publish("r2", {["a.yaml"] = "two"})
        assert.same(first, salvor.tree(path .. "/generations/r1"))
        assert.equal("generations/r2\n", must(fs.read(path .. "/latest")))
        assert.equal("one", select(2, must(read(path .. "/generations/r1")))["a.yaml"])
        assert.equal("two", select(2, must(read(path)))["a.yaml"])
    end)

    it("is read by the run that made a generation, when others have come since", function()
        publish("r1", {["a.yaml"] = "one"})
        publish("r2", {["a.yaml"] = "two"})
        assert.same({["a.yaml"] = "one"}, select(2, open("r3"):read("r1")))
        local of_one = must(kit.open(fs.join(path, "generations/r2")))
        assert.same({["a.yaml"] = "two"}, select(2, of_one:read("r2")))
        local others = {r9 = "r9", ["../r1"] = "'../r1' is not the name of a generation"}
        for run, problem in pairs(others) do
            local manifest, err = open("r3"):read(run)
            assert.is_nil(manifest)
            salvor.expect(err.message, problem)
        end
        local _, err = of_one:read("r1")
        assert.equal("Corrupt", err.code)
        salvor.expect(err.message, "it is of run r2, not of r1")
    end)

    it("takes an object as it can be applied anywhere", function()
        local opened = open("r1")
        opened:save("map.yaml", {
            apiVersion = "v1", kind = "ConfigMap", data = {a = "1"},
            metadata = {name = "map", namespace = "there", uid = "u", resourceVersion = "7"},
        })
        opened:publish(SYSTEM)
        local manifest, files = must(read(path))
        assert.same({apiVersion = "v1", kind = "ConfigMap", data = {a = "1"},
                     metadata = {name = "map"}}, must(yaml.load(files["map.yaml"])))
        assert.same({apiVersion = "v1", kind = "ConfigMap", name = "map", namespace = "there",
                     uid = "u", resourceVersion = "7"}, manifest.files["map.yaml"].source)
    end)

    it("has nothing but what its manifest names", function()
        local opened = open("r1")
        opened:write("a.yaml", "a")
        must(fs.write(path .. "/generations/r1/b.yaml", "of an attempt that was interrupted"))
        opened:publish(SYSTEM)
        assert.same({"a.yaml", "manifest.json"},
            keys(salvor.tree(path .. "/generations/r1")))
    end)

    it("can be published again after an interruption anywhere", function()
        local opened = publish("r1", {["a.yaml"] = "a"})
        must(fs.remove(path .. "/latest"))
        opened:publish(SYSTEM)
        opened:publish(SYSTEM)
        assert.equal("generations/r1\n", must(fs.read(path .. "/latest")))
    end)

    it("is not changed any more once it is published", function()
        local opened = publish("r1", {["a.yaml"] = "a"})
        local before = salvor.tree(path)
        opened:discard()
        open("r1"):publish(SYSTEM)
        assert.same(before, salvor.tree(path))
    end)

    it("knows whether it still has what was written", function()
        local opened = open("r1")
        opened:write("a.yaml", "a")
        assert.is_true(opened:holds({"a.yaml"}))
        assert.is_false(opened:holds({"a.yaml", "b.yaml"}))
        opened:publish(SYSTEM)
        assert.is_true(open("r1", {[path] = opened.entries}):holds({"a.yaml"}))
        must(fs.write(path .. "/generations/r1/a.yaml", "b"))
        assert.is_false(opened:holds({"a.yaml"}))
    end)

    it("is not published without what was written to it", function()
        publish("r1", {["a.yaml"] = "a"})
        local before = salvor.tree(path)
        local opened = open("r2")
        opened:write("a.yaml", "b")
        local entries = {[path] = merge(opened.entries)}
        opened:discard()
        local resumed = open("r2", entries)
        local ok, err = pcall(resumed.publish, resumed, SYSTEM)
        assert.is_false(ok)
        assert.equal("Corrupt", err.code)
        assert.matches(path .. ": a.yaml cannot be read", err.message, 1, true)
        assert.same(before, salvor.tree(path))
    end)

    it("leaves nothing when it is discarded, and what is published stays", function()
        publish("r1", {["a.yaml"] = "a"})
        local before = salvor.tree(path)
        local opened = open("r2")
        opened:write("a.yaml", "b")
        opened:discard()
        assert.same(before, salvor.tree(path))
    end)

    describe("is Corrupt when", function()
        local function damage(name, change)
            local full = fs.join(path, "generations/r1", name)
            must(fs.write(full, change(must(fs.read(full)))))
        end
        local CASES = {
            {"a file is changed", function()
                damage("a.yaml", function()
                    return "b: 1\n"
                end)
            end, "a.yaml does not have the SHA-256 of the manifest"},
            {"a file is cut off", function()
                damage("a.yaml", function()
                    return ""
                end)
            end, "a.yaml has 0 bytes, the manifest says 5"},
            {"a file is missing", function()
                must(fs.remove(path .. "/generations/r1/a.yaml"))
            end, "a.yaml cannot be read: "},
            {"the manifest is no JSON", function()
                damage("manifest.json", function(text)
                    return text:sub(1, 20)
                end)
            end, "manifest.json is no manifest"},
            {"the manifest is of a later format", function()
                damage("manifest.json", function(text)
                    return (text:gsub('"format": 1', '"format": 2'))
                end)
            end, "manifest.json has format 2, this Salvor reads 1"},
            {"the manifest leaves its folder", function()
                damage("manifest.json", function(text)
                    return (text:gsub('"a.yaml"', '"../../../../a.yaml"'))
                end)
            end, "the manifest names ../../../../a.yaml, which is outside the kit"},
            {"the manifest is a list", function()
                damage("manifest.json", function(text)
                    local manifest = must(json.decode(text))
                    manifest.files = {{size = 1}}
                    return must(json.encode(manifest))
                end)
            end, "the manifest says nothing about 1"},
            {"latest names something else", function()
                must(fs.write(path .. "/latest", "../other\n"))
            end, "latest does not name a generation"},
            {"the manifest begins at the root", function()
                damage("manifest.json", function(text)
                    return (text:gsub('"a.yaml"', '"/a.yaml"'))
                end)
            end, "the manifest names /a.yaml, which is outside the kit"},
            {"an entry of the manifest is no entry", function()
                damage("manifest.json", function(text)
                    local manifest = must(json.decode(text))
                    manifest.files["a.yaml"] = "a"
                    return must(json.encode(manifest))
                end)
            end, "the manifest says nothing about a.yaml"},
        }
        for _, case in ipairs(CASES) do
            it(case[1], function()
                publish("r1", {["a.yaml"] = "a: 1\n"})
                case[2]()
                local manifest, err = read(path)
                assert.is_nil(manifest)
                assert.equal("Corrupt", err.code)
                salvor.expect(err.message, case[3])
                salvor.expect(err.hint, "do not rely on this generation: name an older one, "
                    .. "KIT/generations/RUN")
            end)
        end
    end)

    it("of whose latest generation there is nothing says so", function()
        publish("r1", {["a.yaml"] = "a"})
        publish("r2", {["a.yaml"] = "b"})
        must(fs.remove_tree(path .. "/generations/r2"))
        local _, err = read(path)
        assert.equal("Corrupt", err.code)
        salvor.expect(err.message, "generations/r2/manifest.json is not there: the generation was "
            .. "never finished, or copied in part")
        assert.equal("r1", must(read(path .. "/generations/r1")).run)
    end)

    it("that cannot be reached is not taken for a damaged one", function()
        publish("r1", {["a.yaml"] = "a"})
        must(fs.remove(path .. "/generations/r1/a.yaml"))
        must(fs.mkdir(path .. "/generations/r1/a.yaml"))
        local manifest, err = read(path)
        assert.is_nil(manifest)
        assert.not_equal("Corrupt", err.code)
        assert.is_nil(err.message:find("rely", 1, true))
    end)

    it("that there is not is told from one that is damaged", function()
        must(fs.mkdir(path, {parents = true}))
        local _, err = read(path)
        assert.equal("NotFound", err.code)
        salvor.expect(err.message, path .. ": there is no kit: it has no file latest")
        salvor.expect(err.hint, "name the folder or URL")
    end)

    describe("can be placed", function()
        it("where nothing is yet, and where a kit of the same system is", function()
            assert.is_true(must(open("look"):check_place(SYSTEM)))
            assert.is_nil(fs.stat(fs.join(folder, "kits")))
            publish("r1", {["a.yaml"] = "a"})
            assert.is_true(must(open("look"):check_place(SYSTEM)))
        end)

        it("not where the kit of another system is", function()
            publish("r1", {["a.yaml"] = "a"})
            local other = {kind = "ManagementCluster", namespace = "b", name = "n", uid = "u-2"}
            local ok, err = open("look"):check_place(other)
            assert.is_nil(ok)
            salvor.expect(err.message, path
                .. " is the kit of another system: ManagementCluster apic/management with uid u-1")
        end)

        it("not where it cannot be told whose kit it is", function()
            publish("r1", {["a.yaml"] = "a"})
            must(fs.remove(path .. "/generations/r1/manifest.json"))
            must(fs.mkdir(path .. "/generations/r1/manifest.json"))
            local ok, err = open("look"):check_place(SYSTEM)
            assert.is_nil(ok)
            salvor.expect(err.message, "generations/r1/manifest.json")
        end)

        it("where a damaged one is, of which nobody knows whose: the new one is whole", function()
            publish("r1", {["a.yaml"] = "a"})
            must(fs.write(path .. "/generations/r1/manifest.json", "[]"))
            assert.is_true(must(open("look"):check_place(SYSTEM)))
            publish("r2", {["a.yaml"] = "a"})
            assert.equal("r2", must(read(path)).run)
        end)
    end)

    it("has the digest, size, source and time of each file", function()
        publish("r1", {["a.yaml"] = "a: 1\n"})
        local entry = must(read(path)).files["a.yaml"]
        assert.equal(digest.sha256("a: 1\n"), entry.sha256)
        assert.equal(5, entry.size)
        assert.same({kind = "Secret"}, entry.source)
        assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", entry.time)
    end)
end)
