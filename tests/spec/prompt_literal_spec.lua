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
        assert.are.equal("{{{{{{ --[[…]] }}}}}}", literal({{{{{{1}}}}}}))
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

    it("tells when something was left out, and is whole when it is to be", function()
        local long, deep = ("x"):rep(3000), {{{{{{{1}}}}}}}
        local many = {}
        for index = 1, 200 do
            many[index] = index
        end
        for _, v in ipairs({long, deep, many}) do
            assert.is_true(select(2, literal(v)))
            local text, is_cut = literal(v, {whole = true})
            assert.is_false(is_cut)
            assert.are.same(v, load("return " .. text)())
        end
        assert.is_false(select(2, literal({1, {2}})))
    end)

    it("runs nothing of a value but __tostring, which may fail", function()
        local function fails()
            error("must not be called")
        end
        local v = setmetatable({1, a = 2}, {__index = fails, __pairs = fails, __len = fails,
                                            __metatable = 5, __eq = fails, __lt = fails})
        assert.are.equal("{1, a = 2}", literal(v))
        for _, answer in ipairs({fails, function() return {} end}) do
            local text = literal({setmetatable({}, {__tostring = answer})})
            assert.truthy(text:find("^{%-%-%[%[table: 0x%x+, whose __tostring fails%]%]}$"))
        end
        assert.truthy(literal({[setmetatable({}, {__tostring = fails})] = 1})
            :find("^{%[table: 0x%x+%] = 1}$"))
        assert.are.equal("named\\x1b", literal(setmetatable({}, {__tostring = function()
            return "named\27"
        end})))
    end)

    it("has a form for every number, also those that are none", function()
        assert.are.equal("{0/0, math.huge, -math.huge, math.mininteger, 1.0, -3}",
            literal({0 / 0, math.huge, -math.huge, math.mininteger, 1.0, -3}))
        assert.are.equal("{[math.huge] = 1}", literal({[math.huge] = 1}))
    end)

    it("shows functions, files and bytes", function()
        assert.truthy(literal(print):find("^function: "))
        assert.truthy(literal(io.stdout):find("^file %("))
        assert.truthy(literal({[print] = true}):find("^{%[function: 0x%x+%] = true}$"))
        assert.are.equal([["\xff\x00\x1f"]], literal("\xff\0\x1f"))
        local cut = literal(("\x80"):rep(3000))
        assert.truthy(cut:find("3000 bytes in all", 1, true))
    end)
end)
