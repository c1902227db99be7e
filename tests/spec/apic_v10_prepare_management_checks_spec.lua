-- The checks of apic-v10/prepare-management. Those that prepare-portal has, too, are tested in
-- apic_v10_prepare_checks_spec.lua.
local apic = require("support.apic")
local fs = require("salvor.fs")
local lab = require("support.lab")
local null = require("salvor").null
local preparation = require("support.preparation")
local salvor = require("support.salvor")

--- Each: a case of support.preparation.
local PROBLEMS = {
    {
        "the provider of S3 takes no certificate and no style",
        options = {protocol = "objstore"},
        spoil = function(fixture)
            fixture.world:patch({spec = {databaseBackup = {s3provider = "aws"}}})
        end,
        says = {"databaseBackup.backupCerts is set, and s3provider is aws",
                "databaseBackup.backups3URIStyle is set, and s3provider is aws",
                "it is for the provider custom alone: take it out"},
    },
    {
        "the secrets for S3 are without their keys",
        options = {protocol = "objstore"},
        spoil = function(fixture)
            local client = fixture.world.client
            must(client:patch("secrets", "mgmt-backup-secret", {data = {keysecret = null}}))
            must(client:patch("secrets", "custom-server-ca", {data = {["ca.crt"] = null}}))
        end,
        says = {"secret mgmt-backup-secret has not the keys key and keysecret",
                "secret custom-server-ca has no key ca.crt"},
    },
    {
        "nothing says when backups are taken",
        spoil = function(fixture)
            fixture.world:patch({spec = {databaseBackup = {schedule = null}}})
        end,
        says = {"databaseBackup.schedule is not set", "set it in the ManagementCluster"},
    },
    {
        "a setting is missing below an APIConnectCluster",
        options = {name = "apic-mgmt", owner = "apic"},
        spoil = function(fixture)
            fixture.world:patch({spec = {databaseBackup = {path = null}}})
        end,
        says = {"databaseBackup.path is not set; set it in APIConnectCluster apic, whose operator"
            .. " overwrites the ManagementCluster"},
    },
    {
        "it is not Running",
        spoil = function(fixture)
            fixture.world:patch_status({phase = "Pending", message = "waiting for the database"})
        end,
        says = {"ManagementCluster management is not healthy: phase Pending, state 18/18,"
            .. " message waiting for the database", "mend it first"},
    },
    {
        "it is not Running, and says so in a way that would disturb a terminal",
        spoil = function(fixture)
            fixture.world:patch_status({phase = "\27[2J\7Failed", message = "one\ntwo\r\0three"})
        end,
        says = {"phase \\x1b[2J\\x07Failed, state 18/18, message one\\ntwo\\r\\x00three"},
    },
    {
        "a part of it is not ready",
        spoil = function(fixture)
            fixture.world:patch_status({state = "17/18"})
        end,
        says = {"not healthy: phase Running, state 17/18"},
    },
    {
        "it says nothing of its state",
        spoil = function(fixture)
            fixture.world:patch_status({state = null, phase = null, message = null})
        end,
        says = {"not healthy: phase (none)"},
    },
    {
        "the status names no credential secret",
        spoil = function(fixture)
            fixture.world:patch_status({juhuCredentialSecret = null, uiCredentialSecret = ""})
        end,
        says = {"names no juhuCredentialSecret", "names no uiCredentialSecret"},
    },
    {
        "the status names what cannot be a secret",
        spoil = function(fixture)
            fixture.world:patch_status({uiCredentialSecret = "../../etc/passwd"})
        end,
        says = {"uiCredentialSecret of the ManagementCluster is no secret's name"},
    },
    {
        "the status names what is no name",
        spoil = function(fixture)
            fixture.world:patch_status({atmCredentialSecret = "../../etc/passwd",
                                        cliCredentialSecret = {name = "x"},
                                        uiCredentialSecret = 7, versions = {reconciled = 7}})
        end,
        says = {"atmCredentialSecret of the ManagementCluster is no secret's name",
                "names no uiCredentialSecret"},
    },
    {
        "secrets do not exist",
        spoil = function(fixture)
            must(fixture.world.client:delete("secrets", "management-atm-cred"))
            must(fixture.world.client:delete("secrets", "mgmt-backup-secret"))
        end,
        says = {"secret management-atm-cred (atmCredentialSecret) does not exist",
                "secret mgmt-backup-secret (databaseBackup.credentials) does not exist",
                "find out why it is gone"},
    },
    {
        "secrets have not the keys that are read from them",
        spoil = function(fixture)
            local client = fixture.world.client
            must(client:patch("secrets", "management-enc-key",
                {data = {["encryption_secret.bin"] = null}}))
            must(client:patch("secrets", "management-ui-cred",
                {data = {["credential.json"] = null}}))
            must(client:patch("secrets", "management-cui-cred",
                {data = {["credential.json"] = ""}}))
            must(client:patch("secrets", "mgmt-backup-secret", {data = {password = null}}))
        end,
        says = {"secret management-enc-key has no key encryption_secret.bin",
                "secret management-ui-cred has no key credential.json",
                "secret management-cui-cred has no key credential.json",
                "secret mgmt-backup-secret has not the keys username and password"
                    .. " (or ssh-privatekey)"},
    },
    {
        "siteName is not known",
        spoil = function(fixture)
            fixture.world:patch({spec = {siteName = null}})
        end,
        says = {"spec.siteName is not set", "wait until the operator has set it"},
    },
    {
        "no backup can be used",
        options = {backups = {{60, "Failed"}, {30, "Running"}}},
        says = {"none of the 2 backups of this system can be used"},
    },
    {
        "no backup can be used (EDB)",
        options = {version = "10.0.8.0", backups = {{60, "failed"}, {30, "running"}}},
        says = {"none of the 2 backups of this system can be used (EDB Backup with"
            .. " spec.cluster.name management-82b290a2-db)"},
    },
    {
        "the backups are those of another system",
        spoil = function(fixture)
            must(fixture.world.client:patch("mgmtb", "management-record-1",
                {spec = {clusterName = "another"}}))
        end,
        says = {"there is no backup of this system"},
    },
    {
        "the kit's place is below a file",
        params = {kit = "/etc/hostname/kits/one"},
        says = {"/etc/hostname is not a folder"},
    },
}

lab.describe("apic-v10/prepare-management", function()
    it("counts backups that tell their system in the status alone, as the resource allows",
        function()
            local fixture <close> = apic.start()
            for _, object in ipairs(fixture.world:backups()) do
                must(fixture.world.client:patch("mgmtb", object.metadata.name,
                    {spec = {clusterName = null}}))
            end
            local result = fixture:plan()
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "newest usable backup: management-")
        end)
end)

lab.describe("apic-v10/prepare-management refuses when", function()
    preparation.refuses(apic.start, PROBLEMS)

    -- Root may write everywhere, so it gives that right away first.
    it("the kit's folder cannot be written", function()
        local fixture <close> = apic.start()
        must(fs.mkdir(fixture.kit, {mode = 448 - 128})) -- 0500
        local result = fixture:run(nil, {prefix = {"setpriv",
            "--bounding-set=-dac_override,-dac_read_search,-fowner"}})
        if result.stderr:find("setpriv:", 1, true) then
            pending("setpriv is not permitted: " .. result.stderr)
        end
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "nothing can be written to " .. fixture.kit
            .. ": Permission denied")
        assert.same({}, salvor.tree(fixture.kit))
    end)

    it("anything: all that is wrong is told at once", function()
        local fixture <close> = apic.start({backups = {}})
        fixture.world:patch({spec = {databaseBackup = {protocol = "local"}}})
        fixture.world:patch_status({state = "3/18", encryptionSecret = null})
        must(fixture.world.client:delete("secrets", "management-cui-cred"))
        must(fs.write(fixture.kit, ""))
        local result = fixture:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "protocol is local", "state 3/18",
            "names no encryptionSecret", "secret management-cui-cred",
            "there is no backup of this system", "is not a folder")
    end)
end)

--- What is said, though the run is done.
local WARNINGS = {
    {
        "the newest backup is older than max_age",
        options = {backups = {{7200}, {200000}}},
        params = {max_age = "90m"},
        says = {"newest usable backup: management-record-1", "2.0 hours old",
                "more than the 1.5 hours allowed", "-p take_backup=true"},
    },
    {
        "the newest backup is of the future",
        options = {backups = {{-7200}}},
        says = {"newest usable backup: management-record-1", "0.0 hours old",
                "that is 2.0 hours in the future: the clocks"},
    },
    {
        "the schedule is not one of this version",
        options = {version = "10.0.8.0"},
        says = {"databaseBackup.schedule: the schedule '0 3 * * *' has 5 fields, 10.0.8.0 takes 6",
                "'0 0 3 * * *' is every day at 3:00:00"},
    },
}

lab.describe("apic-v10/prepare-management warns when", function()
    preparation.warns(apic.start, WARNINGS)
end)
