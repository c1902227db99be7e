-- salvor run apic-v10/prepare-portal: what is in the kit, and that it is of use on another cluster.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local lab = require("support.lab")
local null = require("salvor").null
local portal = require("support.portal")
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

local UID = "447ea4b3-9514-4a84-a34b-ce0b349838da"

lab.describe("run of apic-v10/prepare-portal", function()
    local fixture, result, files

    setup(function()
        fixture = portal.start({spec = {originalUID = UID}})
        result = fixture:run()
        salvor.expect_code(0, result)
        files = fixture:files()
    end)

    teardown(function()
        fixture:close()
    end)

    it("saves the encryption secret and that of the backup server so that another namespace takes"
        .. " them", function()
        local client <close> = lab.client({namespace = lab.namespace()})
        local names = {}
        for _, secret in pairs(fixture.world.secrets) do
            local saved = must(yaml.load(files["secrets/" .. secret.name .. ".yaml"]))
            assert.same({name = secret.name, labels = saved.metadata.labels}, saved.metadata)
            assert.same(secret.data, must(client:create(saved)).data)
            names[#names + 1] = secret.name
        end
        table.sort(names)
        assert.same({"portal-backup-secret", "portal-enc-key"}, names)
        client:delete("namespaces", client.namespace)
    end)

    it("saves the resource so that another namespace takes it", function()
        local client <close> = lab.client({namespace = lab.namespace()})
        local saved = must(yaml.load(files["portalcluster.yaml"]))
        assert.same(fixture.world:portal().spec, must(client:create(saved)).spec)
        assert.is_nil(saved.status)
        client:delete("namespaces", client.namespace)
    end)

    it("says what the replacement must have before it is created", function()
        local fragment = must(yaml.load(files["recreate.yaml"]))
        local spec = fixture.world:portal().spec
        assert.same({
            apiVersion = "portal.apiconnect.ibm.com/v1beta1",
            kind = "PortalCluster",
            metadata = {name = "portal"},
            spec = {
                originalUID = UID,
                siteName = "a5d9b1c2",
                encryptionSecret = {secretName = "portal-enc-key"},
                portalBackup = spec.portalBackup,
                portalAdminEndpoint = spec.portalAdminEndpoint,
                portalUIEndpoint = spec.portalUIEndpoint,
            },
        }, fragment)
    end)

    it("notes what must be the same again", function()
        local settings = must(yaml.load(files["settings.yaml"]))
        local object = fixture.world:portal()
        assert.equal("portal", settings.name)
        assert.equal(fixture.namespace, settings.namespace)
        assert.equal("10.0.5.3", settings.version)
        assert.equal(UID, settings.originalUID)
        assert.equal(object.metadata.uid, settings.metadataUID)
        assert.equal("portal-enc-key", settings.encryptionSecret)
        assert.same(object.spec.portalBackup, settings.portalBackup)
        assert.same({portalAdminEndpoint = {"api.portal.example.org"},
                     portalUIEndpoint = {"portal.example.org"}}, settings.endpoints)
        local sites = {}
        for index, site in ipairs(settings.sites) do
            sites[index] = site.name .. " " .. site.site
            assert.matches("^%d+%.%d+$", site.backup)
        end
        assert.same({"portal.example.org@acme@lab portal.example.org/acme/lab",
                     "portal.example.org@acme@shop portal.example.org/acme/shop"}, sites)
        assert.matches("^%d+%.%d+$", settings.newestBackup.id)
    end)

    it("has a manifest that says whose kit it is", function()
        local manifest = fixture:manifest()
        assert.equal(portal.PREPARE, manifest.procedure)
        assert.same({kind = "PortalCluster", name = "portal", namespace = fixture.namespace,
                     uid = fixture.world:portal().metadata.uid, version = "10.0.5.3"},
            manifest.system)
        assert.truthy(manifest.files["secrets/portal-enc-key.yaml"].source.uid)
    end)

    it("says what was found and what to do next", function()
        salvor.expect(result.stdout, "portalUIEndpoint: portal.example.org",
            "2 sites have backups: portal.example.org@acme@lab, portal.example.org@acme@shop",
            "newest usable backup: portal-record-", "1.0 hours old",
            "next: Keep " .. fixture.kit .. " outside this cluster",
            "Prepare the management subsystem in the same way now",
            "Recover with apic-v10/recover-portal")
        assert.equal("", result.stderr)
        assert.is_nil(result.stdout:find("warning:", 1, true))
    end)
end)

lab.describe("apic-v10/prepare-portal", function()
    it("saves the access key, its secret and the certificate of a bucket", function()
        local fixture <close> = portal.start({protocol = "objstore"})
        salvor.expect_code(0, fixture:run())
        local files = fixture:files()
        for _, role in ipairs({"portalBackup.credentials", "portalBackup.backupCerts"}) do
            local secret = fixture.world.secrets[role]
            local saved = must(yaml.load(files["secrets/" .. secret.name .. ".yaml"]))
            assert.same(secret.data, saved.data)
        end
    end)

    it("puts the values below the APIConnectCluster that owns the resource", function()
        local fixture <close> = portal.start({name = "apic-ptl", owner = "apic"})
        salvor.expect_code(0, fixture:run())
        local fragment = must(yaml.load(fixture:files()["recreate.yaml"]))
        assert.equal("APIConnectCluster", fragment.kind)
        assert.equal("apic", fragment.metadata.name)
        assert.equal("apic-ptl", dig(fragment, "spec", "portal", "name"))
        assert.equal("apic-ptl-enc-key", fragment.spec.portal.encryptionSecret.secretName)
        local settings = must(yaml.load(fixture:files()["settings.yaml"]))
        assert.same({kind = "APIConnectCluster", name = "apic"}, settings.topLevel)
    end)

    it("needs no siteName, to which no backup of a portal is bound", function()
        local fixture <close> = portal.start()
        fixture.world:patch({spec = {siteName = null}})
        salvor.expect_code(0, fixture:run())
        assert.is_nil(must(yaml.load(fixture:files()["settings.yaml"])).siteName)
    end)

    it("notes metadata.uid where a version has no originalUID", function()
        local fixture <close> = portal.start({version = "10.0.2.0"})
        salvor.expect_code(0, fixture:run())
        assert.equal(fixture.world:portal().metadata.uid,
            must(yaml.load(fixture:files()["settings.yaml"])).originalUID)
    end)

    it("takes the newest of each site, and what is created here counts as a backup, too", function()
        local fixture <close> = portal.start({backups = {}})
        salvor.expect_code(4, fixture:run())
        salvor.expect_code(0, fixture:run({take_backup = "true"}))
        fixture.world:await_records()
        fixture.world:add_backup(-60)
        fixture.world:await_records()
        salvor.expect_code(0, fixture:run())
        local newest = fixture.world.storage.files[#fixture.world.storage.files]
        local settings = must(yaml.load(fixture:files()["settings.yaml"]))
        assert.equal(newest.time, settings.sites[1].backup)
    end)
end)

lab.describe("apic-v10/prepare-portal -p take_backup=true", function()
    it("waits until the backup of everything can be used, and notes it", function()
        local fixture <close> = portal.start({backups = {}})
        local result = fixture:run({take_backup = "true"})
        salvor.expect_code(0, result)
        local name = "portal-" .. portal.run_id(result)
        local settings = must(yaml.load(fixture:files()["settings.yaml"]))
        assert.equal(name, settings.newestBackup.name)
        local taken = must(fixture.world.client:get(apiconnect.PORTAL_BACKUP, name))
        assert.same({type = "all", crType = "create", portalCluster = "portal"}, taken.spec)
        assert.equal("Ready", taken.status.phase)
    end)
end)

lab.describe("plan of apic-v10/prepare-portal", function()
    it("shows each file, the publication and the backup, and changes nothing", function()
        local fixture <close> = portal.start()
        local before = fixture:everything()
        local result = fixture:plan({take_backup = "true"})
        salvor.expect_code(0, result)
        assert.equal("", result.stderr)
        salvor.expect(result.stdout,
            "create PortalBackup " .. fixture.namespace .. "/portal-", "+ spec.type: all",
            "wait for portalbackups", "write " .. fixture.kit .. "/secrets/portal-enc-key.yaml",
            "write " .. fixture.kit .. "/recreate.yaml",
            "publish " .. fixture.kit .. "/generations/", "nothing was changed")
        assert.same(before, fixture:everything())
    end)
end)
