-- A network and a server that let things go wrong between salvor.store and a real gateway: what
-- arrives is right, or there is an error and nothing under the final name.
local digest = require("salvor.digest")
local fault_proxy = require("support.fault_proxy")
local fs = require("salvor.fs")
local store = require("salvor.store")
local store_lab = require("support.store_lab")
local task = require("salvor.task")

local MiB = 1 << 20

store_lab.describe("S3 over a bad network", "s3", function(at)
    local proxy, secure, folder, bucket, plain
    local text = ("0123456789abcdef"):rep(20 * MiB // 16) .. "end"

    setup(function()
        local to = at.endpoint:match("//(.*)$")
        proxy = fault_proxy.start({to = to})
        secure = fault_proxy.start({to = to, certificate = at.ca:gsub("ca.crt$", "server.crt"),
                                    key = at.ca:gsub("ca.crt$", "server.key")})
        folder = must(fs.temporary_folder())
        bucket = store_lab.bucket()
        must(fs.write(folder .. "/large", text))
    end)

    teardown(function()
        proxy:stop()
        secure:stop()
        must(fs.remove_tree(folder))
    end)

    local function open(through, options)
        local all = {endpoint = through.url, region = at.region, ca = at.ca,
                     access_key = at.access_key, secret_key = at.secret_key, timeout = 1}
        for name, value in pairs(options or {}) do
            all[name] = value
        end
        return must(store.open("s3://" .. bucket, all))
    end

    before_each(function()
        proxy:rules({})
        secure:rules({})
        plain = open(proxy)
    end)

    after_each(function()
        plain:close()
    end)

    --- Runs work(store, name) for an object of each fault, all at once; each fault must happen.
    local function with_faults(through, prefix, faults, work)
        local rules, names = {}, {}
        for index, fault in ipairs(faults) do
            names[index] = prefix .. index
            rules[index] = {times = 1}
            for key, value in pairs(fault) do
                rules[index][key] = value
            end
            rules[index].target = "/" .. names[index] .. (fault.target or "")
        end
        through:rules(rules)
        local opened <close> = open(through)
        local began = task.now()
        task.map(names, function(name) work(opened, name) end, {workers = #names})
        assert.is_true(task.now() - began < 15)
        local happened = {}
        for _, request in ipairs(through:requests()) do
            happened[request.rule or 0] = true
        end
        for index in ipairs(faults) do
            assert.is_true(happened[index], "fault " .. index)
        end
        through:rules({})
    end

    local function assert_same(path)
        assert.are.equal(digest.md5(text), must(digest.file("md5", path)))
        must(fs.remove(path))
    end

    it("reads again what was cut short, reset, silent or refused", function()
        local faults = {
            {cut_answer = 100000}, {reset_answer = 100000}, {reset = true}, {lost = true},
            {silent_answer = 1000}, {silent = true},
            {status = 503, headers = {["Retry-After"] = "0"}, body = "x"}, {status = 500},
        }
        for index, fault in ipairs(faults) do
            fault.method, fault.skip = "GET", 1
            must(plain:upload(folder .. "/large", "down-" .. index))
        end
        with_faults(proxy, "down-", faults, function(opened, name)
            must(opened:download(name, folder .. "/" .. name))
            assert_same(folder .. "/" .. name)
        end)
    end)

    it("does not take bytes that were changed on their way", function()
        must(plain:upload(folder .. "/large", "large"))
        proxy:rules({{method = "GET", target = "/large", skip = 1, times = 1, flip_answer = 5000}})
        local once <close> = open(proxy, {retries = 0})
        local done, err = once:download("large", folder .. "/back")
        assert.is_nil(done)
        assert.are.equal("Corrupt", err.code, tostring(err))
        assert.is_nil((fs.stat(folder .. "/back")))
        must(plain:write("small", "content"))
        proxy:rules({{method = "GET", target = "/small", times = 1, flip_answer = 3}})
        must(plain:download("small", folder .. "/small"))
        assert.are.equal("content", must(fs.read(folder .. "/small")))
    end)

    local FAULTS = {
        {target = ".*partNumber=2", flip_request = 70000},
        {target = ".*partNumber=2", reset_request = 70000},
        {target = ".*partNumber=1", lost = true},
        {target = ".*partNumber=1", silent = true},
        {target = ".*partNumber=2", status = 503, headers = {["Retry-After"] = "0"}},
        {target = ".*partNumber=3", skip = 1, lost = true},
        {method = "POST", target = ".*uploads=", status = 500},
        {method = "POST", target = ".*uploadId=", lost = true},
        {method = "POST", target = ".*uploadId=", status = 502},
    }
    for _, fault in ipairs(FAULTS) do
        fault.method = fault.method or "PUT"
    end

    local function send(opened, name)
        must(opened:upload(folder .. "/large", name))
        must(plain:download(name, folder .. "/" .. name))
        assert_same(folder .. "/" .. name)
    end

    it("sends again what was lost, changed or refused, and the object is right", function()
        with_faults(proxy, "up-", FAULTS, send)
    end)

    it("does so over TLS, where bytes are not part of the signature", function()
        with_faults(secure, "tls-", FAULTS, send)
    end)

    it("leaves the old object when it cannot send the new one", function()
        must(plain:write("object", "old"))
        proxy:rules({{method = "PUT", target = "/object", reset = true}})
        local to <close> = open(proxy, {retries = 1})
        local done, err = to:write("object", "new")
        assert.is_nil(done)
        assert.are.equal("Disconnected", err.code)
        proxy:rules({})
        assert.are.equal("old", must(plain:read("object")))
    end)
end)
