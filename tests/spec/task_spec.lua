-- salvor.task: structured concurrency. Nothing outlives the call or the task that started it.
local eventually = require("support.eventually")
local task = require("salvor.task")

local function closing(fn)
    return setmetatable({}, {__close = fn})
end

local function sleeper(seconds, ...)
    local results = table.pack(...)
    return function()
        task.sleep(seconds)
        return table.unpack(results, 1, results.n)
    end
end

--- Runs `fn` in a task, cancels it once it waits, and returns what join gives.
local function cancelled(fn)
    local child = task.spawn(fn)
    task.sleep(0.01)
    child:cancel()
    local results = table.pack(pcall(child.join, child))
    return child, table.unpack(results, 1, results.n)
end

local function assert_cancelled(fn)
    local child, ok, err = cancelled(fn)
    assert.is_false(ok)
    assert.are.equal("Cancelled", err.code)
    assert.are.equal("cancelled", child:status())
end

describe("task.all", function()
    it("gives results in order, nils included", function()
        local results = task.all({sleeper(0.02, "a"), sleeper(0.01, nil), sleeper(0, "c", "lost")})
        assert.are.same({"a", nil, "c", n = 3}, results)
        assert.are.same({n = 0}, task.all({}))
    end)

    it("ends the rest at the first error, before it raises", function()
        local log = {}
        local err = {"an error object"}
        local before = task.now()
        local ok, raised = pcall(task.all, {
            sleeper(100),
            function()
                local _ <close> = closing(function()
                    task.sleep(0.01)
                    log[#log + 1] = "tidied up"
                end)
                task.sleep(100)
            end,
            function()
                task.sleep(0.01)
                error(err)
            end,
        })
        assert.is_false(ok)
        assert.are.equal(err, raised)
        assert.are.same({"tidied up"}, log)
        assert.is_true(task.now() - before < 20)
    end)

    it("ends all of them when its caller is cancelled, before the caller tidies up", function()
        local log = {}
        local function worker()
            local _ <close> = closing(function() log[#log + 1] = "worker" end)
            task.sleep(100)
        end
        assert_cancelled(function()
            local _ <close> = closing(function() log[#log + 1] = "caller" end)
            task.all({worker, worker})
        end)
        assert.are.same({"worker", "worker", "caller"}, log)
    end)

    it("checks its list first", function()
        local started = false
        assert.has_error(function() task.all({function() started = true end, 5}) end,
            "task.all: number 2 is not a function")
        task.sleep(0)
        assert.is_false(started)
        assert.has_error(function() task.all(nil) end)
        assert.has_error(function() task.all({print, workers = 2}) end,
            "task.all: a list of functions has no key 'workers'")
        assert.has_error(function() task.race({first = print}) end)
    end)
end)

describe("task.map", function()
    it("keeps at most that many at work", function()
        local running, most, list = 0, 0, {}
        for number = 1, 20 do
            list[number] = number
        end
        local results = task.map(list, function(item, number)
            assert.are.equal(item, number)
            running = running + 1
            most = math.max(most, running)
            task.sleep(0.001)
            running = running - 1
            return item * 2
        end, {workers = 3})
        assert.are.equal(3, most)
        assert.are.equal(20, results.n)
        assert.are.equal(40, results[20])
    end)

    it("starts nothing new after an error", function()
        local calls = 0
        assert.has_error(function()
            task.map({1, 2, 3, 4, 5, 6}, function(item)
                calls = calls + 1
                task.sleep(0.001)
                if item == 2 then
                    error("stop", 0)
                end
            end, {workers = 2})
        end, "stop")
        assert.is_true(calls <= 3)
    end)

    it("checks its arguments and options", function()
        local function fn() end
        assert.has_error(function() task.map(nil, fn) end, "task.map: a list expected, got nil")
        assert.has_error(function() task.map({}, nil) end, "task.map: a function expected, got nil")
        assert.has_error(function() task.map({}, fn, 2) end)
        assert.has_error(function() task.map({}, fn, {worker = 2}) end,
            "task.map: unknown option 'worker'; known are workers")
        for _, workers in ipairs({0, -1, 1.5, "8"}) do
            assert.has_error(function() task.map({1}, fn, {workers = workers}) end)
        end
    end)
end)

describe("task.race", function()
    it("gives the first and ends the others", function()
        local ended = false
        local result, second = task.race({
            function()
                local _ <close> = closing(function() ended = true end)
                task.sleep(100)
            end,
            sleeper(0.01, "first", "second"),
        })
        assert.are.equal("first", result)
        assert.are.equal("second", second)
        assert.is_true(ended)
    end)

    it("raises when the first one fails", function()
        assert.has_error(function()
            task.race({sleeper(100), function() error("lost", 0) end})
        end, "lost")
        assert.has_error(function() task.race({}) end)
    end)
end)

describe("task.timeout", function()
    it("hands on what was done in time", function()
        assert.are.same({1, nil, 3, n = 3}, table.pack(task.timeout(10, sleeper(0.001, 1, nil, 3))))
        assert.has_error(function()
            task.timeout(10, function() error("own", 0) end)
        end, "own")
    end)

    it("gives Timeout, and nothing goes on behind it", function()
        local ended
        local result, err = task.timeout(0.01, function()
            local _ <close> = closing(function()
                task.sleep(0.01)
                ended = true
            end)
            task.sleep(100)
        end)
        assert.is_nil(result)
        assert.are.equal("Timeout", err.code)
        assert.is_true(ended)
    end)

    it("can be nested", function()
        local result, err = task.timeout(10, function()
            return task.timeout(0.01, sleeper(100))
        end)
        assert.is_nil(result)
        assert.are.equal("not done within 0.01 s", err.message)
        result, err = task.timeout(0.01, function()
            return task.timeout(10, sleeper(100))
        end)
        assert.is_nil(result)
        assert.are.equal("not done within 0.01 s", err.message)
    end)

    it("takes seconds and a function", function()
        assert.has_error(function() task.timeout("1", print) end)
        assert.has_error(function() task.timeout(-1, print) end)
        assert.has_error(function() task.timeout(0 / 0, print) end)
        assert.has_error(function() task.timeout(1) end)
    end)
end)

describe("task.spawn", function()
    it("runs side by side; join hands on results and errors", function()
        local child = task.spawn(function(...)
            task.sleep(0.001)
            return select("#", ...), ...
        end, 1, nil)
        assert.are.equal("running", child:status())
        assert.are.same({2, 1, nil, n = 3}, table.pack(child:join()))
        assert.are.same({2, 1, nil, n = 3}, table.pack(child:join()))
        assert.are.equal("done", child:status())
        child = task.spawn(error, "broken")
        assert.has_error(function() child:join() end, "broken")
        assert.are.equal("failed", child:status())
    end)

    it("ends before its parent", function()
        local ended = false
        local parent = task.spawn(function()
            task.spawn(function()
                task.sleep(0.01)
                ended = true
            end)
            return "result"
        end)
        assert.are.equal("result", parent:join())
        assert.is_true(ended)
    end)

    it("hands the error of a forgotten child to its parent", function()
        local parent = task.spawn(function()
            task.spawn(error, "forgotten")
            task.sleep(0.01)
            return "result"
        end)
        assert.has_error(function() parent:join() end, "forgotten")
    end)

    it("is cancelled with a parent that fails", function()
        local ended = false
        local parent = task.spawn(function()
            task.spawn(function()
                local _ <close> = closing(function() ended = true end)
                task.sleep(100)
            end)
            task.sleep(0.001)
            error("parent", 0)
        end)
        assert.has_error(function() parent:join() end, "parent")
        assert.is_true(ended)
    end)

    it("may be cancelled before it starts, after it has ended, twice, and by itself", function()
        local started = false
        local child = task.spawn(function() started = true end)
        child:cancel()
        child:cancel()
        assert.has_error(function() child:join() end)
        assert.is_false(started)
        child:cancel()
        assert.are.equal("cancelled", child:status())
        local itself
        itself = task.spawn(function()
            pcall(itself.cancel, itself)
            started = true
        end)
        assert.has_error(function() itself:join() end)
        assert.is_false(started)
    end)

    it("may be cancelled when its wait has just ended", function()
        local child = task.spawn(sleeper(0.01, "late"))
        local deadline = task.now() + 0.03
        while task.now() < deadline do end
        task.sleep(0) -- the timer has gone off, the child is ready or done
        child:cancel()
        pcall(child.join, child)
        assert.is_truthy(child:status() == "done" or child:status() == "cancelled")
    end)

    it("bears thousands, nested too", function()
        local functions = {}
        for number = 1, 10000 do
            functions[number] = function()
                task.sleep(number % 7 / 1000)
                return number
            end
        end
        local results = task.all(functions)
        assert.are.equal(10000, results[10000])
        local function tree(depth)
            if depth == 0 then
                task.sleep(0)
                return 1
            end
            local sums = task.map({1, 2}, function() return tree(depth - 1) end)
            return sums[1] + sums[2]
        end
        assert.are.equal(256, tree(8))
        local function chain(depth)
            if depth == 0 then
                return 0
            end
            return 1 + task.spawn(chain, depth - 1):join()
        end
        assert.are.equal(1000, chain(1000))
    end)

    it("is cancelled however far down its children go", function()
        local bottom
        local function descend(depth)
            if depth > 0 then
                task.spawn(descend, depth - 1)
                return
            end
            bottom = task.spawn(task.sleep, 60)
        end
        local top = task.spawn(descend, 100000)
        eventually("the last child", function() return bottom end)
        top:cancel()
        top:join()
        assert.are.equal("cancelled", bottom:status())
    end)

    it("is cancelled with all that its children have begun", function()
        local sleepers = {}
        local function begin()
            sleepers[#sleepers + 1] = task.spawn(task.sleep, 60)
        end
        local top = task.spawn(function()
            begin()
            task.spawn(task.spawn, task.spawn, begin)
        end)
        eventually("the last child", function() return #sleepers == 2 end)
        top:cancel()
        top:join()
        for _, child in ipairs(sleepers) do
            assert.are.equal("cancelled", child:status())
        end
    end)

    it("may be waited for by a parent that was cancelled and tidies up", function()
        local result
        local parent = task.spawn(function()
            local child = task.spawn(function() task.sleep(0.01) return "done" end)
            local _ <close> = closing(function() result = child:join() end)
            task.sleep(60)
        end)
        task.sleep(0)
        parent:cancel()
        pcall(parent.join, parent)
        assert.are.equal("done", result)
    end)

    it("can be waited for where Lua cannot yield, whatever ends meanwhile", function()
        local busy = task.spawn(function()
            for _ = 1, 30000 do
                task.spawn(function() end)
                task.sleep(0)
            end
            return "done"
        end)
        assert.are.equal("done", (("?"):gsub("?", function() return busy:join() end)))
    end)

    it("gives its memory back", function()
        local function round()
            for _ = 1, 200 do
                pcall(task.timeout, 1, function() error("x") end)
            end
            collectgarbage()
            collectgarbage()
            return collectgarbage("count")
        end
        round()
        local before = round()
        for _ = 1, 5 do
            round()
        end
        assert.is_true(round() < before + 200)
    end)
end)
