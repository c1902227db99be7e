-- A session as a script, and the script run.
local environment = require("salvor.prompt.environment")
local fs = require("salvor.fs")
local salvor = require("support.salvor")
local session_script = require("salvor.prompt.session_script")

describe("a session as a script", function()
    local home

    setup(function()
        home = must(fs.temporary_folder())
    end)

    teardown(function()
        must(fs.remove_tree(home))
    end)

    local function run(inputs)
        local path = fs.join(home, "session.lua")
        must(fs.write(path, session_script(inputs), {mode = tonumber("700", 8)}))
        local result = salvor.run({path}, {home = home})
        assert.are.equal("", result.stderr)
        salvor.expect_code(0, result)
        return result.stdout
    end

    local function statement(text)
        return {text = text, count = 0}
    end

    it("prints the values again, which keep their numbers", function()
        assert.are.equal("42\n1\ntwo\n43\n44\n", run({
            {text = "6 * 7", first = 1, count = 1},
            {text = "1, 'two' -- a remark", first = 2, count = 2},
            {text = "_1 + 1", first = 4, count = 1},
            statement("print(_2 + _)"),
        }))
    end)

    it("prints tables as the prompt does, and not where they are in memory", function()
        assert.are.equal("{a = {1, 2}}\n", run({{text = "{a = {1, 2}}", first = 1, count = 1}}))
    end)

    it("has the prompt's modules, and no others", function()
        assert.are.equal("true\n{\"a\":null}\n", run({
            {text = "fs.stat('/') ~= nil", first = 1, count = 1},
            {text = "json.encode({a = null})", first = 2, count = 1},
        }))
        local text = session_script({statement("x.k8s = x.store")})
        assert.is_nil(text:find("require", 1, true))
    end)

    it("keeps each input to itself: its locals, its return, its parentheses", function()
        assert.are.equal("5\nnil\n7\nf\n8\n", run({
            statement("local hidden = 1"),
            {text = "return 5", first = 1, count = 1},
            statement("if true then return end"),
            {text = "hidden", first = 2, count = 1},
            {text = "local y = 7\nreturn y", first = 3, count = 1},
            statement("f = function() print('f') end"),
            statement("g = f"),
            statement("(f or print)()"),
            {text = "8", first = 4, count = 1},
        }))
    end)

    it("keeps what has Lua's own names from Salvor's modules", function()
        environment.globals.table = {}
        assert.are.equal("A\nx\n\n", run({
            statement("table = {'x'}"),
            {text = "ui.format_table({'A'}, {table})", first = 1, count = 1},
        }))
        environment.globals.table = nil
    end)

    it("has room for any number of locals", function()
        local inputs = {}
        for index = 1, 300 do
            inputs[index] = statement("local x" .. index .. " = " .. index)
        end
        inputs[301] = statement("print('end')")
        assert.are.equal("end\n", run(inputs))
    end)

    it("connects to the cluster of each part", function()
        local text = session_script({
            {client = {context = "one", namespace = "apic"}},
            {text = "c.namespace", first = 1, count = 1},
            {client = {context = "two", namespace = "a \"b\""}},
        })
        local one = "c = must(require(\"salvor.k8s\").connect({context = \"one\", "
            .. "namespace = \"apic\"}))"
        local two = "c = must(require(\"salvor.k8s\").connect({context = \"two\", "
            .. "namespace = \"a \\\"b\\\"\"}))"
        assert.truthy(text:find(one .. "\n_1 = c.namespace", 1, true))
        assert.truthy(text:find(two, 1, true))
    end)
end)
