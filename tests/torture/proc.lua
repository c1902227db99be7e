local proc = require("salvor.proc")
local task = require("salvor.task")

local result = must(proc.run({"sh", "-c", "read -r line; echo $line; echo $TORTURE >&2"}, {
    stdin = ("x"):rep(1000) .. "\n",
    env = {TORTURE = "here", HOME = false},
    cwd = "/",
    timeout = 60,
}))
assert(result.code == 0 and #result.stdout == 1001 and result.stderr == "here\n")
assert(must(proc.which("sh")):match("/sh$"))

-- One that is ended while it runs.
local nothing, err = task.timeout(0, function()
    return proc.run({"sleep", "60"})
end)
assert(not nothing)
must(err.code == "Timeout", err)
nothing, err = proc.run({"/there/is/none"})
assert(not nothing)
must(err.code == "NotFound", err)
