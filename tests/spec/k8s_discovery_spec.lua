local salvor = require("salvor")
local scripted = require("support.scripted")

local AGGREGATED = "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList"

--- One kind as a server with aggregated discovery tells of it.
local function aggregated(plural, kind, short_names, scope)
    return {
        resource = plural,
        responseKind = {group = "", version = "", kind = kind},
        scope = scope or "Namespaced",
        singularResource = kind:lower(),
        shortNames = short_names and salvor.list(short_names),
        verbs = salvor.list({"get", "list"}),
        subresources = salvor.list({{subresource = "status"}}),
    }
end

--- The same as an older server tells of it.
local function plain(plural, kind, short_names)
    return {name = plural, kind = kind, singularName = "", namespaced = true,
            shortNames = short_names and salvor.list(short_names), verbs = salvor.list({"get"})}
end

local function group_version(name, ...)
    return {path = "/apis/" .. name, json = {kind = "APIResourceList", groupVersion = name,
                                             resources = salvor.list({...})}}
end

describe("discovery", function()
    local server

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)

    local function paths()
        local result = {}
        for _, request in ipairs(server:requests()) do
            result[#result + 1] = request.path
        end
        return result
    end

    it("asks only the core group for a full name there", function()
        server:rules({})
        local client = server:client()
        assert.are.equal("pods", must(client:kind("Pod")).plural)
        assert.are.equal("configmaps", must(client:kind("configmaps")).plural)
        assert.are.same({}, paths())
    end)

    it("understands aggregated answers", function()
        server:rules({{path = "/apis", headers = {["Content-Type"] = AGGREGATED}, json = {
            kind = "APIGroupDiscoveryList",
            items = {
                {metadata = {name = "one.example"}, versions = {
                    {version = "v2", freshness = "Current", resources = {
                        aggregated("things", "Thing", {"th"}),
                        aggregated("worlds", "World", nil, "Cluster")}},
                    {version = "v1", freshness = "Current", resources = {
                        aggregated("things", "Thing", {"th"}), aggregated("olds", "Old")}}}},
                {metadata = {name = "two.example"}, versions = {
                    {version = "v1", freshness = "Stale"}}},
                {metadata = {name = "three.example"}, versions = {
                    {version = "v1", freshness = "Current", resources = {
                        aggregated("things", "Thing"), aggregated("th", "Exact")}}}},
            },
        }}})
        local client = server:client()
        local thing = must(client:kind("things"))
        assert.are.equal("one.example/v2", thing.api_version)
        assert.is_true(thing.namespaced)
        assert.are.same({"get", "list"}, thing.verbs)
        assert.is_false(must(client:kind("worlds")).namespaced)
        assert.are.equal("one.example/v1", must(client:kind("old")).api_version)
        assert.are.equal("three.example/v1", must(client:kind("things.three.example")).api_version)
        assert.are.equal("one.example/v1", must(client:kind("things.v1.one.example")).api_version)
        -- A full name anywhere goes before a short name.
        assert.are.equal("Exact", must(client:kind("th")).kind)
        assert.are.same({"/apis"}, paths())
        local accept = server:requests()[1].headers.Accept
        assert.truthy(accept:find("g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", 1, true))

        local plurals = {}
        for _, record in ipairs(must(client:kinds())) do
            plurals[#plurals + 1] = record.plural .. "." .. record.version
        end
        assert.are.same({"pods.v1", "configmaps.v1", "things.v2", "worlds.v2", "olds.v1",
                         "things.v1", "th.v1"}, plurals)
    end)

    it("understands older servers, and goes on without a group that is down", function()
        server:rules({
            {path = "/apis", json = {kind = "APIGroupList", groups = {
                {name = "down.example", preferredVersion = {version = "v1"},
                 versions = {{version = "v1"}}},
                {name = "one.example", preferredVersion = {version = "v2"},
                 versions = {{version = "v1"}, {version = "v2"}}},
            }}},
            {path = "/apis/down.example/v1", status = 503, body = "no endpoints"},
            group_version("one.example/v1", plain("things", "Thing"), plain("olds", "Old", {"od"}),
                plain("olds/status", "Old")),
            group_version("one.example/v2", plain("things", "Thing")),
        })
        local client = server:client()
        assert.are.equal("one.example/v2", must(client:kind("thing")).api_version)
        assert.are.equal("one.example/v1", must(client:kind("od")).api_version)
        local _, err = client:kind("somethingelse")
        assert.are.equal("NotFound", err.code)
        assert.truthy(err.hint:find("down.example/v1", 1, true))
    end)

    it("asks one group only when it is named", function()
        server:rules({
            {path = "/apis/one.example", json = {kind = "APIGroup", name = "one.example",
                versions = {{version = "v1"}}, preferredVersion = {version = "v1"}}},
            group_version("one.example/v1", plain("things", "Thing")),
        })
        local client = server:client()
        assert.are.equal("Thing", must(client:kind("things.one.example")).kind)
        assert.are.equal("Thing", must(client:kind("one.example/v1/Thing")).kind)
        assert.are.same({"/apis/one.example", "/apis/one.example/v1"}, paths())
    end)

    it("asks anew when a word means nothing", function()
        server:rules({})
        local client = server:client()
        assert.are.equal("NotFound", select(2, client:kind("things")).code)
        server:rules({
            {path = "/apis", json = {kind = "APIGroupList", groups = {
                {name = "one.example", preferredVersion = {version = "v1"},
                 versions = {{version = "v1"}}}}}},
            group_version("one.example/v1", plain("things", "Thing")),
        })
        assert.are.equal("Thing", must(client:kind("things")).kind)
    end)

    it("hands on what keeps it from knowing", function()
        server:rules({{path = "/apis", status = 403,
                       json = scripted.status(403, "Forbidden", "no")}})
        local _, err = server:client():get("things", "x")
        assert.are.equal("Forbidden", err.code)
        assert.are.equal("k8s.get", err.op)
    end)
end)
