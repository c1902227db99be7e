--- What needs a node that runs pods: the output of a command, beside kubectl.
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local lab = require("lab")
local task = require("salvor.task")

local BYTES = 64 << 20
local WHAT = "exec of 64 MiB"

local EXEC = [[
local k8s = require("salvor.k8s")
local c = must(k8s.connect({kubeconfig = arg[1], namespace = "default"}))
local bytes = 0
must(c:exec("bench", {"head", "-c", arg[2], "/dev/zero"}, {timeout = 120,
    on_stdout = function(chunk)
        io.stdout:write(chunk)
        bytes = bytes + #chunk
    end}))
assert(bytes == tonumber(arg[2]), bytes)
]]

--- A new namespace refuses pods until its account has a token.
local function create_patiently(client, object)
    local deadline = task.now() + 20
    while true do
        local made, err = client:create(object)
        if made then
            return
        elseif err.status ~= 403 or task.now() > deadline then
            error(err, 0)
        end
        task.sleep(0.1)
    end
end

local function start_pod(client)
    create_patiently(client, {
        apiVersion = "v1",
        kind = "Pod",
        metadata = {name = "bench", namespace = "default"},
        spec = {
            terminationGracePeriodSeconds = 0,
            containers = {{name = "shell", image = "localhost/busybox:1",
                           imagePullPolicy = "Never", command = {"sleep", "3600"}}},
        },
    })
    must(client:wait("pods", "bench", {namespace = "default", ready = "Ready", timeout = 60}))
end

return function(bench, build)
    local at <close>, why = lab.start(bench, "--node")
    if not at then
        return bench:leave_out(WHAT, why)
    end
    local client = must(k8s.connect({kubeconfig = at.kubeconfig}))
    start_pod(client)
    local script, bytes = bench:script("exec", EXEC), tostring(BYTES)
    bench:pair(WHAT,
        {name = "salvor", argv = {fs.join(build, "salvor"), script, at.kubeconfig, bytes}},
        at:kubectl("exec", "-n", "default", "bench", "--", "head", "-c", bytes, "/dev/zero"),
        {time = 1, runs = 7})
end
