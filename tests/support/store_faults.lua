--- A network and a server that let things go wrong between salvor.store and a real server that
--- speaks HTTP: what arrives is right, or there is an error and nothing under the final name.
local assert = require("luassert")
local busted = require("busted")
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local store = require("salvor.store")
local store_lab = require("support.store_lab")
local task = require("salvor.task")

local MiB = 1 << 20
local LIMIT = 240 -- seconds for all faults of one test
local WORKERS = 4

local it, setup, teardown, before_each = busted.it, busted.setup, busted.teardown,
    busted.before_each

local store_faults = {}

local DOWN = {
    {cut_answer = 100000}, {reset_answer = 100000}, {reset = true}, {lost = true},
    {silent_answer = 1000}, {silent = true},
    {status = 503, headers = {["Retry-After"] = "0"}, body = "x"}, {status = 500},
    {status = 429, headers = {["Retry-After"] = "1"}, body = "x"},
}

--- The rules that let each fault happen once, to an object of its own: `names`.
local function rules_of(faults, names)
    local rules = {}
    for index, fault in ipairs(faults) do
        rules[index] = merge(fault, {times = 1,
                                     target = "/" .. names[index] .. (fault.target or "$")})
    end
    return rules
end

local function assert_all_happened(proxy, faults)
    local happened = {}
    for _, request in ipairs(proxy:requests()) do
        happened[request.rule or 0] = true
    end
    for index in ipairs(faults) do
        assert.is_true(happened[index], "fault " .. index)
    end
end

--- Specs within a describe(). `kind`: "s3" or "azure"; `new_url()` -> that of a new bucket;
--- `options(proxy)` -> what opens it through that proxy; `uploads`: rules of the proxy, each for
--- one request of an upload of three parts, whose `target` follows the object's name.
function store_faults.specs(kind, new_url, options, uploads)
    local proxies, folder, url, plain = {}, nil, nil, nil
    local text = ("0123456789abcdef"):rep(20 * MiB // 16) .. "end"

    local function open(proxy, more)
        return must(store.open(url, merge(options(proxy), {timeout = 5}, more)))
    end

    setup(function()
        for name, certificate in pairs({http = false, https = "server", expired = "expired"}) do
            proxies[name] = store_lab.proxy(kind, certificate or nil)
        end
        folder, url = must(fs.temporary_folder()), new_url()
        must(fs.write(folder .. "/large", text))
        plain = open(proxies.http)
    end)

    teardown(function()
        plain:close()
        for _, proxy in pairs(proxies) do
            proxy:stop()
        end
        must(fs.remove_tree(folder))
    end)

    before_each(function()
        for _, proxy in pairs(proxies) do
            proxy:rules({})
        end
    end)

    --- Runs work(store, name) for an object of each fault, several at once; each fault must happen.
    local function with_faults(proxy, names, faults, work)
        proxy:rules(rules_of(faults, names))
        local opened <close> = open(proxy)
        local began = task.now()
        task.map(names, function(name) work(opened, name) end, {workers = WORKERS})
        assert.is_true(task.now() - began < LIMIT)
        assert_all_happened(proxy, faults)
        proxy:rules({})
    end

    local function names_of(prefix, faults)
        local names = {}
        for index in ipairs(faults) do
            names[index] = prefix .. index
        end
        return names
    end

    local function fetch(opened, name)
        local path = folder .. "/" .. name
        must(opened:download(name, path))
        assert.are.equal(digest.md5(text), must(digest.file("md5", path)))
        must(fs.remove(path))
    end

    local function send(opened, name)
        must(opened:upload(folder .. "/large", name))
        fetch(plain, name)
    end

    it("reads again what was cut short, reset, silent or refused", function()
        local names, faults = names_of("down-", DOWN), {}
        for index, fault in ipairs(DOWN) do
            faults[index] = merge(fault, {method = "GET", skip = 1})
            must(plain:upload(folder .. "/large", names[index]))
        end
        with_faults(proxies.http, names, faults, fetch)
    end)

    it("does not take bytes that were changed on their way", function()
        must(plain:upload(folder .. "/large", "large"))
        proxies.http:rules({{method = "GET", target = "/large$", skip = 1, times = 1,
                             flip_answer = 5000}})
        local once <close> = open(proxies.http, {retries = 0})
        local done, err = once:download("large", folder .. "/back")
        assert.is_nil(done)
        assert.are.equal("Corrupt", err.code, tostring(err))
        assert.is_nil((fs.stat(folder .. "/back")))
        must(plain:write("small", "content"))
        proxies.http:rules({{method = "GET", target = "/small$", times = 1, flip_answer = 3}})
        must(plain:download("small", folder .. "/small"))
        assert.are.equal("content", must(fs.read(folder .. "/small")))
    end)

    it("sends again what was lost, changed or refused, and the object is right", function()
        with_faults(proxies.http, names_of("up-", uploads), uploads, send)
    end)

    it("does so over TLS", function()
        with_faults(proxies.https, names_of("tls-", uploads), uploads, send)
    end)

    it("leaves the old object when it cannot send the new one", function()
        must(plain:write("object", "old"))
        proxies.http:rules({{method = "PUT", target = "/object", reset = true}})
        local to <close> = open(proxies.http, {retries = 1})
        local done, err = to:write("object", "new")
        assert.is_nil(done)
        assert.are.equal("Disconnected", err.code)
        proxies.http:rules({})
        assert.are.equal("old", must(plain:read("object")))
    end)

    it("says of a server that goes on refusing what it says, after the tries", function()
        proxies.http:rules({{target = "/object", status = 429, headers = {["Retry-After"] = "0"}}})
        local opened <close> = open(proxies.http, {retries = 2})
        local read, err = opened:read("object")
        assert.is_nil(read)
        assert.are.equal("SlowDown", err.code)
        assert.matches("/object: the server asks for fewer requests.*%(HTTP 429", err.message)
        assert.are.equal(3, #proxies.http:requests())
    end)

    it("sends nothing to a server whose certificate has expired, and does not insist", function()
        local opened <close> = open(proxies.expired)
        for _, call in ipairs({
            function() return opened:stat("object") end,
            function() return opened:list() end,
            function() return opened:write("object", "new") end,
            function() return opened:upload(folder .. "/large", "object") end,
        }) do
            local done, err = call()
            assert.is_nil(done)
            assert.are.equal("Untrusted", err.code, tostring(err))
            assert.matches("the certificate of 127.0.0.1:%d+ has expired", err.message)
            assert.is_false(err.retryable)
        end
        assert.are.equal(0, #proxies.expired:requests())
    end)
end

return store_faults
