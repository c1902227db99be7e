-- What is said beside Lua's own message to whoever meant something else.
local advice = require("salvor.prompt.advice")
local errors = require("salvor.error")
local evaluate = require("salvor.prompt.evaluate")
local prompt = require("support.prompt")

describe("advice", function()
    it("is the prompt's command, where its name was entered alone or before a word", function()
        assert.are.equal(":quit leaves, as does Ctrl-D", advice.of_name("exit"))
        assert.are.equal("the command is :help", advice.of_name(" help "))
        assert.are.equal("the command is :plan", advice.of_text("plan apic-v10/backup"))
        assert.are.equal("the command is :load", advice.of_text("load ~/x.lua"))
        for _, text in ipairs({"load", "print", "x", "c", "use.x", "ns_", "1"}) do
            assert.is_nil(advice.of_name(text), text)
        end
        local metatable = getmetatable(_G)
        setmetatable(_G, {__index = function(_, name) error("undeclared " .. name) end})
        local ok, meant = pcall(advice.of_name, "exit")
        setmetatable(_G, metatable)
        assert.are.same({true, ":quit leaves, as does Ctrl-D"}, {ok, meant})
        assert.is_nil(advice.of_text("run = = 5"))
        assert.is_nil(advice.of_text("if x"))
    end)

    it("is how it is said in Lua, to who enters commands of kubectl", function()
        for _, text in ipairs({"kubectl get pods", "get pods", "logs db-0", "delete pod/x"}) do
            assert.truthy(advice.of_text(text):find("c:list(\"pods\")", 1, true), text)
        end
        assert.is_nil(advice.of_name("get"))
    end)

    it("is :help for a name with a question mark", function()
        assert.are.equal(":help c:list tells about it", advice.of_text("c:list?"))
        assert.are.equal(":help fs.read tells about it", advice.of_text("?fs.read"))
        assert.are.equal(":help k8s tells about it", advice.of_text("k8s ??"))
    end)

    local function of(text)
        local env = setmetatable({c = {list = function()
            return nil, errors.new({code = "NotFound", message = "none"})
        end}, fs = {}, object = {}}, {__index = _G})
        local chunk = assert(evaluate.compile(text))
        debug.setupvalue(chunk, 1, env)
        local ok, problem = pcall(chunk)
        assert.is_false(ok)
        return advice.of_problem(problem, text)
    end

    it("is the word that is most like the one that nothing has", function()
        assert.are.equal("did you mean task?", of("tsak.sleep(1)"))
        assert.are.equal("did you mean print?", of("pritn(1)"))
        assert.are.equal("did you mean list?", of("c:lsit('pods')"))
        assert.are.equal("did you mean read?", of("fs.raed('x')"))
        assert.are.equal("did you mean k8s.neat?", of("c:neat({})"))
        assert.are.equal("did you mean c:list or fs.list or salvor.list or store:list?",
            of("object:list()"))
        assert.are.equal("the command is :quit", of("quit()"))
        assert.is_nil(of("zzzzzzzz()"))
        assert.is_nil(of("object.raed.x = 1"))
    end)

    it("is must() around a call that gave nil and an error", function()
        local must_tells = "must(...) around a call raises the error that it gave"
        assert.are.equal(must_tells, of("c:list('nope')[1]"))
        assert.are.equal(must_tells, of("#c:list('nope')"))
        assert.are.equal(must_tells, of("for _, pod in ipairs(c:list('nope')) do print(pod) end"))
        assert.is_nil(of("string.rep()"))
    end)

    it("is the colon of a method that was called with a dot", function()
        local problem = "k8s.list: kind must be a string such as 'pods', got nil"
        assert.are.equal("a method is called with a colon: c:list(...)",
            advice.of_problem("x.lua:5: " .. problem, "c.list('pods')"))
        assert.is_nil(advice.of_problem(problem, "c:list()"))
        assert.is_nil(advice.of_problem("k8s.connect: unknown option 'x'", "k8s.connect({x = 1})"))
    end)

    it("is a loop, to who enters what only a loop goes through", function()
        local function fn() end
        local iterator = table.pack(fn, nil, nil, {})
        assert.are.equal("a loop goes through it: for each in c:each('cm') do ui.show(each) end",
            advice.of_results(iterator, "c:each('cm')"))
        for _, text in ipairs({"x = c; return x:each('cm')", "c:each(\n'cm')", ":time f()"}) do
            assert.are.equal("a loop goes through it: for each in ... do ui.show(each) end",
                advice.of_results(iterator, text))
        end
        assert.is_nil(advice.of_results(table.pack(fn), "fn"))
        assert.is_nil(advice.of_results(table.pack(1, nil, nil, {}), "x"))
    end)

    it("stands behind the message at the prompt", function()
        local shown <close> = prompt.start()
        assert.are.equal("there is no variable exit; :quit leaves, as does Ctrl-D",
            shown:run("exit"))
        assert.are.equal("line 1: syntax error near 'pods'; what is entered is Lua, such as "
            .. "c:list(\"pods\")\n; :doc k8s tells more", shown:run("get pods"))
        assert.are.equal("line 1: attempt to index a nil value (global 'tsak'); "
            .. "did you mean task?", shown:run("tsak.sleep(1)"))
        assert.are.equal("a loop goes through it: for each in f() do ui.show(each) end",
            shown:run("f = function() return print, nil, nil, {} end") .. shown:run("f()"))
        assert.are.equal("5", shown:run("exit = 5; exit"))
        assert.are.equal("5", shown:run("exit"))
    end)
end)
