-- A file system that does not answer holds threads, and nobody else: a cancelled call is left at
-- once, what it would have done is not done later, and the program ends.
local fs = require("salvor.fs")
local hanging = require("support.hanging")
local task = require("salvor.task")

local problem = hanging.problem()

local function describe_hanging(what, body)
    describe(what, function()
        if problem then
            it("lets nobody wait", function() pending(problem) end)
        else
            body()
        end
    end)
end

--- The output of a script that must go well.
local function output(script)
    local folder <close> = hanging.new()
    local result = folder:script(script)
    assert.are.equal("", result.stderr)
    assert.are.equal(0, result.code)
    return result.stdout
end

--- What scripts share: a store in the folder that has been used before, and left().
local STORE = [[
    local MiB = 1 << 20
    must(fs.write(here.path .. "/file", "content"))
    must(fs.write(here.outside .. "/small", "x"))
    must(fs.write(here.outside .. "/large", ("x"):rep(20 * MiB)))
    local opened = must(store.open(here.path))
    must(opened:read("file"))

    local eventually = require("support.eventually")

    local function descriptors()
        collectgarbage()
        return #must(fs.list("/proc/self/fd"))
    end

    --- A task that is at `fn`, cancelled in the operation that hangs (nil: any).
    local function cancelled(operation, fn)
        here:hang(operation)
        local child = task.spawn(fn)
        here:await_held()
        child:cancel()
        return child
    end

    --- Cancels `fn` there; returns while it hangs. Then `goes_on`.
    local function left(operation, fn, goes_on)
        local before = descriptors()
        local child = cancelled(operation, fn)
        local _, err = pcall(child.join, child)
        print(child:status(), here:hangs(), err.code)
        here:go_on()
        if goes_on then
            goes_on()
        end
        eventually("the end of the threads", function()
            return descriptors() == before
        end)
    end

    local function print_names()
        for _, entry in ipairs(must(fs.list(here.path))) do
            print(entry.name)
        end
    end
]]

local CALLS = {
    ["a stat"] = 'opened:stat("file")',
    ["a read"] = 'opened:read("file")',
    ["a list"] = 'opened:list()',
    ["a write"] = 'opened:write("new", "x")',
    ["a write below a new folder"] = 'opened:write("new/x", "x")',
    ["a removal"] = 'opened:remove("file")',
    ["the opening of a folder"] = 'store.open(here.path .. "/new"):write("x", "x")',
    ["a copy out of it"] = 'store.copy(here.path, here.outside .. "/copy")',
    ["an upload from it"] = 'store.open(here.outside):upload(here.path .. "/file", "copy")',
    ["a copy of a small file"] = 'store.copy(here.outside .. "/small", here.path .. "/new")',
    ["a copy of a large file"] = 'store.copy(here.outside .. "/large", here.path .. "/new")',
}

describe_hanging("while a file system hangs, a cancellation leaves", function()
    for name, call in pairs(CALLS) do
        it(name .. ", and what it held is let go of later", function()
            assert.are.equal("cancelled\ttrue\tCancelled\nfile\n", output(STORE .. [[
                left(nil, function() ]] .. call .. [[ end)
                print_names()
            ]]))
        end)
    end

    it("what has a deadline too", function()
        assert.are.equal("nil\tTimeout\ttrue\n", output(STORE .. [[
            here:hang()
            local result, err = task.timeout(0.01, function() return opened:stat("file") end)
            print(result, err.code, here:hangs())
            here:go_on()
        ]]))
    end)

    for _, operation in ipairs({"create", "write", "fsync"}) do
        for _, size in ipairs({"small", "large"}) do
            it("a " .. size .. " file in its " .. operation .. ", which has no name later",
                function()
                    assert.are.equal("cancelled\ttrue\tCancelled\nfile\n", output(STORE .. [[
                        left("]] .. operation .. [[", function()
                            store.copy(here.outside .. "/]] .. size .. [[", here.path .. "/new")
                        end)
                        print_names()
                    ]]))
                end)
        end
    end

    it("a file that has its name, though the folder is not on the disk", function()
        assert.are.equal("cancelled\ttrue\tCancelled\nfile\nnew\n", output(STORE .. [[
            left("fsyncdir", function() opened:write("new", "x") end)
            print_names()
        ]]))
    end)

    -- From 64 MiB on another process closes it, and its own end must not wait for the file system.
    it("a very large file, whose descriptors nobody can close", function()
        assert.are.equal("cancelled\ttrue\tCancelled\nfile\n", output(STORE .. [[
            must(require("salvor.proc").run({"truncate", "-s", "65M", here.outside .. "/large"}))
            left("write", function()
                store.copy(here.outside .. "/large", here.path .. "/new")
            end)
            print_names()
        ]]))
    end)

    it("a large file that an earlier run has begun, which stays for a later one", function()
        local expected = "cancelled\ttrue\tCancelled\n.salvor-abcdef.tmp\nfile\n"
        assert.are.equal(expected, output(STORE .. [[
            local root = must(require("salvor.local").open(here.path))
            local function begin()
                return root:begin("new", MiB, MiB, "abcdef", {mode = 384})
            end
            must(begin()):close()
            left("open", begin)
            print_names()
        ]]))
    end)

    it("a large file that is copied again at once", function()
        assert.are.equal("cancelled\ttrue\tCancelled\ntrue\nfile\nnew\n", output(STORE .. [[
            left("write", function()
                store.copy(here.outside .. "/large", here.path .. "/new")
            end, function()
                must(store.copy(here.outside .. "/large", here.path .. "/new"))
            end)
            print(fs.read(here.path .. "/new") == ("x"):rep(20 * MiB))
            print_names()
        ]]))
    end)
end)

describe_hanging("while a file system hangs for long", function()
    it("calls fail at once when very many were left behind, until these end", function()
        assert.are.equal("true\tIO\na file system still holds 256 calls that were given up\n"
            .. "true\n7d793037a0760186574b0282f2f435e7\nfile\n", output(STORE .. [[
            local root = must(require("salvor.local").open(here.path))
            local upload = must(root:begin("large", 2 * MiB, MiB, "abcdef", {mode = 384}))
            local calls = {}
            for number = 1, 128 do
                calls[number] = function() must(opened:stat("file")) end
            end
            --- The error that ends all of them, soon.
            local function look()
                local ended, raised, err = pcall(task.timeout, 0.01, function()
                    task.all(calls)
                end)
                return ended and err or raised
            end
            here:hang()
            local looks, err = 0, nil
            repeat
                looks, err = looks + 1, look()
            until err.code ~= "Timeout"
            print(looks > 2, err.code)
            print(err.message:match("a file system.*"))
            upload:abort()
            print(here:hangs())
            print(require("salvor.digest").md5("world"))
            here:go_on()
            eventually("the end of these calls", function() return opened:stat("file") end)
            eventually("the removal of the upload", function()
                return #must(fs.list(here.path)) == 1
            end)
            print_names()
        ]]))
    end)
end)

describe_hanging("a change that others see", function()
    --- Cancels `fn` in that operation, and looks for a while whether it ends; then goes on.
    local WAITED = STORE .. [[
        local function waited(operation, fn)
            local child = cancelled(operation, fn)
            for _ = 1, 20 do
                task.sleep(0.01)
                assert(child:status() == "running")
            end
            here:go_on()
            pcall(child.join, child)
            print(child:status())
        end
    ]]

    it("is waited for when it is a file that gets its name", function()
        assert.are.equal("cancelled\nfile\nnew\n", output(WAITED .. [[
            waited("rename", function() opened:write("new", "x") end)
            print_names()
        ]]))
    end)

    it("is waited for when a file is removed, and no other one is removed later", function()
        assert.are.equal("cancelled\nsecond\n", output(WAITED .. [[
            must(opened:write("second", "x"))
            waited("unlink", function() opened:remove({"file", "second"}) end)
            print_names()
        ]]))
    end)
end)

describe_hanging("an upload that nobody has any more", function()
    it("is removed by the garbage collector, which does not wait for it", function()
        assert.are.equal("true\nfile\n", output(STORE .. [[
            local root = must(require("salvor.local").open(here.path))
            must(root:begin("new", 100 * MiB, MiB, "abcdef", {mode = 384}))
            here:hang()
            collectgarbage()
            collectgarbage()
            print(here:hangs())
            here:go_on()
            eventually("its removal", function()
                return #must(fs.list(here.path)) == 1
            end)
            print_names()
        ]]))
    end)
end)

describe_hanging("the program ends while a file system hangs", function()
    it("by Ctrl-C, as ever", function()
        local folder <close> = hanging.new()
        must(fs.write(folder.outside .. "/large", ("x"):rep(20 << 20)))
        folder:hang("write")
        local running = task.spawn(folder.run, folder,
            {"store", "cp", "-q", folder.outside .. "/large", folder.path .. "/copy"})
        folder:await_held()
        folder:hang()
        folder:await_held()
        folder:interrupt()
        assert.are.equal(130, running:join().code)
        assert.is_true(folder:hangs())
    end)

    it("with its exit code and its output, and closes nothing that is in use", function()
        local folder <close> = hanging.new()
        folder.ends_hanging = true
        local result = folder:script([[
            io.stdout:setvbuf("full")
            local file = io.open(here.outside .. "/open", "w")
            file:write("in a buffer")
            in_use = setmetatable({}, {__gc = function() print("closed") end})
            local _ <close> = setmetatable({}, {__close = function() print("tidied up") end})
            local child = task.spawn(function() store.open(here.path):list() end)
            here:hang()
            here:await_held()
            child:cancel()
            pcall(child.join, child)
            os.exit(5)
        ]])
        assert.are.equal("tidied up\n", result.stdout)
        assert.are.equal("", result.stderr)
        assert.are.equal(5, result.code)
        assert.are.equal("in a buffer", must(fs.read(folder.outside .. "/open")))
    end)

    it("and closes all when it answers again before", function()
        assert.are.equal("cancelled\ttrue\tCancelled\nclosed\n", output(STORE .. [[
            in_use = setmetatable({}, {__gc = function() print("closed") end})
            left(nil, function() opened:stat("file") end)
        ]]))
    end)
end)
