-- A cancellation ends a task wherever it waits, cannot be swallowed, and lets it tidy up. Waits
-- work in places where Lua cannot yield.
local eventually = require("support.eventually")
local task = require("salvor.task")

local function closing(fn)
    return setmetatable({}, {__close = fn})
end

local function join_cancelled(child)
    child:cancel()
    local ok, err = pcall(child.join, child)
    assert.is_false(ok)
    assert.are.equal("cancelled", child:status())
    return err
end

local WAIT = 100

--- Ways to try to survive: each calls `wait`, and must not get to its end.
local SURVIVORS = {
    pcall = function(wait) pcall(wait) end,
    ["pcall in pcall"] = function(wait) pcall(pcall, pcall, wait) end,
    ["a loop of pcall"] = function(wait)
        while true do
            pcall(wait)
        end
    end,
    xpcall = function(wait) xpcall(wait, function() return "handled" end) end,
    ["xpcall with a handler that waits"] = function(wait)
        xpcall(wait, function() task.sleep(WAIT) end)
    end,
    ["coroutine.resume"] = function(wait) coroutine.resume(coroutine.create(wait)) end,
    ["pcall of a wrapped coroutine"] = function(wait) pcall(coroutine.wrap(wait)) end,
    ["coroutines in coroutines"] = function(wait)
        local function nest(depth)
            if depth == 0 then
                return wait()
            end
            return coroutine.resume(coroutine.create(nest), depth - 1)
        end
        nest(10)
    end,
    ["the reader of load"] = function(wait) load(function() wait() end) end,
    ["a closing coroutine"] = function(wait)
        local co = coroutine.create(function()
            local _ <close> = closing(function() wait() end)
            coroutine.yield()
        end)
        coroutine.resume(co)
        coroutine.close(co)
    end,
    ["a sort comparator"] = function(wait)
        pcall(table.sort, {3, 2, 1}, function(a, b)
            wait()
            return a < b
        end)
    end,
    gsub = function(wait) pcall(string.gsub, "abc", ".", function() wait() end) end,
    ["a metamethod"] = function(wait)
        local odd = setmetatable({}, {__index = function() wait() end})
        pcall(function() return odd.x end)
    end,
    ["require"] = function(wait)
        package.preload["salvor_test_module"] = function() wait() end
        pcall(require, "salvor_test_module")
    end,
    dofile = function(wait)
        local name = os.tmpname()
        local file = assert(io.open(name, "w"))
        file:write("salvor_test_wait()")
        file:close()
        _G.salvor_test_wait = wait
        local _ <close> = closing(function() os.remove(name) end)
        pcall(dofile, name)
    end,
    ["task.all in pcall"] = function(wait) pcall(task.all, {wait, wait}) end,
    ["task.timeout"] = function(wait) task.timeout(WAIT, wait) end,
    ["join in pcall"] = function(wait)
        local child = task.spawn(wait)
        pcall(child.join, child)
    end,
}

describe("a cancellation", function()
    for name, survive in pairs(SURVIVORS) do
        it("goes through " .. name, function()
            local survived, waits = false, 0
            local child = task.spawn(function()
                survive(function()
                    waits = waits + 1
                    task.sleep(WAIT)
                end)
                survived = true
            end)
            task.sleep(0.005)
            join_cancelled(child)
            assert.is_false(survived)
            assert.is_true(waits >= 1)
        end)
    end

    it("runs <close> variables in order, with waits and pcall inside", function()
        local log = {}
        local child = task.spawn(function()
            local _ <close> = closing(function()
                log[#log + 1] = "outer " .. tostring(pcall(error, "x"))
            end)
            coroutine.wrap(function()
                local _ <close> = closing(function()
                    task.sleep(0.005)
                    log[#log + 1] = "inner " .. task.spawn(function()
                        task.sleep(0.001)
                        return "child"
                    end):join()
                end)
                pcall(task.sleep, WAIT)
            end)()
        end)
        task.sleep(0.005)
        assert.are.equal("Cancelled", join_cancelled(child).code)
        assert.are.same({"inner child", "outer false"}, log)
    end)

    it("is followed by the error of a <close> variable", function()
        local child = task.spawn(function()
            local _ <close> = closing(function() error("while closing", 0) end)
            task.sleep(WAIT)
        end)
        task.sleep(0.005)
        assert.are.equal("while closing", join_cancelled(child))
    end)

    it("does not reach handlers of xpcall", function()
        local called = false
        local child = task.spawn(function()
            xpcall(task.sleep, function() called = true end, WAIT)
        end)
        task.sleep(0.005)
        join_cancelled(child)
        assert.is_false(called)
    end)
end)

describe("a wait", function()
    local function wait()
        task.sleep(0.001)
    end

    it("works in a sort comparator, in many tasks at once", function()
        local functions = {}
        for number = 1, 100 do
            functions[number] = function()
                local list = {3, 1, 2}
                table.sort(list, function(a, b)
                    wait()
                    return a < b
                end)
                return table.concat(list)
            end
        end
        assert.are.equal("123", task.all(functions)[100])
    end)

    it("works in metamethods, gsub, load, require and finalisers", function()
        local odd = setmetatable({}, {
            __index = function(_, key) wait() return key end,
            __tostring = function() wait() return "text" end,
            __lt = function() wait() return true end,
            __call = function() wait() return "called" end,
        })
        assert.are.equal("x", odd.x)
        assert.are.equal("text", tostring(odd))
        assert.is_true(odd < odd)
        assert.are.equal("called", odd())
        assert.are.equal("<a><b>", (("ab"):gsub(".", function(c)
            wait()
            return "<" .. c .. ">"
        end)))
        local parts = {"return ", "5"}
        assert.are.equal(5, load(function() wait() return table.remove(parts, 1) end)())
        package.preload["salvor_test_waiting"] = function() wait() return "module" end
        assert.are.equal("module", require("salvor_test_waiting"))
        local finalised = 0
        for _ = 1, 10 do
            setmetatable({}, {__gc = function() wait() finalised = finalised + 1 end})
        end
        collectgarbage()
        assert.are.equal(10, finalised)
    end)

    it("in a coroutine suspends the task, not the coroutine", function()
        local generator = coroutine.wrap(function()
            for number = 1, 3 do
                wait()
                coroutine.yield(number)
                wait()
            end
        end)
        local seen = {}
        for number in generator do
            seen[#seen + 1] = number
        end
        assert.are.same({1, 2, 3}, seen)
        local function nested(depth)
            if depth == 0 then
                wait()
                return 0
            end
            return 1 + coroutine.wrap(nested)(depth - 1)
        end
        assert.are.equal(50, nested(50))
    end)

    it("protects its coroutine from other tasks", function()
        local co = coroutine.create(function() task.sleep(0.02) return "done" end)
        local owner = task.spawn(coroutine.resume, co)
        task.sleep(0.005)
        assert.are.equal("normal", coroutine.status(co))
        assert.are.same({false, "cannot resume non-suspended coroutine"}, {coroutine.resume(co)})
        assert.has_error(function() coroutine.close(co) end, "cannot close a normal coroutine")
        assert.are.same({true, "done"}, {owner:join()})
        assert.are.equal("dead", coroutine.status(co))
    end)

    it("protects the thread of a task from other tasks", function()
        local thread
        local owner = task.spawn(function()
            thread = coroutine.running()
            task.sleep(0.02)
            return "done"
        end)
        eventually("the other task's wait", function() return thread end)
        local refusal = {false, "cannot resume non-suspended coroutine"}
        assert.are.equal("normal", coroutine.status(thread))
        assert.are.same(refusal, {coroutine.resume(thread)})
        assert.has_error(function() coroutine.close(thread) end, "cannot close a normal coroutine")
        assert.are.equal("done", owner:join())
        assert.are.equal("dead", coroutine.status(thread))
        assert.are.same(refusal, {coroutine.resume(thread)})
        assert.are.equal("done", owner:join())
    end)

    it("leaves a task its own thread", function()
        local thread = coroutine.running()
        assert.are.equal("running", coroutine.status(thread))
        assert.has_error(function() coroutine.close(thread) end, "cannot close a running coroutine")
        coroutine.wrap(function()
            assert.are.equal("normal", coroutine.status(thread))
            assert.is_false((coroutine.resume(thread)))
        end)()
    end)

    it("tells the task from a coroutine", function()
        assert.is_false(coroutine.isyieldable())
        assert.is_true(select(2, coroutine.running()))
        assert.has_error(function() coroutine.yield() end)
        local inside = coroutine.wrap(function()
            coroutine.yield(coroutine.isyieldable(), select(2, coroutine.running()))
        end)
        assert.are.same({true, false}, {inside()})
    end)

    it("that cannot end is found out", function()
        local result = require("support.salvor").run({"-e", [[
            local task = require("salvor.task")
            local first, second
            first = task.spawn(function()
                local _ <close> = setmetatable({}, {__close = function() second:join() end})
                second:join()
            end)
            second = task.spawn(function()
                local _ <close> = setmetatable({}, {__close = function() first:join() end})
                first:join()
            end)
            first:join()]]}, {home = "/tmp"})
        assert.are.equal(1, result.code)
        assert.is_truthy(result.stderr:find("every task waits for another one", 1, true))
    end)

    for _, mode in ipairs({"generational", "incremental"}) do
        it("survives a busy " .. mode .. " collector", function()
            local before = collectgarbage(mode)
            if mode == "incremental" then
                collectgarbage("incremental", 10, 1000, 1)
            end
            local _ <close> = closing(function() collectgarbage(before) end)
            local function tree(depth)
                if depth == 0 then
                    wait()
                    return {1}
                end
                local results = task.map({1, 2, 3}, function()
                    return coroutine.wrap(function() return tree(depth - 1) end)()
                end, {workers = 2})
                return {results[1][1] + results[2][1] + results[3][1]}
            end
            assert.are.equal(81, tree(4)[1])
            for _ = 1, 50 do
                local child = task.spawn(task.all, {tree, tree})
                child:cancel()
                pcall(child.join, child)
            end
        end)
    end
end)
