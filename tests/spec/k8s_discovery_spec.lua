local answers = require("support.discovery")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local salvor = require("salvor")
local scripted = require("support.scripted")
local task = require("salvor.task")

local aggregated, plain, group_version = answers.aggregated, answers.plain, answers.group_version
local group, groups, version = answers.group, answers.groups, answers.version
local aggregated_rule = answers.aggregated_rule
local AGGREGATED, CORE, THINGS = answers.AGGREGATED, answers.CORE, answers.THINGS
local V2BETA1 = 'application/json; as=APIGroupDiscoveryList; v="v2beta1"; g=apidiscovery.k8s.io'

describe("discovery", function()
    local server, folder

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)
    before_each(function()
        folder = must(fs.temporary_folder())
    end)
    after_each(function()
        must(fs.remove_tree(folder))
    end)

    it("asks only the core group for a full name there", function()
        server:rules({})
        local client = server:client()
        assert.are.equal("pods", must(client:kind("Pod")).plural)
        assert.are.equal("configmaps", must(client:kind("configmaps")).plural)
        assert.are.same({}, server:paths())
    end)

    describe("by aggregated answers", function()
        it("takes one request each for the core group and all others", function()
            server:rules({
                aggregated_rule("/api", AGGREGATED, CORE),
                aggregated_rule("/apis", AGGREGATED,
                    {metadata = {name = "one.example"}, versions = {
                        version("v2", aggregated("things", "Thing", {"th"}),
                            aggregated("worlds", "World", nil, "Cluster")),
                        version("v1", aggregated("things", "Thing", {"th"}),
                            aggregated("olds", "Old"))}},
                    {metadata = {name = "three.example"}, versions = {
                        version("v1", aggregated("things", "Thing"), aggregated("th", "Exact"))}}),
            })
            local client = server:client()
            local thing = must(client:kind("things"))
            assert.are.equal("one.example/v2", thing.api_version)
            assert.is_true(thing.namespaced)
            assert.are.same({"get", "list"}, thing.verbs)
            assert.is_false(must(client:kind("worlds")).namespaced)
            assert.are.equal("one.example/v1", must(client:kind("old")).api_version)
            assert.are.equal("three.example/v1",
                must(client:kind("things.three.example")).api_version)
            assert.are.equal("one.example/v1",
                must(client:kind("things.v1.one.example")).api_version)
            -- A full name anywhere goes before a short name.
            assert.are.equal("Exact", must(client:kind("th")).kind)
            assert.are.same({"/api", "/apis"}, server:paths())

            local plurals = {}
            for _, record in ipairs(must(client:kinds())) do
                plurals[#plurals + 1] = record.plural .. "." .. record.version
            end
            assert.are.same({"pods.v1", "namespaces.v1", "things.v2", "worlds.v2", "olds.v1",
                             "things.v1", "th.v1"}, plurals)
        end)

        -- Servers understand the parameters in this order only, and the beta until 1.29.
        it("asks for v2, then v2beta1, then what every server has", function()
            server:rules({groups()})
            must(server:client():kinds())
            assert.are.equal("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
                .. "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
                .. "application/json", server:requests()[1].headers.Accept)
        end)

        it("tells them by their Content-Type, whatever the order of its parameters", function()
            server:rules({aggregated_rule("/api", V2BETA1, CORE),
                          aggregated_rule("/apis", V2BETA1, THINGS)})
            assert.are.equal("Thing", must(server:client():kind("th")).kind)
            -- Each of the two on its own: a server behind an aggregator of another age.
            server:rules({aggregated_rule("/api", AGGREGATED, CORE),
                          groups(group("one.example", "v1")),
                          group_version("one.example/v1", plain("things", "Thing", {"th"}))})
            assert.are.equal("Thing", must(server:client():kind("th")).kind)
        end)

        --- Of something else that a server may have, or has later than we know it.
        local OTHERS = {
            "application/json", "application/json;v=v3;g=apidiscovery.k8s.io;"
                .. "as=APIGroupDiscoveryList",
            "application/json;v=v2;g=another.k8s.io;as=APIGroupDiscoveryList",
            "application/json;v=v2;g=apidiscovery.k8s.io;as=Table",
            "application/json;v=v2;g=apidiscovery.k8s.io",
        }

        it("takes every other Content-Type for that of an older server", function()
            for _, content_type in ipairs(OTHERS) do
                local headers = {["Content-Type"] = content_type}
                local older = groups(group("one.example", "v1"))
                older.headers = headers
                server:rules({
                    {path = "/api", headers = headers,
                     json = {kind = "APIVersions", versions = {"v1"}}}, older,
                    group_version("one.example/v1", plain("things", "Thing", {"th"})),
                })
                assert.are.equal("Thing", must(server:client():kind("th")).kind, content_type)
                -- Also when the answer looks like another.
                server:rules({aggregated_rule("/apis", content_type, THINGS)})
                local _, err = server:client():kind("th")
                assert.are.equal("Corrupt", err.code, content_type)
                assert.truthy(err.message:find("/apis is no APIGroupList", 1, true))
            end
        end)

        it("takes the parameters' names in any case (RFC 7231)", function()
            server:rules({aggregated_rule("/api", AGGREGATED, CORE),
                          aggregated_rule("/apis", "application/json;V=v2;G=apidiscovery.k8s.io;"
                              .. "As=APIGroupDiscoveryList", THINGS)})
            assert.are.equal("Thing", must(server:client():kind("th")).kind)
        end)

        it("makes a stale version an error of its own kinds alone", function()
            server:rules({aggregated_rule("/api", AGGREGATED, CORE), aggregated_rule("/apis",
                AGGREGATED,
                {metadata = {name = "down.example"},
                 versions = {{version = "v1", freshness = "Stale",
                              resources = {aggregated("things", "Thing")}}}},
                {metadata = {name = "half.example"},
                 versions = {{version = "v2", freshness = "Stale"},
                             version("v1", aggregated("halves", "Half"))}},
                THINGS)})
            local client = server:client()
            assert.are.equal("one.example/v1", must(client:kind("things")).api_version)
            -- The preferred version is the first one that is not stale.
            assert.are.equal("half.example/v1", must(client:kind("halves")).api_version)
            assert.are.equal("half.example/v1",
                must(client:kind("halves.half.example")).api_version)
            for _, word in ipairs({"things.down.example", "down.example/v1/Thing",
                                   "things.v1.down.example"}) do
                local record, err = client:kind(word)
                assert.is_nil(record)
                assert.are.equal("ServiceUnavailable", err.code)
                assert.truthy(err.message:find("API service of down.example/v1 does not answer", 1,
                    true))
                assert.truthy(err.hint:find("'v1.down.example'", 1, true))
            end
            local _, err = client:kind("somethingelse")
            assert.are.equal("NotFound", err.code)
            assert.truthy(err.hint:find("down.example/v1, half.example/v2", 1, true))
        end)
    end)

    describe("on older servers", function()
        it("asks for each group version, and goes on without one that is down", function()
            server:rules({
                groups(group("down.example", "v1"), group("one.example", "v2", "v1")),
                {path = "/apis/down.example/v1", status = 503, body = "no endpoints"},
                group_version("one.example/v1", plain("things", "Thing"),
                    plain("olds", "Old", {"od"}), plain("olds/status", "Old")),
                group_version("one.example/v2", plain("things", "Thing")),
            })
            local client = server:client()
            assert.are.equal("one.example/v2", must(client:kind("thing")).api_version)
            assert.are.equal("one.example/v1", must(client:kind("od")).api_version)
            local _, err = client:kind("somethingelse")
            assert.are.equal("NotFound", err.code)
            assert.truthy(err.hint:find("down.example/v1", 1, true))
            _, err = client:get("things.down.example", "x")
            assert.are.equal("ServiceUnavailable", err.code)
            assert.are.equal("k8s.get", err.op)
        end)

        it("takes each version of the core group, and prefers the one a group names", function()
            local one = group("one.example", "v1", "v2")
            one.preferredVersion = one.versions[2]
            server:rules({
                {path = "/api", json = {kind = "APIVersions", versions = {"v1", "v2"}}},
                {path = "/api/v2", json = {kind = "APIResourceList", groupVersion = "v2",
                                           resources = {plain("anchors", "Anchor")}}},
                groups(one),
                group_version("one.example/v1", plain("things", "Thing")),
                group_version("one.example/v2", plain("things", "Thing")),
            })
            local client = server:client()
            assert.are.equal("v2", must(client:kind("anchors")).api_version)
            assert.are.equal("one.example/v2", must(client:kind("things")).api_version)
        end)

        it("asks one group only when it is named", function()
            local one = group("one.example", "v1")
            one.kind = "APIGroup"
            server:rules({
                {path = "/apis/one.example", json = one},
                group_version("one.example/v1", plain("things", "Thing")),
            })
            local client = server:client()
            assert.are.equal("Thing", must(client:kind("things.one.example")).kind)
            assert.are.equal("Thing", must(client:kind("one.example/v1/Thing")).kind)
            assert.are.same({"/apis/one.example", "/apis/one.example/v1"}, server:paths())
        end)

        it("takes a server without /api", function()
            server:rules({{path = "/api", status = 404, body = "404 page not found"},
                          {path = "/api/v1", status = 404, body = "404 page not found"},
                          groups(group("one.example", "v1")),
                          group_version("one.example/v1", plain("things", "Thing"))})
            assert.are.equal("Thing", must(server:client():kind("things")).kind)
            assert.are.equal(1, #must(server:client():kinds()))
        end)
    end)

    it("is asked for once by tasks that need it at the same time", function()
        server:rules({groups(group("one.example", "v1")),
                      group_version("one.example/v1", plain("things", "Thing", {"th"}))})
        server.answered = {}
        local client = server:client()
        local words = {"pods", "th", "things", "cm", "one.example/v1/Thing", "nonsense"}
        task.map(words, function(word)
            client:kind(word)
        end)
        assert.are.equal("Thing", must(client:kind("th")).kind)
        local count = {}
        for _, path in ipairs(server:paths()) do
            count[path] = (count[path] or 0) + 1
        end
        assert.are.same({1, 1, 1}, {count["/api"], count["/apis"], count["/api/v1"]})
    end)

    it("is asked for by another task when the one that asked is cancelled", function()
        server:rules({{path = "/apis", times = 1, delay = 60, json = {}}, groups(
            group("one.example", "v1")), group_version("one.example/v1", plain("things", "Thing"))})
        local client = server:client()
        local first = task.spawn(function()
            client:kind("things")
        end)
        local second = task.spawn(function()
            return must(client:kind("things")).kind
        end)
        eventually("the request of the first", function()
            return #server:requests() > 0
        end)
        first:cancel()
        assert.are.equal("Thing", second:join())
        pcall(first.join, first)
        assert.are.equal("cancelled", first:status())
    end)

    it("asks anew when a word means nothing", function()
        server:rules({})
        local client = server:client()
        assert.are.equal("NotFound", select(2, client:kind("things")).code)
        server:rules({groups(group("one.example", "v1")),
                      group_version("one.example/v1", plain("things", "Thing"))})
        assert.are.equal("Thing", must(client:kind("things")).kind)
    end)

    it("hands on what keeps it from knowing", function()
        server:rules({{path = "/apis", status = 403,
                       json = scripted.status(403, "Forbidden", "no")}})
        local _, err = server:client():get("things", "x")
        assert.are.equal("Forbidden", err.code)
        assert.are.equal("k8s.get", err.op)
    end)

    it("waits 32 seconds for each answer", function()
        server:rules({})
        local client = server:client()
        local kube, timeouts = client._kube, {}
        client._kube = {request = function(_, request)
            timeouts[#timeouts + 1] = math.ceil(request.timeout)
            return kube:request(request)
        end}
        must(client:kinds())
        assert.are.same({32, 32, 32}, timeouts)
    end)

    it("never lets a word become another path", function()
        server:rules({})
        local client = server:client()
        for _, word in ipairs({"a/../../b/c", "../x", "x.a/b", "a b", "pods\n", "v1/../Pod",
                               "é"}) do
            assert.are.equal("NotFound", select(2, client:kind(word)).code)
        end
        for _, request in ipairs(server:requests()) do
            assert.is_nil(request.path:find("..", 1, true))
        end
    end)

    describe("of a hostile server", function()
        local NONSENSE = {"null", "1", '"x"', "[]", '{"kind":"APIGroupList"}', "",
                          '{"kind":["APIResourceList"]}'}

        local function ask_everything(rules)
            server:rules(rules)
            local client = server:client()
            for _, word in ipairs({"th", "pod", "things.one.example"}) do
                local record, err = client:kind(word)
                assert.is_truthy(record or require("salvor.error").is(err))
            end
            local records, err = client:kinds()
            assert.is_truthy(records or require("salvor.error").is(err))
            return records, err
        end

        it("says which answer is nothing of the kind", function()
            for _, body in ipairs(NONSENSE) do
                for _, path in ipairs({"/api", "/apis", "/api/v1"}) do
                    for _, content_type in ipairs({"application/json", AGGREGATED}) do
                        local rules = {{path = path, body = body,
                                        headers = {["Content-Type"] = content_type}}}
                        local records, err = ask_everything(rules)
                        assert.is_true(records ~= nil or err.code == "Corrupt")
                    end
                end
            end
            server:rules({{path = "/apis", body = "[1]"}})
            local _, err = server:client():kind("things")
            assert.are.equal("Corrupt", err.code)
            assert.truthy(err.message:find("/apis is no APIGroupList", 1, true))
        end)

        --- Every part of an answer, at any depth, in turn replaced by something else.
        local function each_damage(value, replacement, visit, root)
            root = root or value
            for key, old in pairs(value) do
                value[key] = replacement
                visit(root)
                value[key] = old
                if type(old) == "table" then
                    each_damage(old, replacement, visit, root)
                end
            end
        end

        local REPLACEMENTS = {salvor.null, 1, "a\tb\n[x/v1]", {}, {{}}, {1, salvor.null}, true}

        it("leaves out whatever is not as it should be", function()
            local read = require("salvor.k8s.discovery_answer")
            local catalogue = require("salvor.k8s.catalogue")
            local function read_all(body)
                local text = "\n"
                for _, item in ipairs(read.aggregated(body) or {}) do
                    for name, entries in pairs(item.entries) do
                        text = text .. catalogue.section(item.name, name, entries)
                    end
                end
                text = text .. catalogue.section("g", "v1", read.resources(body) or {})
                for _, item in ipairs(read.groups(body) or {}) do
                    text = text .. catalogue.group(item.name, item.versions)
                end
                table.concat((read.core(body) or {versions = {}}).versions)
                table.concat(read.versions(body) or {})
                for _, record in ipairs(catalogue.new(text):records()) do
                    assert.is_true(catalogue.is_name(record.plural))
                end
                assert.is_false(catalogue.new(text):has("x", "v1"))
            end
            local whole = group("one.example", "v2", "v1")
            whole.kind = "APIGroup"
            local bodies = {
                {kind = "APIGroupDiscoveryList", items = {THINGS, CORE}},
                {kind = "APIResourceList", resources = {plain("things", "Thing", {"th"})}},
                {kind = "APIGroupList", groups = {group("one.example", "v2", "v1")}},
                {kind = "APIVersions", versions = {"v1"}},
                whole,
            }
            local count = 0
            for _, body in ipairs(bodies) do
                read_all(body)
                for _, replacement in ipairs(REPLACEMENTS) do
                    each_damage(json.decode(must(json.encode(body))), replacement, function(damaged)
                        count = count + 1
                        read_all(damaged)
                    end)
                end
            end
            assert.is_true(count > 300)
        end)

        it("copes with a hundred thousand kinds", function()
            local entries = {}
            for number = 1, 100000 do
                entries[number] = string.format('{"name":"k%d","kind":"K%d","namespaced":true,'
                    .. '"singularName":"","verbs":["get"]}', number, number)
            end
            server:rules({groups(group("one.example", "v1")),
                {path = "/apis/one.example/v1", body = '{"kind":"APIResourceList","resources":['
                    .. table.concat(entries, ",") .. "]}"}})
            local client = server:client({cache = folder})
            assert.are.equal("k99999", must(client:kind("K99999")).plural)
            assert.are.equal("NotFound", select(2, client:kind("m5")).code)
            -- Loaded again it is searched, not read.
            assert.are.equal("k99998", must(server:client({cache = folder}):kind("K99998")).plural)
        end)
    end)
end)

lab.describe("discovery of a real server", function()
    it("finds what kubectl api-resources lists, in its order", function()
        local kubectl = io.popen("kubectl api-resources --no-headers --kubeconfig '"
            .. lab.kubeconfig() .. "' 2>/dev/null")
        local expected = {}
        for line in kubectl:lines() do
            local name, rest = line:match("^(%S+)%s+(.*)$")
            local version_of, namespaced, kind = rest:match("(%S+)%s+(%a+)%s+(%S+)%s*$")
            expected[#expected + 1] = table.concat({name, version_of, namespaced, kind}, " ")
        end
        if not kubectl:close() then
            return pending("kubectl does not answer")
        end
        local found = {}
        for _, record in ipairs(must(lab.client():kinds())) do
            found[#found + 1] = table.concat({record.plural, record.api_version,
                tostring(record.namespaced), record.kind}, " ")
        end
        table.sort(expected)
        table.sort(found)
        assert.are.same(expected, found)
    end)

    --- A kind of ours in these versions, the first of them stored.
    local function crd(name, ...)
        local versions = {}
        for number, version_name in ipairs({...}) do
            versions[number] = {
                name = version_name, served = true, storage = number == 1,
                schema = {openAPIV3Schema = {type = "object",
                                             ["x-kubernetes-preserve-unknown-fields"] = true}},
            }
        end
        return {
            apiVersion = "apiextensions.k8s.io/v1",
            kind = "CustomResourceDefinition",
            metadata = {name = name .. "s.discovery.salvor.example"},
            spec = {group = "discovery.salvor.example", scope = "Namespaced", versions = versions,
                    names = {plural = name .. "s", singular = name,
                             kind = name:gsub("^.", string.upper)}},
        }
    end

    local function install(client, object)
        must(client:apply(object, {force = true}))
        must(client:wait("crd", object.metadata.name, {ready = "Established"}))
        -- Established is said a little before it is served.
        local version_name = object.spec.versions[1].name
        eventually("the new kind", function()
            return client:request({path = "/apis/discovery.salvor.example/" .. version_name .. "/"
                .. object.spec.names.plural})
        end)
    end

    it("notices that a kind has come, moved to another version, and gone", function()
        local folder = must(fs.temporary_folder())
        local admin = lab.client()
        must(lab.client({cache = folder}):kinds())

        install(admin, crd("mover", "v1beta1"))
        local client = lab.client({cache = folder})
        assert.are.equal(0, #must(client:list("movers")))
        assert.are.equal("v1beta1", must(client:kind("mover")).version)

        must(admin:delete("crd", "movers.discovery.salvor.example"))
        must(admin:wait("crd", "movers.discovery.salvor.example", {deleted = true}))
        install(admin, crd("mover", "v1"))
        client = lab.client({cache = folder})
        assert.are.equal("v1beta1", must(client:kind("mover")).version)
        local watcher = lab.client({cache = folder})
        assert.are.equal("v1beta1", must(watcher:kind("movers")).version)
        assert.are.equal(0, #must(client:list("movers")))
        assert.are.equal("v1", must(client:kind("mover")).version)
        must(admin:create({apiVersion = "discovery.salvor.example/v1", kind = "Mover",
                           metadata = {name = "a"}}))
        local event = watcher:watch("movers", {timeout = 60})()
        assert.are.equal("discovery.salvor.example/v1", event.object.apiVersion)

        must(admin:delete("crd", "movers.discovery.salvor.example"))
        must(admin:wait("crd", "movers.discovery.salvor.example", {deleted = true}))
        client = lab.client({cache = folder})
        local err = eventually("the end of the kind", function()
            return select(2, client:list("movers"))
        end)
        assert.are.equal("NotFound", err.code)
        must(fs.remove_tree(folder))
    end)

    it("goes on when an API service is down, and names it", function()
        local admin = lab.client()
        local name = "v1.down.salvor.example"
        must(admin:create({
            apiVersion = "apiregistration.k8s.io/v1", kind = "APIService",
            metadata = {name = name},
            spec = {group = "down.salvor.example", version = "v1", groupPriorityMinimum = 1,
                    versionPriority = 1, insecureSkipTLSVerify = true,
                    service = {name = "none", namespace = "default", port = 443}},
        }))
        local cleanup <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
            must(admin:delete("apiservices", name))
        end})
        local record
        local err = eventually("the group of the service", function()
            local found, problem = lab.client():kind("things.down.salvor.example")
            assert.is_nil(found)
            return problem.code ~= "NotFound" and problem
        end)
        assert.are.equal("ServiceUnavailable", err.code)
        assert.truthy(err.message:find("down.salvor.example/v1 does not answer", 1, true))
        local client = lab.client()
        assert.are.equal("apps/v1", must(client:kind("deploy")).api_version)
        record, err = client:kind("things")
        assert.is_nil(record)
        assert.are.equal("NotFound", err.code)
        assert.truthy(err.hint:find("down.salvor.example/v1", 1, true))
    end)

    it("is one request for one object when the cache is warm", function()
        local folder = must(fs.temporary_folder())
        must(lab.client({cache = folder}):kinds())
        local client = lab.client({cache = folder})
        local count, kube = 0, client._kube
        client._kube = {request = function(_, request)
            count = count + 1
            return kube:request(request)
        end}
        assert.are.equal("Namespace", must(client:get("ns", "default")).kind)
        assert.are.equal(1, count)
        must(fs.remove_tree(folder))
    end)
end)
