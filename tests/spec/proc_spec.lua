-- salvor.proc: programs run without a shell, and an exit code is what the program gave.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local task = require("salvor.task")

local function shell(script, options)
    return proc.run({"sh", "-c", script}, options)
end

--- An orphan that nobody reaps yet counts as gone.
local function runs(pid)
    local file = io.open("/proc/" .. pid .. "/stat")
    local state = file and (file:read("a") or ""):match("^%d+ %b() (%a)")
    if file then
        file:close()
    end
    return state ~= nil and state ~= "Z" and state ~= "X"
end

describe("salvor.proc", function()
    it("hands arguments on as they are", function()
        local odd = {"a b", "$HOME", "*", "", "'\"\\", "\n", "\xff"}
        local result = must(proc.run({"printf", "<%s>", table.unpack(odd)}))
        assert.are.equal("<" .. table.concat(odd, "><") .. ">", result.stdout)
        assert.are.equal(0, result.code)
        assert.is_nil(result.signal)
    end)

    it("tells codes and signals", function()
        assert.are.equal(3, must(shell("exit 3")).code)
        local killed = must(shell("kill -9 $$"))
        assert.are.equal(137, killed.code)
        assert.are.equal(9, killed.signal)
        assert.are.equal("err\n", must(shell("echo err >&2")).stderr)
    end)

    it("feeds standard input, which is empty without", function()
        local big = ("x"):rep(3000000)
        assert.are.equal(big, must(proc.run({"cat"}, {stdin = big})).stdout)
        assert.are.equal("", must(proc.run({"cat"})).stdout)
        assert.are.equal(0, must(proc.run({"true"}, {stdin = big})).code)
    end)

    it("merges the environment and sets the folder", function()
        local env = {SALVOR_TEST = "a=b", HOME = false}
        local result = must(shell("echo $SALVOR_TEST; echo ${HOME-none}; pwd; echo ${PATH:+path}",
            {env = env, cwd = "/usr"}))
        assert.are.equal("a=b\nnone\n/usr\npath\n", result.stdout)
    end)

    it("says why a program cannot be run", function()
        local result, err = proc.run({"salvor-no-such-program"})
        assert.is_nil(result)
        assert.are.equal("NotFound", err.code)
        assert.is_truthy(tostring(err):find("proc.run: cannot run salvor-no-such-program", 1, true))
        err = select(2, proc.run({"true"}, {cwd = "/no/such"}))
        assert.is_truthy(err.message:find("in /no/such", 1, true))
        err = select(2, proc.run({"/"}))
        assert.are.equal("Forbidden", err.code)
    end)

    it("stops at misuse", function()
        assert.has_error(function() proc.run({}) end)
        assert.has_error(function() proc.run("ls") end)
        assert.has_error(function() proc.run({"ls", 5}) end,
            "proc.run: argument 1: string expected, got number")
        assert.has_error(function() proc.run({"a\0b"}) end)
        assert.has_error(function() proc.run({"ls"}, {sdtin = ""}) end,
            "bad argument #2 to 'run' (unknown option 'sdtin'; known are stdin, env, cwd, timeout, "
                .. "limit)")
        assert.has_error(function() proc.run({"ls"}, {env = {["A=B"] = "x"}}) end)
        assert.has_error(function() proc.run({"ls"}, {env = {A = 5}}) end)
        assert.has_error(function() proc.run({"ls"}, {env = {A = true}}) end)
        assert.has_error(function() proc.run({"ls"}, {env = "A=B"}) end)
        assert.has_error(function() proc.run({"ls"}, {timeout = -1}) end)
    end)

    it("takes a list for as long as it is, and as it was when the call began", function()
        local arguments = {"echo"}
        for number = 1, 1000 do
            arguments[number + 1] = "word" .. number
        end
        local expected = table.concat(arguments, " ", 2) .. "\n"
        setmetatable(arguments, {__len = function() return (1 << 61) - 1 end})
        local options = setmetatable({}, {__index = function()
            for number = 1, 1001 do
                arguments[number] = nil
            end
            collectgarbage()
        end})
        assert.are.equal(expected, must(proc.run(arguments, options)).stdout)
    end)

    it("ends the whole group after the timeout", function()
        local result, err = shell("sleep 60 & sleep 60", {timeout = 0.05})
        assert.is_nil(result)
        assert.are.equal("Timeout", err.code)
        assert.is_true(err.retryable)
    end)

    it("tells what a program wrote before it was ended", function()
        local _, err = shell("echo out; echo err >&2; echo x; sleep 60", {timeout = 3})
        assert.are.same({stdout = "out\nx\n", stderr = "err\n"}, err.details)
    end)

    it("stops one that writes without end", function()
        local result, err = proc.run({"yes"}, {limit = 10000})
        assert.is_nil(result)
        assert.are.equal("TooLarge", err.code)
        assert.are.equal(10000, #must(proc.run({"head", "-c", "10000", "/dev/zero"},
            {limit = 10000})).stdout)
    end)

    it("does not wait for what a program leaves behind", function()
        local result = must(shell("sleep 60 & echo $!"))
        assert.is_true(runs(tonumber(result.stdout)))
        must(proc.run({"kill", "-9", (result.stdout:gsub("\n", ""))}))
    end)

    it("ends with the task that waits for it", function()
        local folder = must(fs.temporary_folder())
        local path = fs.join(folder, "pid")
        local child = task.spawn(function()
            local script = "sleep 60 & echo $! > P.new; mv P.new P; wait"
            pcall(shell, (script:gsub("P", path)))
            error("not reached")
        end)
        eventually("its file", function() return fs.stat(path) end)
        local pid = tonumber(must(fs.read(path)))
        assert.is_true(runs(pid))
        child:cancel()
        local ok, err = pcall(child.join, child)
        assert.is_false(ok)
        assert.are.equal("Cancelled", err.code)
        eventually("its end", function() return not runs(pid) end)
        must(fs.remove_tree(folder))
    end)

    it("runs many side by side", function()
        local results = task.map({1, 2, 3, 4, 5, 6, 7, 8}, function(number)
            return must(shell("sleep 0.2; echo " .. number)).stdout
        end)
        assert.are.equal("1\n2\n3\n4\n5\n6\n7\n8\n", table.concat(results))
    end)

    it("works where Lua cannot yield", function()
        local list = {"b", "a", "c"}
        table.sort(list, function(left, right)
            return must(proc.run({"test", left, "<", right})).code == 0 or left < right
        end)
        assert.are.equal("abc", table.concat(list))
    end)

    it("finds programs", function()
        assert.is_truthy(must(proc.which("sh")):match("/sh$"))
        assert.are.equal("/bin/sh", proc.which("/bin/sh"))
        local path, err = proc.which("salvor-no-such-program")
        assert.is_nil(path)
        assert.are.equal("NotFound", err.code)
        assert.is_nil((proc.which("/etc/passwd")))
        assert.is_nil((proc.which("")))
    end)

    it("hands no open file on", function()
        local file <close> = assert(io.open("/etc/passwd"))
        assert.are.equal(4, #must(proc.run({"ls", "/proc/self/fd"})).stdout:gsub("[^\n]", ""))
        assert.is_truthy(file)
    end)
end)
