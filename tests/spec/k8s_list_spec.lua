--- Lists: selectors, versions, pages of the script's own.
local lab = require("support.lab")
local salvor = require("salvor")
local scripted = require("support.scripted")
local selector = require("salvor.k8s.selector")
local task = require("salvor.task")

local CM = "/api/v1/namespaces/default/configmaps"

local function config_map(name, labels)
    return {apiVersion = "v1", kind = "ConfigMap", metadata = {name = name, labels = labels}}
end

describe("a label selector", function()
    it("is a text, a list of terms, a map, or both", function()
        for _, case in ipairs({
            {"app=db,tier!=web", "app=db,tier!=web"},
            {{"app in (a, b)", "!canary", "tier notin (c)"},
             "!canary,app in (a, b),tier notin (c)"},
            {{app = "db", tier = "web"}, "app=db,tier=web"},
            {{app = {"a", "b"}}, "app in (a,b)"},
            {{["example.org/app"] = "a.b_c-d"}, "example.org/app=a.b_c-d"},
            {{app = "db", "!canary"}, "!canary,app=db"},
            {{empty = "", yes = true, number = 7}, "empty=,number=7,yes=true"},
        }) do
            assert.are.equal(case[2], selector.label(case[1]))
        end
    end)

    it("lets no value become another term", function()
        for _, wrong in ipairs({
            {app = "a,b"}, {app = "a)"}, {app = "a b"}, {app = "-a"}, {app = ("a"):rep(64)},
            {["app=x"] = "a"}, {["a/b/c"] = "a"}, {[""] = "a"}, {app = {}}, {app = {"a", "b,c"}},
            {app = {{}}}, {""}, {7}, {app = print}, {[true] = "a"},
        }) do
            local text, problem = selector.label(wrong)
            assert.is_nil(text)
            assert.is_string(problem)
        end
    end)
end)

describe("a field selector", function()
    it("is a text, a list of terms or a map, whose values are escaped", function()
        assert.are.equal("a=b", selector.field("a=b"))
        assert.are.equal("metadata.name=x,status.phase!=Running",
            selector.field({["metadata.name"] = "x", "status.phase!=Running"}))
        assert.are.equal([[a=1\,b\=2\\]], selector.field({a = [[1,b=2\]]}))
        assert.is_nil(selector.field({a = {"b", "c"}}))
        assert.is_nil(selector.field({["a=b"] = "c"}))
    end)
end)

lab.describe("a list", function()
    local client, namespace

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        for number, labels in ipairs({{app = "db", tier = "back"}, {app = "web", tier = "front"},
                                      {app = "web", canary = "yes"}, {}}) do
            must(client:create(config_map("list-" .. number, labels)))
        end
    end)
    teardown(function()
        client:delete("ns", namespace)
    end)

    local function names(opts)
        local found = {}
        for _, object in ipairs(must(client:list("cm", opts))) do
            found[#found + 1] = object.metadata.name:match("list%-(%d)")
        end
        table.sort(found) -- what comes from a server's cache (version "0") has no order
        return table.concat(found)
    end

    it("takes selectors of every form", function()
        for _, case in ipairs({
            {"app=web", "23"}, {"app!=web,tier", "1"}, {"app in (db,web),!canary", "12"},
            {{"app in (db,web)", "!canary"}, "12"}, {{app = {"db", "web"}, "tier"}, "12"},
            {{app = "web", canary = "yes"}, "3"}, {"!app", "4"}, {"tier notin (back)", "234"},
        }) do
            assert.are.equal(case[2], names({label_selector = case[1]}))
        end
        assert.are.equal("2", names({field_selector = {["metadata.name"] = "list-2"}}))
        assert.are.equal("134", names({field_selector = {"metadata.name!=list-2"}}))
        assert.are.equal("3", names({label_selector = "app=web",
                                     field_selector = "metadata.name!=list-2"}))
    end)

    it("names the selector that is wrong", function()
        local _, err = client:list("cm", {label_selector = "app in db"})
        assert.are.equal("BadRequest", err.code)
        assert.truthy(err.hint:find('label_selector "app in db"', 1, true))
        _, err = client:list("cm", {field_selector = {["spec.depth"] = "7"}})
        assert.are.equal("BadRequest", err.code)
        assert.truthy(err.hint:find('field_selector "spec.depth=7"', 1, true))
        for option, wrong in pairs({label_selector = {app = "a,b"}, field_selector = {a = {}}}) do
            for _, method in ipairs({"list", "each", "watch", "delete_all"}) do
                local ok, problem = pcall(client[method], client, "cm", {[option] = wrong})
                assert.is_false(ok)
                assert.truthy(problem:find("option '" .. option .. "'", 1, true), problem)
            end
        end
    end)

    describe("of a version", function()
        local old

        setup(function()
            old = must(client:list("cm", {full = true})).metadata.resourceVersion
            must(client:create(config_map("list-5", {})))
        end)

        it("that is exact is as it was then", function()
            assert.are.equal("1234", names({resource_version = old,
                                            resource_version_match = "exact"}))
        end)

        it("is at least as new by itself, in pages too", function()
            assert.are.equal("12345", names({resource_version = old}))
            assert.are.equal("12345", names({resource_version = old,
                                             resource_version_match = "not_older_than"}))
            assert.are.equal("12345", names({resource_version = "0"}))
            local walked = 0
            for _ in client:each("cm", {resource_version = old,
                                        resource_version_match = "exact"}) do
                walked = walked + 1
            end
            assert.are.equal(4, walked)
        end)

        it("that the server has yet to reach is waited for", function()
            local function version()
                return math.tointeger(must(client:list("cm", {full = true}))
                    .metadata.resourceVersion)
            end
            local soon = tostring(version() + 5)
            task.spawn(function()
                for number = 1, 10 do
                    must(client:create(config_map("later-" .. number)))
                end
            end)
            assert.is_true(#must(client:list("cm", {resource_version = soon})) > 0)
            local began = task.now()
            local _, err = client:list("cm", {resource_version = tostring(version() + 100000),
                                              timeout = 2.5})
            assert.are.equal("Timeout", err.code)
            assert.are.equal(504, err.status)
            assert.truthy(err.message:find("Too large resource version", 1, true))
            assert.truthy(err.hint:find("does not know that version", 1, true))
            assert.is_true(task.now() - began >= 1)
        end)

        it("that is none is explained", function()
            local _, err = client:list("cm", {resource_version = "abc"})
            assert.truthy(err.hint:find("resource_version", 1, true))
            _, err = client:list("cm", {resource_version = "99999999",
                                        resource_version_match = "exact"})
            assert.truthy(err.hint:find("resource_version", 1, true))
        end)

        it("is refused where it makes no sense", function()
            for _, opts in ipairs({
                {resource_version_match = "exact"},
                {resource_version = "0", resource_version_match = "exact"},
                {resource_version = "7", resource_version_match = "Exact"},
                {resource_version = "7", limit = 1, continue = "x"},
                {continue = "x"}, {limit = 0}, {limit = 1.5}, {limit = -1},
            }) do
                local ok, problem = pcall(client.list, client, "cm", opts)
                assert.is_false(ok)
                assert.truthy(problem:find("k8s.list: ", 1, true), problem)
            end
        end)
    end)

    it("of a version that is not kept any more says so", function()
        local server = scripted.start()
        finally(function() server:stop() end)
        server:rules({{path = CM, status = 410,
                       json = scripted.status(410, "Expired", "The resourceVersion is too old.")}})
        local _, err = server:client():list("cm", {resource_version = "7"})
        assert.are.equal("Expired", err.code)
        assert.truthy(err.hint:find("version 7 is not kept any more", 1, true))
    end)

    it("can be taken in pages of the script's own", function()
        local opts = {limit = 2, full = true, label_selector = "app"}
        local first = must(client:list("cm", opts))
        assert.are.equal(2, #first.items)
        assert.are.equal("ConfigMap", first.items[1].kind)
        opts.continue = first.metadata.continue
        local second = must(client:list("cm", opts))
        assert.are.equal("list-3", second.items[1].metadata.name)
        assert.is_nil(second.metadata.continue)
        assert.are.equal(1, #must(client:list("cm", {limit = 1})))
    end)
end)

-- The newest without a version, any with "0", otherwise one as new or exactly that; what a version
-- looks like means nothing (Kubernetes API concepts, "Resource versions").
describe("a version", function()
    local server

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)

    --- resourceVersion and resourceVersionMatch of the one request that `read` makes.
    local function asked(read)
        server:rules({{path = CM, json = scripted.list("10", salvor.list({}))},
                      {path = CM .. "/a", json = scripted.config_map("a", "9")}})
        read(server:client())
        local requests = server:requests()
        assert.are.equal(1, #requests)
        local query = "&" .. requests[1].query
        return {query:match("&resourceVersion=([^&]*)") or "none",
                query:match("&resourceVersionMatch=([^&]*)") or "none"}
    end

    it("is asked for as the script says, and only then", function()
        for _, case in ipairs({
            {{}, "none", "none"},
            {{resource_version = "0"}, "0", "none"},
            {{resource_version = "0", resource_version_match = "not_older_than"}, "0",
             "NotOlderThan"},
            {{resource_version = "7"}, "7", "NotOlderThan"},
            {{resource_version = "7", resource_version_match = "not_older_than"}, "7",
             "NotOlderThan"},
            {{resource_version = "7", resource_version_match = "exact"}, "7", "Exact"},
            {{resource_version = "007 a&b"}, "007%20a%26b", "NotOlderThan"},
        }) do
            local opts, expected = case[1], {case[2], case[3]}
            assert.are.same(expected, asked(function(client)
                must(client:list("cm", opts))
            end))
            assert.are.same(expected, asked(function(client)
                for _ in client:each("cm", opts) do end -- luacheck: ignore 542
            end))
            opts.limit = 5
            assert.are.same(expected, asked(function(client)
                must(client:list("cm", opts))
            end))
        end
        for opts, expected in pairs({[{}] = "none", [{resource_version = "0"}] = "0",
                                     [{resource_version = "7"}] = "7"}) do
            assert.are.same({expected, "none"}, asked(function(client)
                must(client:get("cm", "a", opts))
            end))
        end
    end)
end)
