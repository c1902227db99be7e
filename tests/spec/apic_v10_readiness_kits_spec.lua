-- apic-v10/readiness: each gap between the kits and the living system, by itself.
local fs = require("salvor.fs")
local lab = require("support.lab")
local null = require("salvor").null
local readiness = require("support.apic_readiness")
local salvor = require("support.salvor")

local function patch(name, spec)
    return function(world)
        world[name]:patch({spec = spec})
    end
end

local function change_secret(name, key)
    return function(world)
        must(world.client:patch("secrets", name, {data = {[key] = "b3RoZXIgdGhhbiBiZWZvcmU="}}))
    end
end

local SAVE_MANAGEMENT = "save it anew: salvor run apic-v10/prepare-management -n "
local SAVE_PORTAL = "save it anew: salvor run apic-v10/prepare-portal -n "

--- Each: what support.apic_readiness.test_gap() takes.
local GAPS = {
    {
        "no kit of management is named",
        spoil = function()
            return {management_kit = false}
        end,
        says = {"no kit of it is named", SAVE_MANAGEMENT, "name it with -p management_kit=…"},
        costs = {["kit (management)"] = 40},
    },
    {
        "no kit of the portal is named",
        spoil = function()
            return {portal_kit = false}
        end,
        says = {"no kit of it is named", SAVE_PORTAL},
        costs = {["kit (portal)"] = 40},
    },
    {
        "there is no kit where one should be",
        spoil = function(_, operation)
            return {management_kit = fs.join(operation.home, "nowhere")}
        end,
        says = {SAVE_MANAGEMENT},
        costs = {["kit (management)"] = 40},
    },
    {
        "a file of the kit was changed",
        spoil = function(_, operation)
            local kit = operation.common.management_kit
            local file = fs.join(readiness.latest(kit), "settings.yaml")
            must(fs.write(file, (must(fs.read(file)):gsub("82b290a2", "82b290a3"))))
        end,
        says = {"settings.yaml does not have the SHA-256 of the manifest"},
        costs = {["kit (management)"] = 40},
    },
    {
        "a file of the kit is gone",
        spoil = function(_, operation)
            must(fs.remove(fs.join(readiness.latest(operation.common.portal_kit),
                "secrets/portal-enc-key.yaml")))
        end,
        says = {"secrets/portal-enc-key.yaml cannot be read"},
        costs = {["kit (portal)"] = 40},
    },
    {
        "it is the kit of the other subsystem",
        spoil = function(_, operation)
            return {portal_kit = operation.common.management_kit}
        end,
        says = {"it is a kit of apic-v10/prepare-management, not of apic-v10/prepare-portal"},
        costs = {["kit (portal)"] = 40},
    },
    {
        "it is the kit of another system",
        spoil = function(world)
            world.portal:add_portal("other", {})
            return {portal = "other"}
        end,
        says = {"is the kit of portal, not of other", "name its own kit with -p portal_kit=…"},
        costs = {["kit (portal)"] = 40},
    },
    {
        "the encryption secret is another one",
        spoil = change_secret("management-enc-key", "encryption_secret.bin"),
        says = {"secret management-enc-key (encryptionSecret) has other data than the kit's",
                SAVE_MANAGEMENT},
        costs = {["kit-secrets (management)"] = 40},
    },
    {
        "the credentials of the portal's storage were changed",
        spoil = change_secret("portal-backup-secret", "password"),
        says = {"secret portal-backup-secret (portalBackup.credentials) has other data"},
        costs = {["kit-secrets (portal)"] = 40},
    },
    {
        "a secret has a key more",
        spoil = change_secret("management-ui-cred", "another"),
        says = {"secret management-ui-cred (ui-cred) has other data"},
        costs = {["kit-secrets (management)"] = 40},
    },
    {
        "there is a secret that the kit does not have",
        spoil = function(world)
            must(world.client:create({apiVersion = "v1", kind = "Secret",
                metadata = {name = "management-next-cred"},
                data = {["credential.json"] = "e30="}}))
            world.management:patch_status({nextCredentialSecret = "management-next-cred"})
        end,
        says = {"secret management-next-cred (nextCredentialSecret) is not in the kit"},
        costs = {["kit-secrets (management)"] = 40},
    },
    {
        "a secret is gone from the cluster",
        spoil = function(world)
            must(world.client:delete("secrets", "management-cli-cred"))
        end,
        says = {"secret management-cli-cred (toolkitCredentialSecret) does not exist",
                "secret management-cli-cred (cli-cred) of the kit is not in the cluster"},
        costs = {["kit-secrets (management)"] = 40, ["secrets (management)"] = 25},
    },
    {
        "siteName is another one",
        spoil = patch("management", {siteName = "11111111"}),
        says = {"spec.siteName is 11111111, in the kit 82b290a2"},
        costs = {["kit-settings (management)"] = 15},
    },
    {
        "originalUID is another one",
        spoil = patch("portal", {originalUID = "447ea4b3-9514-4a84-a34b-ce0b349838da"}),
        says = {"spec.originalUID is 447ea4b3-9514-4a84-a34b-ce0b349838da, in the kit "},
        costs = {["kit-settings (portal)"] = 15},
    },
    {
        "the management backups go elsewhere",
        spoil = patch("management", {databaseBackup = {path = "/other"}}),
        says = {"spec.databaseBackup.path is /other, in the kit /backups/management"},
        costs = {["kit-settings (management)"] = 15},
    },
    {
        "the settings of the portal's backups have a field more",
        spoil = patch("portal", {portalBackup = {backupRecordDays = 30}}),
        says = {"spec.portalBackup.backupRecordDays is 30, in the kit not set"},
        costs = {["kit-settings (portal)"] = 15},
    },
    {
        "an endpoint of management is another one",
        spoil = patch("management", {apiManagerEndpoint = {hosts = {{name = "new.example.org"}}}}),
        says = {"apiManagerEndpoint is new.example.org, it was manager.example.org"},
        costs = {["kit-settings (management)"] = 15},
    },
    {
        "an endpoint of the portal is another one",
        spoil = patch("portal", {portalUIEndpoint = {hosts = {{name = "new.example.org"}}}}),
        says = {"portalUIEndpoint is new.example.org, it was portal.example.org"},
        costs = {["kit-settings (portal)"] = 15},
    },
    {
        "the APIConnectCluster above it is not that of the kit",
        spoil = function(world)
            must(world.client:patch("managementclusters.management.apiconnect.ibm.com",
                "management", {metadata = {ownerReferences = {{
                    apiVersion = "apiconnect.ibm.com/v1beta1", kind = "APIConnectCluster",
                    name = "apic", uid = "0d6b4b8c-0000-4000-8000-000000000000"}}}}))
        end,
        says = {"the APIConnectCluster above it is apic, in the kit none"},
        costs = {["kit-settings (management)"] = 15},
    },
}

lab.describe("apic-v10/readiness finds a gap when", function()
    for _, case in ipairs(GAPS) do
        readiness.test_gap(case)
    end
end)

lab.describe("apic-v10/readiness", function()
    it("only warns of a kit from before the system was recovered", function()
        local operation <close> = readiness.start()
        local world = operation.world
        local object = world.management:management()
        local uid = object.metadata.uid
        must(world.client:delete("managementclusters.management.apiconnect.ibm.com", "management"))
        world.management:add_management("management", {spec = {originalUID = uid}})
        local result = operation:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "the kit was made of an earlier installation, whose uid was "
            .. uid, "readiness 100 of 100")
    end)

    it("takes no consent to a restart of the database for a setting of the kit", function()
        local operation <close> = readiness.start()
        local prepare = {"run", "apic-v10/prepare-management", "-p",
                         "kit=" .. operation.common.management_kit}
        local consent = patch("management", {databaseBackup = {restartDB = {accept = true}}})
        consent(operation.world)
        salvor.expect(operation:run().stdout, "readiness 100 of 100")
        salvor.expect_code(0, operation:salvor(prepare))
        salvor.expect(operation:run().stdout, "readiness 100 of 100")
    end)

    it("warns when originalUID is not set, which the kit knows", function()
        local operation <close> = readiness.start()
        operation.world.portal:patch({spec = {originalUID = null}})
        local result = operation:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "portal: spec.originalUID is not set",
            "set it to metadata.uid")
    end)
end)
