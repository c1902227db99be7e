-- The checks of apic-v10/recover-management: each says what is wrong and what to do, ends with 4,
-- and changes nothing.
local apic = require("support.apic")
local apiconnect = require("salvor.apiconnect")
local fs = require("salvor.fs")
local lab = require("support.lab")
local operator = require("worlds.operator")
local recovery = require("support.apic_recovery")
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

local MANAGEMENT_API = "management.apiconnect.ibm.com/v1beta1"

local function replaced(from, to)
    return function(text)
        assert(text:find(from, 1, true))
        return (text:gsub(from:gsub("%p", "%%%0"), to))
    end
end

--- Writes the old definition with changes as the operator's file, and gives it as a parameter.
local function with_file(change)
    return function(operation, lost)
        local object = {apiVersion = MANAGEMENT_API, kind = "ManagementCluster",
                        metadata = {name = "management"}, spec = lost.spec}
        object = must(yaml.load(must(yaml.dump(object))))
        change(object)
        local file = fs.join(operation.home, "cr.yaml")
        must(fs.write(file, must(yaml.dump(object))))
        return {resource = file}
    end
end

local function create_restore(operation, phase, of)
    local client = operation.world.client
    must(client:create({apiVersion = MANAGEMENT_API, kind = "ManagementRestore",
        metadata = {name = "earlier", labels = {["salvor-test-seeded"] = "true"}}, spec = {}}))
    operation.world:set_status({apiVersion = MANAGEMENT_API, kind = "ManagementRestore",
        metadata = {name = "earlier"}}, {phase = phase, clusterName = of or "management",
        subsysName = of or "management", enableAutoFail = false,
        conditions = require("salvor").list()})
end

local function leave_lock(operation)
    must(operation.world.client:create({apiVersion = "v1", kind = "ConfigMap",
        metadata = {name = "management-oplock"}}))
end

--- The old secrets, and a subsystem that uses them.
local function add_live(operation, spec)
    recovery.create_secrets(operation)
    operation.world:add_management("management", {spec = spec})
end

--- Each: what is wrong; params, or spoil(operation, lost) which may return them; options of the
--- world; what the output must say.
local PROBLEMS = {
    {
        "there is no kit",
        params = {kit = "/nowhere/kit"},
        says = {"/nowhere/kit"},
    },
    {
        "a file of the kit was tampered with",
        spoil = function(operation)
            operation:change_kit("recreate.yaml", replaced("82b290a2", "82b290a3"))
        end,
        says = {"recreate.yaml does not have the SHA-256 of the manifest", "do not rely on this"},
    },
    {
        "a file of the kit is gone",
        spoil = function(operation)
            operation:copy_kit()
            must(fs.remove(fs.join(operation:latest(), "secrets/management-enc-key.yaml")))
        end,
        says = {"secrets/management-enc-key.yaml cannot be read"},
    },
    {
        "the kit lacks a secret",
        spoil = function(operation)
            operation:change_manifest(function(manifest)
                manifest.files["secrets/management-atm-cred.yaml"] = nil
            end)
        end,
        says = {"it lacks secrets/management-atm-cred.yaml", "take another kit"},
    },
    {
        "a secret of the kit lacks its key",
        spoil = function(operation)
            operation:change_kit("secrets/management-enc-key.yaml",
                replaced("encryption_secret.bin", "something_else"), {honest = true})
        end,
        says = {"secret management-enc-key has no key encryption_secret.bin"},
    },
    {
        "the kit's parts are of different systems",
        spoil = function(operation)
            operation:change_kit("recreate.yaml", replaced("82b290a2", "82b290a3"),
                {honest = true})
        end,
        says = {"its parts disagree about siteName: 82b290a2, 82b290a3"},
    },
    {
        "the kit is of another procedure",
        spoil = function(operation)
            operation:change_manifest(function(manifest)
                manifest.procedure = "fortanix-ccm/backup"
            end)
        end,
        says = {"it is a kit of fortanix-ccm/backup, not of apic-v10/prepare-management"},
    },
    {
        "the kit is of another subsystem",
        params = {name = "second"},
        says = {"is the kit of ManagementCluster management, not of second"},
    },
    {
        "the file has another name",
        spoil = with_file(function(object)
            object.metadata.name = "mgmt"
        end),
        says = {"ManagementCluster mgmt has another name than the old one, management"},
    },
    {
        "the file is of another namespace",
        spoil = with_file(function(object)
            object.metadata.namespace = "elsewhere"
        end),
        says = {"is of namespace elsewhere, the target is"},
    },
    {
        "the file defines something else",
        spoil = with_file(function(object)
            object.kind = "PortalCluster"
        end),
        says = {"there is no ManagementCluster"},
    },
    {
        "the file is no YAML",
        spoil = function(operation)
            local file = fs.join(operation.home, "cr.yaml")
            must(fs.write(file, "a: [1"))
            return {resource = file}
        end,
        says = {"cr.yaml: "},
    },
    {
        "an endpoint is another one",
        spoil = with_file(function(object)
            object.spec.platformAPIEndpoint.hosts[1].name = "api.new.example.org"
        end),
        says = {"platformAPIEndpoint is api.new.example.org, it was api.example.org",
                "point their DNS names to the new installation"},
    },
    {
        "the version is an earlier one",
        spoil = with_file(function(object)
            object.spec.version = "10.0.5.2"
        end),
        says = {"the replacement has version 10.0.5.2, the backups are of 10.0.5.3",
                "or a later fix pack of that release"},
    },
    {
        "the database is of another generation",
        options = {version = "10.0.8.0"},
        spoil = with_file(function(object)
            object.spec.version = "10.0.8.0"
        end),
        says = {"the backups are of the database of 10.0.5.3 (crunchy), the replacement has that of"
                .. " 10.0.8.0 (edb)", "install 10.0.5.3, restore, and upgrade then"},
    },
    {
        "the version tells no generation",
        spoil = with_file(function(object)
            object.spec.version = "10.0.7.0"
        end),
        says = {"-p database=crunchy or edb"},
    },
    {
        "there is an encryption key of another installation",
        spoil = function(operation)
            must(operation.world.client:create({apiVersion = "v1", kind = "Secret",
                metadata = {name = "management-enc-key"},
                stringData = {["encryption_secret.bin"] = "of another installation"}}))
        end,
        says = {"secret management-enc-key (encryptionSecret) is there with other data",
                "delete that installation with its secrets and volumes"},
    },
    {
        "there is a secret that lacks a part of the old one",
        spoil = function(operation, lost)
            local data = lost.secrets.atmCredentialSecret.data
            must(operation.world.client:create({apiVersion = "v1", kind = "Secret",
                metadata = {name = "management-atm-cred"},
                data = {["credential.json"] = data["credential.json"]}}))
        end,
        says = {"secret management-atm-cred (atm-cred) is there with other data than the kit's"},
    },
    {
        "the subsystem is there under another siteName",
        spoil = function(operation)
            add_live(operation, {siteName = "deadbeef", originalUID = recovery.ORIGINAL})
        end,
        says = {"spec.siteName: deadbeef -> 82b290a2, which cannot be changed",
                "so that this procedure creates it"},
    },
    {
        "the subsystem below an APIConnectCluster is there under another siteName",
        spoil = function(operation)
            recovery.add_top(operation, "apic", "deadbeef")
            return {top = "apic"}
        end,
        says = {"spec.siteName: deadbeef -> 82b290a2, which cannot be changed"},
    },
    {
        "the subsystem is there with another encryption secret",
        spoil = function(operation)
            add_live(operation, {originalUID = recovery.ORIGINAL,
                                       encryptionSecret = {secretName = "other-key"}})
        end,
        says = {"spec.encryptionSecret.secretName: other-key -> management-enc-key, which cannot be"
                .. " changed: its database was made with another key"},
    },
    {
        "something was restored into another subsystem of the name",
        spoil = function(operation)
            add_live(operation, {originalUID = "another"})
            create_restore(operation, "Complete")
        end,
        says = {"spec.originalUID: another -> " .. recovery.ORIGINAL
                .. ", and ManagementRestore earlier has been restored into it"},
    },
    {
        "another restore is in flight",
        spoil = function(operation)
            create_restore(operation, "RestoreInProgress")
        end,
        says = {"ManagementRestore earlier is in flight: phase RestoreInProgress; wait until it has"
                .. " ended; one that never will is to be deleted"},
    },
    {
        "a failed restore has left its lock",
        spoil = function(operation)
            create_restore(operation, "Failed")
            leave_lock(operation)
        end,
        says = {"ConfigMap management-oplock is there and no restore is in flight",
                "scale the deployment ibm-apiconnect to 0"},
    },
    {
        "the backup's id is none",
        params = {backup = "yesterday"},
        says = {"'yesterday' is not the id of a backup; say -p backup=newest"},
    },
    {
        "the moment is none",
        params = {pitr_target = "2026-01-02T03:04:05Z"},
        says = {"pitr_target=2026-01-02T03:04:05Z is not a moment", "2026-01-02 03:04:05+00"},
    },
    {
        "the ManagementCluster belongs to an APIConnectCluster",
        spoil = function(operation)
            recovery.create_secrets(operation)
            operation.world:add_management("management", {owner = "apic"})
        end,
        says = {"belongs to APIConnectCluster apic, whose operator would take changes back",
                "-p top=apic"},
    },
    {
        "the ManagementCluster does not belong to the APIConnectCluster that is named",
        spoil = function(operation)
            add_live(operation, {originalUID = recovery.ORIGINAL})
            must(operation.world.client:create({apiVersion = "apiconnect.ibm.com/v1beta1",
                kind = "APIConnectCluster", metadata = {name = "apic"}, spec = {}}))
            return {top = "apic"}
        end,
        says = {"ManagementCluster management does not belong to APIConnectCluster apic",
                "leave out -p top", "APIConnectCluster apic has no spec.management"},
    },
    {
        "the APIConnectCluster has a management subsystem of another name",
        spoil = function(operation)
            must(operation.world.client:create({apiVersion = "apiconnect.ibm.com/v1beta1",
                kind = "APIConnectCluster", metadata = {name = "apic"},
                spec = {version = "10.0.5.3", management = {siteName = "82b290a2"}}}))
            operator.eventually("its management subsystem", function()
                local made = operation.world.client:get(apiconnect.MANAGEMENT, "apic-mgmt")
                return made and apiconnect.ready(made)
            end)
            return {top = "apic"}
        end,
        says = {"spec.management of APIConnectCluster apic has another name than the old"
                .. " ManagementCluster, management: apic-mgmt", "take that one out first"},
    },
    {
        "there is no such APIConnectCluster and no file",
        params = {top = "apic"},
        says = {"there is no APIConnectCluster apic", "give its definition: -p resource=FILE"},
    },
}

lab.describe("checks of apic-v10/recover-management", function()
    local lost

    setup(function()
        lost = recovery.lose()
    end)

    teardown(function()
        lost:close()
    end)

    for _, case in ipairs(PROBLEMS) do
        it("say that " .. case[1], function()
            local operation <close> = recovery.start(lost, case.options)
            local params = case.spoil and case.spoil(operation, lost) or case.params
            local files = params and params.resource and must(fs.read(params.resource))
            operation:expect_refused(params, table.unpack(case.says))
            assert.equal(files, params and params.resource and must(fs.read(params.resource)))
        end)
    end

    it("leave restores of another subsystem alone", function()
        local operation <close> = recovery.start(lost)
        create_restore(operation, "RestoreInProgress", "second")
        salvor.expect_code(0, operation:plan())
    end)

    local READ_BEFORE = "kit resource version database secrets settings"

    it("know whose restores they look for when nobody has read the kit before", function()
        local operation <close> = recovery.start(lost)
        create_restore(operation, "RestoreInProgress")
        local result = operation:run_without(READ_BEFORE)
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "ManagementRestore earlier is in flight")
    end)

    it("know whose lock they look for when nobody has read the kit before", function()
        local operation <close> = recovery.start(lost)
        leave_lock(operation)
        local result = operation:run_without(READ_BEFORE .. " restores")
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "ConfigMap management-oplock is there")
    end)

    it("go by the version that is installed, where the resource has only a line of them", function()
        local operation <close> = recovery.start(lost)
        add_live(operation, {version = "10.0", originalUID = recovery.ORIGINAL})
        local result = operation:plan()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "'10.0' is only a line of them")
        operation.world:patch_status({versions = {reconciled = "10.0.5.3"}})
        salvor.expect_code(0, operation:plan())
    end)

    it("refuse to recover onto the subsystem that the kit was made of", function()
        local fixture <close> = apic.start()
        salvor.expect_code(0, fixture:run())
        fixture.id = recovery.ID
        fixture:expect_refused({}, "ManagementCluster management is the very one that the kit was"
            .. " made of, and is still there; this recovers a lost subsystem on a new installation:"
            .. " name its namespace with -n, its cluster with --context")
    end)

    it("name the wrong parameter", function()
        local operation <close> = recovery.start(lost)
        local result = operation:recover({restore_timeout = "soon"})
        salvor.expect_code(2, result)
        salvor.expect(result.stderr, "restore_timeout")
    end)
end)

lab.describe("checks of apic-v10/recover-management", function()
    it("know that a long name cannot be recovered before 10.0.3.0", function()
        local lost <close> = recovery.lose({version = "10.0.2.0", spec = {},
                                            name = "management-of-frankfurt"})
        local operation <close> = recovery.start(lost)
        local result = operation:recover()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "longer than 15 characters, and 10.0.2.0 has no originalUID")
    end)

    it("ask where EDB's backups are when the kit does not say", function()
        local lost <close> = recovery.lose({version = "10.0.8.0"})
        local operation <close> = recovery.start(lost)
        operation:change_kit("settings.yaml", function(text)
            return (text:gsub("  serverName: [^\n]+\n", ""))
        end, {honest = true})
        local result = operation:recover()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "under which server's name", "-p server_name=")
        local unknown = operation:recover({server_name = "any", backup = "yesterday"})
        salvor.expect_code(4, unknown)
        salvor.expect(unknown.stdout, "the id of the backup is not known: yesterday",
            "look into the storage, under /backups/management/SERVER/base")
        salvor.expect_code(0, operation:recover({server_name = lost.remote.server_name}))
    end)

    it("warn of a later fix pack", function()
        local lost <close> = recovery.lose()
        local operation <close> = recovery.start(lost, {version = "10.0.5.4"})
        local params = with_file(function(object)
            object.spec.version = "10.0.5.4"
        end)(operation, lost)
        local result = operation:recover(params)
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "the replacement has version 10.0.5.4, the backups are of")
        assert.equal("10.0.5.4", must(operation.world.client:get(apiconnect.MANAGEMENT,
            "management")).spec.version)
    end)
end)
