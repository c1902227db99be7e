-- What apic-v10/configure-s3-backup refuses, with the reason, before anything changes.
local base64 = require("salvor.digest").base64
local fs = require("salvor.fs")
local lab = require("support.lab")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")

local EXPIRING = "<LifecycleConfiguration><Rule><ID>tidy</ID><Filter><Prefix></Prefix></Filter>"
    .. "<Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule>"
    .. "</LifecycleConfiguration>"

local function define()
    local fixture, before

    setup(function()
        fixture = s3_operation.start()
        for name, data in pairs({["other-keys"] = {username = base64("a"), password = base64("b")},
                                 ["no-certificate"] = {["ca.pem"] = base64("x")}}) do
            must(fixture.world.client:create({apiVersion = "v1", kind = "Secret",
                                              metadata = {name = name}, data = data}))
        end
        before = fixture.world:snapshot()
    end)

    teardown(function()
        fixture:close()
    end)

    local function expect_refusal(params, ...)
        local result = fixture:run(params)
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, ...)
        assert.same(before, fixture.world:snapshot())
        assert.is_nil((result.stdout .. result.stderr):find(fixture.at.secret_key, 1, true))
    end

    local NO_KEYS = {access_key = false, secret_key = false}

    local function without_keys(more)
        for name in pairs(NO_KEYS) do
            more[name] = false
        end
        return more
    end

    local SETTINGS = {
        ["no provider"] = {{provider = false}, "s3provider is ''", "it is aws, ibm or custom"},
        ["a certificate and a style with another provider than custom"] = {{provider = "aws"},
            "databaseBackup.backupCerts is set, and s3provider is aws",
            "databaseBackup.backups3URIStyle is set, and s3provider is aws"},
        ["an endpoint without a region"] = {{host = "s3.example.org"},
            "it is the endpoint and its region"},
        ["folders below folders"] = {{path = "bucket/one/two"}, "deeper folders"},
        ["a path that begins with /"] = {{path = "/bucket"}, "it begins with the name of a bucket"},
        ["a / at the end of the path"] = {{path = "bucket/"}, "a / at the end"},
        ["six fields in the schedule of 10.0.5"] = {{schedule = "0 0 3 * * *"},
            "has 6 fields, 10.0.5.3 takes 5", "'0 3 * * *' is every day at 3:00"},
        ["a schedule without such an hour"] = {{schedule = "0 24 * * *"},
            "'24' in the schedule '0 24 * * *' is no hour (0 to 23)"},
        ["no backup retained"] = {{retain = "0"}, "a whole number from 1 to 9999999"},
        ["too many retained"] = {{retain = "10000000"}, "a whole number from 1 to 9999999"},
        ["a ManagementCluster that is not there"] = {{name = "other"},
            "there is no ManagementCluster other", "there is: management"},
        ["a restart that was not agreed to"] = {{restart_database = false},
            "it restarts for other backup settings", "-p restart_database=true"},
        ["a second path without a second data centre"] = {{other_path = "bucket-2"},
            "other_path, other_host and other_name are of a second data centre"},
    }
    for title, case in pairs(SETTINGS) do
        it(title, function()
            expect_refusal(table.unpack(case))
        end)
    end

    describe("credentials:", function()
        it("half of them", function()
            expect_refusal({secret_key = false}, "access_key and secret_key belong together")
        end)

        it("none, and no Secret", function()
            expect_refusal(without_keys({}), "there is no secret s3-credentials",
                "-p access_key=… -p secret_key=…",
                "bucket           not looked at, since 'credentials' failed")
        end)

        it("a Secret with other keys, as that of SFTP has", function()
            expect_refusal(without_keys({credentials = "other-keys"}),
                "secret other-keys has not the keys key and keysecret")
        end)

        it("a secret key that is wrong", function()
            expect_refusal({secret_key = "nonsense-nonsense"}, "permission denied",
                "look at the access key and the secret key")
        end)

        it("those of a user who may not look at the bucket", function()
            expect_refusal({access_key = fixture.at.stranger_access_key,
                            secret_key = fixture.at.stranger_secret_key}, "AccessDenied")
        end)
    end)

    describe("a certificate", function()
        local function file(text)
            local path = fs.join(fixture.home, "file.pem")
            must(fs.write(path, text))
            return path
        end

        it("that is none", function()
            expect_refusal({ca = file("hello")}, "file.pem holds no certificate")
        end)

        it("with its private key", function()
            local text = must(fs.read(fixture.ca))
            expect_refusal({ca = file(text .. "-----BEGIN PRIVATE KEY-----\n")},
                "file.pem holds a private key, which must not be copied")
        end)

        it("in a Secret without ca.crt", function()
            expect_refusal({ca = false, ca_secret = "no-certificate"},
                "there is no secret no-certificate with a key ca.crt")
        end)

        it("of an authority that nobody knows", function()
            expect_refusal({ca = false}, "x509: certificate signed by unknown authority",
                "-p ca=FILE")
        end)
    end)

    describe("a bucket", function()
        it("that is not there", function()
            expect_refusal({path = "no-such-bucket"}, "there is no such bucket")
        end)

        it("of a server that does not answer", function()
            expect_refusal({host = "localhost:1/default"}, "--skip bucket")
        end)

        it("with other backups at the path", function()
            local path = store_lab.bucket() .. "/used"
            local s <close> = fixture:store(path)
            must(s:write("archive/db/archive.info", "x"))
            expect_refusal({path = path}, "s3://" .. path .. " is not empty: archive/",
                "stanza-create fails where other backups are", "-p copy_from=…")
            expect_refusal({path = path, copy_from = fixture.home},
                "a repository is copied to a path that was never used")
        end)

        for title, settings in pairs({
            ["beside which are the subsystem's own"] = {protocol = "objstore", path = "elsewhere"},
            ["which the subsystem does not use"] = {protocol = "local"},
        }) do
            it("with other backups at the path, " .. title, function()
                local own <close> = s3_operation.start()
                own.world.paused = true -- what becomes of its settings is of no interest
                own.world:patch({spec = {databaseBackup = {protocol = settings.protocol,
                    host = own.host, path = settings.path or own.path}}})
                local s <close> = own:store()
                must(s:write("archive/db/archive.info", "x"))
                local result = own:run()
                salvor.expect_code(4, result)
                salvor.expect(result.stdout, "s3://" .. own.path .. " is not empty: archive/")
            end)
        end

        it("that removes objects by itself", function()
            local name = store_lab.bucket()
            store_lab.configure_bucket(name, "lifecycle", EXPIRING)
            expect_refusal({path = name}, "has the lifecycle rule 'tidy', which removes objects",
                "-p retain=…")
        end)

        it("that locks every object", function()
            expect_refusal({path = store_lab.locking_bucket()},
                "locks every object (3 Days, GOVERNANCE)", "-p retain=…")
        end)

        it("of another subsystem", function()
            fixture.world.paused = true -- what becomes of the second is of no interest
            fixture.world:add_management("second", {protocol = "sftp", spec = {databaseBackup = {
                protocol = "objstore", host = "s3.example.org/eu", path = fixture.bucket .. "/x",
                credentials = "a", schedule = "0 1 * * *"}}})
            before = fixture.world:snapshot()
            expect_refusal({name = "management"},
                "bucket " .. fixture.bucket .. " is that of ManagementCluster second")
            expect_refusal({}, "there are 2 ManagementClusters", "choose one with -p name=…")
            fixture.world.client:patch("managementclusters.management.apiconnect.ibm.com", "second",
                {spec = {databaseBackup = {path = "/none"}}})
            before = fixture.world:snapshot()
            expect_refusal({name = "management", path = "a/b/c"}, "the path 'a/b/c' cannot be used")
            fixture.world.client:patch("managementclusters.management.apiconnect.ibm.com", "second",
                {spec = {databaseBackup = {protocol = "sftp"}}}) -- and there it is a folder
            salvor.expect_code(0, fixture:plan({name = "management"}))
            must(fixture.world.client:delete("managementclusters.management.apiconnect.ibm.com",
                "second"))
            before = fixture.world:snapshot()
            fixture.world.paused = nil
        end)
    end)

    it("a copy of what is no repository", function()
        expect_refusal({copy_from = fixture.home}, "problem: ")
    end)

    it("parameters that are none", function()
        for name, value in pairs({provider = "azure", retain = "two", style = "virtual",
                                  buckett = "x"}) do
            local result = fixture:run({[name] = value})
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, "parameter '" .. name .. "'")
        end
    end)
end

lab.describe("apic-v10/configure-s3-backup", function()
    store_lab.describe("refuses", "s3", define)
end)
