-- The simulated API Connect v10 portal moves its objects as the real operator does.
local apiconnect = require("salvor.apiconnect")
local controllers = require("worlds.apic_v10_portal.controllers")
local dig = require("salvor").dig
local lab = require("support.lab")
local operator = require("worlds.operator")
local world = require("worlds.apic_v10_portal")

lab.describe("the simulated portal of API Connect v10", function()
    local namespace

    before_each(function()
        namespace = lab.namespace()
    end)

    after_each(function()
        local client <close> = lab.client()
        client:delete("namespaces", namespace)
    end)

    local function start(options)
        options.kubeconfig, options.namespace = lab.kubeconfig(), namespace
        return world.start(options)
    end

    local function restore(portal, name, spec)
        must(portal.client:create({
            apiVersion = controllers.API, kind = "PortalRestore", metadata = {name = name},
            spec = spec,
        }))
        return operator.eventually(name, function()
            local object = must(portal.client:get(apiconnect.PORTAL_RESTORE, name))
            local phase = dig(object, "status", "phase")
            return (phase == "Ready" or phase == "Failed") and object
        end)
    end

    it("installs a PortalCluster: state, originalUID, and an encryption secret it owns", function()
        local portal <close> = start({spec = {siteName = false}, backups = {}})
        local object = portal:portal()
        assert.same({"Running", "6/6"}, {object.status.phase, object.status.state})
        assert.equal(object.metadata.uid, object.spec.originalUID)
        assert.matches("^%x+$", object.spec.siteName)
        local secret = must(portal.client:get("secrets", object.status.encryptionSecret))
        assert.equal(object.metadata.uid, secret.metadata.ownerReferences[1].uid)
        assert.truthy(secret.data.encryption_secret)
    end)

    it("uses the encryption secret and the originalUID that it is given", function()
        local portal <close> = start({install = false, backups = {}})
        portal:create_backup_secrets()
        portal:create_secret("encryptionSecret",
            {name = "kept", data = {encryption_secret = "YQ=="}})
        portal:add_portal("portal", {spec = {originalUID = "one",
                                             encryptionSecret = {secretName = "kept"}}})
        assert.equal("kept", portal:portal().status.encryptionSecret)
        assert.equal("one", portal:portal().spec.originalUID)
    end)

    it("makes records of what is in the storage, with the times of the files", function()
        local portal <close> = start({backups = {3600}})
        local seen = {}
        for _, object in ipairs(portal:list(apiconnect.PORTAL_BACKUP)) do
            seen[#seen + 1] = object.spec.type .. " " .. object.spec.crType .. " "
                .. object.status.fullBackupName:gsub("%-" .. object.status.backupId, "")
            assert.equal("Ready", object.status.phase)
            assert.is_true(object.status.backupId < world.time(0))
        end
        table.sort(seen)
        assert.same({"site record portal.example.org@acme@lab.tar.gz",
                     "site record portal.example.org@acme@shop.tar.gz",
                     "system record _portal_system_backup.tar.gz"}, seen)
    end)

    it("sees no storage at another path, nor with other credentials", function()
        for _, settings in ipairs({{path = "/elsewhere"}, {credentials = "other"}}) do
            local portal <close> = start({install = false})
            portal:create_backup_secrets()
            portal:create_secret("other", {name = "other", data = {username = "YQ=="}})
            local spec = portal:portal_spec()
            for field, value in pairs(settings) do
                spec.portalBackup[field] = value
            end
            portal:add_portal("portal", {spec = spec})
            controllers.sweep(portal)
            assert.equal(0, #portal:list(apiconnect.PORTAL_BACKUP))
            must(portal.client:delete(apiconnect.PORTAL, "portal"))
            must(portal.client:delete("secrets", "portal-backup-secret"))
        end
    end)

    it("shows what a dry run would do, and restores the newest of each until a time", function()
        local portal <close> = start({backups = {7200, 3600}})
        local time = world.time(5000)
        local dry = restore(portal, "dry", {type = "all", dryRun = true, portalCluster = "portal",
                                            timestamp = time})
        assert.equal("Ready", dry.status.phase)
        assert.matches("DRY_RUN: Site will be restored. URL: portal.example.org/acme/shop, UUID: ",
            dry.status.message, 1, true)
        assert.is_nil(portal.restored)
        assert.equal("Ready", restore(portal, "real", {type = "all", dryRun = false,
            portalCluster = "portal", timestamp = time}).status.phase)
        assert.is_true(portal.restored[world.SYSTEM] < time)
        assert.equal("Failed", restore(portal, "early", {type = "all", portalCluster = "portal",
            timestamp = world.time(9000)}).status.phase)
    end)

    it("refuses to restore what another portal has backed up", function()
        local first <close> = start({})
        local client <close> = lab.client()
        local other_namespace = lab.namespace()
        local other <close> = world.start({kubeconfig = lab.kubeconfig(),
                                           namespace = other_namespace, storage = first.storage})
        local refused = restore(other, "one", {type = "all", portalCluster = "portal"})
        assert.equal("Failed", refused.status.phase)
        assert.matches("another originalUID", refused.status.message)
        other:patch({spec = {originalUID = first.storage.original_uid}})
        refused = restore(other, "two", {type = "all", portalCluster = "portal"})
        assert.matches("cannot be decrypted", refused.status.message)
        client:delete("namespaces", other_namespace)
    end)

    it("puts back what is changed below an APIConnectCluster, and takes over what is changed there",
        function()
            local portal <close> = start({name = "top-ptl", owner = "top", backups = {}})
            portal:patch({spec = {portalBackup = {path = "/elsewhere"}}})
            operator.eventually("the path", function()
                return portal:portal().spec.portalBackup.path == portal.storage.path
            end)
            must(portal.client:patch(apiconnect.TOP, "top",
                {spec = {portal = {portalBackup = {path = "/new"}}}}))
            operator.eventually("the new path", function()
                return portal:portal().spec.portalBackup.path == "/new"
            end)
        end)
end)
