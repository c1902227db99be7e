-- apic-v10/recover-management of a subsystem whose backups are on S3: they are copied to a path of
-- their own first.
local apiconnect = require("salvor.apiconnect")
local fs = require("salvor.fs")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local null = require("salvor").null
local recovery = require("support.apic_recovery")
local repositories = require("support.pgbackrest")
local rights = require("support.rights")
local salvor = require("support.salvor")
local stanza_job = require("worlds.stanza_job")
local storage = require("worlds.apic_v10_recovery")
local store = require("salvor.store")
local store_lab = require("support.store_lab")
local base64 = require("salvor.digest").base64
local yaml = require("salvor.yaml")

local MULTISITE = {mode = "active", tlsClient = {secretName = "client"},
                   replicationEndpoint = {hosts = {{name = "r.example.org", secretName = "r"}}}}

local function reach_of(at)
    return {endpoint = at.tls_endpoint, region = at.region, access_key = at.access_key,
            secret_key = at.secret_key, ca = at.ca}
end

--- A subsystem that was lost, with a real repository in its bucket; and how to reach that.
local function lose(at, options)
    local bucket = store_lab.bucket()
    local reach = reach_of(at)
    local settings = {
        protocol = "objstore", s3provider = "custom", backups3URIStyle = "path",
        host = at.tls_endpoint:match("//(.*)$") .. "/" .. at.region,
        path = bucket .. (options and options.path or "/old"),
        credentials = "mgmt-backup-secret", backupCerts = "custom-server-ca",
        schedule = "0 3 * * *", repoRetentionFull = 2,
    }
    return recovery.lose({
        protocol = "objstore",
        version = options and options.version,
        owner = options and options.owner,
        spec = merge({originalUID = recovery.ORIGINAL, databaseBackup = settings},
            options and options.spec),
        secrets = {
            credentials = {key = base64(at.access_key),
                           keysecret = base64(options and options.secret_key or at.secret_key)},
            certificate = {["ca.crt"] = base64(must(fs.read(at.ca)))},
        },
    }), bucket, reach
end

store_lab.describe("apic-v10/recover-management with backups on S3", "s3", function(at)
    local repository

    setup(function()
        repository = repositories.copy("gz")
    end)

    teardown(function()
        must(fs.remove_tree(repository:match("^(.*)/repo$")))
    end)

    it("copies the repository to the new path, and has the replacement use that", function()
        local lost <close>, bucket, reach = lose(at)
        must(store.copy(repository, "s3://" .. bucket .. "/old", {to = reach}))
        local operation <close> = recovery.start(lost)
        local result = operation:recover({copy_backups_to = bucket .. "/new"})
        salvor.expect_code(0, result)
        local report = must(store.verify("s3://" .. bucket .. "/new", {open = reach}))
        assert.is_true(report.restorable)
        local settings = operation.world:management().spec.databaseBackup
        assert.equal(bucket .. "/new", settings.path)
        assert.equal("custom-server-ca", settings.backupCerts)
        assert.equal(1, #operation:restored())
        for _, text in ipairs({result.stdout, result.stderr}) do
            assert.is_nil(text:find(at.secret_key, 1, true))
        end
    end)

    it("opens the old path with newer credentials, where they are there already", function()
        local lost <close>, bucket, reach = lose(at, {secret_key = "changed-since-then"})
        must(store.copy(repository, "s3://" .. bucket .. "/old", {to = reach}))
        local operation <close> = recovery.start(lost)
        local params = {copy_backups_to = bucket .. "/new"}
        salvor.expect_code(4, operation:plan(params))
        must(operation.world.client:create({apiVersion = "v1", kind = "Secret",
            metadata = {name = "mgmt-backup-secret"},
            stringData = {key = at.access_key, keysecret = at.secret_key}}))
        salvor.expect_code(0, operation:plan(params))
    end)

    describe("onto a subsystem that is installed already", function()
        local CONSENT = "databaseBackup.restartDB.accept: true"
        local lost, operation, params

        after_each(function()
            operation:close()
            lost:close()
        end)

        --- options: of lose(), and of the world.
        local function start(options, of_world)
            local bucket, reach
            lost, bucket, reach = lose(at, options)
            must(store.copy(repository, "s3://" .. bucket .. "/old", {to = reach}))
            operation = recovery.start(lost, of_world)
            params = {copy_backups_to = bucket .. "/new", backups_timeout = "20s"}
        end

        --- One with the old secrets and backups on SFTP.
        local function install()
            recovery.create_secrets(operation)
            operation.world:add_management("management", {protocol = "sftp"})
        end

        local function consent()
            return operation.world:management().spec.databaseBackup.restartDB
        end

        it("lets its database restart, without which it takes no settings of S3", function()
            start()
            install()
            salvor.expect(operation:plan(params).stdout, "+ spec." .. CONSENT)
            local result = operation:recover(params)
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "the database restarts for the settings of S3",
                "restartDB.accept is still true")
            assert.equal(1, #operation:restored())
            assert.same({accept = true}, consent())
            -- Of SFTP, and nothing beside settings of S3.
            assert.is_nil(operation.world:management().spec.databaseBackup.port)
        end)

        it("does not take the failed Job of other settings for that of the new ones", function()
            start(nil, {delays = {records = 4}})
            install()
            stanza_job.finish(operation.world, stanza_job.create(operation.world), 28)
            salvor.expect_code(0, operation:recover(params))
            assert.equal(1, #operation:restored())
        end)

        it("has the APIConnectCluster agree to it, where that has the settings", function()
            start({owner = "apic"})
            recovery.add_top(operation, "apic")
            params.top = "apic"
            salvor.expect_code(0, operation:recover(params))
            assert.equal(1, #operation:restored())
            assert.same({accept = true}, must(operation.world.client:get(apiconnect.TOP, "apic"))
                .spec.management.databaseBackup.restartDB)
        end)

        it("leaves the consent out of the operator's file, and does not take it back", function()
            start()
            install()
            local definition = operation.world:management()
            params.resource = fs.join(operation.home, "management_cr.yaml")
            must(fs.write(params.resource, must(yaml.dump({
                apiVersion = definition.apiVersion, kind = definition.kind,
                metadata = {name = "management"}, spec = definition.spec}))))
            salvor.expect_code(0, operation:recover(params))
            salvor.expect_code(0, operation:recover(params))
            assert.equal(2, #operation:restored())
            assert.same({accept = true}, consent())
            assert.is_nil(must(fs.read(params.resource)):find("restartDB", 1, true))
        end)

        it("restarts nothing where it has the settings, or has never been up", function()
            start(nil, {delays = {install = 1000}})
            local world = operation.world
            recovery.create_secrets(operation)
            must(world.client:create({apiVersion = "management.apiconnect.ibm.com/v1beta1",
                kind = "ManagementCluster", metadata = {name = "management"},
                spec = world:management_spec({protocol = "sftp", spec = {
                    encryptionSecret = {secretName = lost.secrets.encryptionSecret.name}}})}))
            local function expect_plan(restarts)
                local result = operation:plan(params)
                salvor.expect_code(0, result)
                assert.equal(restarts, result.stdout:find(CONSENT, 1, true) ~= nil, result.stdout)
            end
            expect_plan(false)
            local job = stanza_job.create(world)
            expect_plan(true)
            stanza_job.finish(world, job, 28)
            expect_plan(false)
            world:patch_status({phase = "Running"})
            expect_plan(true)
            world:patch({spec = {databaseBackup = merge(lost.spec.databaseBackup,
                {path = params.copy_backups_to})}})
            expect_plan(false)
        end)

        it("restarts nothing from 10.0.8 on, where the database needs no consent", function()
            start({version = "10.0.8.0"})
            install()
            local bucket = params.copy_backups_to:match("^[^/]+")
            local opened <close> = must(store.open("s3://" .. bucket, reach_of(at)))
            must(opened:write("old/" .. lost.remote.server_name .. "/base/"
                .. recovery.ids(lost, "edb")[2] .. "/backup.info", "x"))
            local result = operation:plan(params)
            salvor.expect_code(0, result)
            assert.is_nil(result.stdout:find("restartDB", 1, true))
        end)
    end)

    it("goes by the multiSiteHA of what is there, not of the old definition", function()
        local lost <close>, bucket, reach = lose(at, {spec = {multiSiteHA = MULTISITE}})
        must(store.copy(repository, "s3://" .. bucket .. "/old", {to = reach}))
        local operation <close> = recovery.start(lost)
        local params = {copy_backups_to = bucket .. "/new"}
        recovery.create_secrets(operation)
        operation.world:add_management("management", {spec = {multiSiteHA = MULTISITE}})
        operation:expect_refused(params, "multiSiteHA; it must be taken out before")
        must(operation.world.client:patch(apiconnect.MANAGEMENT, "management",
            {spec = {multiSiteHA = null}}))
        salvor.expect_code(0, operation:plan(params))
    end)

    it("refuses multiSiteHA in an APIConnectCluster that is there", function()
        local lost <close>, bucket, reach = lose(at)
        must(store.copy(repository, "s3://" .. bucket .. "/old", {to = reach}))
        local operation <close> = recovery.start(lost)
        recovery.add_top(operation, "apic")
        must(operation.world.client:patch(apiconnect.TOP, "apic",
            {spec = {management = {multiSiteHA = MULTISITE}}}))
        operation:expect_refused({top = "apic", copy_backups_to = bucket .. "/new"},
            "multiSiteHA; it must be taken out before")
    end)

    it("plans the copy, and copies nothing", function()
        local lost <close>, bucket, reach = lose(at)
        must(store.copy(repository, "s3://" .. bucket .. "/old", {to = reach}))
        local operation <close> = recovery.start(lost)
        local result = operation:plan({copy_backups_to = bucket .. "/new"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "copy the backups in s3://" .. bucket .. "/old to s3://"
            .. bucket .. "/new", "+ spec.databaseBackup.path: " .. bucket .. "/new")
        assert.is_true(must(store.is_empty("s3://" .. bucket .. "/new", {open = reach})))
    end)

    it("tells that the bucket of the new path removes objects by itself", function()
        local lost <close>, bucket, reach = lose(at)
        must(store.copy(repository, "s3://" .. bucket .. "/old", {to = reach}))
        store_lab.configure_bucket(bucket, "lifecycle", "<LifecycleConfiguration><Rule>"
            .. "<ID>tidy</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>"
            .. "<Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>")
        local operation <close> = recovery.start(lost)
        local result = operation:plan({copy_backups_to = bucket .. "/new"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: the bucket of s3://" .. bucket .. "/new has the"
            .. " lifecycle rule 'tidy', which removes objects",
            "have that turned off: backups of which parts are gone cannot be restored")
    end)

    local PROBLEMS = {
        {"no new path is named", {}, "that path must not be used by the replacement"},
        {"the new path is the old one", {copy = "/old"}, "is where the backups are"},
        {"the new path is deeper than the vendor supports", {copy = "/old/new"},
         "/old/new'; it is a bucket, or a bucket and one folder in it"},
        {"the new path lies in the old one", {path = "", copy = "/new"},
         "lies in what is to be copied"},
        {"the new path is not empty", {copy = "/used"}, "/used/readme"},
        {"the definition has multiSiteHA", {copy = "/new", spec = {multiSiteHA = MULTISITE}},
         "the replacement has multiSiteHA; it must be taken out before"},
        {"there is no repository", {copy = "/new", empty = true}, "is no repository of pgBackRest"},
    }
    for _, case in ipairs(PROBLEMS) do
        it("refuses when " .. case[1], function()
            local options = case[2]
            local lost <close>, bucket, reach = lose(at, options)
            local opened <close> = must(store.open("s3://" .. bucket, reach))
            must(opened:write("used/readme", "x"))
            if not options.empty then
                must(store.copy(repository, "s3://" .. bucket .. (options.path or "/old"),
                    {to = reach}))
            end
            local operation <close> = recovery.start(lost)
            operation:expect_refused({copy_backups_to = options.copy and bucket .. options.copy},
                case[3])
        end)
    end

    describe("says why the stanza cannot be made, and what to do, at once, when", function()
        local lost

        after_each(function()
            lost:close()
        end)

        --- The Job of the stanza has ended with that exit status, and the subsystem does not
        --- come up.
        local function expect_failed_job(code, ...)
            local bucket, reach
            lost, bucket, reach = lose(at)
            must(store.copy(repository, "s3://" .. bucket .. "/old", {to = reach}))
            local operation <close> = recovery.start(lost, {delays = {install = 1000}})
            local world = operation.world
            stanza_job.finish(world, stanza_job.create(world), code)
            local stopped = operation:recover({copy_backups_to = bucket .. "/new",
                                               install_timeout = "60s"})
            salvor.expect_code(5, stopped)
            salvor.expect(stopped.stderr, "stopped at step await-operator: ",
                "Job management-82b290a2-postgres-stanza-create has failed: ", ...)
            assert.same({}, operation:restored())
        end

        it("the subsystem does not come up: the path is another database's", function()
            expect_failed_job(28, "the path holds the backups of another database",
                "(exit status 28); ", "copies them to a new path (-p copy_backups_to=…); then"
                .. " delete the Job, so that the operator makes it again: kubectl ",
                " delete job management-82b290a2-postgres-stanza-create; then go on with: salvor")
        end)

        it("no backup appears: the repository is damaged; and goes on without the Job", function()
            local bucket, reach
            lost, bucket, reach = lose(at)
            must(store.copy(repository, "s3://" .. bucket .. "/old", {to = reach}))
            local operation <close> = recovery.start(lost)
            local world = operation.world
            world.remote = nil -- without a stanza it sees no backup
            salvor.expect_code(0, operation:recover_until("await-operator",
                {copy_backups_to = bucket .. "/new"}))
            local job = stanza_job.create(world)
            stanza_job.finish(world, job, 55)
            local stopped = operation:go_on()
            salvor.expect_code(5, stopped)
            salvor.expect(stopped.stderr, "stopped at step await-backups: ",
                "only one of archive.info and backup.info is at the path")
            must(world.client:delete("jobs.batch", job.metadata.name))
            world.remote = lost.remote
            storage.record_backups(world)
            salvor.expect_code(0, operation:go_on())
            assert.equal(1, #operation:restored())
        end)

        it("and names what is known when nothing explains it", function()
            expect_failed_job(99, "exit status 99; the log of pod management-82b290a2-")
        end)
    end)

    it("goes on with a stanza that was made", function()
        local lost <close>, bucket, reach = lose(at)
        must(store.copy(repository, "s3://" .. bucket .. "/old", {to = reach}))
        local operation <close> = recovery.start(lost, {delays = {records = 3}})
        stanza_job.finish(operation.world, stanza_job.create(operation.world), 0)
        salvor.expect_code(0, operation:recover({copy_backups_to = bucket .. "/new"}))
    end)

    it("needs no more rights than salvor rbac prints to tell why the stanza fails", function()
        local lost <close>, bucket, reach = lose(at)
        must(store.copy(repository, "s3://" .. bucket .. "/old", {to = reach}))
        local operation <close> = recovery.start(lost, {delays = {install = 1000}})
        local world, params = operation.world, {copy_backups_to = bucket .. "/new"}
        stanza_job.finish(world, stanza_job.create(world), 28)
        local robot <close> = rights.grant(operation, params)
        local stopped = robot:act(function()
            return operation:recover(params)
        end)
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "the path holds the backups of another database")
    end)

    it("copies what EDB has stored, and restores from the new path", function()
        local lost <close>, bucket, reach = lose(at, {version = "10.0.8.0"})
        local server = lost.remote.server_name
        local opened <close> = must(store.open("s3://" .. bucket, reach))
        local file = "/" .. server .. "/base/" .. recovery.ids(lost, "edb")[2] .. "/backup.info"
        must(opened:write("old" .. file, "x"))
        local operation <close> = recovery.start(lost)
        operation.world.remote.path = bucket .. "/new"
        salvor.expect_code(0, operation:recover({copy_backups_to = bucket .. "/new"}))
        assert.equal("x", must(opened:read("new" .. file)))
        assert.equal(1, #operation:restored())
    end)
end)

lab.describe("apic-v10/recover-management with backups on SFTP", function()
    it("has no path to copy to", function()
        local lost <close> = recovery.lose()
        local operation <close> = recovery.start(lost)
        local result = operation:recover({copy_backups_to = "bucket/new"})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "the backups are not on S3: their path stays the same")
    end)
end)
