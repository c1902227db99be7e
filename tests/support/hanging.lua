--- A folder on a file system that stops answering when it is told to (hanging_fs.py). A spec starts
--- salvor with one; scripts that run there tell it when, and must not touch the folder but by
--- salvor.store then: salvor.fs has no thread to leave behind.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local task = require("salvor.task")

local hanging = {}

local PATIENCE = 60 -- seconds that a run may take
local SERVER = fs.absolute("tests/support/hanging_fs.py")
local PROLOGUE = [[
    dofile("tests/support/helper.lua")
    local fs = require("salvor.fs")
    local store = require("salvor.store")
    local task = require("salvor.task")
    local here = require("support.hanging").here()
]]

local folder = {}
folder.__index = folder

--- `path`: what hangs; `outside`: a folder that does not. `ends_hanging`, to be set: it still hangs
--- when the program ends.
function hanging.new()
    local outside = must(fs.temporary_folder())
    for _, name in ipairs({"control", "path", "home"}) do
        must(fs.mkdir(fs.join(outside, name)))
    end
    return setmetatable({outside = outside, path = fs.join(outside, "path"),
                         control = fs.join(outside, "control")}, folder)
end

--- What new() gave, in a script that run() has started.
function hanging.here()
    local outside = os.getenv("HANGING")
    return setmetatable({outside = outside, path = fs.join(outside, "path"),
                         control = fs.join(outside, "control")}, folder)
end

--- From now on, or from the next operation of that name on, nothing is answered.
function folder:hang(operation)
    fs.remove(fs.join(self.control, "held"))
    must(fs.write(fs.join(self.control, "hang"), operation or "everything"))
end

function folder:await_held()
    eventually("somebody who waits for the file system", function()
        return fs.stat(fs.join(self.control, "held"))
    end)
end

function folder:go_on()
    must(fs.remove(fs.join(self.control, "hang")))
end

function folder:hangs()
    return fs.stat(fs.join(self.control, "hang")) ~= nil
end

--- Runs salvor where the folder is mounted: {code, stdout, stderr}; control/pid holds its number.
function folder:run(words)
    return must(task.timeout(PATIENCE, function()
        return salvor.run(words, {
            home = fs.join(self.outside, "home"),
            -- LeakSanitizer stops all threads before it looks; one that hangs cannot be stopped.
            env = {HANGING = self.outside, LSAN_OPTIONS = self.ends_hanging and "detect_leaks=0"},
            prefix = {"unshare", "--mount", "python3", SERVER, self.control, self.path, "sh", "-c",
                      'echo $$ > "$HANGING/pid" && mv "$HANGING/pid" "$HANGING/control"'
                          .. ' && exec "$0" "$@"'},
        })
    end))
end

--- Runs a script with `fs`, `store`, `task` and `here`, this folder.
function folder:script(body)
    return self:run({"-e", PROLOGUE .. body})
end

function folder:interrupt()
    must(proc.run({"kill", "-INT", must(fs.read(fs.join(self.control, "pid"))):match("%d+")}))
end

folder.__close = function(self)
    must(fs.remove_tree(self.outside))
end

--- Why there can be no such file system here, or nil.
function hanging.problem()
    local tried <close> = hanging.new()
    local result, err = proc.run({"unshare", "--mount", "python3", SERVER, tried.control,
                                  tried.path, "true"}, {timeout = 60})
    if not result or result.code ~= 0 then
        return "no file system of ours can be mounted here: "
            .. (result and result.stderr or tostring(err))
    end
end

return hanging
