-- The checks that apic-v10/prepare-management and apic-v10/prepare-portal have in common; what each
-- has of its own is in a spec of its own.
local apic = require("support.apic")
local apiconnect = require("salvor.apiconnect")
local fs = require("salvor.fs")
local lab = require("support.lab")
local null = require("salvor").null
local portal = require("support.portal")
local preparation = require("support.preparation")
local salvor = require("support.salvor")

--- Each: how it begins, its resource, the field with the settings of its backups, what its name
--- ends in below an APIConnectCluster, and how another one comes.
local SYSTEMS = {
    ["apic-v10/prepare-management"] = {
        start = apic.start, kind = "ManagementCluster", plural = apiconnect.MANAGEMENT,
        field = "databaseBackup", suffix = "-mgmt",
        add = function(world, name)
            world:add_management(name)
        end,
    },
    ["apic-v10/prepare-portal"] = {
        start = portal.start, kind = "PortalCluster", plural = apiconnect.PORTAL,
        field = "portalBackup", suffix = "-ptl",
        add = function(world, name)
            world:add_portal(name, {})
        end,
    },
}

--- A case of support.preparation that changes the settings of the backups.
local function with_settings(system, title, settings, says, options)
    return {
        title,
        options = options,
        spoil = function(fixture)
            fixture.world:patch({spec = {[system.field] = settings}})
        end,
        says = says,
    }
end

local INSIDE = "backups stay inside the cluster and are lost with it"
local SET = "set it to an SFTP server or an S3 bucket, in the "

local function problems(system)
    local kind, field = system.kind, system.field
    return {
        {
            "there is no " .. kind,
            spoil = function(fixture)
                must(fixture.world.client:delete(system.plural, fixture.world.name))
            end,
            says = {"there is no " .. kind .. " in namespace", "name its namespace with -n"},
        },
        {
            "there are two",
            spoil = function(fixture)
                system.add(fixture.world, "second")
            end,
            says = {"there are 2 " .. kind .. "s", ", second; choose one with -p name="},
        },
        {
            "the one named does not exist",
            params = {name = "other"},
            says = {"there is no " .. kind .. " other in namespace", "there is: "},
        },
        {
            "it does not tell its version",
            spoil = function(fixture)
                fixture.world:patch({spec = {version = null}})
                fixture.world:patch_status({versions = {reconciled = null}})
            end,
            says = {kind .. " ", " does not tell its version", "its operator writes it to"},
        },
        with_settings(system, "no backups are set up", null,
            {field .. " is not set up: " .. INSIDE, SET}),
        with_settings(system, "backups are local", {protocol = "local"},
            {field .. ".protocol is local: " .. INSIDE, SET}),
        with_settings(system, "settings of the backups are missing",
            {host = null, path = null, credentials = null},
            {field .. ".host is not set", field .. ".path is not set",
             field .. ".credentials is not set", "set it in the " .. kind}),
        with_settings(system, "the port is none", {port = 70000},
            {field .. ".port is 70000", "it is a number from 1 to 65535"}),
        with_settings(system, "the address of a bucket has no region", {host = "s3.example.org"},
            {field .. ".host is 's3.example.org'", "it is the endpoint and its region"},
            {protocol = "objstore"}),
        with_settings(system, "the style of a bucket's address is none",
            {backups3URIStyle = "virtual"},
            {field .. ".backups3URIStyle is 'virtual'", "it is host or path"},
            {protocol = "objstore"}),
        {
            "it is not Running, and a part of it is not ready",
            spoil = function(fixture)
                fixture.world:patch_status({phase = "Pending", state = "5/99"})
            end,
            says = {"is not healthy: phase Pending, state 5/99", "mend it first"},
        },
        {
            "the status names no encryption secret",
            spoil = function(fixture)
                fixture.world:patch_status({encryptionSecret = null})
            end,
            says = {"the status of the " .. kind .. " names no encryptionSecret"},
        },
        {
            "the status names what is no name",
            spoil = function(fixture)
                fixture.world:patch_status({encryptionSecret = "../../etc/passwd"})
            end,
            says = {"encryptionSecret of the " .. kind .. " is no secret's name"},
        },
        {
            "there is no backup",
            options = {backups = {}},
            says = {"there is no backup of this system (", "take one with -p take_backup=true"},
        },
        {
            "the kit's place is a file",
            spoil = function(fixture)
                must(fs.write(fixture.kit, "something else"))
            end,
            says = {"/kit is not a folder", "name another place with -p kit="},
        },
    }
end

local function warnings(system)
    return {
        {
            "the name is too long for the version",
            options = {name = "the-one-of-production", version = "10.0.2.0"},
            says = {"the name the-one-of-production is longer than 15 characters",
                    "restore onto 10.0.3.0 or later, with originalUID set to the noted"
                        .. " metadata.uid"},
        },
        {
            "the name of the APIConnectCluster is too long for the version",
            options = {name = "short" .. system.suffix, owner = "apic-of-prod",
                       version = "10.0.2.0"},
            says = {"the name apic-of-prod is longer than 10 characters"},
        },
        {
            "originalUID is not set",
            spoil = function(fixture)
                fixture.world:patch({spec = {originalUID = null}})
            end,
            says = {"spec.originalUID is not set; metadata.uid"},
        },
        {
            "another run has left a part of a kit",
            spoil = function(fixture)
                local generation = fixture.kit .. "/generations/20260101-000000-abcdef"
                must(fs.mkdir(generation, {parents = true}))
                must(fs.write(generation .. "/settings.yaml", "a part"))
            end,
            says = {"run 20260101-000000-abcdef has not finished its generation in ",
                    "salvor run --resume 20260101-000000-abcdef, or remove generations/20260101"},
        },
    }
end

for id, system in pairs(SYSTEMS) do
    lab.describe(id .. " refuses when", function()
        preparation.refuses(system.start, problems(system))

        it("the kit is another system's: each has one of its own", function()
            local fixture <close> = system.start()
            salvor.expect_code(0, fixture:run())
            local before = salvor.tree(fixture.kit)
            local other <close> = system.start({name = "other"})
            local result = other:run({kit = fixture.kit})
            salvor.expect_code(4, result)
            salvor.expect(result.stdout, fixture.kit .. " is the kit of another system: "
                .. system.kind .. " " .. fixture.namespace .. "/" .. fixture.world.name,
                "name another place with -p kit=")
            assert.same(before, salvor.tree(fixture.kit))
        end)
    end)

    lab.describe(id .. " warns when", function()
        preparation.warns(system.start, warnings(system))
    end)

    lab.describe(id .. " of a version without originalUID", function()
        it("says for which replacement the noted one is", function()
            local fixture <close> = system.start({version = "10.0.2.0"})
            salvor.expect_code(0, fixture:run())
            salvor.expect(fixture:files()["recreate.yaml"], "leave it out for any other",
                "originalUID: ")
        end)
    end)

    lab.describe(id .. " -p take_backup=true", function()
        it("takes another backup when it is resumed after a failure", function()
            local fixture <close> = system.start({faults = {backup = "no space on the server"}})
            local failed = fixture:run({take_backup = "true"})
            salvor.expect_code(5, failed)
            salvor.expect(failed.stderr, "stopped at step take-backup",
                "has failed: no space on the server; go on with")
            assert.is_nil(fs.stat(fixture.kit))
            fixture.world.faults.backup = nil
            salvor.expect_code(0, fixture:resume(apic.run_id(failed)))
            salvor.expect(fixture:files()["settings.yaml"],
                "name: " .. fixture.world.name .. "-" .. apic.run_id(failed) .. "-2")
        end)

        it("stops when the backup takes too long", function()
            local fixture <close> = system.start({delays = {backup = 30}})
            local result = fixture:run({take_backup = "true", backup_timeout = "1s"})
            salvor.expect_code(5, result)
            salvor.expect(result.stderr, "was waited for 1 s to be ready; last: phase Pending")
        end)
    end)
end
