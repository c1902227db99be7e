-- Values as Lua that can be read.
local literal = require("salvor.prompt.literal")
local salvor = require("salvor")

describe("a value as Lua", function()
    it("is short where it fits", function()
        assert.are.equal("{1, 2, x = true}", literal({1, 2, x = true}))
        assert.are.equal("{}", literal({}))
        assert.are.equal("null", literal(salvor.null))
        assert.are.equal("1.5", literal(1.5))
    end)

    it("has a line for each entry where it does not fit, its keys sorted", function()
        local long = ("x"):rep(40)
        assert.are.equal('{\n  a = "' .. long .. '",\n  b = {\n    1,\n    "' .. long
            .. '",\n    "' .. long .. '"\n  }\n}',
            literal({b = {1, long, long}, a = long}, {width = 80}))
    end)

    it("has keys that are no names in brackets", function()
        assert.are.equal('{[2] = 1, ["a b"] = 2, ["end"] = 3}',
            literal({[2] = 1, ["a b"] = 2, ["end"] = 3}))
    end)

    it("can be read back", function()
        local value = {1, {2, x = "a\n\"b\"\\"}, ["y z"] = false}
        assert.are.same(value, load("return " .. literal(value))())
    end)

    it("shows what acts on a terminal as escapes", function()
        assert.are.equal([["\x1b[2J\xff\u{202e}"]], literal("\27[2J\xff\u{202e}"))
    end)

    it("is bounded: texts, entries, depth, and itself", function()
        assert.are.equal('"' .. ("x"):rep(2000) .. '".. --[[3000 bytes in all]]',
            literal(("x"):rep(3000)))
        local many = {}
        for index = 1, 200 do
            many[index] = index
        end
        assert.truthy(literal(many):find("--[[and 150 more]]", 1, true))
        assert.are.equal("{a = {a = { --[[…]] }}}", literal({a = {a = {a = {}, 1}}}, {depth = 2}))
        local itself = {}
        itself.me = itself
        assert.are.equal("{me = { --[[itself]] }}", literal(itself))
        local deep, wide = {}, {}
        for index = 1, 100 do
            wide[index] = "entry"
        end
        for index = 1, 100 do
            deep[index] = wide
        end
        assert.is_true(#literal(deep) < 50000)
    end)
end)
