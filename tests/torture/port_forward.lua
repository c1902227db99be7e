local fs = require("salvor.fs")
local kube = require("salvor.kube")
local proc = require("salvor.proc")
local yaml = require("salvor.yaml")

local ARGUMENTS = ...

local path = must(fs.join(ARGUMENTS.folder, "kubeconfig"))
must(fs.write(path, must(yaml.dump({
    ["current-context"] = "main",
    contexts = {{name = "main", context = {cluster = "c"}}},
    clusters = {{name = "c", cluster = {server = ARGUMENTS.server}}},
}))))
local client = must(kube.connect({kubeconfig = path}))

local forward <close> = must(client:forward({path = "/forward", remote_port = 80}))
local result = must(proc.run({"bash", "-c", "exec 3<> /dev/tcp/127.0.0.1/$0 && cat <&3",
                              tostring(forward:port())}, {timeout = 60}))
if result.stdout ~= "pong" then
    must(nil, forward:failure() or "nobody said why there was no answer")
end
