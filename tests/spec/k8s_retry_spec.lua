--- Which requests are made again, how often and when.
local cancel = require("support.cancel")
local eventually = require("support.eventually")
local k8s = require("salvor.k8s")
local scripted = require("support.scripted")
local task = require("salvor.task")

local CM = "/api/v1/namespaces/default/configmaps"

local function object(name)
    return {apiVersion = "v1", kind = "ConfigMap", metadata = {name = name}}
end

--- One call of each method.
local calls = {
    GET = function(client, name, opts) return client:get("cm", name, opts) end,
    POST = function(client, name, opts)
        return client:create(object("x"), {timeout = opts.timeout, namespace = name})
    end,
    PUT = function(client, name, opts) return client:replace(object(name), opts) end,
    PATCH = function(client, name, opts) return client:patch("cm", name, {}, opts) end,
    DELETE = function(client, name, opts) return client:delete("cm", name, opts) end,
}

--- A new object is named by its body alone, so a create has a namespace of its own instead.
local function path_of(method, name)
    return method == "POST" and "/api/v1/namespaces/" .. name .. "/configmaps" or CM .. "/" .. name
end

--- status, Retry-After, and whether reads and writes are made again.
local CASES = {
    {429, "2", true, true},
    {429, "2 ", true, true},
    {429, nil, false, false},
    {429, "Wed, 21 Oct 2026 07:28:00 GMT", false, false},
    {429, "1.5", false, false},
    {429, "-1", false, false},
    {429, "soon", false, false},
    {429, "", false, false},
    {500, "2", true, false},
    {500, nil, false, false},
    {502, "2", true, false},
    {503, "2", true, false},
    {503, "Wed, 21 Oct 2026 07:28:00 GMT", false, false},
    {504, "2", true, false},
    {504, nil, false, false},
    {599, "2", true, false},
    {400, "2", false, false},
    {401, "2", false, false},
    {403, "2", false, false},
    {404, "2", false, false},
    {408, "2", false, false},
    {409, "2", false, false},
    {410, "2", false, false},
    {422, "2", false, false},
}

describe("a request that failed", function()
    local server
    local times = {} -- path -> those of its requests

    --- All of them at once, each on a path of its own.
    local function make_requests()
        local rules, wanted = {}, {}
        local function add(method, name, rule)
            rule.method, rule.path, rule.body = method, path_of(method, name), "no"
            rules[#rules + 1] = rule
            rules[#rules + 1] = {method = method, path = rule.path, json = object("x")}
            wanted[#wanted + 1] = {method = method, name = name}
        end
        for number, case in ipairs(CASES) do
            for method in pairs(calls) do
                add(method, "case-" .. number,
                    {status = case[1], headers = {["Retry-After"] = case[2]}, times = 1})
            end
        end
        add("GET", "eager", {status = 429, headers = {["Retry-After"] = "0"}})
        server:rules(rules)
        local client = server:client()
        must(client:kind("cm"))
        task.map(wanted, function(request)
            calls[request.method](client, request.name, {timeout = 120})
        end, {workers = 60})
        for _, request in ipairs(server:requests()) do
            local key = request.method .. " " .. request.path
            times[key] = times[key] or {}
            table.insert(times[key], request.time)
        end
    end

    setup(function()
        server = scripted.start()
        make_requests()
    end)
    teardown(function()
        server:stop()
    end)

    for number, case in ipairs(CASES) do
        local status, after, read, write = table.unpack(case, 1, 4)
        it(string.format("with %d and %s is made again for %s", status,
            after and "Retry-After: " .. after or "no Retry-After",
            write and "reads and writes" or read and "reads" or "nobody"), function()
            for method in pairs(calls) do
                local again = method == "GET" and read or method ~= "GET" and write
                local made = times[method .. " " .. path_of(method, "case-" .. number)]
                assert.are.equal(again and 2 or 1, #made, method)
                assert.is_true(not again or made[2] - made[1] >= 2)
            end
        end)
    end

    it("is made again ten times at most", function()
        local made = times["GET " .. path_of("GET", "eager")]
        assert.are.equal(11, #made)
        for index = 2, #made do
            -- Not at once, although the server would have it so.
            assert.is_true(made[index] - made[index - 1] >= 0.1)
        end
    end)

    --- The times of the requests when each is answered by `rule`, and the error in the end.
    local function times_of(method, rule, timeout)
        rule.method, rule.path = method, path_of(method, "a")
        server:rules({rule})
        local _, err = calls[method](server:client(), "a", {timeout = timeout or 2.5})
        local made = {}
        for index, request in ipairs(server:requests()) do
            made[index] = request.time
        end
        return made, err
    end

    it("is made again with the same body", function()
        server:rules({
            {method = "POST", path = CM, times = 1, status = 429,
             headers = {["Retry-After"] = "1"}, body = "no"},
            {method = "POST", path = CM, json = object("a")},
        })
        must(server:client():create(object("a")))
        local requests = server:requests()
        assert.are.equal(2, #requests)
        assert.are.equal(requests[1].body, requests[2].body)
        assert.truthy(requests[1].body:find('"name":"a"', 1, true))
    end)

    it("is not made again when that would be beyond the deadline", function()
        for method in pairs(calls) do
            local made, err = times_of(method, {status = 429, headers = {["Retry-After"] = "60"},
                                                body = "no"}, 30)
            assert.are.equal(1, #made)
            assert.are.equal(60, err.retry_after)
            assert.is_true(err.retryable)
        end
    end)

    it("because the connection was lost is made again for reads, a second later", function()
        for _, rule in ipairs({{["end"] = "reset"}, {body = '{"a":', ["end"] = "truncate"}}) do
            local made, err = times_of("GET", rule, 3.8)
            -- The last try may not come to its end.
            assert.is_true(err.code == "Disconnected" or err.code == "Timeout", err.code)
            -- When a kept connection breaks libcurl itself tries on another one at once.
            assert.is_true(#made >= 2)
            local longest = 0
            for number = 2, #made do
                longest = math.max(longest, made[number] - made[number - 1])
            end
            assert.is_true(longest >= 0.95)
        end
        for _, method in ipairs({"POST", "PUT", "PATCH", "DELETE"}) do
            local made, err = times_of(method, {["end"] = "reset"})
            assert.are.equal("Disconnected", err.code)
            assert.are.equal(1, #made)
        end
    end)

    it("is not made again when the answer did not come in time", function()
        for _, method in ipairs({"GET", "POST"}) do
            local made, err = times_of(method, {chunks = {"{"}, ["end"] = "hang"}, 2)
            assert.are.equal("Timeout", err.code)
            assert.are.equal(1, #made)
        end
    end)

    it("names the flow schema that held it up", function()
        local _, err = times_of("GET", {
            status = 429, headers = {["X-Kubernetes-PF-FlowSchema-UID"] = "schema-\27[31m7"},
            json = scripted.status(429, "TooManyRequests", "Too many requests"),
        })
        assert.are.equal("Too many requests (flow schema schema- [31m7)", err.message)
        -- Each answer of a server has one, but only here it is the reason.
        _, err = times_of("GET", {
            status = 404, headers = {["X-Kubernetes-PF-FlowSchema-UID"] = "schema"},
            json = scripted.status(404, "NotFound", "not found"),
        })
        assert.are.equal("not found", err.message)
    end)

    it("says when to try again, also where only its details tell", function()
        local made, err = times_of("GET", {status = 429, json = scripted.status(429,
            "TooManyRequests", "later", {details = {retryAfterSeconds = 7}})})
        assert.are.equal(1, #made)
        assert.are.equal(7, err.details.retryAfterSeconds)
        assert.is_nil(err.retry_after)
    end)

    it("is cancelled while it waits for the next try", function()
        server:rules({{path = CM .. "/a", status = 429, headers = {["Retry-After"] = "20"},
                       body = "no"}})
        local client = server:client({timeout = 60})
        local getting = task.spawn(client.get, client, "cm", "a")
        eventually("the first try", function()
            return #server:requests() > 0
        end)
        cancel(getting)
    end)
end)

describe("a list of a version that the server has yet to reach", function()
    local server

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)

    it("is asked for again, also when no Retry-After says when", function()
        local behind = scripted.status(504, "Timeout", "Timeout: Too large resource version: 9",
            {details = {causes = {{reason = "ResourceVersionTooLarge", message = "too large"}}}})
        server:rules({
            {path = CM, times = 1, status = 504, json = behind},
            {path = CM, json = scripted.list("9", {scripted.config_map("a", "9")})},
        })
        local client = server:client()
        assert.are.equal(1, #must(client:list("cm", {resource_version = "9"})))
        local requests = server:requests()
        assert.are.equal(2, #requests)
        assert.is_true(requests[2].time - requests[1].time >= 1)
    end)
end)

describe("the way to a server", function()
    it("whose name has no address is named", function()
        local server = scripted.start()
        local path = server:kubeconfig({server = "https://absent.invalid:6443"})
        local _, err = must(k8s.connect({kubeconfig = path})):list("cm")
        server:stop()
        assert.are.equal("Unreachable", err.code)
        assert.are.equal("cannot reach absent.invalid:6443: the name has no address", err.message)
        assert.truthy(err.hint:find("DNS", 1, true))
    end)
end)
