-- apic-v10/configure-s3-backup with pods: the real pgBackRest makes the stanza in the gateway's
-- bucket, its log says why it cannot, and it is asked afterwards.
local dig = require("salvor").dig
local node = require("support.node")
local operation = require("support.operation")
local pgbackrest_pod = require("support.pgbackrest_pod")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")
local unbase64 = require("salvor.digest").unbase64

local JOB = "management-82b290a2-postgres-stanza-create"

local function define()
    local pods

    setup(function()
        pods = pgbackrest_pod.new()
    end)

    teardown(function()
        pods:close()
    end)

    local function start(options)
        options = options or {}
        options.kubeconfig, options.namespace = node.kubeconfig(), node.namespace()
        options.pods = pods
        return s3_operation.start(options)
    end

    it("makes the Secrets, puts the settings in, and finds the stanza in the bucket", function()
        local fixture <close> = start()
        local result = fixture:run({retain = "2"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "there is no backup yet",
            "Run apic-v10/prepare-management now",
            "restartDB.accept is still true")
        assert.same({
            protocol = "objstore", s3provider = "custom", host = fixture.host,
            path = fixture.path, credentials = "s3-credentials",
            schedule = "0 3 * * *", repoRetentionFull = 2, backupCerts = "custom-server-ca",
            backups3URIStyle = "path", restartDB = {accept = true},
        }, fixture:settings())
        local secret = must(fixture.world.client:get("secrets", "s3-credentials"))
        assert.equal(fixture.at.access_key, unbase64(secret.data.key))
        assert.equal(fixture.at.secret_key, unbase64(secret.data.keysecret))
        local ca = must(fixture.world.client:get("secrets", "custom-server-ca"))
        assert.same({"generic", must(require("salvor.fs").read(fixture.ca))},
            {ca.type, unbase64(ca.data["ca.crt"])})
        local s <close> = fixture:store()
        assert.truthy(s:stat("archive/db/archive.info"))
        assert.truthy(s:stat("backup/db/backup.info"))

        -- Once more: all is so already.
        local before = fixture.world:snapshot()
        local again = fixture:run({retain = "2", restart_database = false})
        salvor.expect_code(0, again)
        salvor.expect(again.stdout, "is where its backups are already")
        assert.is_nil(again.stdout:find("other values", 1, true))
        assert.same(before, fixture.world:snapshot())

        -- Another schedule: a new Job takes the old one's place, and is the one that counts.
        local old = must(fixture.world.client:get("jobs.batch", JOB)).metadata.uid
        salvor.expect_code(0, fixture:run({schedule = "0 4 * * *"}))
        assert.not_equal(old, must(fixture.world.client:get("jobs.batch", JOB)).metadata.uid)
        assert.is_nil(fixture:settings().repoRetentionFull)
    end)

    it("edits the APIConnectCluster that owns the subsystem", function()
        local fixture <close> = start({top = "apic"})
        salvor.expect_code(0, fixture:run())
        local top = must(fixture.world.client:get("apiconnectclusters.apiconnect.ibm.com", "apic"))
        assert.equal(fixture.path,
            dig(top, "spec", "management", "databaseBackup", "path"))
        assert.same(dig(top, "spec", "management", "databaseBackup"), fixture:settings())
    end)

    it("explains a stanza that cannot be made, and goes on when that is cured", function()
        local fixture <close> = start()
        fixture.world.remakes = true
        -- Somebody writes to the path after it was found empty.
        local s <close> = fixture:store()
        fixture.world.before_stanza = function()
            fixture.world.before_stanza = nil
            must(s:write("backup/db/leftover", "x"))
        end
        local result = fixture:run()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step stanza: Job " .. JOB .. " has failed: there"
            .. " are files in archive/ or backup/ at the path, without a stanza (ERROR: [040]:",
            "then delete the Job, so that the operator makes it again: kubectl --context ",
            "salvor run --resume " .. operation.run_id(result))
        must(s:remove("backup/db/leftover"))
        must(fixture.world.client:delete("jobs.batch", JOB))
        local resumed = fixture:resume(operation.run_id(result))
        salvor.expect_code(0, resumed)
    end)

    it("takes the backups of another installation over, as a copy", function()
        local fixture <close> = start()
        local source = store_lab.bucket() .. "/old"
        pods:repository_copy(source)
        local s <close> = fixture:store(source)
        local result = fixture:run({copy_from = "s3://" .. source})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "3 backups, the newest ")
        local copied <close> = fixture:store()
        local count = 0
        for item in s:each() do
            assert.truthy(copied:stat(item.path), item.path)
            count = count + 1
        end
        assert.is_true(count > 100)
    end)
end

node.describe("apic-v10/configure-s3-backup", function()
    store_lab.describe("with pods", "s3 pgbackrest", define)
end)
