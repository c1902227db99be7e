--- What the benchmarks of storage share: servers, bytes and programs.
local fs = require("salvor.fs")
local json = require("salvor.json")
local proc = require("salvor.proc")

local storage = {RUNS = 5}
local server = {}
server.__index = server

--- Runs what has to succeed.
function storage.run(argv, env)
    local result = must(proc.run(argv, {timeout = 1200, env = env}))
    assert(result.code == 0, table.concat(argv, " ") .. ": " .. result.stderr)
end

function storage.shell(script, ...)
    storage.run({"sh", "-euc", script, "sh", ...})
end

--- A server of this run's own; nil and a reason where there is none. To be closed.
function storage.start(bench, name)
    local folder = must(fs.temporary_folder(bench.scratch))
    local argv = {"tests/lab/storage", "start", folder, "--parent", tostring(proc.pid()), name}
    local result = must(proc.run(argv, {timeout = 900}))
    if result.code ~= 0 then
        return nil, (result.stderr:match("^[^\n]+") or "the server does not start")
    end
    return setmetatable({folder = folder,
        at = must(json.decode(must(fs.read(fs.join(folder, name .. ".json")))))}, server)
end

function server:__close()
    storage.run({"tests/lab/storage", "stop", self.folder})
end

--- A file of 512 MiB that cannot be compressed.
function storage.large_file(bench)
    local path = fs.join(bench.scratch, "large")
    if not fs.stat(path) then
        storage.shell('head -c 512M /dev/urandom > "$1"', path)
    end
    return path
end

--- A program as `measure:pair` takes it.
function storage.program(name, ...)
    return {name = name:match("[^/]+$"), argv = {name, ...}}
end

--- A program that takes more than one command to run.
function storage.script(name, commands, ...)
    return {name = name, argv = {"sh", "-euc", commands, "sh", ...}}
end

--- For `before`: what the last run left goes.
function storage.remover(path)
    return function()
        storage.run({"rm", "-rf", path})
    end
end

return storage
