-- A recovery kit in a store: the same on S3, SFTP and Azure as in a folder.
local errors = require("salvor.error")
local kit = require("salvor.procedure.kit")
local store = require("salvor.store")
local store_lab = require("support.store_lab")

local SYSTEM = {kind = "ManagementCluster", namespace = "apic", name = "management", uid = "u-1"}
local OTHER = {kind = "ManagementCluster", namespace = "b", name = "n", uid = "u-2"}

--- The latest generation of the kit there.
local function read(url, options)
    local opened <close> = must(kit.open(url, options))
    return opened:read()
end

--- Does what a run does, without its journal.
local PERFORMER = {perform = function(_, effect)
    return must(effect.run())
end}

--- place() -> a URL where nothing is, and the options of its store.
local function kits(place)
    local url, options

    before_each(function()
        url, options = place()
    end)

    local function open(run)
        return must(kit.open(url, {store = options, run = run, performer = PERFORMER}))
    end

    it("is whole, or not there", function()
        local opened <close> = open("r1")
        assert.is_true(must(opened:check_place(SYSTEM)))
        opened:write("secrets/a.yaml", "a: 1\n")
        assert.equal("NotFound", select(2, opened:read()).code)
        assert.same({"r1"}, must(opened:unfinished()))
        assert.is_true(opened:holds({"secrets/a.yaml"}))
        opened:publish(SYSTEM)
        local manifest, files = read(url, {store = options})
        assert.same(SYSTEM, must(manifest, files).system)
        assert.same({["secrets/a.yaml"] = "a: 1\n"}, files)
        assert.same({}, must(opened:unfinished()))
    end)

    it("keeps the last generation when a later one is given up", function()
        local first <close> = open("r1")
        first:write("a.yaml", "one")
        first:publish(SYSTEM)
        local second <close> = open("r2")
        second:write("a.yaml", "two")
        second:discard()
        assert.same({}, must(second:unfinished()))
        assert.same({["a.yaml"] = "one"}, select(2, read(url, {store = options})))
    end)

    it("belongs to one system, and shows damage", function()
        local first <close> = open("r1")
        first:write("a.yaml", "one")
        first:publish(SYSTEM)
        local ok, err = first:check_place(OTHER)
        assert.is_nil(ok)
        assert.matches("is the kit of another system: ManagementCluster apic/", err.message)
        local direct <close> = must(store.open(url, options))
        must(direct:write("generations/r1/a.yaml", "two"))
        assert.is_true(errors.is(select(2, first:read()), "Corrupt"))
    end)
end

store_lab.describe("a kit on S3", "s3", function(at)
    kits(function()
        return "s3://" .. store_lab.bucket() .. "/kits/management",
            {endpoint = at.endpoint, access_key = at.access_key, secret_key = at.secret_key,
             region = at.region}
    end)

    it("needs a bucket that is there", function()
        local opened <close> = must(kit.open("s3://no-such-bucket-here/kit", {store = {
            endpoint = at.endpoint, access_key = at.access_key, secret_key = at.secret_key,
            region = at.region}}))
        local ok, err = opened:check_place(SYSTEM)
        assert.is_nil(ok)
        assert.equal("NotFound", err.code)
    end)
end)

store_lab.describe("a kit on SFTP", "sftp", function(at)
    kits(function()
        return string.format("sftp://%s@%s:%d%s/kits/management", at.user, at.host, at.port,
            (store_lab.folder())),
            {key_file = at.ed25519, known_hosts = at.known_hosts, config = "none"}
    end)
end)

store_lab.describe("a kit on Azure", "azure", function(at)
    kits(function()
        return "az://" .. store_lab.container() .. "/kits/management",
            {account = at.account, endpoint = at.endpoint, key = at.key}
    end)
end)
