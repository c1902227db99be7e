-- salvor run apic-v10/recover-portal: a lost portal is taken over by a new installation.
local apiconnect = require("salvor.apiconnect")
local fs = require("salvor.fs")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local recovery = require("support.portal_recovery")
local salvor = require("support.salvor")
local world = require("worlds.apic_v10_portal")
local yaml = require("salvor.yaml")

lab.describe("run of apic-v10/recover-portal", function()
    local lost

    setup(function()
        lost = recovery.lose()
    end)

    teardown(function()
        lost:close()
    end)

    it("takes over with the definition of the kit: secrets, resource, records, dry run, restore",
        function()
            local operation <close> = recovery.start(lost)
            local result = operation:recover()
            salvor.expect_code(0, result)
            local client = operation.world.client
            for _, secret in pairs(lost.secrets) do
                assert.same(secret.data, must(client:get("secrets", secret.name)).data)
            end
            local object = operation.world:portal()
            assert.equal(recovery.ORIGINAL, object.spec.originalUID)
            assert.same({secretName = "portal-enc-key"}, object.spec.encryptionSecret)
            assert.same(lost.spec.portalBackup, object.spec.portalBackup)
            assert.same(lost.spec.portalUIEndpoint, object.spec.portalUIEndpoint)
            assert.equal(lost.spec.siteName, object.spec.siteName)
            assert.equal("Ready, dry Ready", recovery.restores(operation))
            local newest = lost.storage.files[#lost.storage.files].time
            for _, restore in ipairs(operation.world:list(apiconnect.PORTAL_RESTORE)) do
                assert.equal("all", restore.spec.type)
                assert.equal("portal", restore.spec.portalCluster)
                assert.equal(newest, restore.spec.timestamp)
            end
            assert.equal(newest, operation.world.restored["portal.example.org@acme@lab"])
            salvor.expect(result.stdout, "kit of PortalCluster portal of namespace "
                    .. lost.namespace .. ", version 10.0.5.3",
                "originalUID is " .. recovery.ORIGINAL,
                "DRY_RUN: Site will be restored. URL: portal.example.org/acme/shop",
                "PortalCluster portal: phase Running, state 6/6",
                "next: Log in to each site")
        end)

    it("restores the newest of each until a time", function()
        local operation <close> = recovery.start(lost)
        local time = world.time(20 * 3600)
        salvor.expect_code(0, operation:recover({timestamp = time}))
        for _, restored in pairs(operation.world.restored) do
            assert.is_true(restored < time)
        end
        local first = operation.world:list(apiconnect.PORTAL_RESTORE)[1]
        assert.equal(time, first.spec.timestamp)
    end)

    it("leaves out a site all of whose backups are newer than that time, and says so", function()
        local files, time = {}, world.time(20 * 3600)
        for _, file in ipairs(lost.storage.files) do
            local is_left = file.name:find("lab", 1, true) and file.time < time
            files[#files + 1] = not is_left and file or nil
        end
        local operation <close> = recovery.start(lost,
            {storage = merge(lost.storage, {files = files})})
        local result = operation:recover({timestamp = time})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "every backup of site portal.example.org@acme@lab is newer"
            .. " than " .. time .. ": it is not restored")
        assert.is_nil(operation.world.restored["portal.example.org@acme@lab"])
    end)

    it("puts the kit's values into the operator's file, and leaves the rest of it as it is",
        function()
            local operation <close> = recovery.start(lost)
            local path = recovery.write_file(operation, {profile = "n3xc4.m8"},
                "apiVersion: v1\nkind: ConfigMap # another one\nmetadata: {name: x}\n---\n")
            local before = must(fs.read(path))
            salvor.expect_code(0, operation:recover({resource = path}))
            local after = must(fs.read(path))
            salvor.expect(after, "# the portal of production\napiVersion: v1\n"
                .. "kind: ConfigMap # another one\n", "profile: n3xc4.m8\n", "\n# the end\n")
            assert.is_true(#after > #before)
            local spec = must(yaml.load_all(after))[2].spec
            assert.equal(recovery.ORIGINAL, spec.originalUID)
            assert.same(lost.spec.portalBackup, spec.portalBackup)
            assert.same({secretName = "portal-enc-key"}, spec.encryptionSecret)
            assert.equal("n3xc4.m8", operation.world:portal().spec.profile)
            local planned = operation:plan({resource = path})
            salvor.expect_code(0, planned)
            assert.is_nil(planned.stdout:find("edit " .. path, 1, true))
        end)

    it("goes on with a portal that is there already and into which nothing was restored", function()
        local operation <close> = recovery.start(lost)
        local portal = operation.world
        portal:create_backup_secrets()
        portal:create_secret("encryptionSecret", lost.secrets.encryptionSecret)
        portal:add_portal("portal", {spec = {encryptionSecret = {secretName = "portal-enc-key"}}})
        local result = operation:recover()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: the resource is there with another value:"
            .. " spec.originalUID: " .. portal:portal().metadata.uid .. " -> " .. recovery.ORIGINAL
            .. ", which is changed: nothing was restored into it yet")
        assert.equal(recovery.ORIGINAL, portal:portal().spec.originalUID)
    end)

    it("applies all of the operator's file to a portal that is there already", function()
        local operation <close> = recovery.start(lost)
        local portal = operation.world
        portal:create_backup_secrets()
        portal:create_secret("encryptionSecret", lost.secrets.encryptionSecret)
        portal:add_portal("portal", {spec = {
            originalUID = recovery.ORIGINAL, encryptionSecret = {secretName = "portal-enc-key"}}})
        local path = recovery.write_file(operation, {profile = "n3xc4.m8"})
        salvor.expect_code(0, operation:recover({resource = path}))
        assert.equal("n3xc4.m8", portal:portal().spec.profile)
        assert.equal(recovery.ORIGINAL, portal:portal().spec.originalUID)
        assert.truthy(portal.restored)
    end)

    it("ends with the dry run when it is asked to", function()
        local operation <close> = recovery.start(lost)
        local result = operation:run({dry_run = "true"})
        salvor.expect_code(0, result)
        assert.equal("dry Ready", recovery.restores(operation))
        salvor.expect(result.stdout, "DRY_RUN: Site will be restored", "Nothing was restored yet")
        assert.is_nil(operation.world.restored)
    end)

    it("restores nothing when the operator says no", function()
        local operation <close> = recovery.start(lost)
        local result = operation:salvor(operation:words("run"), {stdin = "no\n"})
        salvor.expect_code(6, result)
        assert.is_nil(operation.world.client:get(apiconnect.PORTAL, "portal"))
    end)
end)

lab.describe("apic-v10/recover-portal below an APIConnectCluster", function()
    local lost

    setup(function()
        lost = recovery.lose({name = "top-ptl", owner = "top"})
    end)

    teardown(function()
        lost:close()
    end)

    --- An APIConnectCluster that leaves name, originalUID, secret and backups out.
    local function top_spec(operation)
        return operation.world:portal_spec({version = false, license = false, siteName = false,
                                            adminClientSubjectDN = false, portalBackup = false})
    end

    it("edits the definition of that one, whose operator makes the portal", function()
        local operation <close> = recovery.start(lost)
        local path = fs.join(operation.home, "top.yaml")
        must(fs.write(path, must(yaml.dump({
            apiVersion = "apiconnect.ibm.com/v1beta1", kind = "APIConnectCluster",
            metadata = {name = "top"},
            spec = {version = "10.0.5.3", license = {accept = true}, portal = top_spec(operation)},
        }))))
        salvor.expect_code(0, operation:recover({top = "top", resource = path}))
        local portal = operation.world:portal()
        assert.equal("top", portal.metadata.ownerReferences[1].name)
        assert.equal(recovery.ORIGINAL, portal.spec.originalUID)
        local edited = must(yaml.load(must(fs.read(path))))
        assert.equal(recovery.ORIGINAL, edited.spec.portal.originalUID)
        assert.truthy(operation.world.restored)
    end)

    it("refuses one whose portal has another name, and one without a portal", function()
        local operation <close> = recovery.start(lost)
        local function create(portal)
            must(operation.world.client:apply({
                apiVersion = "apiconnect.ibm.com/v1beta1", kind = "APIConnectCluster",
                metadata = {name = "top"},
                spec = {version = "10.0.5.3", license = {accept = true}, portal = portal},
            }))
        end
        create(nil)
        local result = operation:recover({top = "top"})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "APIConnectCluster top has no spec.portal")
        create({name = "other"})
        result = operation:recover({top = "top"})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "spec.portal of APIConnectCluster top has another name than"
            .. " the old PortalCluster, top-ptl: other")
    end)

    it("stops when its operator gives the portal other host names", function()
        local operation <close> = recovery.start(lost)
        local path = fs.join(operation.home, "top.yaml")
        must(fs.write(path, "apiVersion: apiconnect.ibm.com/v1beta1\nkind: APIConnectCluster\n"
            .. "metadata: {name: top}\nspec: {version: 10.0.5.3, license: {accept: true}}\n"))
        local result = operation:recover({top = "top", resource = path})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step await-operator", "the subsystem is up with"
            .. " other host names: portalAdminEndpoint is top-ptl.apps.example.org, it was"
            .. " api.portal.example.org")
        assert.equal("", recovery.restores(operation))
    end)

    it("refuses to edit the portal below it, and wants the same above it again", function()
        local operation <close> = recovery.start(lost)
        local result = operation:recover()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "the old PortalCluster top-ptl belonged to APIConnectCluster"
            .. " top", "its successor must, too: -p top=top")
        local missing = operation:recover({top = "top"})
        salvor.expect_code(4, missing)
        salvor.expect(missing.stdout, "there is no APIConnectCluster top in namespace",
            "give its definition: -p resource=FILE")
        operation.world:create_backup_secrets()
        operation.world:create_secret("encryptionSecret", lost.secrets.encryptionSecret)
        operation.world:add_portal("top-ptl", {owner = "top", spec = {
            encryptionSecret = {secretName = "top-ptl-enc-key"}}})
        local below = operation:recover()
        salvor.expect_code(4, below)
        salvor.expect(below.stdout, "PortalCluster top-ptl belongs to APIConnectCluster top, whose"
            .. " operator would take changes back", "edit that one: -p top=top")
        salvor.expect_code(0, operation:recover({top = "top"}))
        assert.equal(recovery.ORIGINAL,
            must(operation.world.client:get(apiconnect.TOP, "top")).spec.portal.originalUID)
    end)
end)

lab.describe("plan of apic-v10/recover-portal", function()
    it("shows what would be done, and changes neither objects nor the file", function()
        local lost <close> = recovery.lose()
        local operation <close> = recovery.start(lost, {common = {check_sites = "true"}})
        local path = recovery.write_file(operation)
        local before = operation:everything()
        local result = operation:plan({resource = path})
        salvor.expect_code(0, result)
        assert.equal("", result.stderr)
        salvor.expect(result.stdout, "create Secret " .. operation.namespace .. "/portal-enc-key",
            "edit " .. path, "spec.originalUID: " .. recovery.ORIGINAL,
            "create PortalCluster " .. operation.namespace .. "/portal",
            "wait for portalclusters", "wait for records of PortalCluster portal",
            "create PortalRestore " .. operation.namespace .. "/portal-dry-",
            "+ spec.dryRun: true", "open the restored sites", "nothing was changed")
        assert.same(before, operation:everything())
    end)
end)
