-- salvor run apic-v10/configure-s3-backup where no pods run: up to the stanza, and what it says
-- when that fails; all of it from 10.0.8 on. With pods: apic_v10_configure_s3_backup_node_spec.lua.
local apiconnect = require("salvor.apiconnect")
local base64 = require("salvor.digest").base64
local fs = require("salvor.fs")
local lab = require("support.lab")
local operation = require("support.operation")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local stanza_job = require("worlds.stanza_job")
local store_lab = require("support.store_lab")
local watch = require("salvor.apiconnect.configure_s3.watch")
local world = require("worlds.apic_v10_s3")

local function define()
    describe("from 10.0.8 on", function()
        it("puts the settings in and waits for the subsystem; there is no stanza", function()
            local fixture <close> = s3_operation.start({version = "10.0.8.0"})
            local result = fixture:run({schedule = "0 0 3 * * *", restart_database = false})
            salvor.expect_code(0, result)
            assert.same({
                protocol = "objstore", host = fixture.host, path = fixture.path,
                credentials = "s3-credentials", schedule = "0 0 3 * * *",
                backupCerts = "custom-server-ca", backups3URIStyle = "path",
            }, fixture:settings())
            salvor.expect(result.stdout, "not needed  stanza ", "not needed  repository ")
        end)

        it("replaces the values of Secrets that are there, and says so", function()
            local fixture <close> = s3_operation.start({version = "10.0.8.0"})
            must(fixture.world.client:create({apiVersion = "v1", kind = "Secret",
                metadata = {name = "s3-credentials"}, data = {key = base64("a"), other = "YQ==",
                                                              keysecret = base64("b")}}))
            local result = fixture:run({schedule = "0 0 3 * * *"})
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "secret s3-credentials exists with other values")
            local secret = must(fixture.world.client:get("secrets", "s3-credentials"))
            assert.same({key = base64(fixture.at.access_key), other = "YQ==",
                         keysecret = base64(fixture.at.secret_key)}, secret.data)
        end)

        it("takes Secrets that are there, without any in a parameter", function()
            local fixture <close> = s3_operation.start({version = "10.0.8.0"})
            for name, data in pairs({
                mine = {key = base64(fixture.at.access_key),
                        keysecret = base64(fixture.at.secret_key)},
                authority = {["ca.crt"] = base64(must(fs.read(fixture.ca)))},
            }) do
                must(fixture.world.client:create({apiVersion = "v1", kind = "Secret",
                                                  metadata = {name = name}, data = data}))
            end
            local result = fixture:run({schedule = "0 0 3 * * *", access_key = false,
                secret_key = false, credentials = "mine", ca = false, ca_secret = "authority"})
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "not needed  make-credentials ",
                "not needed  make-certificate ")
            assert.same({"mine", "authority"},
                {fixture:settings().credentials, fixture:settings().backupCerts})
        end)
    end)

    describe("a stanza that cannot be made, by the exit status where there is no log:", function()
        for code, text in pairs({
            [28] = "the backups of another database",
            [40] = "there are files in archive/ or backup/ at the path, without a stanza",
            [55] = "only one of archive.info and backup.info is at the path",
            [1] = "exit status 1",
        }) do
            it(tostring(code), function()
                local fixture <close> = s3_operation.start({exit_code = code})
                local result = fixture:run()
                salvor.expect_code(5, result)
                salvor.expect(result.stderr, "Job " .. world.JOB .. " has failed: ", text,
                    "delete the Job")
                for _, stream in ipairs({result.stdout, result.stderr,
                    must(fs.read(fixture:journal_path(operation.run_id(result))))}) do
                    assert.is_nil(stream:find(fixture.at.secret_key, 1, true))
                    assert.is_nil(stream:find(base64(fixture.at.secret_key), 1, true))
                end
            end)
        end
    end)

    --- Up to what takes a pod.
    local function run(fixture, params)
        local words = fixture:words("run", params)
        return fixture:salvor(table.move({"--yes", "--skip", "repository"}, 1, 3, #words + 1,
            words))
    end

    it("a Job of settings that are in already may be gone by now", function()
        local fixture <close> = s3_operation.start()
        salvor.expect_code(0, run(fixture))
        must(fixture.world.client:delete("jobs.batch", world.JOB))
        local again = run(fixture)
        salvor.expect_code(0, again)
        salvor.expect(again.stdout, "Job " .. world.JOB .. " of the settings that were there before"
            .. " is gone")
    end)

    it("a stanza of the settings before says nothing of these", function()
        local fixture <close> = s3_operation.start()
        salvor.expect_code(0, run(fixture))
        -- The old Job is complete, and is still there while its operator takes its time.
        fixture.world.exit_code, fixture.world.delays.restart = 28, 1
        local result = run(fixture, {schedule = "0 4 * * *"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "Job " .. world.JOB .. " has failed: ")
    end)

    it("a database that must not restart, by its operator's own word", function()
        local fixture <close> = s3_operation.start()
        -- Whoever takes the consent back while the run waits.
        fixture.world.refuses_restart = true
        local result = fixture:run({timeout = "1s"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step stanza: ", world.JOB,
            "; ManagementCluster management: phase Running, state 18/18, message restartDB.accept")
    end)

    it("a subsystem that goes while its Job is waited for in vain: that it was, and why", function()
        local fixture <close> = s3_operation.start()
        local client = fixture.world.client
        local site = {name = "management", database = "crunchy", changes = true,
                      database_cluster = fixture.world.database_cluster}
        must(client:delete(apiconnect.MANAGEMENT, site.name))
        local ok, err = pcall(watch.stanza, {k8s = client, facts = {sites = {site}},
                                             params = {timeout = 0.1}})
        assert.is_false(ok)
        assert.equal("Timeout", err.code)
        salvor.expect(err.message, world.JOB, "to be complete for these settings",
            "; ManagementCluster management: ", '"management" not found')
    end)

    it("a fresh installation needs no restart", function()
        local fixture <close> = s3_operation.start({fresh = true, delays = {install = 0.01}})
        fixture.world:patch_status({phase = "Pending", state = "0/18"})
        local result = fixture:plan({restart_database = false})
        salvor.expect_code(0, result)
        assert.is_nil(result.stdout:find("restartDB", 1, true))
    end)

    describe("a database that is down", function()
        --- The exit status of the plan without consent, and what it says.
        local function plan_after(code)
            local fixture <close> = s3_operation.start()
            fixture.world:patch_status({phase = "Pending", state = "11/18"})
            local job = stanza_job.create(fixture.world)
            if code then
                stanza_job.finish(fixture.world, job, code)
            end
            local result = fixture:plan({restart_database = false})
            return result.code, result.stdout
        end

        for what, code in pairs({["makes a stanza"] = false, ["has made a stanza"] = 0}) do
            it("and " .. what .. " needs one", function()
                local exit_code, said = plan_after(code)
                assert.equal(4, exit_code)
                assert.matches("the database of management is installed: it restarts for", said)
            end)
        end

        it("and whose stanza could not be made needs none", function()
            local exit_code, said = plan_after(28)
            assert.equal(0, exit_code)
            assert.is_nil(said:find("restartDB", 1, true))
        end)
    end)

    it("asks for the name of what is lost, and changes nothing without it", function()
        local fixture <close> = s3_operation.start()
        local before = fixture.world:snapshot()
        local result = fixture:salvor(fixture:words("run"))
        salvor.expect_code(6, result)
        assert.same(before, fixture.world:snapshot())
    end)
end

lab.describe("run of apic-v10/configure-s3-backup", function()
    store_lab.describe("with a bucket", "s3 pgbackrest", define)
end)
