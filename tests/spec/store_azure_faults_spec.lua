-- A network and a server that let things go wrong between salvor.store and the emulator of Azure:
-- what arrives is right, or there is an error and nothing under the final name.
local azure = require("support.azure")
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local store = require("salvor.store")
local store_lab = require("support.store_lab")
local task = require("salvor.task")

local MiB = 1 << 20

store_lab.describe("Azure over a bad network", "azure", function(at)
    local proxy, folder, container, plain
    local text = ("0123456789abcdef"):rep(20 * MiB // 16) .. "end"

    local function open(options)
        local all = azure.options({endpoint = proxy.url .. "/" .. at.account, timeout = 1})
        for name, value in pairs(options or {}) do
            all[name] = value
        end
        return must(store.open("az://" .. container, all))
    end

    setup(function()
        proxy = store_lab.proxy("azure")
        folder = must(fs.temporary_folder())
        container = store_lab.container()
        must(fs.write(folder .. "/large", text))
        plain = open()
    end)

    teardown(function()
        plain:close()
        proxy:stop()
        must(fs.remove_tree(folder))
    end)

    before_each(function()
        proxy:rules({})
    end)

    --- Runs work(store, name) for an object of each fault, all at once; each fault must happen.
    local function with_faults(prefix, faults, work)
        local rules, names = {}, {}
        for index, fault in ipairs(faults) do
            names[index] = prefix .. index
            rules[index] = {times = 1}
            for key, value in pairs(fault) do
                rules[index][key] = value
            end
            rules[index].target = "/" .. names[index] .. fault.target
        end
        proxy:rules(rules)
        local opened <close> = open()
        task.map(names, function(name) work(opened, name) end, {workers = #names})
        local happened = {}
        for _, request in ipairs(proxy:requests()) do
            happened[request.rule or 0] = true
        end
        for index in ipairs(faults) do
            assert.is_true(happened[index], "fault " .. index)
        end
        proxy:rules({})
    end

    local function fetch(opened, name)
        must(opened:download(name, folder .. "/" .. name))
        assert.are.equal(digest.md5(text), must(digest.file("md5", folder .. "/" .. name)))
        must(fs.remove(folder .. "/" .. name))
    end

    it("reads again what was cut short, reset, silent or refused", function()
        local faults = {
            {cut_answer = 100000}, {reset_answer = 100000}, {reset = true}, {lost = true},
            {silent_answer = 1000}, {silent = true},
            {status = 503, headers = {["Retry-After"] = "0"}, body = "x"}, {status = 500},
        }
        for index, fault in ipairs(faults) do
            fault.method, fault.target, fault.skip = "GET", "$", 1
            must(plain:upload(folder .. "/large", "down-" .. index))
        end
        with_faults("down-", faults, fetch)
    end)

    it("does not take bytes that were changed on their way", function()
        must(plain:upload(folder .. "/large", "large"))
        proxy:rules({{method = "GET", target = "/large$", skip = 1, times = 1,
                      flip_answer = 5000}})
        local once <close> = open({retries = 0})
        local done, err = once:download("large", folder .. "/back")
        assert.is_nil(done)
        assert.are.equal("Corrupt", err.code, tostring(err))
        assert.is_nil((fs.stat(folder .. "/back")))
        must(plain:write("small", "content"))
        proxy:rules({{method = "GET", target = "/small$", times = 1, flip_answer = 3}})
        must(plain:download("small", folder .. "/small"))
        assert.are.equal("content", must(fs.read(folder .. "/small")))
    end)

    it("sends again what was lost, changed or refused, and the object is right", function()
        with_faults("up-", {
            {method = "PUT", target = ".*blockid=", flip_request = 70000},
            {method = "PUT", target = ".*blockid=", reset_request = 70000},
            {method = "PUT", target = ".*blockid=", lost = true},
            {method = "PUT", target = ".*blockid=", silent = true},
            {method = "PUT", target = ".*blockid=", status = 503,
             headers = {["Retry-After"] = "0"}},
            {method = "PUT", target = ".*comp=blocklist", lost = true},
            {method = "PUT", target = ".*comp=blocklist", status = 502},
            {method = "GET", target = ".*comp=blocklist", status = 500},
        }, function(opened, name)
            must(opened:upload(folder .. "/large", name))
            fetch(plain, name)
        end)
    end)

    it("leaves the old object when it cannot send the new one", function()
        must(plain:write("object", "old"))
        proxy:rules({{method = "PUT", target = "/object", reset = true}})
        local to <close> = open({retries = 1})
        local done, err = to:write("object", "new")
        assert.is_nil(done)
        assert.are.equal("Disconnected", err.code)
        proxy:rules({})
        assert.are.equal("old", must(plain:read("object")))
    end)
end)
