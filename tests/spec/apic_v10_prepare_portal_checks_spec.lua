-- The checks of apic-v10/prepare-portal. What it shares with prepare-management is tested there.
local apiconnect = require("salvor.apiconnect")
local lab = require("support.lab")
local null = require("salvor").null
local portal = require("support.portal")
local preparation = require("support.preparation")
local salvor = require("support.salvor")
local world = require("worlds.apic_v10_portal")

--- Each: a case of support.preparation.
local PROBLEMS = {
    {
        "there is no PortalCluster",
        spoil = function(fixture)
            must(fixture.world.client:delete("ptl", "portal"))
        end,
        says = {"there is no PortalCluster in namespace", "name its namespace with -n"},
    },
    {
        "there are two",
        spoil = function(fixture)
            fixture.world:add_portal("second", {})
        end,
        says = {"there are 2 PortalClusters", "portal, second", "choose one with -p name="},
    },
    {
        "the one named does not exist",
        params = {name = "other"},
        says = {"there is no PortalCluster other in namespace", "there is: portal"},
    },
    {
        "no backups are set up",
        spoil = function(fixture)
            fixture.world:patch({spec = {portalBackup = null}})
        end,
        says = {"portalBackup is not set up: backups stay inside the cluster",
                "set it to an SFTP server or an S3 bucket, in the "},
    },
    {
        "backups are local",
        spoil = function(fixture)
            fixture.world:patch({spec = {portalBackup = {protocol = "local"}}})
        end,
        says = {"portalBackup.protocol is local: backups stay inside the cluster and are lost"},
    },
    {
        "settings of the backup are missing or wrong",
        spoil = function(fixture)
            fixture.world:patch({spec = {portalBackup = {host = null, path = null,
                                                         credentials = null, port = 70000}}})
        end,
        says = {"portalBackup.host is not set", "portalBackup.path is not set",
                "portalBackup.credentials is not set", "portalBackup.port is 70000",
                "set it in the PortalCluster"},
    },
    {
        "the style of a bucket's address is none",
        options = {protocol = "objstore"},
        spoil = function(fixture)
            fixture.world:patch({spec = {portalBackup = {backups3URIStyle = "virtual"}}})
        end,
        says = {"portalBackup.backups3URIStyle is 'virtual'", "it is host or path"},
    },
    {
        "the address of a bucket has no region",
        options = {protocol = "objstore"},
        spoil = function(fixture)
            fixture.world:patch({spec = {portalBackup = {host = "s3.example.org"}}})
        end,
        says = {"portalBackup.host is 's3.example.org'", "it is the endpoint and its region"},
    },
    {
        "it is not Running, and a part of it is not ready",
        spoil = function(fixture)
            fixture.world:patch_status({phase = "Pending", state = "5/6"})
        end,
        says = {"PortalCluster portal is not healthy: phase Pending, state 5/6", "mend it first"},
    },
    {
        "the status names no encryption secret, nor does the spec",
        spoil = function(fixture)
            fixture.world:patch_status({encryptionSecret = null})
        end,
        says = {"the status of the PortalCluster names no encryptionSecret"},
    },
    {
        "the status names what is no name",
        spoil = function(fixture)
            fixture.world:patch_status({encryptionSecret = "../../etc/passwd"})
        end,
        says = {"encryptionSecret of the PortalCluster is no secret's name"},
    },
    {
        "secrets do not exist",
        spoil = function(fixture)
            must(fixture.world.client:delete("secrets", "portal-enc-key"))
            must(fixture.world.client:delete("secrets", "portal-backup-secret"))
        end,
        says = {"secret portal-enc-key (encryptionSecret) does not exist",
                "secret portal-backup-secret (portalBackup.credentials) does not exist"},
    },
    {
        "secrets have not the keys that are read from them",
        spoil = function(fixture)
            local client = fixture.world.client
            must(client:patch("secrets", "portal-enc-key", {data = {encryption_secret = null}}))
            must(client:patch("secrets", "portal-backup-secret", {data = {password = null}}))
        end,
        says = {"secret portal-enc-key has no key encryption_secret or encryption_secret.b64",
                "secret portal-backup-secret has not the keys username and password"},
    },
    {
        "the credentials are those of S3 management backups",
        options = {protocol = "objstore"},
        spoil = function(fixture)
            must(fixture.world.client:patch("secrets", "portal-backup-secret",
                {data = {username = null, password = null, key = "YQ==", keysecret = "YQ=="}}))
        end,
        says = {"secret portal-backup-secret has not the keys username and password"},
    },
    {
        "an endpoint has no host",
        spoil = function(fixture)
            fixture.world:patch({spec = {portalUIEndpoint = {hosts = null}}})
        end,
        says = {"spec.portalUIEndpoint names no host", "a recovered portal must have the same"},
    },
    {
        "there is no backup",
        options = {backups = {}},
        says = {"there is no backup of this system (PortalBackup of the system with"
            .. " spec.portalCluster portal)", "take one with -p take_backup=true"},
    },
    {
        "there are only backups of sites",
        options = {backups = {}},
        spoil = function(fixture)
            fixture.world:add_file("portal.example.org@acme@shop", "20261101.010203")
            fixture.world:await_records()
        end,
        says = {"none of the 1 backups of this system can be used"},
    },
    {
        "no backup can be used",
        spoil = function(fixture)
            for _, object in ipairs(fixture.world:list(apiconnect.PORTAL_BACKUP)) do
                must(fixture.world.client:patch("pb", object.metadata.name,
                    {status = {phase = "Failed"}}, {subresource = "status"}))
            end
        end,
        says = {"none of the 3 backups of this system can be used"},
    },
    {
        "the backups are those of another portal",
        spoil = function(fixture)
            for _, object in ipairs(fixture.world:list(apiconnect.PORTAL_BACKUP)) do
                must(fixture.world.client:patch("pb", object.metadata.name,
                    {spec = {portalCluster = "another"}}))
            end
        end,
        says = {"there is no backup of this system"},
    },
}

lab.describe("apic-v10/prepare-portal refuses when", function()
    preparation.refuses(portal.start, PROBLEMS)

    it("the kit is another system's: each has one of its own", function()
        local fixture <close> = portal.start()
        salvor.expect_code(0, fixture:run())
        local other <close> = portal.start({name = "other"})
        local result = other:run({kit = fixture.kit})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, fixture.kit .. " is the kit of another system:"
            .. " PortalCluster " .. fixture.namespace .. "/portal")
    end)
end)

local WARNINGS = {
    {
        "the newest backup is older than max_age",
        options = {backups = {7200, 200000}},
        params = {max_age = "90m"},
        says = {"2.0 hours old", "more than the 1.5 hours allowed", "-p take_backup=true"},
    },
    {
        "a site has no new backup",
        spoil = function(fixture)
            fixture.world:add_file("portal.example.org@acme@old", world.time(400000))
            fixture.world:await_records()
        end,
        says = {"the newest backup of site portal.example.org@acme@old is 110.1 hours older",
                "was the site deleted?"},
    },
    {
        "no site has a backup",
        options = {sites = {}},
        says = {"no site of this portal has a backup"},
    },
    {
        "nothing says when backups are taken",
        spoil = function(fixture)
            fixture.world:patch({spec = {portalBackup = {schedule = null}}})
        end,
        says = {"portalBackup.schedule is not set: a backup is taken every 24 hours",
                "set it to the time of the management database's backups"},
    },
    {
        "the schedule is none",
        spoil = function(fixture)
            fixture.world:patch({spec = {portalBackup = {schedule = "0 25 * * *"}}})
        end,
        says = {"portalBackup.schedule: '25' in the schedule '0 25 * * *' is no hour"},
    },
    {
        "the name is too long for the version",
        options = {name = "portal-of-production", version = "10.0.2.0"},
        says = {"the name portal-of-production is longer than 15 characters",
                "restore onto 10.0.3.0 or later, with originalUID set to the noted metadata.uid"},
    },
    {
        "the name of the APIConnectCluster is too long for the version",
        options = {name = "short-ptl", owner = "apic-of-prod", version = "10.0.2.0"},
        says = {"the name apic-of-prod is longer than 10 characters"},
    },
    {
        "originalUID is not set",
        spoil = function(fixture)
            fixture.world:patch({spec = {originalUID = null}})
        end,
        says = {"spec.originalUID is not set; metadata.uid"},
    },
}

lab.describe("apic-v10/prepare-portal warns when", function()
    preparation.warns(portal.start, WARNINGS)
end)
