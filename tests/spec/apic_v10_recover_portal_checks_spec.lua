-- The checks of apic-v10/recover-portal: each trap is refused where it lies, with 4, before
-- anything is changed.
local apiconnect = require("salvor.apiconnect")
local copy = require("salvor.copy")
local fs = require("salvor.fs")
local lab = require("support.lab")
local list = require("salvor").list
local portal = require("support.portal")
local recovery = require("support.portal_recovery")
local salvor = require("support.salvor")

--- Writes the operator's file with these fields of its spec.
local function file_with(fields)
    return function(operation)
        return {resource = recovery.write_file(operation, fields)}
    end
end

local function write(operation, text)
    local path = fs.join(operation.home, "portal_cr.yaml")
    must(fs.write(path, text))
    return {resource = path}
end

--- Installs a portal that is not the kit's. fields: of its spec.
local function install(operation, fields)
    operation.world:create_backup_secrets()
    operation.world:add_portal(operation.world.name, {spec = fields})
end

local function add_restore(operation, name, phase)
    local client = operation.world.client
    must(client:create({
        apiVersion = "portal.apiconnect.ibm.com/v1beta1", kind = "PortalRestore",
        metadata = {name = name, labels = {["salvor-test-seeded"] = "true"}},
        spec = {type = "all", portalCluster = operation.world.name},
    }))
    must(client:patch(apiconnect.PORTAL_RESTORE, name, {status = {
        phase = phase, backupId = "n/a", commentLeft = "n/a", conditions = list(),
        fullBackupName = "n/a", id = "n/a", message = "n/a"}}, {subresource = "status"}))
end

local function add_management(operation, phase)
    local client = operation.world.client
    must(client:create({
        apiVersion = "management.apiconnect.ibm.com/v1beta1", kind = "ManagementCluster",
        metadata = {name = "management"},
        spec = {analytics = {}, apiManagerEndpoint = {}, cloudManagerEndpoint = {},
                consumerAPIEndpoint = {}, license = {}, platformAPIEndpoint = {}, portal = {}},
    }))
    must(client:patch(apiconnect.MANAGEMENT, "management", {status = {
        phase = phase, state = "18/18", conditions = list(),
        endpoints = list(), versions = {reconciled = "10.0.5.3"},
    }}, {subresource = "status"}))
end

--- Each: the trap, how it comes (before(operation) -> parameters), what is said.
local PROBLEMS = {
    {
        "the kit is of another portal",
        before = function()
            return {name = "other"}
        end,
        says = {"is the kit of PortalCluster portal, not of other", "give the right kit"},
    },
    {
        "there is no kit",
        before = function(operation)
            return {kit = fs.join(operation.home, "nothing")}
        end,
        says = {"/nothing"},
    },
    {
        "the file defines a portal of another name",
        before = function(operation)
            return write(operation, "kind: PortalCluster\nmetadata: {name: other}\n")
        end,
        says = {"PortalCluster other has another name than the old one, portal",
                "the name must be the same"},
    },
    {
        "the file defines no portal",
        before = function(operation)
            return write(operation, "kind: ManagementCluster\nmetadata: {name: portal}\n")
        end,
        says = {"there is no PortalCluster", "give the definition of portal"},
    },
    {
        "the file defines two portals",
        before = function(operation)
            local one = "kind: PortalCluster\nmetadata: {name: portal}\n"
            return write(operation, one .. "---\n" .. one)
        end,
        says = {"there is more than one PortalCluster"},
    },
    {
        "the file is no YAML",
        before = function(operation)
            return write(operation, "kind: [PortalCluster\n")
        end,
        says = {"portal_cr.yaml"},
    },
    {
        "the file is of another namespace",
        before = function(operation)
            return write(operation, "kind: PortalCluster\n"
                .. "metadata: {name: portal, namespace: other}\nspec: {version: 10.0.5.3}\n")
        end,
        says = {"portal_cr.yaml is of namespace other, the target is", "name the target with -n"},
    },
    {
        "an endpoint has another host name",
        before = file_with({portalUIEndpoint = {hosts = {{name = "new.example.org"}}}}),
        says = {"portalUIEndpoint is new.example.org, it was portal.example.org",
                "the host names cannot be changed in a recovery; point their DNS names"},
    },
    {
        "an endpoint has a host name more, another has none",
        before = file_with({
            portalAdminEndpoint = {hosts = list()},
            portalUIEndpoint = {hosts = {{name = "portal.example.org"}, {name = "b.example.org"}}},
        }),
        says = {"portalAdminEndpoint is not set, it was api.portal.example.org",
                "portalUIEndpoint is b.example.org, portal.example.org, it was portal.example.org"},
    },
    {
        "the replacement is older",
        before = file_with({version = "10.0.5.2"}),
        says = {"the replacement has version 10.0.5.2, the backups are of 10.0.5.3",
                "install 10.0.5.3, or a later fix pack of that release"},
    },
    {
        "the replacement does not tell its version",
        before = file_with({version = false}),
        says = {"the replacement does not tell its version", "set spec.version to 10.0.5.3"},
    },
    {
        "the replacement tells a line of versions alone",
        before = file_with({version = "10.0"}),
        says = {"the replacement does not tell its version, '10.0' is only a line of them"},
    },
    {
        "a portal is there that has made an encryption secret of its own",
        before = function(operation)
            install(operation, {originalUID = recovery.ORIGINAL})
        end,
        says = {"secret portal-enc-key (encryptionSecret) is there with other data than the kit's",
                "delete that installation with its secrets and volumes"},
    },
    {
        "a portal is there with an encryption secret of another name",
        before = function(operation)
            operation.world:create_secret("other",
                {name = "another-key", data = {encryption_secret = "YQ=="}})
            install(operation, {encryptionSecret = {secretName = "another-key"}})
        end,
        says = {"spec.encryptionSecret.secretName: another-key -> portal-enc-key, which cannot be"
            .. " changed: its data is encrypted with another key"},
    },
    {
        "a portal is there into which something was restored already",
        before = function(operation)
            operation.world:create_secret("encryptionSecret",
                operation.lost.secrets.encryptionSecret)
            install(operation, {encryptionSecret = {secretName = "portal-enc-key"}})
            add_restore(operation, "earlier", "Ready")
        end,
        says = {"and PortalRestore earlier has been restored into it",
                "what was restored is not put at stake"},
    },
    {
        "another restore is in flight",
        before = function(operation)
            add_restore(operation, "other", "Running")
        end,
        says = {"PortalRestore other is in flight", "wait until it has ended"},
    },
    {
        "the management subsystem is not up",
        before = function(operation)
            add_management(operation, "Pending")
        end,
        says = {"ManagementCluster management is not up: phase Pending",
                "the management subsystem is restored first, the portal immediately afterwards"},
    },
    {
        "the management subsystem is being restored",
        before = function(operation)
            add_management(operation, "Running")
            must(operation.world.client:create({
                apiVersion = "management.apiconnect.ibm.com/v1beta1", kind = "ManagementRestore",
                metadata = {name = "going-on"}, spec = {}}))
        end,
        says = {"ManagementRestore going-on is in flight",
                "the management subsystem is restored first, the portal immediately afterwards"},
    },
    {
        "times are none",
        before = function()
            return {timestamp = "20261332.000000", management_time = "yesterday"}
        end,
        says = {"'20261332.000000' is no time to restore to; say -p timestamp=now, or YYYYMMDD",
                "'yesterday' is not the id of a management backup; say -p management_time="},
    },
    {
        "sites cannot be looked at",
        before = function(operation)
            must(fs.write(fs.join(operation.home, "ca.pem"), "nothing"))
            return {sites = "portal.example.org/a,http://b/c d", check_sites = "true",
                    ca = fs.join(operation.home, "ca.pem")}
        end,
        says = {"-p sites: 'http://b/c d' is not the address of a site",
                "ca.pem holds no certificate"},
    },
}

lab.describe("apic-v10/recover-portal refuses when", function()
    local lost

    setup(function()
        lost = recovery.lose()
    end)

    teardown(function()
        lost:close()
    end)

    --- Nothing was changed, neither objects nor files.
    local function expect_refused(operation, params, says)
        local before = operation:everything().home
        operation:expect_refused(params, table.unpack(says))
        for path, data in pairs(before) do
            assert.equal(data, must(fs.read(fs.join(operation.home, path))))
        end
    end

    for _, case in ipairs(PROBLEMS) do
        it(case[1], function()
            local operation <close> = recovery.start(lost)
            expect_refused(operation, case.before(operation), case.says)
        end)
    end

    it("the old portal is still there", function()
        local fixture <close> = portal.start()
        salvor.expect_code(0, fixture:run())
        fixture.id = portal.RECOVER
        expect_refused(fixture, {}, {"PortalCluster portal is the very one that the kit was made"
            .. " of, and is still there"})
    end)

    local function manifest(change)
        return function(operation)
            operation:change_manifest(change)
        end
    end

    local TAMPERED = {
        {"a file of it was changed", function(operation)
            operation:change_kit("settings.yaml", function(text)
                return (text:gsub("portal%.example%.org", "portal.example.com"))
            end)
        end, "does not have the SHA-256 of the manifest"},
        {"a file of it was cut", function(operation)
            operation:change_kit("secrets/portal-enc-key.yaml", function(text)
                return text:sub(1, -5)
            end)
        end, "secrets/portal-enc-key.yaml has "},
        {"it is another procedure's", manifest(function(changed)
            changed.procedure = "apic-v10/prepare-management"
        end), "it is a kit of apic-v10/prepare-management, not of apic-v10/prepare-portal"},
        {"its manifest lacks a secret", manifest(function(changed)
            changed.files["secrets/portal-enc-key.yaml"] = nil
        end), "it lacks secrets/portal-enc-key.yaml"},
        {"its manifest is of another system", manifest(function(changed)
            changed.system.uid = "0"
        end), "its parts disagree about uid"},
    }
    for _, case in ipairs(TAMPERED) do
        it("the kit was tampered with: " .. case[1], function()
            local operation <close> = recovery.start(lost)
            case[2](operation)
            expect_refused(operation, {}, {case[3]})
        end)
    end
end)

lab.describe("apic-v10/recover-portal of version 10.0.2", function()
    it("refuses a name that cannot be restored there, and restores it onto 10.0.3.0", function()
        local lost <close> = recovery.lose({version = "10.0.2.0", name = "portal-of-production",
                                            spec = {}})
        local operation <close> = recovery.start(lost)
        local result = operation:recover()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "the name portal-of-production is longer than 15 characters,"
            .. " and 10.0.2.0 has no originalUID", "restore onto 10.0.3.0 or later")
        operation.world.version = "10.0.3.0"
        local path = recovery.write_file(operation)
        local later = operation:recover({resource = path})
        salvor.expect_code(0, later)
        salvor.expect(later.stdout, "without which the restore of so long a name fails",
            "the replacement has version 10.0.3.0, the backups are of 10.0.2.0")
        assert.equal(lost.storage.original_uid, operation.world:portal().spec.originalUID)
    end)

    it("sets no originalUID where there is none", function()
        local lost <close> = recovery.lose({version = "10.0.2.0", spec = {}})
        local operation <close> = recovery.start(lost)
        salvor.expect_code(0, operation:recover())
        assert.is_nil(operation.world:portal().spec.originalUID)
    end)
end)

lab.describe("apic-v10/recover-portal warns when", function()
    local lost

    setup(function()
        lost = recovery.lose()
    end)

    teardown(function()
        lost:close()
    end)

    local WARNINGS = {
        {"the management subsystem was not restored here", {"there is no management subsystem in"}},
        {"nothing was restored into the management subsystem", {"no ManagementRestore is complete"},
         function(operation)
             add_management(operation, "Running")
         end},
        {"the time is in the future", {"20991231.000000 is in the future"},
         function()
             return {timestamp = "20991231.000000"}
         end},
        {"the management backup is of another time",
         {"that of the management database is ", "older than the backup of the portal's system"},
         function()
             return {management_time = "20200101-010000F"}
         end},
        {"the credentials of the storage are newer than the kit",
         {"secret portal-backup-secret is there with other data than the kit's: it is left as it"},
         function(operation)
             operation.world.storage = copy.merge(operation.world.storage, {credentials =
                 copy.merge(operation.world.storage.credentials, {password = "bmV3ZXItb25l"})})
             operation.world:create_backup_secrets()
         end},
        {"the replacement is of a later version", {"the replacement has version 10.0.5.4"},
         function(operation)
             return {resource = recovery.write_file(operation, {version = "10.0.5.4"})}
         end},
    }
    for _, case in ipairs(WARNINGS) do
        it(case[1], function()
            local operation <close> = recovery.start(lost)
            local result = operation:recover(case[3] and case[3](operation) or nil)
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "warning: ", table.unpack(case[2]))
        end)
    end
end)
