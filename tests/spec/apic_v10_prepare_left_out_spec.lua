-- Procedures that prepare a subsystem of API Connect v10 when the operator leaves out a check: the
-- kit has all that can be had, and whether a recovery can use it is told at the end.
local apic = require("support.apic")
local fs = require("salvor.fs")
local lab = require("support.lab")
local management_kit = require("salvor.apiconnect.management_kit")
local kit = require("salvor.procedure.kit")
local null = require("salvor").null
local portal = require("support.portal")
local portal_kit = require("salvor.apiconnect.portal_kit")
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

local BOTH = {
    {id = "apic-v10/prepare-management", start = apic.start, read = management_kit.read,
     checks = "backup-settings health secrets identity backups kit"},
    {id = "apic-v10/prepare-portal", start = portal.start, read = portal_kit.read,
     checks = "backup-settings health secrets identity endpoints backups kit"},
}

for _, one in ipairs(BOTH) do
    lab.describe(one.id .. " without", function()
        it("any of its checks makes the same kit but for the backup", function()
            local fixture <close> = one.start()
            salvor.expect_code(0, fixture:run())
            local expected = one.read(must(kit.open(fixture.kit)))
            salvor.expect_code(0, fixture:run_without(one.checks))
            local found = one.read(must(kit.open(fixture.kit)))
            assert.equal(#expected.secrets, #found.secrets)
            assert.equal(expected.original_uid, found.original_uid)
            assert.equal(expected.site, found.site)
            local settings = must(yaml.load(fixture:files()["settings.yaml"]))
            assert.is_nil(settings.newestBackup)
            assert.is_truthy(settings.siteName)
        end)

        it("the check of backups takes one all the same when it is asked to", function()
            local fixture <close> = one.start({backups = {}})
            salvor.expect_code(0, fixture:run_without("backups", {take_backup = "true"}))
            local settings = must(yaml.load(fixture:files()["settings.yaml"]))
            assert.matches(fixture:only_run(), settings.newestBackup.name, 1, true)
        end)

        it("the check that finds the resource says that nothing can be done", function()
            local fixture <close> = one.start()
            local result = fixture:run_without("resource")
            salvor.expect_code(4, result)
            salvor.expect(result.stdout, "it is not known which ",
                "do not leave out the check that finds it")
            assert.is_nil(fs.stat(fixture.kit))
        end)

        it("the check of secrets ends with what a recovery would say of the kit", function()
            local fixture <close> = one.start()
            local role = one.read == management_kit.read and "databaseBackup.credentials"
                or "portalBackup.credentials"
            local name = fixture.world.secrets[role].name
            must(fixture.world.client:patch("secrets", name, {data = {username = null}}))
            local result = fixture:run_without("secrets")
            salvor.expect_code(5, result)
            salvor.expect(result.stderr, "stopped at step read-back",
                "secret " .. name .. " has not the keys username and password")
        end)
    end)
end

lab.describe("recreate.yaml of apic-v10/prepare-", function()
    for _, one in ipairs(BOTH) do
        local name = one.id:match("prepare%-(.*)")

        it(name .. " says for which versions originalUID is, where the old one had none", function()
            local fixture <close> = one.start({version = "10.0.2.0"})
            salvor.expect_code(0, fixture:run())
            salvor.expect(fixture:files()["recreate.yaml"], "# originalUID is for a replacement of"
                .. " 10.0.3.0 or later, or of 10.0.1.4-ifix1 or later of 10.0.1:\n",
                "\n  originalUID: ")
        end)

        it(name .. " has originalUID without a word where all versions have it", function()
            local fixture <close> = one.start()
            salvor.expect_code(0, fixture:run())
            assert.is_nil(fixture:files()["recreate.yaml"]:find("# originalUID", 1, true))
        end)
    end
end)
