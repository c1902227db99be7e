-- salvor plan apic-v10/configure-s3-backup: every change is shown, and none is made.
local documents = require("support.documents")
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")

local function define()
    it("shows the Secrets, the settings and what is waited for, and no secret", function()
        local fixture <close> = s3_operation.start()
        local before = fixture:everything()
        local result = fixture:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout,
            "create Secret " .. fixture.namespace .. "/s3-credentials",
            "create Secret " .. fixture.namespace .. "/custom-server-ca",
            "patch ManagementCluster " .. fixture.namespace .. "/management",
            "spec.databaseBackup.path: ", fixture.path,
            "spec.databaseBackup.restartDB.accept: true",
            "- spec.databaseBackup.port",
            "wait for jobs.batch management-82b290a2-postgres-stanza-create to be complete for",
            "management to be up and have got the settings, at most 60s",
            "pgbackrest info --output json --repo1-type s3", "nothing was changed",
            "whether another management subsystem, in another namespace or cluster, has its backups"
                .. " in bucket " .. fixture.bucket)
        assert.is_nil((result.stdout .. result.stderr):find(fixture.at.secret_key, 1, true))
        assert.same(before, fixture:everything())
    end)

    describe("with a check left out", function()
        local fixture, whole

        setup(function()
            fixture = s3_operation.start()
            whole = fixture:plan_json()
        end)

        teardown(function()
            fixture:close()
        end)

        for _, id in ipairs({"settings", "multisite", "restart", "credentials", "certificate",
                             "bucket"}) do
            it("is the same: " .. id, function()
                local words = fixture:words("plan")
                local result = fixture:salvor(table.move({"--skip", id, "--output", "json"}, 1, 4,
                    #words + 1, words))
                salvor.expect_code(0, result)
                assert.same(whole.steps, must(json.decode(result.stdout)).steps)
            end)
        end

        it("is none where nothing is known without it", function()
            local words = fixture:words("plan")
            local result = fixture:salvor(table.move({"--skip", "resource"}, 1, 2, #words + 1,
                words))
            assert.not_equal(0, result.code)
            salvor.expect(result.stdout .. result.stderr,
                "sites is not known; begin a new run without --skip resource")
        end)
    end)

    it("has the bucket in the name of a custom host when nothing else is said", function()
        local fixture <close> = s3_operation.start()
        local result = fixture:plan({style = false})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "+ spec.databaseBackup.backups3URIStyle: host")
    end)

    it("shows changes of the APIConnectCluster where there is one", function()
        local fixture <close> = s3_operation.start({top = "apic"})
        local before = fixture:everything()
        local result = fixture:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "patch APIConnectCluster " .. fixture.namespace .. "/apic",
            "spec.management.databaseBackup.path: ")
        assert.is_nil(result.stdout:find("patch ManagementCluster", 1, true))
        assert.same(before, fixture:everything())
    end)

    it("takes the site file of its page", function()
        local fixture <close> = s3_operation.start()
        local page = documents.blocks("docs/procedures/apic-v10-configure-s3-backup.md")
        local text = page[2].text:gsub("s3.example.org/eu%-standard", fixture.host)
            :gsub("apic%-backup/management", fixture.path):gsub("ca.pem", "ca.crt")
        must(fs.write(fs.join(fixture.home, "s3.yaml"), text))
        local result = fixture:salvor({"plan", fixture.id, "--site", fixture.home .. "/s3.yaml",
            "-p", "restart_database=true"}, {env = {S3_ACCESS_KEY = fixture.at.access_key,
                                                    S3_SECRET_KEY = fixture.at.secret_key}})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "+ spec.databaseBackup.repoRetentionFull: 7")
    end)

    it("needs no stanza and no restart from 10.0.8 on", function()
        local fixture <close> = s3_operation.start({version = "10.0.8.0"})
        local before = fixture:everything()
        local result = fixture:plan({schedule = "0 0 3 * * *", restart_database = false})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "not needed  stanza", "not needed  repository",
            "not needed  reconfigure")
        assert.is_nil(result.stdout:find("s3provider", 1, true))
        assert.same(before, fixture:everything())
    end)
end

lab.describe("plan of apic-v10/configure-s3-backup", function()
    store_lab.describe("with a bucket", "s3", define)
end)
