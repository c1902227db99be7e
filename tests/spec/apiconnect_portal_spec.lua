-- What the procedures of the portal go by: times, which backups a restore takes, how a resource
-- differs from what it must be, and how that is mended.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.portal_backup")
local difference = require("salvor.apiconnect.difference")
local portal = require("salvor.apiconnect.portal")
local portal_restore = require("salvor.apiconnect.portal_restore")
local replacement = require("salvor.apiconnect.replacement")
local yaml = require("salvor.yaml")

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

describe("a resource", function()
    local BACKUP = {host = "h", port = 22}
    local KIT = {
        section = "portal", name = "portal",
        spec = portal.fields({siteName = "a", originalUID = "uid", encryptionSecret = "key",
                              portalBackup = BACKUP}),
        resource = {spec = {portalUIEndpoint = {hosts = {{name = "one"}, {name = "two"}}}}},
    }

    local function texts(object, version)
        local found = {}
        for index, one in ipairs(replacement.differences(object, KIT, version)) do
            found[index] = difference.describe(one)
        end
        return found
    end

    it("differs in what a recovery needs", function()
        assert.same({
            "spec.originalUID: other -> uid",
            "spec.encryptionSecret.secretName: (not set) -> key",
            "spec.portalBackup.port: 23 -> 22",
        }, texts({kind = "PortalCluster", metadata = {name = "portal"}, spec = {
            siteName = "a", originalUID = "other", portalBackup = {host = "h", port = 23},
        }}, "10.0.3.0"))
    end)

    it("has no originalUID before 10.0.3.0", function()
        assert.same({"spec.siteName: (not set) -> a",
                     "spec.encryptionSecret.secretName: (not set) -> key"},
            texts({kind = "PortalCluster", metadata = {name = "portal"},
                   spec = {portalBackup = BACKUP}}, "10.0.2.0"))
    end)

    it("is edited in the one above it, which names its portal after itself", function()
        local spec = {siteName = "a", originalUID = "uid", portalBackup = BACKUP,
                      encryptionSecret = {secretName = "key"}}
        local top = {kind = "APIConnectCluster", metadata = {name = "top"}, spec = {portal = spec}}
        assert.same({"spec.portal.name: (not set) -> portal"}, texts(top, "10.0.3.0"))
        spec.name = "portal"
        assert.same({}, texts(top, "10.0.3.0"))
    end)

    it("may have its hosts in another order, and no others", function()
        local function changes(...)
            local hosts = {}
            for index, name in ipairs({...}) do
                hosts[index] = {name = name, secretName = "tls"}
            end
            return replacement.endpoint_changes({kind = "PortalCluster",
                spec = {portalUIEndpoint = {hosts = hosts}}}, KIT)
        end
        assert.same({}, changes("two", "one"))
        assert.same({"portalUIEndpoint is one, it was one, two"}, changes("one"))
        assert.same({"portalUIEndpoint is not set, it was one, two"}, changes())
    end)

    it("is mended by a patch of just the differences, lists as a whole", function()
        local object = {kind = "X", spec = {list = {{a = 1}, {a = 2}}, other = true}}
        local list = {}
        difference.want(list, object, {"spec", "list", 2, "a"}, 3)
        difference.want(list, object, {"spec", "deep", "er"}, "x")
        difference.want(list, object, {"spec", "other"}, true)
        difference.want(list, object, {"spec", "unknown"}, nil)
        assert.same({spec = {list = {{a = 1}, {a = 3}}, deep = {er = "x"}}},
            difference.patch(object, list))
        assert.equal(2, object.spec.list[2].a)
        assert.same({{op = "~", path = "spec.list[1].a", before = "2", after = "3"},
                     {op = "+", path = "spec.deep.er", after = "x"}}, difference.changes(list))
    end)

    it("is mended in its file, of which all else stays", function()
        local text = "a: 1 # one\n---\nkind: X\nspec:\n    list:\n    -   a: 2   # two\n"
        local edited = difference.edited(text, 2,
            {{path = {"spec", "list", 1, "a"}, before = 2, after = 3}})
        assert.equal((text:gsub("a: 2", "a: 3")), edited)
        assert.equal(3, must(yaml.load_all(edited))[2].spec.list[1].a)
    end)
end)
