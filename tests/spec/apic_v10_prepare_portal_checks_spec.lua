-- The checks of apic-v10/prepare-portal. Those that prepare-management has, too, are tested in
-- apic_v10_prepare_checks_spec.lua.
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
end)

lab.describe("apic-v10/prepare-portal", function()
    it("counts backups that name no portal, as the resource allows", function()
        local fixture <close> = portal.start({faults = {unnamed = true}})
        local result = fixture:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "newest usable backup: portal-", "sites have backups: ")
    end)

    it("but not where there are several portals, of which nobody says whose they are", function()
        local fixture <close> = portal.start({faults = {unnamed = true}})
        fixture.world:add_portal("second", {})
        fixture:expect_refused({name = "portal"}, "there is no backup of this system",
            " PortalBackups name no portal (spec.portalCluster), and there are several: whose they"
                .. " are cannot be told, and they do not count")
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
}

lab.describe("apic-v10/prepare-portal warns when", function()
    preparation.warns(portal.start, WARNINGS)
end)
