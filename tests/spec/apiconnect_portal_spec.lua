-- What the procedures of the portal go by: times, which backups a restore takes, what a dry run
-- tells, and which names are too long.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.portal_backup")
local portal_restore = require("salvor.apiconnect.portal_restore")

describe("the id of a portal backup", function()
    it("is a time", function()
        assert.equal(1641603633, backup.seconds("20220108.010033"))
    end)

    for _, text in ipairs({"20221332.010033", "20220108-010033", "20220108.010033F", "n/a", ""}) do
        it(("%q is none"):format(text), function()
            assert.is_nil(backup.seconds(text))
        end)
    end
end)

describe("the set of a restore", function()
    local function made(subject, id)
        return {name = subject .. id, subject = subject, id = id, time = backup.seconds(id)}
    end
    local all = {
        made(backup.SYSTEM, "20220108.010000"), made(backup.SYSTEM, "20220107.010000"),
        made("a@b@c", "20220107.010100"), made("a@b@c", "20220108.010100"),
        made("a@b@d", "20220109.010100"),
    }

    it("is the newest of each", function()
        local set, newer = backup.set(all, "now")
        assert.equal("20220108.010000", set.system.id)
        assert.equal("20220108.010100", set.sites["a@b@c"].id)
        assert.equal("20220109.010100", set.sites["a@b@d"].id)
        assert.same({}, newer)
    end)

    it("is the newest of each that is not newer than a time, that time included", function()
        local set, newer = backup.set(all, "20220108.010000")
        assert.equal("20220108.010000", set.system.id)
        assert.equal("20220107.010100", set.sites["a@b@c"].id)
        assert.is_nil(set.sites["a@b@d"])
        assert.same({"a@b@d"}, newer)
    end)

    it("may lack the system", function()
        local set, newer = backup.set(all, "20220101.000000")
        assert.is_nil(set.system)
        assert.same({backup.SYSTEM, "a@b@c", "a@b@d"}, newer)
    end)
end)

describe("the actions of a dry run", function()
    local SITE = {name = "p.example.org@acme@shop", site = "p.example.org/acme/shop",
                  id = "20220108.010033"}
    local CASES = {
        {"by address", "DRY_RUN: URL: p.example.org/acme/shop, UUID: 1", {}},
        {"by URL", "will restore https://p.example.org/acme/shop/.", {}},
        {"by file", "FILE: /b/p.example.org@acme@shop-20220108.010033.tar.gz", {}},
        {"with its own time behind another", "20220109.000000 p.example.org/acme/shop: from"
            .. " 20220108.010033", {}},
        {"of a site whose name begins so", "URL: p.example.org/acme/shop2",
         {"it leaves out site p.example.org@acme@shop (20220108.010033)"}},
        {"of a file whose name begins so", "p.example.org@acme@shop-eu-20220108.010033.tar.gz",
         {"it leaves out site p.example.org@acme@shop (20220108.010033)"}},
        {"from another backup", "p.example.org@acme@shop-20220107.010033.tar.gz",
         {"it restores site p.example.org@acme@shop from 20220107.010033 and not from"
            .. " 20220108.010033"}},
        {"that are none", "", {"it leaves out site p.example.org@acme@shop (20220108.010033)"}},
    }
    for _, case in ipairs(CASES) do
        it("are compared " .. case[1], function()
            local lines = portal_restore.actions({status = {message = "first\r\n" .. case[2]}})
            assert.same(case[3], portal_restore.disagreements(lines, {SITE}))
        end)
    end

    it("are those of message and state", function()
        assert.same({"a", "b", "c"},
            portal_restore.actions({status = {message = "a\nb", state = "c"}}))
        assert.same({}, portal_restore.actions({status = {message = 1}}))
    end)
end)

describe("a name is too long without originalUID", function()
    local CASES = {
        {"fifteen-letters", nil, nil},
        {"sixteen-letters-", nil, "sixteen-letters-"},
        {"short", "ten-letter", nil},
        {"short", "eleven-lett", "eleven-lett"},
    }
    for _, case in ipairs(CASES) do
        it(case[1] .. " below " .. tostring(case[2]), function()
            assert.equal(case[3], (apiconnect.long_name(case[1], case[2])))
        end)
    end
end)
