--- The seconds that calls have unless they are told otherwise: those of kubectl and client-go.
local scripted = require("support.scripted")

describe("without being told,", function()
    local server, client, asked

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)

    -- What is handed to the mechanism, which refuses: the limits are too long to be waited for.
    before_each(function()
        client = server:client({timeout = 1e6})
        must(client:kind("cm"))
        asked = nil
        local function refuse(_, request)
            asked = asked or request
            return nil, {code = "Forbidden", status = 403, message = "no"}
        end
        client._kube = {remote = refuse, request = refuse, send = refuse, stream = refuse}
    end)

    it("streams open within 30 s, ask every 5 s, and miss the server after 60 s", function()
        for _, call in ipairs({"exec", "open_exec"}) do
            asked = nil
            client[call](client, "db-0", {"true"}, {container = "db"})
            assert.are.same({30, 5, 61, 60}, {asked.open_timeout, asked.ping_interval,
                                              asked.read_timeout, asked.write_timeout}, call)
        end
    end)

    it("a wait lasts 30 s, and a week when it is to be endless", function()
        for timeout, seconds in pairs({[false] = 30, [-1] = 168 * 3600, [7] = 7}) do
            asked = nil
            local _, err = client:wait("cm", "a", {timeout = timeout or nil})
            assert.are.equal("Forbidden", err.code)
            assert.are.equal(seconds, math.ceil(asked.open_timeout or asked.timeout))
        end
    end)
end)

describe("a call's time limit", function()
    local server

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)

    it("holds for what has to be asked first, what a kind is", function()
        server:rules({{path = "/api/v1", delay = 20}, {path = "/api", delay = 20}})
        local client = server:client()
        local map = {apiVersion = "v1", kind = "ConfigMap", metadata = {name = "a"}}
        for name, call in pairs({
            list = function(opts) return client:list("cm", opts) end,
            get = function(opts) return client:get("cm", "a", opts) end,
            table = function(opts) return client:table("cm", opts) end,
            apply = function(opts) return client:apply(map, opts) end,
            patch = function(opts) return client:patch("cm", "a", {}, opts) end,
            delete = function(opts) return client:delete("cm", "a", opts) end,
            wait = function(opts) return client:wait("cm", "a", opts) end,
        }) do
            local answer, err = call({timeout = 0.2})
            assert.is_nil(answer)
            assert.are.equal("Timeout", err.code, name)
            assert.are.equal("k8s." .. name, err.op)
        end
    end)
end)
