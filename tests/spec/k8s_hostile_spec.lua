--- Answers that no API server gives: each ends in an error object that says what came, never in a
--- fault of the script's, and within bounds of memory.
local errors = require("salvor.error")
local json = require("salvor.json")
local salvor = require("salvor")
local scripted = require("support.scripted")

local CM = "/api/v1/namespaces/default/configmaps"
local DEEP = 100000

local nested = ("["):rep(DEEP) .. ("]"):rep(DEEP)

--- The most memory this process has had, in MiB.
local function peak()
    local file <close> = assert(io.open("/proc/self/status"))
    return tonumber(file:read("a"):match("VmHWM:%s*(%d+)")) / 1024
end

describe("an answer", function()
    local server, client

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)
    before_each(function()
        client = server:client({timeout = 20})
    end)

    local function refused(code, result, err)
        assert.is_nil(result)
        assert.is_true(errors.is(err, code), tostring(err))
        assert.is_nil(err.message:find("[%c]"))
        return err
    end

    --- The error of a get, a list and a write that are answered so.
    local function each_error(code, rule)
        local errs = {}
        local function ask(method, path, fn)
            rule.method, rule.path = method, path
            server:rules({rule})
            errs[#errs + 1] = refused(code, fn())
        end
        ask("GET", CM .. "/a", function() return client:get("cm", "a") end)
        ask("GET", CM, function() return client:list("cm") end)
        ask("PATCH", CM .. "/a", function() return client:patch("cm", "a", {}) end)
        return errs
    end

    for what, rule in pairs({
        ["HTML"] = {body = "<html>log in</html>", headers = {["Content-Type"] = "text/html"}},
        ["nothing at all"] = {body = ""},
        ["half an object"] = {body = '{"metadata":{"name":"a"},"data":{"k":'},
        ["two objects"] = {body = "{}{}"},
        ["null"] = {body = "null"},
        ["a number"] = {body = "17"},
        ["a text"] = {body = '"text"'},
        ["a list"] = {body = "[]"},
        ["metadata that is a text"] = {body = '{"metadata":"text","items":[]}'},
        ["metadata that is a list"] = {body = '{"metadata":[],"items":[]}'},
        ["metadata that is null"] = {body = '{"metadata":null,"items":[]}'},
        ["bytes that are not UTF-8"] = {body = '{"metadata":{"name":"\u{ff}\u{fe}"}}',
                                        latin1 = true},
        ["half a surrogate pair"] = {body = [[{"metadata":{"name":"\ud800"}}]]},
        ["an integer beyond 64 bits"] = {body = '{"a":123456789012345678901234567890}'},
        ["a list 100,000 deep"] = {body = nested},
        ["an object with something 100,000 deep"] = {body = '{"a":' .. nested .. "}"},
        ["100,000 brackets that never close"] = {body = ("["):rep(DEEP)},
        ["a zero byte"] = {body = "{}\0"},
        ["escape sequences"] = {body = "\27]0;title\7\27[2J"},
    }) do
        it("of " .. what .. " is Corrupt", function()
            for _, err in ipairs(each_error("Corrupt", rule)) do
                assert.truthy(err.op:find("^k8s%."))
                assert.truthy(err.hint)
            end
        end)
    end

    for what, items in pairs({
        ["is a text"] = {"text"},
        ["is null"] = {salvor.null},
        ["is a list"] = {salvor.list({})},
        ["has no metadata"] = {{kind = "ConfigMap"}},
        ["has metadata that is a text"] = {{metadata = "text"}},
        ["has a number as name"] = {{metadata = {name = 1}}},
        ["has a list as uid"] = {{metadata = {name = "a", uid = salvor.list({})}}},
        ["has a number as version"] = {{metadata = {name = "a", resourceVersion = 7}}},
    }) do
        it("with an item that " .. what .. " is Corrupt", function()
            server:rules({{path = CM, json = scripted.list("1", salvor.list(items))}})
            local err = refused("Corrupt", client:list("cm"))
            assert.truthy(err.message:find("item 1", 1, true))
            local ok, raised = pcall(function()
                for _ in client:each("cm") do -- luacheck: ignore 542
                end
            end)
            assert.is_false(ok)
            refused("Corrupt", nil, raised)
        end)
    end

    it("with items that are no list, or a token that is none, is Corrupt", function()
        for _, list in ipairs({
            {metadata = {resourceVersion = "1"}, items = {a = 1}},
            {metadata = {resourceVersion = "1"}, items = 7},
            {metadata = {resourceVersion = "1", continue = 7}, items = salvor.list({})},
            {metadata = {resourceVersion = {a = 1}}, items = salvor.list({})},
            {items = salvor.list({})},
        }) do
            server:rules({{path = CM, json = list}})
            refused("Corrupt", client:list("cm"))
        end
    end)

    it("without names or versions can be listed, but not watched", function()
        for _, case in ipairs({{"1", {uid = "1", resourceVersion = "1"}}, {"1", {name = "a"}},
                               {"", {name = "a", resourceVersion = "1"}},
                               {nil, {name = "a", resourceVersion = "1"}}}) do
            local items = salvor.list({{metadata = case[2]}})
            server:rules({
                {path = CM, query = "watch=true", status = 422, body = "unknown"},
                {path = CM, json = scripted.list(case[1], items)},
            })
            assert.are.equal(1, #must(client:list("cm")))
            local ok, err = pcall(function()
                for _ in client:watch("cm") do -- luacheck: ignore 542
                end
            end)
            assert.is_false(ok)
            refused("Corrupt", nil, err)
        end
    end)

    it("with null for no items is an empty list", function()
        server:rules({{path = CM, body = '{"metadata":{"resourceVersion":"1"},"items":null}'}})
        local items = must(client:list("cm"))
        assert.are.equal(0, #items)
        assert.is_true(salvor.is_list(items))
    end)

    it("that is cut is a lost connection", function()
        local whole = json.encode(scripted.config_map("a", "1"))
        for _, size in ipairs({1, 20, #whole - 1}) do
            server:rules({{method = "POST", path = CM, body = whole:sub(1, size),
                           ["end"] = "truncate"}})
            refused("Disconnected", client:create(scripted.config_map("a")))
        end
    end)

    it("that says it has 2 GiB is not read", function()
        local before = peak()
        server:rules({{path = CM .. "/a", body = "{", length = 2 << 30, ["end"] = "hang"}})
        local err = refused("TooLarge", client:get("cm", "a"))
        assert.truthy(err.message:find("127.0.0.1", 1, true))
        assert.is_true(peak() - before < 16)
    end)

    it("that does not end is not read to its end", function()
        server:rules({{path = CM .. "/a", chunks = {(" "):rep(4 << 20)}, ["repeat"] = 512}})
        -- Until the ceiling is reached, 256 MiB go through two processes.
        local patient = server:client({timeout = 120})
        local err = refused("TooLarge", patient:get("cm", "a"))
        assert.truthy(err.message:find("127.0.0.1", 1, true))
        assert.is_true(peak() < 1024) -- a ceiling of 256 and what else is there
    end)

    it("that is a pod without containers is no pod", function()
        local path = "/api/v1/namespaces/default/pods/p"
        for _, pod in ipairs({
            {}, {metadata = {}}, {spec = 7}, {spec = {containers = "text"}},
            {spec = {containers = {7, {name = {}}, {}}, initContainers = {name = "a"}}},
            {metadata = {annotations = 7}, spec = {containers = {}}, status = "Running"},
        }) do
            server:rules({{path = path, json = pod}})
            refused("Corrupt", client:logs("p"))
            refused("Corrupt", client:open_exec("p", {"true"}))
            refused("Corrupt", client:port_forward("p", 80))
            local ok, err = pcall(client:each_log("p", {all_containers = true}))
            assert.is_false(ok)
            refused("Corrupt", nil, err)
        end
    end)

    it("that is a pod of a strange state is not one that runs", function()
        for _, status in ipairs({7, "text", {phase = 7}, {phase = {}}, {conditions = 7}}) do
            server:rules({{path = "/api/v1/namespaces/default/pods/p", json = {
                metadata = {annotations = {7}}, spec = {containers = {{name = "a"}}},
                status = status,
            }}})
            refused("Conflict", client:port_forward("p", 80))
        end
    end)

    it("with references that name nothing leads to no owner", function()
        for _, reference in ipairs({
            {uid = "1", kind = "ConfigMap", apiVersion = "v1", name = ".."},
            {uid = "1", kind = "ConfigMap", apiVersion = "v1", name = "a%2fb"},
            {uid = "1", kind = {}, apiVersion = 7, name = "a"},
        }) do
            local owners = client:owners({apiVersion = "v1", kind = "ConfigMap", metadata = {
                ownerReferences = salvor.list({7, reference})}})
            assert.are.same({1, "the reference is not complete"},
                {#owners, owners[1].problem})
        end
    end)

    it("from a namespace that is none is not followed there", function()
        local map = {metadata = {name = "a", namespace = "../b", uid = "1", ownerReferences =
            salvor.list({{uid = "2", kind = "ConfigMap", apiVersion = "v1", name = "c"}})}}
        server:rules({{path = CM .. "/a", json = map}})
        refused("Corrupt", client:tree("cm", "a"))
        local owners = client:owners({apiVersion = "v1", kind = "ConfigMap", metadata = {
            namespace = "default", ownerReferences = salvor.list({
                {uid = "1", kind = "ConfigMap", apiVersion = "v1", name = "a"}})}})
        assert.are.same({2, "the reference is not complete"}, {#owners, owners[2].problem})
    end)

    it("that is an error of any shape stays that error", function()
        for _, body in ipairs({
            "", "null", "[]", "7", "{", '{"kind":"Status"}', '{"kind":7}', nested,
            '{"kind":"Status","reason":7,"message":[],"details":"text","code":"x"}',
            '{"kind":"Status","reason":"two words\\u001b[2J","message":"\\u001b[2J\\u009b2J"}',
            '{"kind":"Status","details":{"causes":[null,7,{"reason":[]}],"retryAfterSeconds":{}}}',
        }) do
            server:rules({{path = CM .. "/a", status = 409, body = body},
                          {path = CM, status = 504, body = body},
                          {method = "PATCH", path = CM .. "/a", status = 409, body = body}})
            local err = refused("Conflict", client:get("cm", "a"))
            assert.are.equal(409, err.status)
            assert.is_nil(err.message:find("\u{9b}", 1, true))
            refused("Conflict", client:apply(scripted.config_map("a")))
            refused("Timeout", client:list("cm", {resource_version = "7"}))
        end
    end)

    it("that is another text is kept to 2048 bytes, as a cause", function()
        server:rules({{path = CM .. "/a", status = 502, latin1 = true,
                       body = "\27[2J\u{ff}" .. ("<p>proxy</p>"):rep(1000)}})
        local err = refused("Unknown", client:get("cm", "a"))
        local cause = err.details.causes[1]
        assert.are.equal("UnexpectedServerResponse", cause.reason)
        assert.are.equal(2048, #cause.message)
        assert.are.equal(" [2J?<p>proxy", cause.message:sub(1, 13))
        assert.truthy(err.message:find("HTTP 502 from 127.0.0.1", 1, true))
    end)
end)
