-- Lua's strings may hold zero bytes, C's end at the first one: what is behind it must not get lost
-- without a word, since a request or a file would be another one than the script has named.
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local http = require("salvor.store_http")
local json = require("salvor.json")
local kube = require("salvor.kube")
local proc = require("salvor.proc")

describe("a zero byte", function()
    local folder, client

    setup(function()
        folder = must(fs.temporary_folder())
        local path = fs.join(folder, "config")
        must(fs.write(path, must(json.encode({
            ["current-context"] = "a",
            contexts = {{name = "a", context = {cluster = "a"}}},
            clusters = {{name = "a", cluster = {server = "https://127.0.0.1:1"}}},
        }))))
        client = must(kube.connect({kubeconfig = path}))
    end)
    teardown(function()
        client:close()
        must(fs.remove_tree(folder))
    end)

    local calls = {
        ["option 'context'"] = function() return kube.connect({context = "a\0b"}) end,
        ["option 'kubeconfig'"] = function() return kube.contexts({kubeconfig = "a\0b"}) end,
        ["option 'path'"] = function() return client:request({path = "/api\0/v1"}) end,
        ["option 'method'"] = function() return client:request({method = "GET\0", path = "/"}) end,
        ["option 'headers'"] = function()
            return client:request({path = "/", headers = {["Accept\0"] = "text/plain"}})
        end,
        ["option 'ca'"] = function() return http.client({ca = "a\0b"}) end,
        ["option 'cwd'"] = function() return proc.run({"true"}, {cwd = "/\0x"}) end,
        ["path"] = function() return digest.file("sha256", "/etc/hosts\0x") end,
    }
    for what, call in pairs(calls) do
        it("is refused in " .. what, function()
            local ok, problem = pcall(call)
            assert.is_false(ok)
            assert.is_truthy(problem:find(what, 1, true), problem)
        end)
    end

    it("is fine in what has a length", function()
        local result = must(proc.run({"wc", "-c"}, {stdin = "a\0b"}))
        assert.are.equal("3", result.stdout:match("%d+"))
    end)
end)
