local fs = require("salvor.fs")
local kube = require("salvor.kube")
local yaml = require("salvor.yaml")

local ARGUMENTS = ...

local path = must(fs.join(ARGUMENTS.folder, "kubeconfig"))
must(fs.write(path, must(yaml.dump({
    ["current-context"] = "main",
    contexts = {{name = "main", context = {cluster = "c"}}},
    clusters = {{name = "c", cluster = {server = ARGUMENTS.server}}},
}))))
local client = must(kube.connect({kubeconfig = path}))

do
    local streams <close> = must(client:remote({path = "/exec", query = {command = {"a", "b"}}}))
    assert(streams:protocol() == "v5.channel.k8s.io")
    must(streams:write("input"))
    local output, errors = streams:collect(1024)
    must(output, errors)
    assert(output == "hello" and errors == "oops")
    assert(streams:status():find("Success"))
end

do
    local streams <close> = must(client:remote({path = "/exec"}))
    streams:resize(80, 24)
    must(streams:write("input"))
    local said = {stdout = "", stderr = ""}
    while true do
        local chunk, channel = streams:read()
        must(chunk or not channel, channel)
        if not chunk then
            break
        end
        said[channel] = said[channel] .. chunk
    end
    assert(said.stdout == "hello" and said.stderr == "oops")
end

do -- one that is given up
    local streams <close> = must(client:remote({path = "/exec"}))
    must(streams:close_stdin())
end

local nothing, err = client:remote({path = "/none"})
assert(not nothing)
must(err.code == "NotFound", err)
