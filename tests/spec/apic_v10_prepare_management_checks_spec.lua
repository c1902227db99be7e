-- The checks of apic-v10/prepare-management.
local apic = require("support.apic")
local fs = require("salvor.fs")
local lab = require("support.lab")
local null = require("salvor").null
local preparation = require("support.preparation")
local salvor = require("support.salvor")

--- Each: a case of support.preparation.
local PROBLEMS = {
    {
        "there is no ManagementCluster",
        spoil = function(fixture)
            must(fixture.world.client:delete("mgmt", "management"))
        end,
        says = {"there is no ManagementCluster in namespace", "name its namespace with -n"},
    },
    {
        "there are two",
        spoil = function(fixture)
            fixture.world:add_management("second")
        end,
        says = {"there are 2 ManagementClusters", "management, second", "choose one with -p name="},
    },
    {
        "the one named does not exist",
        params = {name = "other"},
        says = {"there is no ManagementCluster other in namespace", "there is: management"},
    },
    {
        "it does not tell its version",
        spoil = function(fixture)
            fixture.world:patch({spec = {version = null}})
            fixture.world:patch_status({versions = {reconciled = null}})
        end,
        says = {"ManagementCluster management does not tell its version"},
    },
    {
        "no backups are set up",
        spoil = function(fixture)
            fixture.world:patch({spec = {databaseBackup = null}})
        end,
        says = {"databaseBackup is not set up: backups stay inside the cluster",
                "set it to an SFTP server or an S3 bucket, in the "},
    },
    {
        "backups are local",
        spoil = function(fixture)
            fixture.world:patch({spec = {databaseBackup = {protocol = "local"}}})
        end,
        says = {"databaseBackup.protocol is local: backups stay inside the cluster and are lost",
                "set it to an SFTP server or an S3 bucket, in the "},
    },
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
        "the S3 endpoint has no region",
        options = {protocol = "objstore"},
        spoil = function(fixture)
            fixture.world:patch({spec = {databaseBackup = {host = "s3.example.org"}}})
        end,
        says = {"databaseBackup.host is 's3.example.org'", "it is the endpoint and its region"},
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
        "host, path, credentials and schedule are missing",
        spoil = function(fixture)
            fixture.world:patch({spec = {databaseBackup = {
                host = null, path = null, credentials = null, schedule = null}}})
        end,
        says = {"databaseBackup.host is not set", "databaseBackup.path is not set",
                "databaseBackup.credentials is not set", "databaseBackup.schedule is not set",
                "set it in the ManagementCluster"},
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
        "the port is none",
        spoil = function(fixture)
            fixture.world:patch({spec = {databaseBackup = {port = 70000}}})
        end,
        says = {"databaseBackup.port is 70000", "it is a number from 1 to 65535"},
    },
    {
        "it is not Running",
        spoil = function(fixture)
            fixture.world:patch_status({phase = "Pending", message = "waiting for the database"})
        end,
        says = {"ManagementCluster management is not healthy: phase Pending, state 18/18,"
            .. " \"waiting for the database\"", "mend it first"},
    },
    {
        "it is not Running, and says so in a way that would disturb a terminal",
        spoil = function(fixture)
            fixture.world:patch_status({phase = "\27[2J\7Failed", message = "one\ntwo\r\0three"})
        end,
        says = {"phase \\x1b[2J\\x07Failed, state 18/18, \"one\\ntwo\\r\\x00three\""},
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
        says = {"not healthy: phase (none), state (none)"},
    },
    {
        "the status names no encryption secret",
        spoil = function(fixture)
            fixture.world:patch_status({encryptionSecret = null})
        end,
        says = {"the status of the ManagementCluster names no encryptionSecret"},
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
        "there is no backup",
        options = {backups = {}},
        says = {"there is no backup of this system (ManagementBackup with spec.clusterName"
            .. " management)", "take one with -p take_backup=true"},
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
        "the kit's place is a file",
        spoil = function(fixture)
            must(fs.write(fixture.kit, "something else"))
        end,
        says = {"/kit is not a folder", "name another place with -p kit="},
    },
    {
        "the kit's place is below a file",
        params = {kit = "/etc/hostname/kits/one"},
        says = {"/etc/hostname is not a folder"},
    },
}

lab.describe("apic-v10/prepare-management refuses when", function()
    preparation.refuses(apic.start, PROBLEMS)

    it("the kit is another system's", function()
        local fixture <close> = apic.start()
        salvor.expect_code(0, fixture:run())
        local before = salvor.tree(fixture.kit)
        local other <close> = apic.start({name = "other"})
        local result = other:run({kit = fixture.kit})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, fixture.kit .. " is the kit of another system:"
            .. " ManagementCluster " .. fixture.namespace .. "/management",
            "name another place with -p kit=")
        assert.same(before, salvor.tree(fixture.kit))
    end)

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
        "another run has left a part of a kit",
        spoil = function(fixture)
            local generation = fixture.kit .. "/generations/20260101-000000-abcdef"
            must(fs.mkdir(generation, {parents = true}))
            must(fs.write(generation .. "/settings.yaml", "a part"))
        end,
        says = {"run 20260101-000000-abcdef has not finished its generation in ",
                "salvor run --resume 20260101-000000-abcdef, or remove generations/20260101"},
    },
    {
        "the name is too long for the version",
        options = {name = "management-of-production", version = "10.0.2.0"},
        says = {"the name management-of-production is longer than 15 characters",
                "restore onto 10.0.3.0 or later, with originalUID set to the noted metadata.uid"},
    },
    {
        "the schedule is not one of this version",
        options = {version = "10.0.8.0"},
        says = {"databaseBackup.schedule: the schedule '0 3 * * *' has 5 fields, 10.0.8.0 takes 6",
                "'0 0 3 * * *' is every day at 3:00:00"},
    },
    {
        "the name of the APIConnectCluster is too long for the version",
        options = {name = "short-mgmt", owner = "apic-of-prod", version = "10.0.2.0"},
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

lab.describe("apic-v10/prepare-management warns when", function()
    preparation.warns(apic.start, WARNINGS)
end)
