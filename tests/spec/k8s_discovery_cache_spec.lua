local answers = require("support.discovery")
local fs = require("salvor.fs")
local salvor = require("salvor")
local scripted = require("support.scripted")
local task = require("salvor.task")

local aggregated, plain, group_version = answers.aggregated, answers.plain, answers.group_version
local group, groups, version = answers.group, answers.groups, answers.version
local aggregated_rule, tagged = answers.aggregated_rule, answers.tagged
local AGGREGATED, CORE, THINGS = answers.AGGREGATED, answers.CORE, answers.THINGS

describe("the cache of discovery", function()
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
        server:rules({})
        server.answered = {}
        assert.are.equal("New", must(client():kind("news")).kind)
        assert.are.same({}, server:requests())
        -- One that means nothing then either is not asked for a second time.
        assert.are.equal("NotFound", select(2, client():kind("nonsense")).code)
        assert.are.same({"/api", "/api/v1", "/apis"}, server:paths())
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

    it("finds the object that is to be updated at its new path", function()
        requests_for({"things"})
        local old, new = "/apis/one.example/v1/namespaces/default/things/x",
            "/apis/one.example/v2/namespaces/default/things/x"
        server:rules({
            gone("GET", old), gone("PUT", old),
            {path = new, json = {metadata = {name = "x"}}},
            {method = "PUT", path = new, json = {metadata = {name = "x"}, spec = {}}},
            groups(group("one.example", "v2")),
            group_version("one.example/v2", plain("things", "Thing")),
        })
        local updated = must(client():update("things", "x", function(thing)
            thing.spec = {}
        end))
        assert.are.same({}, updated.spec)
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
        assert.are.same({path}, server:paths())
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
