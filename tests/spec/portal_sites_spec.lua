-- Whether the sites of a portal can be reached over HTTPS: status and certificate, against a server
-- of our own; and apic-v10/recover-portal, which ends with that.
local lab = require("support.lab")
local portal = require("support.portal")
local recovery = require("support.portal_recovery")
local salvor = require("support.salvor")
local scripted = require("support.scripted")
local sites = require("salvor.apiconnect.portal_sites")

describe("the address of a site", function()
    local ADDRESSES = {
        ["portal.example.org/acme/shop"] = "https://portal.example.org /acme/shop",
        ["https://portal.example.org"] = "https://portal.example.org /",
        ["127.0.0.1:8443/a/b"] = "https://127.0.0.1:8443 /a/b",
    }
    for text, expected in pairs(ADDRESSES) do
        it(text, function()
            assert.equal(expected, table.concat({sites.address(text)}, " "))
        end)
    end

    for _, text in ipairs({"2bd3c1a0-7d1c", "portal@acme@shop", "http://b.org/c", "a.org/c d",
                           "a.org/\n", "", "a.org?x", "user@a.org/x"}) do
        it(("%q is none"):format(text), function()
            assert.is_nil((sites.address(text)))
        end)
    end
end)

describe("sites are reached", function()
    local server

    local function start(mode, rules)
        server = scripted.start(mode)
        server:rules(rules)
        return server.url:gsub("https://", "")
    end

    after_each(function()
        server:stop()
    end)

    local function reach(list, timeout)
        return sites.reach(list, {ca = server.folder .. "/ca.crt", timeout = timeout or 0})
    end

    it("when they answer or redirect", function()
        local at = start(nil, {{path = "/a", body = "hello"},
                               {path = "/b", status = 302, headers = {Location = "/user"}}})
        assert.equal(2, reach({at .. "/a", at .. "/b"}))
    end)

    it("when they answer later than at once", function()
        local at = start(nil, {{path = "/a", status = 503, times = 1}, {path = "/a", body = "up"}})
        assert.equal(1, reach({at .. "/a"}, 20))
    end)

    it("not when they have another status", function()
        local at = start(nil, {{path = "/a", body = "hello"}, {path = "/b", status = 503}})
        local count, err = reach({at .. "/a", at .. "/b", at .. "/c"})
        assert.is_nil(count)
        assert.equal("Failed", err.code)
        assert.equal("sites cannot be reached: " .. at .. "/b: answers with status 503; " .. at
            .. "/c: answers with status 404", err.message)
        assert.matches("host names lead to the new installation", err.hint)
    end)

    for _, mode in ipairs({"expired", "other-name", "other-ca"}) do
        it("not with a certificate that is " .. mode, function()
            local at = start(mode, {{path = "/a", body = "hello"}})
            local count, err = reach({at .. "/a"})
            assert.is_nil(count)
            assert.equal("Untrusted", err.code)
            assert.matches("-p ca=FILE", err.hint, 1, true)
        end)
    end

    it("not when nobody is there", function()
        start(nil, {})
        local count, err = reach({"127.0.0.1:1/a"})
        assert.is_nil(count)
        assert.matches("127.0.0.1:1/a: ", err.message, 1, true)
    end)
end)

lab.describe("apic-v10/recover-portal opens the sites", function()
    local server, lost, at

    setup(function()
        server = scripted.start()
        at = server.url:gsub("https://", "")
        lost = recovery.lose({sites = {at .. "/acme/shop", at .. "/acme/lab"}})
    end)

    teardown(function()
        lost:close()
        server:stop()
    end)

    --- The sites of the server that answer only when they have been restored.
    local function serve(paths)
        server:rules({})
        return function()
            local rules = {}
            for index, path in ipairs(paths) do
                rules[index] = {path = path, body = "welcome"}
            end
            server:rules(rules)
        end
    end

    it("that were restored, with the addresses of their backups", function()
        local operation <close> = recovery.start(lost, {
            common = {check_sites = "true", ca = server.folder .. "/ca.crt"},
            on_restored = serve({"/acme/shop", "/acme/lab"}),
        })
        local result = operation:recover()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "2 sites answer over HTTPS")
        assert.same({"/acme/lab", "/acme/shop"}, server:paths())
    end)

    it("and stops when one does not answer, or its certificate is not trusted", function()
        local operation <close> = recovery.start(lost, {
            common = {check_sites = "true", sites_timeout = "0s", ca = server.folder .. "/ca.crt"},
            on_restored = serve({"/acme/shop"}),
        })
        local result = operation:recover()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step sites", at .. "/acme/lab: answers with status"
            .. " 404")
        serve({"/acme/shop", "/acme/lab"})()
        salvor.expect_code(0, operation:go_on(portal.run_id(result)))
        local untrusted = operation:recover({ca = false, sites = at .. "/acme/shop"})
        salvor.expect_code(5, untrusted)
        salvor.expect(untrusted.stderr, "stopped at step sites",
            "name the authority of the certificates with -p ca=FILE")
    end)
end)
