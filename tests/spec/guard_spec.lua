-- With --read-only every write is an error and does nothing, and every read works. All functions
-- that reach a cluster or a store are called: one that is new belongs to
-- tests/support/every_call.lua.
local every_call = require("support.every_call")
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local reference = require("salvor.reference")
local salvor = require("support.salvor")
local store = require("salvor.store")
local store_lab = require("support.store_lab")

--- Makes the calls of a list in a process of its own, each on an object of its own.
local SCRIPT = [==[
local every_call = require("support.every_call")
local open = {
    cluster = function()
        return must(require("salvor.k8s").connect({kubeconfig = arg[3], namespace = arg[4]}))
    end,
    storage = function()
        return must(require("salvor.store").open(arg[3]))
    end,
}
local outcomes = {}
for number, call in ipairs(every_call[arg[1]][arg[2]]) do
    local object <close> = open[arg[1]]()
    local ok, result, err = pcall(call[2], object, arg[3])
    err = not ok and result or err
    outcomes[number] = {name = call[1], ok = ok and result ~= nil,
                        code = type(err) == "table" and err.code or nil,
                        message = err and tostring(err) or nil}
end
io.stderr:write(must(require("salvor.json").encode(outcomes)), "\n")
]==]

describe("the list of calls", function()
    local function names(calls)
        local seen = {}
        for _, kind in ipairs({"reads", "writes"}) do
            for _, call in ipairs(calls[kind]) do
                seen[call[1]] = true
            end
        end
        return require("salvor").keys(seen)
    end

    local function described(...)
        local found = {}
        for _, owner in ipairs({...}) do
            for _, member in ipairs(reference.members(owner)) do
                found[#found + 1] = member.name
            end
        end
        table.sort(found)
        return found
    end

    it("has every method of a client", function()
        assert.same(described("k8s.Client"), names(every_call.cluster))
    end)

    it("has every function of storage", function()
        assert.same(described("salvor.store", "salvor.Store"), names(every_call.storage))
    end)
end)

--- Calls them all, of one kind ("reads" or "writes"): list of {name, ok, code, message}.
--- Takes `options` of salvor, and `env`.
local function call_all(home, how, what, kind, ...)
    local words = table.move(how.options, 1, #how.options, 1, {})
    table.move({fs.join(home, "script.lua"), what, kind, ...}, 1, 3 + select("#", ...), #words + 1,
        words)
    local env = merge({LUA_PATH = must(fs.absolute("tests")) .. "/?.lua"}, how.env)
    local result = salvor.run(words, {home = home, cwd = home, env = env})
    salvor.expect_code(0, result)
    return must(json.decode(result.stderr:match("[^\n]*\n$")))
end

local function new_home()
    local home = must(fs.temporary_folder())
    must(fs.write(fs.join(home, "script.lua"), SCRIPT))
    must(fs.write(fs.join(home, "local"), "text"))
    must(fs.write(fs.join(home, "large"), ("x"):rep(9 << 20))) -- goes in parts
    must(fs.mkdir(fs.join(home, "links")))
    must(fs.symlink("nothing", fs.join(home, "links/one"))) -- no copy takes it along
    return home
end

local function each(outcomes, check)
    assert.is_true(#outcomes > 0)
    for number, outcome in ipairs(outcomes) do
        check(outcome, string.format("%d. %s: %s", number, outcome.name, outcome.message or "done"))
    end
end

lab.describe("a read-only session at a cluster", function()
    local home, namespace, client

    setup(function()
        home, namespace = new_home(), lab.namespace()
        client = lab.client({namespace = namespace})
        every_call.prepare_cluster(client)
    end)

    teardown(function()
        must(client:delete("namespaces", namespace))
        getmetatable(client).__close(client)
        must(fs.remove_tree(home))
    end)

    local function versions()
        local found = {}
        for _, kind in ipairs({"configmaps", "deployments"}) do
            for _, object in ipairs(must(client:list(kind))) do
                found[kind .. "/" .. object.metadata.name] = object.metadata.resourceVersion
            end
        end
        return found
    end

    local function call(options, kind)
        return call_all(home, {options = options}, "cluster", kind, lab.kubeconfig(), namespace)
    end

    it("reads", function()
        local before = versions()
        each(call({"--read-only"}, "reads"), function(outcome, told)
            assert.is_true(outcome.ok or outcome.code == "NotFound", told)
        end)
        assert.same(before, versions())
    end)

    it("writes nothing, and says what it would have been", function()
        local before = versions()
        each(call({"--read-only"}, "writes"), function(outcome, told)
            assert.equal("Refused", outcome.code, told)
            assert.matches("the session is read%-only", told)
        end)
        assert.same(before, versions())
    end)

    it("is what keeps those calls from writing", function()
        each(call({}, "writes"), function(outcome, told)
            assert.is_true(outcome.ok or outcome.code == "NotFound", told)
        end)
        assert.is_nil(versions()["configmaps/gone"])
    end)
end)

--- what: url_of(home) -> URL, env (with which it can be opened), options (the same for
--- store.open), has_leftovers (an interrupted upload leaves something that no list shows).
local function describe_store(title, what)
    describe("a read-only session at " .. title, function()
        local home, url, opened

        setup(function()
            home = new_home()
            url = what.url_of(home)
            opened = must(store.open(url, what.options))
            every_call.prepare_store(opened)
        end)

        teardown(function()
            opened:close()
            must(fs.remove_tree(home))
        end)

        local function contents()
            local found = {}
            for item in opened:each() do
                found[item.path] = must(opened:read(item.path))
            end
            return found
        end

        local function call(options, kind)
            return call_all(home, {options = options, env = what.env}, "storage", kind, url)
        end

        local function is_missing(outcome)
            return not what.has_leftovers and outcome.name == "store:leftovers"
        end

        it("reads", function()
            local before = contents()
            each(call({"--read-only"}, "reads"), function(outcome, told)
                assert.not_equal("Refused", outcome.code, told)
            end)
            assert.equal("text", must(fs.read(fs.join(home, "brought"))))
            assert.same(before, contents())
        end)

        it("writes nothing", function()
            local before = contents()
            each(call({"--read-only"}, "writes"), function(outcome, told)
                assert.equal(is_missing(outcome) and "Unsupported" or "Refused", outcome.code,
                    told)
            end)
            assert.same(before, contents())
        end)

        it("is what keeps those calls from writing", function()
            each(call({}, "writes"), function(outcome, told)
                assert.is_true(outcome.ok or is_missing(outcome), told)
            end)
            assert.same({}, must(opened:list("a")))
        end)
    end)
end

describe_store("a folder", {url_of = function(home)
    return fs.join(home, "store")
end})

store_lab.describe("a read-only session", "s3", function(at)
    local env = {AWS_ENDPOINT_URL = at.endpoint, AWS_ACCESS_KEY_ID = at.access_key,
                 AWS_SECRET_ACCESS_KEY = at.secret_key, AWS_REGION = at.region}

    describe_store("S3", {
        url_of = function()
            return "s3://" .. store_lab.bucket() .. "/below"
        end,
        env = env,
        options = {endpoint = at.endpoint, access_key = at.access_key, region = at.region,
                   secret_key = at.secret_key},
        has_leftovers = true,
    })

    it("brings objects to files of this machine, and to no other place", function()
        local home <close> = setmetatable({path = new_home()}, {__close = function(self)
            must(fs.remove_tree(self.path))
        end})
        local url = "s3://" .. store_lab.bucket()
        local result = salvor.run({"--read-only", "-e", string.format([[
            local store = must(require("salvor.store").open(%q))
            must(store:download("script.lua", %q))]], home.path, url .. "/copy")},
            {home = home.path, env = env})
        salvor.expect_code(6, result)
        salvor.expect(result.stderr, "write " .. url .. "/copy: the session is read-only")
    end)
end)
