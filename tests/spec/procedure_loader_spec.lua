-- Where procedure scripts come from, and what they can see.
local fs = require("salvor.fs")
local loader = require("salvor.procedure.loader")
local salvor = require("support.salvor")
local site = require("support.site")

describe("the loader of procedures", function()
    it("knows the bundled ones", function()
        local ids = table.concat(loader.ids(), " ")
        salvor.expect(ids, "apic-v10/prepare-management")
        for _, id in ipairs(loader.ids()) do
            local procedure, origin = loader.load(id)
            assert.equal(id, procedure.id)
            assert.matches("^%x+$", origin.sha256)
        end
    end)

    it("refuses what is no id, before it looks at any file", function()
        for _, id in ipairs({"", "a", "a/", "/a", "a/b/c", "../a", "a/..", "a b/c", "a/b.lua"}) do
            local ok, err = pcall(loader.load, id)
            assert.is_false(ok)
            assert.equal("Usage", err.code)
            assert.equal("'" .. id .. "' is no procedure's id", err.message)
        end
    end)

    it("passes over what editors leave among the scripts", function()
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        site.install(home, "site/.#script", "return {")
        local result = salvor.run({"list"}, {home = home})
        salvor.expect_code(0, result)
        assert.equal("", result.stderr)
    end)

    --- Runs code with the loader in a home that has this script.
    local function load_from_home(id, text, code)
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        site.install(home, id, text)
        return salvor.run({"-e", [[
            local loader = require("salvor.procedure.loader")
            local ok, procedure, origin = pcall(loader.load, "]] .. id .. [[")
            ]] .. code}, {home = home})
    end

    it("takes the user's script before the bundled one, and says so", function()
        local result = load_from_home("apic-v10/prepare-management",
            site.script({id = '"apic-v10/prepare-management"'}),
            "print(procedure.title, origin.bundled, origin.source)")
        salvor.expect(result.stdout, "A title\tfalse\t/",
            "/config/salvor/scripts/apic-v10/prepare-management.lua")
    end)

    it("gives a script the standard libraries and must, but no way to leave globals", function()
        local text = "local fs, m, s = require('salvor.fs'), must, string.format\n"
            .. site.script({next = "function() leaked = 1 end"})
        local result = load_from_home("site/script", text,
            "print(ok, pcall(procedure.next)) print(rawget(_G, 'leaked'))")
        salvor.expect(result.stdout, "true\tfalse\t", "/site/script.lua",
            "assignment to undeclared variable 'leaked'\nnil\n")
    end)

    it("tells the whole name of a file that Lua has cut", function()
        local path = "/" .. ("x"):rep(100) .. "/hook.lua"
        local cut = "..." .. path:sub(-50) .. ":3: boom"
        assert.equal(path .. ":3: boom", loader.located(path, cut))
        assert.equal(cut, loader.located("/script.lua", cut))
        loader.evaluate("return 1", path)
        assert.equal(path .. ":3: boom", loader.located("/script.lua", cut))
    end)

    it("passes on what prevents the reading of a script", function()
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        must(fs.mkdir(home .. "/config/salvor/scripts/site/script.lua", {parents = true}))
        local result = salvor.run({"show", "site/script"}, {home = home})
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "/site/script.lua: Is a directory")
    end)
end)
