local fs = require("salvor.fs")
local kube = require("salvor.kube")
local yaml = require("salvor.yaml")

local ARGUMENTS = ...
local V1 = "client.authentication.k8s.io/v1"

local function write(name, data, options)
    local path = must(fs.join(ARGUMENTS.folder, name))
    must(fs.write(path, data, options))
    return path
end

-- The long key comes first since jansson cuts the string short for which its buffer cannot grow.
write("plugin", string.format([[#!/bin/sh
echo '{"%s": 1, "kind": "ExecCredential", "apiVersion": "%s", "status": {"token": "t",
       "expirationTimestamp": "2001-01-01T00:00:00Z"}}']], ("x"):rep(100), V1), {mode = 448})
local path = write("kubeconfig", must(yaml.dump({
    ["current-context"] = "main",
    contexts = {{name = "main", context = {cluster = "c", user = "u"}}},
    clusters = {{name = "c", cluster = {
        server = "https://127.0.0.1:1",
        ["proxy-url"] = "http://127.0.0.1:1",
        extensions = {{name = "client.authentication.k8s.io/exec", extension = {a = {1}}}},
    }}},
    users = {{name = "u", user = {
        as = "a", ["as-groups"] = {"b"}, ["as-user-extra"] = {k = {"v"}},
        exec = {command = "./plugin", args = {"a"}, env = {{name = "A", value = "b"}},
                apiVersion = V1, interactiveMode = "Never", provideClusterInfo = true},
    }}},
})))

local contexts = must(kube.contexts({kubeconfig = path}))
assert(#contexts == 1 and contexts[1].current)
local client <close> = must(kube.connect({kubeconfig = path}))
assert(client:info().act_as == "a")
local nothing, err = client:request({path = "/api"})
assert(not nothing)
must(err.code == "Unreachable", err)

local token = write("token.yaml", must(yaml.dump({
    ["current-context"] = "main",
    contexts = {{name = "main", context = {cluster = "c", user = "u"}}},
    clusters = {{name = "c", cluster = {server = "https://127.0.0.1:1"}}},
    users = {{name = "u", user = {token = "e30.eyJzdWIiOiJqYW5lIiwiZXhwIjoxNzAwMDAwMDAwfQ.x"}}},
})))
local holder <close> = must(kube.connect({kubeconfig = token}))
local who = must(holder:identity())
assert(who.kind == "token" and who.token == nil or who.token.ends == 1700000000)

local broken = write("broken", must(yaml.dump({
    ["current-context"] = "main",
    contexts = {{name = "main", context = {cluster = "c"}}},
    clusters = {{name = "c", cluster = {server = 1, ["proxy-url"] = "x"}}},
})))
nothing, err = kube.connect({kubeconfig = broken})
assert(not nothing)
must(err.code == "Invalid", err)
