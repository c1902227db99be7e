--- How soon what goes on is left: the milliseconds from a task's cancellation to its end, and from
--- Ctrl-C to the end of a process.
local archive = require("salvor.archive")
local block = require("salvor.block")
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local store = require("salvor.store")
local task = require("salvor.task")

local RUNS = 20
local MiB = 1 << 20

local function shell(script, ...)
    local result = must(proc.run({"sh", "-euc", script, "sh", ...}, {timeout = 300}))
    assert(result.code == 0, result.stderr)
end

--- Milliseconds, sorted, that ending takes what `start` starts, at moments of up to 0.2 s;
--- start() -> a function that ends it.
local function times(start)
    local all = {}
    for run = 1, RUNS do
        local leave = start()
        task.sleep(0.2 * run / RUNS)
        local began = task.now()
        leave()
        all[run] = (task.now() - began) * 1000
    end
    table.sort(all)
    return all
end

local function cancelled(fn)
    return times(function()
        local child = task.spawn(fn)
        return function()
            child:cancel()
            pcall(child.join, child)
            assert(child:status() == "cancelled", "it was " .. child:status())
        end
    end)
end

--- Of a process that is interrupted when it has begun to write into `folder`.
local function interrupted(argv, folder)
    return times(function()
        local pid = fs.join(folder, "pid")
        local before = #must(fs.list(folder))
        local script = {"sh", "-c", 'echo $$ > "$0"; exec "$@"', pid, table.unpack(argv)}
        local running = task.spawn(proc.run, script, {timeout = 300})
        while #must(fs.list(folder)) < before + 2 do
            task.sleep(0.001)
        end
        local number = must(fs.read(pid)):match("%d+")
        return function()
            must(proc.run({"kill", "-INT", number}))
            assert(must(running:join()).code == 130)
            must(fs.remove(pid))
        end
    end)
end

--- Somebody who listens on a port and says nothing; to be closed.
local function silence()
    local output = assert(io.popen([[exec python3 -uc '
import os, socket, time
s = socket.create_server(("127.0.0.1", 0), backlog=100)
print(s.getsockname()[1], os.getpid())
time.sleep(600)']]))
    local port, pid = output:read("l"):match("^(%d+) (%d+)$")
    return setmetatable({port = port}, {__close = function()
        os.execute("kill " .. pid)
        output:close()
    end})
end

return function(bench, build)
    local folder = must(fs.temporary_folder(bench.scratch))
    local function at(name)
        return fs.join(folder, name)
    end
    local function tell(what, all)
        bench:note(string.format("leaving %s: median %.1f ms, longest %.1f ms, of %d", what,
            all[(#all + 1) // 2], all[#all], #all))
    end

    local piece <close> = must(block.new(256 * MiB))
    piece:set(("x"):rep(256 * MiB))
    tell("the digest of 256 MiB", cancelled(function() piece:digest("sha512") end))

    shell('head -c 256M /dev/zero | gzip -1 > "$1"; for _ in $(seq 20); do cat "$1"; done > "$2"',
        at("piece.gz"), at("zeros.gz"))
    tell("the check of an archive", cancelled(function() archive.check(at("zeros.gz")) end))

    local target = at("target")
    must(fs.mkdir(target))
    shell('truncate -s 3G "$1"', at("large"))
    tell("the copy of a large file", cancelled(function()
        store.copy(at("large"), fs.join(target, "copy"))
    end))
    tell("salvor store cp of it, by Ctrl-C", interrupted({fs.join(build, "salvor"), "store", "cp",
        "-q", at("large"), fs.join(target, "copy")}, target))

    local server <close> = silence()
    local opened <close> = must(store.open("s3://bucket", {endpoint = "http://127.0.0.1:"
        .. server.port, region = "x", access_key = "x", secret_key = "x"}))
    tell("a server that says nothing", cancelled(function() opened:stat("object") end))
end
