-- What becomes of a request on a connection of HTTP/2 that the server gives up meanwhile.
local fs = require("salvor.fs")
local json = require("salvor.json")
local k8s = require("salvor.k8s")

local METHODS = {"GET", "POST"}

describe("a connection that the server", function()
    local folder, output, pid, client

    --- A server of that mode (tests/support/http2_server.py), whose first connection is there.
    local function connect(mode)
        folder = must(fs.temporary_folder())
        output = assert(io.popen(string.format("exec python3 tests/support/http2_server.py %s %s",
            folder, mode)))
        local port
        port, pid = assert(output:read("l")):match("^(%d+) (%d+)$")
        local path = fs.join(folder, "kubeconfig")
        must(fs.write(path, must(json.encode({
            ["current-context"] = "http2",
            contexts = {{name = "http2", context = {cluster = "c", user = "u"}}},
            clusters = {{name = "c", cluster = {server = "https://127.0.0.1:" .. port,
                                                ["certificate-authority"] = "ca.crt"}}},
            users = {{name = "u", user = {token = "secret-token"}}},
        }))))
        client = must(k8s.connect({kubeconfig = path, timeout = 60}))
        must(client:request({path = "/first"}))
    end
    after_each(function()
        os.execute("kill " .. pid)
        output:close()
        must(fs.remove_tree(folder))
    end)

    --- The answer to the second request, or nil and the error.
    local function ask(method)
        return client:request({method = method, path = "/second",
                               body = method == "POST" and {} or nil})
    end

    --- The requests that the server saw: "1 GET" is one on the first connection.
    local function seen()
        local all = {}
        for line in must(fs.read(fs.join(folder, "requests.jsonl"))):gmatch("[^\n]+") do
            local request = must(json.decode(line))
            all[#all + 1] = request.connection .. " " .. request.method
        end
        return all
    end

    for _, method in ipairs(METHODS) do
        it("wants no more requests on is left: " .. method, function()
            connect("retire")
            must(ask(method))
            assert.are.same({"1 GET", "2 " .. method}, seen())
        end)
    end

    for mode, what in pairs({drop = "ends", refuse = "ends with GOAWAY",
                             reset = "keeps, but refuses"}) do
        it(what .. " a read on, has the read made again on another", function()
            connect(mode)
            must(ask("GET"))
            assert.are.same({"1 GET", "1 GET", "2 GET"}, seen())
        end)

        it(what .. " a write on, leaves it at one of which nobody knows", function()
            connect(mode)
            local answer, err = ask("POST")
            assert.is_nil(answer)
            assert.are.equal("Disconnected", err.code)
            assert.is_false(err.retryable)
            assert.truthy(err.hint:find("may or may not", 1, true))
            assert.are.same({"1 GET", "1 POST"}, seen())
            -- The client is as good as before.
            must(ask("POST"))
            assert.are.equal(3, #seen())
        end)
    end
end)
