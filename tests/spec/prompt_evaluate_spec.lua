-- How what is entered at the prompt becomes a function.
local environment = require("salvor.prompt.environment")
local evaluate = require("salvor.prompt.evaluate")

describe("what is entered", function()
    local function results(text)
        local chunk = assert(evaluate.compile(text))
        debug.setupvalue(chunk, 1, setmetatable({}, {__index = _G}))
        return table.pack(chunk())
    end

    it("gives the values of the expression at its end", function()
        assert.are.same({5, n = 1}, results("x = 5; x"))
        assert.are.same({5, 6, n = 2}, results("x = 5\ny = 6\nx, y"))
        assert.are.same({{1, 2}, n = 1}, results("x = 1; {\n  x,\n  2;\n}"))
        assert.are.same({";", n = 1}, results("x = ';'; x -- ; no"))
        assert.are.same({3, n = 1}, results("local n = 0; for i = 1, 3 do n = i; end n = n; n"))
    end)

    it("is what Lua takes it for, wherever it does", function()
        assert.are.same({n = 0}, results("x = tostring\n(5)"))
        assert.are.same({n = 0}, results("x = 5; tostring(x)"))
        assert.are.same({n = 0}, results("for i = 1, 2 do tostring(i); tostring(i) end"))
        assert.are.same({n = 1}, results("x = 1; return nil"))
    end)

    it("is Lua for a script, too", function()
        assert.are.equal("x = 5;return  x", (select(2, evaluate.compile("x = 5; x"))))
        assert.are.equal("6 * 7", (select(2, evaluate.compile("6 * 7"))))
    end)

    it("has a variable of a local at its beginning, and no other of its locals", function()
        assert.are.equal("x = 1", evaluate.without_local("local x = 1"))
        assert.are.equal("a, b = f()", evaluate.without_local(" local a, b = f()"))
        assert.are.equal("function f() end", evaluate.without_local("local function f() end"))
        for _, text in ipairs({"local x\ny = 5", "local a, b\na, b = f()", "local a, b\n\na = 1",
                               "local x <const> = 1", "locals = 1"}) do
            assert.are.equal(text, evaluate.without_local(text))
        end
    end)

    it("goes on while something is open, and is wrong where more does not help", function()
        for _, text in ipairs({"x = 5; f(", "for i = 1, 2 do x = i; x", "x = [[a; b",
                               "function f() g() x", "x =", "'a\\", "'a\\z"}) do
            assert.is_false(evaluate.is_complete(text), text)
        end
        for _, text in ipairs({"x = 5; x", "x = = 5; x", "x x", "x x; x", "print('abc",
                               "x = \"a"}) do
            assert.is_true(evaluate.is_complete(text), text)
        end
        assert.is_nil((evaluate.compile("x = = 5; x")))
    end)

    it("takes Lua's own names from itself alone", function()
        local own = {print, warn, table}
        assert(evaluate.compile("print, warn, table = 5, 6, 7"))()
        assert.are.same({5, 6, 7}, {assert(evaluate.compile("print, warn, table"))()})
        for _, name in ipairs({"print", "warn", "table"}) do
            environment.globals[name] = nil
        end
        assert.are.same(own, {print, warn, table})
        assert.are.same(own, {assert(evaluate.compile("print, warn, table"))()})
    end)

    it("tells of a Secret that was raised, without its values", function()
        assert.are.equal("{data = {a = \"(1 bytes)\"}, kind = \"Secret\"}",
            evaluate.describe({kind = "Secret", data = {a = "eA=="}}))
    end)

    it("may be very long", function()
        local text = ("x = 1;\n"):rep(10000) .. "f("
        assert.is_false(evaluate.is_complete(text))
    end)
end)
