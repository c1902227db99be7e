local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local salvor = require("salvor")
local scripted = require("support.scripted")
local task = require("salvor.task")

local AGGREGATED = "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList"
local V2BETA1 = 'application/json; as=APIGroupDiscoveryList; v="v2beta1"; g=apidiscovery.k8s.io'

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

--- A group of an older server's /apis; the first version is the preferred one.
local function group(name, ...)
    local versions = salvor.list({})
    for number, version in ipairs({...}) do
        versions[number] = {groupVersion = name .. "/" .. version, version = version}
    end
    return {name = name, versions = versions, preferredVersion = versions[1]}
end

local function groups(...)
    return {path = "/apis", json = {kind = "APIGroupList", groups = salvor.list({...})}}
end

--- A version of a group in aggregated discovery.
local function version(name, ...)
    return {version = name, freshness = "Current", resources = salvor.list({...})}
end

local function aggregated_rule(path, content_type, ...)
    return {path = path, headers = {["Content-Type"] = content_type},
            json = {kind = "APIGroupDiscoveryList", items = salvor.list({...})}}
end

--- With an ETag: 200 to who does not bring it, 304 to who does.
local function tagged(rule, etag)
    rule.headers = {["Content-Type"] = AGGREGATED, ETag = etag}
    return {path = rule.path, status = 304, request_header = {"If-None-Match", etag}}, rule
end

local CORE = {versions = {version("v1", aggregated("pods", "Pod", {"po"}),
                                  aggregated("namespaces", "Namespace", {"ns"}, "Cluster"))}}
local THINGS = {metadata = {name = "one.example"},
                versions = {version("v1", aggregated("things", "Thing", {"th"}))}}

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

    --- What was asked of these rules, in any order.
    local function paths()
        local result = {}
        for _, request in ipairs(server:requests()) do
            result[#result + 1] = request.path
        end
        table.sort(result)
        return result
    end

    it("asks only the core group for a full name there", function()
        server:rules({})
        local client = server:client()
        assert.are.equal("pods", must(client:kind("Pod")).plural)
        assert.are.equal("configmaps", must(client:kind("configmaps")).plural)
        assert.are.same({}, paths())
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
            assert.are.same({"/api", "/apis"}, paths())

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
            assert.are.same({"/apis/one.example", "/apis/one.example/v1"}, paths())
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
        for _, path in ipairs(paths()) do
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
        local deadline = task.now() + 10
        while #server:requests() == 0 and task.now() < deadline do
            task.sleep(0.01)
        end
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
            local began = task.now()
            assert.are.equal("k99998", must(server:client({cache = folder}):kind("K99998")).plural)
            assert.is_true(task.now() - began < 0.5)
        end)
    end)

    describe("with a cache on the disk", function()
        local RULES

        local function client()
            return server:client({cache = folder})
        end

        local function cache_file()
            local servers = must(fs.list(fs.join(folder, "discovery")))
            assert.are.equal(1, #servers)
            return fs.join(folder, "discovery", servers[1].name, "kinds")
        end

        --- The file with one part of it another.
        local function change(from, to)
            local path = cache_file()
            local text = must(fs.read(path))
            local first, last = text:find(from)
            assert.is_truthy(first)
            must(fs.write(path, text:sub(1, first - 1) .. to .. text:sub(last + 1)))
        end

        local function make_older(seconds)
            local text = must(fs.read(cache_file()))
            local time = text:match("\n(%d+)\t")
            change("\n%d+\t", string.format("\n%d\t", time - seconds))
        end

        --- How many requests it takes to resolve these words.
        local function requests_for(words, some_client)
            server:rules(RULES())
            server.answered = {}
            some_client = some_client or client()
            for _, word in ipairs(words) do
                must(some_client:kind(word))
            end
            return #server:requests()
        end

        before_each(function()
            RULES = function()
                return {groups(group("one.example", "v1")),
                        group_version("one.example/v1", plain("things", "Thing", {"th"}))}
            end
        end)

        it("asks nothing that it knows", function()
            assert.are.equal(1, requests_for({"pods"}))
            assert.are.equal(0, requests_for({"pods", "ConfigMap", "v1/Pod"}))
            assert.is_true(requests_for({"things"}) > 0)
            assert.are.equal(0, requests_for({"things", "th", "things.one.example", "cm",
                                              "one.example/v1/Thing"}))
            assert.are.same(must(server:client():kind("th")), must(client():kind("th")))
        end)

        it("lists what the server has now", function()
            requests_for({"things"})
            server:rules({groups(group("one.example", "v1")),
                          group_version("one.example/v1", plain("news", "New"))})
            local this = client()
            local records = must(this:kinds())
            assert.are.equal("pods configmaps news", records[1].plural .. " "
                .. records[2].plural .. " " .. records[3].plural)
            server.answered = {}
            local asked = #server:requests()
            assert.are.same(records, must(this:kinds()))
            assert.are.equal(asked, #server:requests())
        end)

        it("is off on request, and on by default", function()
            local folders = require("salvor.folders")
            local usual = folders.cache
            folders.cache = function() return folder end
            requests_for({"pods"}, server:client({cache = false}))
            assert.is_nil(fs.stat(fs.join(folder, "discovery")))
            requests_for({"pods"}, server:client())
            assert.is_truthy(fs.stat(cache_file()))
            folders.cache = usual
        end)

        it("lets nobody else look or write", function()
            requests_for({"pods"})
            assert.are.equal(tonumber("600", 8), must(fs.stat(cache_file())).mode)
            assert.are.equal(tonumber("700", 8), must(fs.stat(fs.dirname(cache_file()))).mode)
        end)

        it("lasts six hours", function()
            requests_for({"things"})
            make_older(6 * 3600 - 60)
            assert.are.equal(0, requests_for({"things"}))
            make_older(120)
            assert.is_true(requests_for({"things"}) > 0)
            assert.are.equal(0, requests_for({"things"}))
            -- A clock that was wrong.
            make_older(-3600)
            assert.is_true(requests_for({"things"}) > 0)
        end)

        it("asks again, once, when a word means nothing", function()
            requests_for({"things"})
            server:rules({groups(group("one.example", "v1")),
                          group_version("one.example/v1", plain("news", "New"))})
            assert.are.equal("News", must(client():kind("New")).kind .. "s")
            -- Of which the next process knows.
            server.answered = {}
            server:rules({})
            assert.are.equal("New", must(client():kind("news")).kind)
            assert.are.same({}, server:requests())
        end)

        local GONE = {status = 404, json = scripted.status(404, "NotFound",
            "the server could not find the requested resource", {details = {}})}

        local function gone(method, path)
            return {method = method, path = path, status = GONE.status, json = GONE.json}
        end

        it("asks again when the server does not know a kind's path", function()
            requests_for({"things"})
            local old, new = "/apis/one.example/v1/namespaces/default/things",
                "/apis/one.example/v2/namespaces/default/things"
            local rules = {
                gone("GET", old), gone("GET", old .. "/x"), gone("DELETE", old .. "/x"),
                {path = new .. "/x", json = {metadata = {name = "x"}}},
                {method = "DELETE", path = new .. "/x", json = {kind = "Status"}},
                groups(group("one.example", "v2")),
                group_version("one.example/v2", plain("things", "Thing")),
                {path = new, json = {kind = "ThingList", metadata = {}, items = salvor.list({})}},
            }
            server:rules({table.unpack(rules)})
            local this = client()
            assert.are.equal("x", must(this:get("things", "x")).metadata.name)
            assert.are.equal("x", must(this:get("things", "x")).metadata.name)
            assert.are.same({}, must(client():list("things")))
            assert.is_truthy(must(client():delete("things", "x")))
            local count = 0
            for _, request in ipairs(server:requests()) do
                count = count + (request.path:find(old, 1, true) and 1 or 0)
            end
            assert.are.equal(1, count)
        end)

        it("asks again only once for a path that is said to be right", function()
            requests_for({"things"})
            local path = "/apis/one.example/v1/namespaces/default/things/x"
            local rules = RULES()
            rules[#rules + 1] = gone("GET", path)
            server:rules(rules)
            local this = client()
            assert.are.equal(404, select(2, this:get("things", "x")).status)
            server.answered = {}
            local asked = #server:requests()
            assert.are.equal(404, select(2, this:get("things", "x")).status)
            assert.are.equal(asked + 1, #server:requests())
        end)

        it("changes no version that an object names", function()
            requests_for({"things"})
            local old = "/apis/one.example/v1/namespaces/default/things"
            server:rules({gone("POST", old), groups(group("one.example", "v2")),
                          group_version("one.example/v2", plain("things", "Thing"))})
            local made, err = client():create({apiVersion = "one.example/v1", kind = "Thing",
                                               metadata = {name = "x"}})
            assert.is_nil(made)
            assert.are.equal(404, err.status)
        end)

        it("lets an object that is not there be", function()
            requests_for({"pods"})
            local path = "/api/v1/namespaces/default/pods/x"
            server:rules({{path = path, status = 404, json = scripted.status(404, "NotFound",
                'pods "x" not found', {details = {name = "x", kind = "pods"}})}})
            server.answered = {}
            assert.are.equal("NotFound", select(2, client():get("pods", "x")).code)
            assert.are.same({path}, paths())
        end)

        it("keeps no answer in which a group was silent as a whole one", function()
            RULES = function()
                return {groups(group("down.example", "v1"), group("one.example", "v1")),
                        {path = "/apis/down.example/v1", status = 503, body = "down"},
                        group_version("one.example/v1", plain("things", "Thing"))}
            end
            requests_for({"things"})
            -- The group that comes first is back.
            server:rules({groups(group("down.example", "v1"), group("one.example", "v1")),
                          group_version("down.example/v1", plain("things", "Thing"))})
            assert.are.equal("down.example/v1", must(client():kind("things")).api_version)
        end)

        it("takes an ETag of an older server for no more than its group list", function()
            RULES = function()
                local list = groups(group("one.example", "v1"))
                list.headers = {ETag = '"1"'}
                return {{path = "/apis", status = 304, request_header = {"If-None-Match", '"1"'}},
                        {path = "/api", json = {kind = "APIVersions", versions = {"v1"}},
                         headers = {ETag = '"1"'}},
                        list, group_version("one.example/v1", plain("things", "Thing"))}
            end
            requests_for({"things"})
            make_older(7 * 3600)
            requests_for({"things"})
            for _, request in ipairs(server:requests()) do
                assert.is_nil(request.headers["If-None-Match"])
            end
        end)

        it("asks a server with ETags whether what it had still holds", function()
            RULES = function()
                local a, b = tagged(aggregated_rule("/api", AGGREGATED, CORE), '"core-1"')
                local c, d = tagged(aggregated_rule("/apis", AGGREGATED, THINGS), 'W/"all-1"')
                return {a, b, c, d}
            end
            assert.is_true(requests_for({"things"}) >= 2)
            make_older(7 * 3600)
            assert.are.equal(2, requests_for({"things", "po"}))
            for _, request in ipairs(server:requests()) do
                assert.is_truthy(request.headers["If-None-Match"])
            end
            assert.are.equal(0, requests_for({"things", "po"}))
            -- What has changed is taken as a whole.
            make_older(7 * 3600)
            RULES = function()
                local a, b = tagged(aggregated_rule("/api", AGGREGATED, CORE), '"core-1"')
                local c, d = tagged(aggregated_rule("/apis", AGGREGATED, {
                    metadata = {name = "two.example"},
                    versions = {version("v1", aggregated("news", "New"))}}), 'W/"all-2"')
                return {a, b, c, d}
            end
            requests_for({"news", "po"})
            assert.are.equal(0, requests_for({"news", "po"}))
        end)

        it("is not used when it is damaged, or another version's", function()
            for _, damage in ipairs({
                function() change("^salvor kinds %d+", "salvor kinds 9") end,
                function() change("%d%.%d%.%d\n", "99.0.0\n") end,
                function() change("end\n$", "") end,
                function() change("^.*$", "") end,
                function() change("^.*$", ("\0\255"):rep(100)) end,
                function() change(",things,.-\n", ",things,\t\0\n") end,
                function() change("\tthings\t", "\t../../x\t") end,
                function() change("\n%d+\t", "\nx\t") end,
            }) do
                requests_for({"things"})
                damage()
                assert.is_true(requests_for({"things"}) > 0)
                assert.are.equal(0, requests_for({"things"}))
            end
        end)

        it("follows no link and opens nothing but a file", function()
            requests_for({"things"})
            local path = cache_file()
            local real = must(fs.read(path))
            must(fs.write(fs.join(folder, "elsewhere"), real))
            must(fs.symlink(fs.join(folder, "elsewhere"), path, {replace = true}))
            assert.is_true(requests_for({"pods", "things"}) > 0)
            -- What was linked to is as it was, and the link gone.
            assert.are.equal(real, must(fs.read(fs.join(folder, "elsewhere"))))
            assert.are.equal("file", must(fs.stat(path, {follow = false})).type)

            must(fs.remove(path))
            assert.is_true(os.execute("mkfifo '" .. path .. "'"))
            assert.is_true(requests_for({"pods"}) > 0)

            local place = fs.dirname(path)
            must(fs.remove_tree(place))
            must(fs.mkdir(fs.join(folder, "other")))
            must(fs.symlink(fs.join(folder, "other"), place))
            assert.is_true(requests_for({"pods"}) > 0)
            assert.are.same({}, must(fs.list(fs.join(folder, "other"))))
        end)

        it("is not used when others could have written it", function()
            requests_for({"pods"})
            for _, path in ipairs({cache_file(), fs.dirname(cache_file())}) do
                assert.is_true(os.execute("chmod 777 '" .. path .. "'"))
                assert.is_true(requests_for({"pods"}) > 0)
                assert.is_true(os.execute("chmod 700 '" .. path .. "'"))
            end
        end)

        it("is not used when it is another user's", function()
            requests_for({"pods"})
            for _, path in ipairs({cache_file(), fs.dirname(cache_file())}) do
                if not os.execute("chown 1 '" .. path .. "' 2>/dev/null") then
                    return pending("only root can give files away")
                end
                assert.is_true(requests_for({"pods"}) > 0)
                assert.is_true(os.execute("chown 0 '" .. path .. "'"))
            end
        end)

        it("does without when there is no place for it", function()
            must(fs.write(fs.join(folder, "discovery"), "a file"))
            assert.are.equal(1, requests_for({"pods"}))
            assert.are.equal(1, requests_for({"pods"}))
            must(fs.remove(fs.join(folder, "discovery")))
            assert.are.equal(1, requests_for({"pods"}, server:client({cache = "/proc/no/place"})))
        end)

        it("is one for each server and name of a cluster", function()
            local cache = require("salvor.k8s.discovery_cache")
            local seen = {}
            for _, case in ipairs({{"https://a:1", "x"}, {"https://a:1", "y"}, {"https://a:2", "x"},
                                   {"https://a:1/../..", "x"}, {"http://a:1", "x"},
                                   {"https://" .. ("a"):rep(500), "x"}}) do
                local path = cache.new("/c", table.unpack(case)).path
                assert.is_nil(seen[path])
                assert.is_truthy(path:find("^/c/discovery/[%w._-]+/kinds$"))
                assert.is_true(#path < 200)
                seen[path] = true
            end
        end)

        it("is shared by processes that write at the same time", function()
            server:rules(RULES())
            local all = {}
            for number = 1, 20 do
                all[number] = client()
            end
            task.map(all, function(each)
                must(each:kind("things"))
                must(each:kind("pods"))
            end, {workers = 20})
            assert.are.equal(0, requests_for({"things", "pods"}))
            assert.are.equal(1, #must(fs.list(fs.dirname(cache_file()))))
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
        local deadline = task.now() + 20
        while not client:request({path = "/apis/discovery.salvor.example/" .. version_name .. "/"
                .. object.spec.names.plural}) and task.now() < deadline do
            task.sleep(0.05)
        end
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
        local seen = {}
        for event in watcher:watch("movers", {timeout = 1}) do
            seen[#seen + 1] = event.object.apiVersion
        end
        assert.are.same({"discovery.salvor.example/v1"}, seen)

        must(admin:delete("crd", "movers.discovery.salvor.example"))
        must(admin:wait("crd", "movers.discovery.salvor.example", {deleted = true}))
        client = lab.client({cache = folder})
        local movers, err
        local deadline = task.now() + 20
        repeat
            movers, err = client:list("movers")
        until not movers or task.now() > deadline
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
        local deadline = task.now() + 20
        local record, err
        repeat
            record, err = lab.client():kind("things.down.salvor.example")
        until err.code ~= "NotFound" or task.now() > deadline
        assert.is_nil(record)
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
