-- The recovery kits of API Connect v10, as a recovery reads them: whole, and of one piece. What a
-- kit's digests find is in procedure_kit_spec; here is what its files say.
local base64 = require("salvor.digest").base64
local copy = require("salvor.copy")
local errors = require("salvor.error")
local management_kit = require("salvor.apiconnect.management_kit")
local portal_kit = require("salvor.apiconnect.portal_kit")
local secrets = require("salvor.secret")
local yaml = require("salvor.yaml")

local PORTAL_BACKUP = {protocol = "sftp", host = "backup.example.org", path = "/portal",
                       credentials = "login"}
local ORIGINAL = "447ea4b3-9514-4a84-a34b-ce0b349838da"

local function secret(name, data)
    local encoded = {}
    for key, value in pairs(data) do
        encoded[key] = base64(value)
    end
    return {apiVersion = "v1", kind = "Secret", metadata = {name = name}, data = encoded}
end

local function manifest(procedure, name)
    return {procedure = procedure, run = "20260101-000000-abcdef", created = "2026-01-01",
            system = {name = name, uid = "u1", version = "10.0.5.3"}}
end

--- Each: read, manifest, files as objects by their paths.
local KITS = {
    management = {
        read = management_kit.read,
        manifest = manifest(management_kit.PROCEDURE, "management"),
        files = {
            ["managementcluster.yaml"] = {kind = "ManagementCluster",
                metadata = {name = "management"}, spec = {siteName = "82b290a2"}},
            ["recreate.yaml"] = {kind = "ManagementCluster", spec = {
                siteName = "82b290a2", originalUID = ORIGINAL,
                encryptionSecret = {secretName = "enc"},
                customApplicationCredentials = {{name = "atm-cred", secretName = "atm"}},
                databaseBackup = {protocol = "objstore", host = "s3.example.org/eu",
                                  path = "bucket", credentials = "s3", backupCerts = "ca"},
            }},
            ["settings.yaml"] = {name = "management", metadataUID = "u1", siteName = "82b290a2",
                originalUID = ORIGINAL, newestBackup = {id = "20260101T000000"}},
            ["secrets/enc.yaml"] = secret("enc", {["encryption_secret.bin"] = "x"}),
            ["secrets/atm.yaml"] = secret("atm", {["credential.json"] = "{}"}),
            ["secrets/s3.yaml"] = secret("s3", {key = "a", keysecret = "b"}),
            ["secrets/ca.yaml"] = secret("ca", {["ca.crt"] = "c"}),
        },
    },
    portal = {
        read = portal_kit.read,
        manifest = manifest(portal_kit.PROCEDURE, "portal"),
        files = {
            ["portalcluster.yaml"] = {kind = "PortalCluster", metadata = {name = "portal"},
                                      spec = {portalBackup = PORTAL_BACKUP}},
            ["settings.yaml"] = {name = "portal", metadataUID = "u1", originalUID = "u1",
                encryptionSecret = "enc", portalBackup = PORTAL_BACKUP,
                sites = {{name = "p@a@b", site = "p/a/b"}, {name = 1}}},
            ["secrets/enc.yaml"] = secret("enc", {encryption_secret = "x"}),
            ["secrets/login.yaml"] = secret("login", {username = "a", password = "b"}),
        },
    },
}

--- Reads that kit after `spoil(files, manifest)`.
local function read(name, spoil)
    local of, files = KITS[name], {}
    local objects, about = copy.deep(of.files), copy.deep(of.manifest)
    if spoil then
        spoil(objects, about)
    end
    for path, object in pairs(objects) do
        files[path] = type(object) == "string" and object or must(yaml.dump(object))
    end
    return of.read({url = "/kits/one", read = function()
        return about, files
    end})
end

--- sets(path, key, ..., value): puts a value (nil: nothing) into the file's object.
local function sets(path, ...)
    local given = table.pack(path, ...)
    return function(files)
        local place = files
        for index = 1, given.n - 2 do
            place = place[given[index]]
        end
        place[given[given.n - 1]] = given[given.n]
    end
end

local function of_system(field, value)
    return function(_, about)
        about.system[field] = value
    end
end

--- Each: the kit, what is wrong, how it came, what is said.
local PROBLEMS = {
    {"management", "another procedure's", function(_, about)
        about.procedure = "fortanix-ccm/backup"
    end, "it is a kit of fortanix-ccm/backup, not of apic-v10/prepare-management"},
    {"portal", "without a version", of_system("version", nil), "does not tell the version"},
    {"management", "without a system", function(_, about)
        about.system = nil
    end, "does not tell the version of the subsystem"},
    {"management", "of two names", of_system("name", "other"),
     "its parts disagree about name: other, management, management"},
    {"portal", "of two names", sets("portalcluster.yaml", "metadata", "name", "other"),
     "its parts disagree about name: portal, portal, other"},
    {"management", "of two installations", of_system("uid", "u2"), "disagree about uid: u2, u1"},
    {"portal", "of two installations", of_system("uid", "u2"), "disagree about uid: u2, u1"},
    {"management", "of two databases", sets("recreate.yaml", "spec", "siteName", "other"),
     "disagree about siteName: 82b290a2, other, 82b290a2"},
    {"management", "of two identities", sets("recreate.yaml", "spec", "originalUID", "other"),
     "disagree about originalUID: " .. ORIGINAL .. ", other"},
    {"portal", "of two identities", sets("settings.yaml", "originalUID", "other"),
     "disagree about originalUID: other, u1"},
    {"management", "without an identity", function(files)
        files["recreate.yaml"].spec.originalUID, files["settings.yaml"].originalUID = nil, nil
    end, "disagree about originalUID: nil, nil"},
    {"management", "with a number for a name", function(files, about)
        about.system.name, files["settings.yaml"].name = 7, 7
        files["managementcluster.yaml"].metadata.name = 7
    end, "disagree about name: 7, 7, 7"},
    {"management", "without a file", sets("settings.yaml", nil), "it lacks settings.yaml"},
    {"management", "with a file that is no YAML", function(files)
        files["settings.yaml"] = "a: [1"
    end, "settings.yaml cannot be read: "},
    {"management", "with a file that is a word", function(files)
        files["settings.yaml"] = "word"
    end, "settings.yaml cannot be read"},
    {"management", "that names no encryption secret",
     sets("recreate.yaml", "spec", "encryptionSecret", nil), "it names no secret encryptionSecret"},
    {"portal", "that names no encryption secret", sets("settings.yaml", "encryptionSecret", nil),
     "it names no secret encryptionSecret"},
    {"management", "that names no credentials",
     sets("recreate.yaml", "spec", "databaseBackup", "credentials", nil),
     "it does not say databaseBackup.credentials"},
    {"management", "of a system without backups", sets("recreate.yaml", "spec", "databaseBackup",
     nil), "it does not say databaseBackup.host"},
    {"management", "whose credentials are no name",
     sets("recreate.yaml", "spec", "databaseBackup", "credentials", 7),
     "it does not say databaseBackup.credentials"},
    {"management", "whose path is no text",
     sets("recreate.yaml", "spec", "databaseBackup", "path", {}),
     "it does not say databaseBackup.path"},
    {"portal", "that names no credentials",
     sets("settings.yaml", "portalBackup", "credentials", nil),
     "it does not say portalBackup.credentials"},
    {"portal", "of a system without backups", sets("settings.yaml", "portalBackup", nil),
     "it does not say portalBackup.host"},
    {"management", "that names a secret by what is no name",
     sets("recreate.yaml", "spec", "encryptionSecret", "secretName", "../enc"),
     "it names no secret encryptionSecret"},
    {"management", "without a secret that it names", function(files)
        files["secrets/ca.yaml"] = nil
    end, "it lacks secrets/ca.yaml"},
    {"management", "with another secret in the file of one",
     sets("secrets/atm.yaml", "metadata", "name", "other"), "atm.yaml is not the Secret atm"},
    {"portal", "with something else in the file of a secret",
     sets("secrets/enc.yaml", "kind", "ConfigMap"), "enc.yaml is not the Secret enc"},
    {"management", "with credentials of SFTP for S3",
     sets("secrets/s3.yaml", "data", {username = "YQ==", password = "YQ=="}),
     "secret s3 has not the keys key and keysecret"},
    {"management", "with an empty certificate", sets("secrets/ca.yaml", "data", "ca.crt", ""),
     "secret ca has no key ca.crt"},
    {"management", "with a credential that is none", sets("secrets/atm.yaml", "data", {a = "YQ=="}),
     "secret atm has no key credential.json"},
    {"portal", "with an impossible port",
     sets("settings.yaml", "portalBackup", "port", 70000), "portalBackup.port is 70000: it is a"},
}

describe("a kit of API Connect v10", function()
    for _, case in ipairs(PROBLEMS) do
        it("of " .. case[1] .. " " .. case[2] .. " is refused", function()
            local spoil = case[3]
            local ok, err = pcall(read, case[1], function(files, about)
                spoil(files, about)
            end)
            assert.is_false(ok)
            assert.is_true(errors.is(err, "Invalid"), tostring(err))
            assert.truthy(err.message:find(case[4], 1, true), err.message)
            assert.truthy(err.message:find("/kits/one: ", 1, true), err.message)
            assert.truthy(err.hint:find("take another kit; salvor run apic-v10/prepare-" .. case[1],
                1, true))
        end)
    end

    it("gives no text its secrets from then on", function()
        read("management", sets("secrets/enc.yaml", "data", "encryption_secret.bin",
            base64("never to be told")))
        local told = secrets.mask("it is never to be told or " .. base64("never to be told"))
        assert.is_nil(told:find("never to be told", 1, true))
        assert.is_nil(told:find(base64("never to be told"), 1, true))
    end)

    it("of management says what the replacement must have", function()
        local kit = read("management")
        assert.equal("management", kit.section)
        assert.equal("10.0.5.3", kit.version)
        assert.equal("u1", kit.uid)
        assert.is_nil(kit.top)
        assert.equal("20260101T000000", kit.newest.id)
        local roles = {}
        for index, item in ipairs(kit.secrets) do
            roles[index] = item.role .. " " .. item.object.metadata.name
        end
        assert.same({"encryptionSecret enc", "atm-cred atm", "databaseBackup.credentials s3",
                     "databaseBackup.backupCerts ca"}, roles)
    end)

    it("of management below an APIConnectCluster has its values there", function()
        local kit = read("management", function(files)
            local spec = files["recreate.yaml"].spec
            files["recreate.yaml"] = {kind = "APIConnectCluster", metadata = {name = "apic"},
                                      spec = {management = spec}}
        end)
        assert.equal("apic", kit.top)
        assert.equal(ORIGINAL, kit.spec.originalUID)
    end)

    it("of a portal says what the replacement must have, and its sites", function()
        local kit = read("portal", sets("settings.yaml", "topLevel", {name = "apic"}))
        assert.equal("portal", kit.section)
        assert.equal("apic", kit.top)
        assert.same({originalUID = "u1", encryptionSecret = {secretName = "enc"},
                     portalBackup = PORTAL_BACKUP}, kit.spec)
        assert.same({{name = "p@a@b", site = "p/a/b"}}, kit.sites)
        assert.equal(2, #kit.secrets)
    end)
end)
