-- How the resource that takes a lost subsystem's place differs from what it must be, and how that
-- is mended: the object, a patch, or the operator's file.
local difference = require("salvor.apiconnect.difference")
local merge = require("salvor.copy").merge
local null = require("salvor").null
local portal = require("salvor.apiconnect.portal")
local replacement = require("salvor.apiconnect.replacement")
local yaml = require("salvor.yaml")

local function texts_of(object, kit, ...)
    local found = {}
    for index, one in ipairs(replacement.differences(object, kit, ...)) do
        found[index] = difference.describe(one)
    end
    return found
end

describe("the replacement of a portal", function()
    local BACKUP = {host = "h", port = 22}
    local KIT = {
        section = "portal", name = "portal",
        spec = portal.fields({siteName = "a", originalUID = "uid", encryptionSecret = "key",
                              portalBackup = BACKUP}),
        resource = {spec = {portalUIEndpoint = {hosts = {{name = "one"}, {name = "two"}}}}},
    }

    local function texts(object, version)
        return texts_of(object, KIT, version)
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
end)

describe("the replacement of a management subsystem", function()
    local KIT = {
        section = "management", name = "management",
        spec = {
            siteName = "a", originalUID = "uid", encryptionSecret = {secretName = "key"},
            customApplicationCredentials = {{name = "atm-cred", secretName = "atm"},
                                            {name = "ui-cred", secretName = "ui"}},
            databaseBackup = {protocol = "objstore", path = "bucket/old"},
        },
    }

    local function spec(fields)
        local all = {siteName = "a", originalUID = "uid", encryptionSecret = {secretName = "key"},
                     customApplicationCredentials = KIT.spec.customApplicationCredentials,
                     databaseBackup = KIT.spec.databaseBackup}
        for field, value in pairs(fields or {}) do
            all[field] = value
        end
        return all
    end

    local function alone(fields)
        return {kind = "ManagementCluster", metadata = {name = "management"}, spec = spec(fields)}
    end

    it("has the credentials of the kit, in the places of those that are there", function()
        assert.same({
            "spec.customApplicationCredentials[1].secretName: other -> atm",
            "spec.customApplicationCredentials[2].name: (not set) -> ui-cred",
            "spec.customApplicationCredentials[2].secretName: (not set) -> ui",
        }, texts_of(alone({customApplicationCredentials = {
            {name = "new-cred", secretName = "new"}, {name = "atm-cred", secretName = "other"},
        }}), KIT, "10.0.5.3"))
    end)

    it("looks for its backups where they have been copied to", function()
        assert.same({}, texts_of(alone(), KIT, "10.0.5.3"))
        assert.same({"spec.databaseBackup.path: bucket/old -> bucket/new"},
            texts_of(alone(), KIT, "10.0.5.3", "bucket/new"))
    end)

    it("keeps nothing of another protocol beside the settings of its backups", function()
        assert.same({"spec.databaseBackup.protocol: sftp -> objstore",
                     "spec.databaseBackup.port: 22 -> (not set)"},
            texts_of(alone({databaseBackup = merge(KIT.spec.databaseBackup,
                {protocol = "sftp", port = 22, restartDB = {accept = true}})}), KIT, "10.0.5.3"))
        assert.same({}, texts_of(alone({databaseBackup = merge(KIT.spec.databaseBackup,
            {retries = 3})}), KIT, "10.0.5.3"))
    end)

    it("needs no consent to a restart, which is no setting of its backups", function()
        local settings = merge(KIT.spec.databaseBackup, {restartDB = {accept = true}})
        local kit = merge(KIT, {spec = spec({databaseBackup = settings})})
        assert.same({}, texts_of(alone(), kit, "10.0.5.3"))
        assert.same({}, texts_of(alone({databaseBackup = settings}), KIT, "10.0.5.3"))
    end)

    it("is made in the mode of a recovery by an APIConnectCluster, of backups on S3", function()
        local top = {kind = "APIConnectCluster", metadata = {name = "apic"},
                     spec = {management = spec({name = "management"})}}
        assert.same({"metadata.annotations.apiconnect-operator/deployment-mode: (not set) ->"
            .. " disasterRecovery"}, texts_of(top, KIT, "10.0.5.3"))
        top.metadata.annotations = {["apiconnect-operator/deployment-mode"] = "disasterRecovery"}
        top.spec.management.name = nil
        assert.same({"spec.management.name: (not set) -> management"},
            texts_of(top, KIT, "10.0.5.3"))
    end)

    it("uses the secrets that its status names where its spec names none", function()
        local own = {{name = "ui-cred", secretName = "ui"}}
        local live = alone({customApplicationCredentials = own})
        live.spec.encryptionSecret = nil
        live.status = {encryptionSecret = "key", atmCredentialSecret = "atm",
                       uiCredentialSecret = "another"}
        local effective = replacement.effective(live)
        assert.same({secretName = "key"}, effective.spec.encryptionSecret)
        assert.same({own[1], {name = "atm-cred", secretName = "atm"}},
            effective.spec.customApplicationCredentials)
        assert.is_nil(live.spec.encryptionSecret)
        assert.same({}, texts_of(effective, KIT, "10.0.5.3"))
    end)
end)

describe("a resource", function()
    it("is mended by a patch of just the differences, lists as a whole", function()
        local object = {kind = "X", spec = {list = {{a = 1}, {a = 2}}, other = true}}
        local list = {}
        difference.want(list, object, {"spec", "list", 2, "a"}, 3)
        difference.want(list, object, {"spec", "deep", "er"}, "x")
        difference.want(list, object, {"spec", "other"}, true)
        difference.want(list, object, {"spec", "unknown"}, nil)
        list[#list + 1] = {path = {"spec", "gone"}, before = 1}
        assert.same({spec = {list = {{a = 1}, {a = 3}}, deep = {er = "x"}, gone = null}},
            difference.patch(object, list))
        assert.equal(2, object.spec.list[2].a)
        assert.same({{op = "~", path = "spec.list[1].a", before = "2", after = "3"},
                     {op = "+", path = "spec.deep.er", after = "x"},
                     {op = "-", path = "spec.gone", before = "1"}}, difference.changes(list))
    end)

    it("is mended in its file, of which all else stays", function()
        local text = "a: 1 # one\n---\nkind: X\nspec:\n    list:\n    -   a: 2   # two\n"
        local edited = difference.edited(text, 2,
            {{path = {"spec", "list", 1, "a"}, before = 2, after = 3}})
        assert.equal((text:gsub("a: 2", "a: 3")), edited)
        assert.equal("kind: X # one\n", difference.edited("a: 1\nkind: X # one\n", 1,
            {{path = {"a"}, before = 1}}))
        assert.equal(3, must(yaml.load_all(edited))[2].spec.list[1].a)
    end)
end)
