-- Ctrl-C: whatever a script does, the first one unwinds it and the process ends by the signal; the
-- second ends it at once.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local task = require("salvor.task")

--- What a script may be doing.
local SCRIPTS = {
    ["a loop"] = "while true do end",
    ["a loop in pcall"] = "while true do pcall(function() while true do end end) end",
    ["loops of pcall"] = "while true do pcall(error) end",
    ["a loop in xpcall"] = "while true do xpcall(function() while true do end end, print) end",
    ["a loop in a coroutine"] = "coroutine.wrap(function() while true do end end)()",
    ["a loop in pcall in coroutines"] = [[
        local function nest(depth)
            if depth == 0 then
                while true do pcall(function() while true do end end) end
            end
            while true do
                coroutine.resume(coroutine.create(nest), depth - 1)
            end
        end
        nest(5)]],
    ["a generator"] = [[
        local next_number = coroutine.wrap(function()
            while true do pcall(coroutine.yield, 1) end
        end)
        while true do pcall(next_number) end]],
    ["a loop in a task"] = [[
        pcall(task.all, {function() while true do end end, function() task.sleep(100) end})
        while true do task.sleep(100) end]],
    ["a loop in a comparator"] =
        "pcall(table.sort, {3, 2, 1}, function() while true do end end) while true do end",
    ["a loop in gsub in load"] =
        "load(function() return (('x'):gsub('x', function() while true do end end)) end)",
    ["string functions"] = "while true do local _ = ('x'):rep(1000):find('y') end",
    ["short sleeps in pcall"] = "while true do pcall(task.sleep, 0) end",
    ["a long sleep"] = "while true do pcall(task.sleep, 1000) end",
    ["a coroutine that is being closed"] = [[
        local co = coroutine.create(function()
            local _ <close> = setmetatable({}, {__close = function() while true do end end})
            coroutine.yield()
        end)
        coroutine.resume(co)
        pcall(coroutine.close, co)
        while true do task.sleep(100) end]],
    ["a wrapped coroutine that closes after an error"] = [[
        pcall(coroutine.wrap(function()
            local _ <close> = setmetatable({}, {__close = function() while true do end end})
            error("x")
        end))
        while true do task.sleep(100) end]],
    ["a sleep in a comparator"] =
        "pcall(table.sort, {3, 2, 1}, function() task.sleep(1000) end) task.sleep(1000)",
    ["a sleep in a coroutine"] =
        "coroutine.wrap(function() while true do pcall(task.sleep, 1000) end end)()",
    ["many tasks"] = [[
        local functions = {}
        for number = 1, 500 do
            functions[number] = function() while true do pcall(task.sleep, number % 3 * 500) end end
        end
        pcall(task.all, functions)]],
    ["a child process"] = "while true do require('salvor.proc').run({'sleep', '1000'}) end",
    ["a line of input"] = "while true do require('salvor.terminal').read_line() end",
    ["a pipe that nobody opens to write"] =
        "while true do require('salvor.fs').read(arg[1] .. '.pipe') end",
    ["a pipe that nobody writes"] =
        "while true do require('salvor.fs').read(arg[1] .. '.in') end",
    ["collecting garbage"] = "while true do setmetatable({}, {__gc = function() end}) end",
}

local PROLOGUE = [[
    local task = require("salvor.task")
    local function mark(name)
        assert(io.open(arg[1] .. name, "w")):close()
    end
    local _ <close> = setmetatable({}, {__close = function()
        task.sleep(0.001)
        print("tidied up")
    end})
    local _ <close> = setmetatable({}, {__close = function() %s end})
    local file = assert(io.open(arg[1] .. ".new", "w"))
    file:write(require("salvor.proc").pid())
    file:close()
    os.rename(arg[1] .. ".new", arg[1])
]]

--- Its standard input stays open and empty; exec keeps the shell out of what is seen of its end.
local LAUNCH = 'mkfifo "$2.in" "$2.pipe" && exec env --%s-signal=HUP "$0" "$@" 0<>"$2.in"'

local function until_there(path)
    local deadline = task.now() + 60
    while not fs.stat(path) do
        assert(task.now() < deadline, "not within 60 s")
        task.sleep(0.002)
    end
end

--- Runs the script; each signal is sent when the file is there that the script makes before, and
--- may have one that is `made` when it was sent. options: closing, what a <close> variable does
--- that is there before the first one; nohup, whether SIGHUP is ignored from the start.
local function run(body, signals, options)
    options = options or {}
    local folder = must(fs.temporary_folder())
    local _ <close> = setmetatable({}, {__close = function() fs.remove_tree(folder) end})
    local script, ready = fs.join(folder, "script.lua"), fs.join(folder, "ready")
    must(fs.write(script, PROLOGUE:format(options.closing or "") .. body))
    local child = task.spawn(function()
        local launch = LAUNCH:format(options.nohup and "ignore" or "default")
        return must(proc.run({"sh", "-c", launch, salvor.path, script, ready},
            {timeout = 60, env = {HOME = folder}}))
    end)
    for _, signal in ipairs(signals) do
        until_there(ready .. (signal.mark or ""))
        must(proc.run({"kill", "-" .. signal[1], must(fs.read(ready))}))
        if signal.made then
            must(fs.write(ready .. signal.made, ""))
        end
    end
    return child:join()
end

describe("Ctrl-C", function()
    for name, body in pairs(SCRIPTS) do
        it("unwinds " .. name .. ", and the process ends by the signal", function()
            local result = run(body, {{"INT"}})
            assert.are.equal("tidied up\n", result.stdout)
            assert.are.equal(2, result.signal)
            assert.are.equal(130, result.code)
        end)
    end

    it("is what SIGTERM does too", function()
        local result = run("while true do pcall(task.sleep, 1000) end", {{"TERM"}})
        assert.are.equal("tidied up\n", result.stdout)
        assert.are.equal(143, result.code)
    end)

    it("is what SIGHUP does too, of which shell and kernel each send one", function()
        local result = run("while true do pcall(task.sleep, 1000) end",
            {{"HUP"}, {"HUP", mark = ".closing"}, {"HUP", mark = ".closing", made = ".again"}},
            {closing = [[
                mark(".closing")
                while not io.open(arg[1] .. ".again") do pcall(task.sleep, 0.01) end]]})
        assert.are.equal("tidied up\n", result.stdout)
        assert.are.equal(129, result.code)
    end)

    it("is not SIGHUP of one that was started by nohup", function()
        local result = run([[
            mark(".set")
            while not io.open(arg[1] .. ".again") do task.sleep(0.01) end]],
            {{"HUP", mark = ".set", made = ".again"}}, {nohup = true})
        assert.are.equal("tidied up\n", result.stdout)
        assert.are.equal(0, result.code)
    end)

    it("lets <close> variables work and wait", function()
        local result = run("while true do end", {{"INT"}}, {closing = [[
            for _ = 1, 1000 do pcall(task.sleep, 0) end
            local result = require("salvor.proc").run({"echo", "a child while tidying up"})
            io.write(result.stdout)
            print(task.timeout(0.01, function() task.sleep(100) end))]]})
        assert.are.equal("a child while tidying up\n" ..
            "nil\ttask.timeout: not done within 0.01 s (Timeout)\ntidied up\n", result.stdout)
        assert.are.equal(2, result.signal)
    end)

    for name, body in pairs({computes = "while true do end", waits = "task.sleep(1000)"}) do
        it("ends at the second time one that " .. name .. " while it tidies up", function()
            local result = run("while true do end", {{"INT"}, {"INT", mark = ".closing"}},
                {closing = "mark('.closing') " .. body})
            assert.are.equal("", result.stdout)
            assert.are.equal(2, result.signal)
        end)
    end

    it("keeps the exit code of one that exits by itself meanwhile", function()
        local result = run("while true do end", {{"INT"}}, {closing = "os.exit(5)"})
        assert.are.equal("tidied up\n", result.stdout)
        assert.are.equal(5, result.code)
    end)
end)
