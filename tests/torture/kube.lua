local fs = require("salvor.fs")
local kube = require("salvor.kube")
local yaml = require("salvor.yaml")

local ARGUMENTS = ...

local path = must(fs.join(ARGUMENTS.folder, "kubeconfig"))
must(fs.write(path, must(yaml.dump({
    ["current-context"] = "main",
    contexts = {{name = "main", context = {cluster = "c", namespace = "n"}}},
    clusters = {{name = "c", cluster = {server = ARGUMENTS.server}}},
}))))
local client = must(kube.connect({kubeconfig = path}))
assert(client:info().namespace == "n")
assert(must(client:identity()).kind == "none")
assert(kube.files({kubeconfig = path})[1] == path)

local answer = must(client:request({path = "/object", query = {a = {1, "two"}, b = true}}))
assert(answer.status == 200 and answer.body.data.b == "2")
assert(answer.headers["content-type"] == "application/json")
answer = must(client:request({method = "PUT", path = "/object", raw = true, body = {a = {"b"}},
                              headers = {["X-One"] = "1"}}))
assert(answer.body:find("ConfigMap"))
local nothing, err = client:request({path = "/none"})
assert(not nothing)
must(err.code == "NotFound", err)
assert(err.details.a == 1)

local exchange = must(client:send({path = "/object"}))
exchange:wait()
local hint = exchange:find("data", "b") -- which without memory is not there
assert(hint == nil or hint == "2")
assert(must(exchange:answer()).body.data.b == "2")
exchange = must(client:send({path = "/object", inspect = true}))
exchange:wait()
assert(exchange:certificate() == nil)
if exchange:header("content-type") ~= "application/json" then
    must(exchange:answer())
end
exchange:close()

local stream <close> = must(client:stream({path = "/stream", query = {watch = true}}))
assert(must(stream:next(60)).n == 1)
assert(must(stream:next()).n == 2)
local last
last, err = stream:next()
assert(not last)
must(not err, err)

local lines <close> = must(client:lines({path = "/stream"}))
local text
repeat
    assert(kube.any_lines({lines}, 60) == 1)
    local part, problem = lines:take()
    must(not problem or part, problem)
    text = (text or "") .. (part or "")
until not part
assert(#text > 0)
