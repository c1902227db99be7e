-- The rules of API Connect v10 for backups on S3, by version; and what pgBackRest's errors mean.
local place = require("salvor.apiconnect.s3_place")
local pgbackrest_run = require("support.pgbackrest_run")
local schedule = require("salvor.apiconnect.schedule")
local section = require("salvor.apiconnect.section")
local stanza = require("salvor.apiconnect.stanza")
local store = require("salvor.store")
local store_lab = require("support.store_lab")

describe("a schedule", function()
    it("is five fields of cron, and six from 10.0.8 on", function()
        for _, text in ipairs({"0 3 * * *", "*/5 * * * *", "0,30 1-5 1-31/2 12 0",
                               "59 23 31 12 6"}) do
            assert.is_nil((schedule.problem(text, "10.0.5.3")))
            assert.is_truthy(schedule.problem(text, "10.0.8.0"))
            assert.is_nil((schedule.problem("0 " .. text, "10.0.8.0")))
            assert.is_truthy(schedule.problem("0 " .. text, "10.0.7.0"))
        end
    end)

    it("has numbers within their bounds, and nothing else", function()
        for _, text in ipairs({"60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *",
                               "* * * * 7", "*/0 * * * *", "5-1 * * * *", "1-2-3 * * * *",
                               ", * * * *", "1, * * * *", "-1 * * * *", "1.5 * * * *",
                               "0 3 * * sun", "@daily", "", "* * * *"}) do
            assert.is_truthy(schedule.problem(text, "10.0.5.3"), text)
        end
    end)
end)

describe("a place in S3", function()
    local function problems(version, changed)
        local settings = {protocol = "objstore", s3provider = "aws", host = "s3.example.org/eu",
                          path = "bucket/folder", schedule = "0 3 * * *"}
        if version:find("^10%.0%.8") then
            settings.schedule = "0 0 3 * * *"
        end
        for name, value in pairs(changed) do
            settings[name] = value
        end
        local said = {}
        for _, problem in ipairs(place.problems(settings, version)) do
            said[#said + 1] = problem[1] .. "; " .. problem[2]
        end
        return table.concat(said, "\n")
    end

    it("goes by the rules of its version", function()
        assert.are.equal("", problems("10.0.5.3", {repoRetentionFull = 2}))
        assert.are.equal("", problems("10.0.3.0", {repoRetentionFull = 9999999}))
        assert.is_truthy(problems("10.0.2.0", {repoRetentionFull = 2}):find("came with 10.0.3.0"))
        assert.are.equal("", problems("10.0.2.0", {s3provider = "custom", backupCerts = "ca"}))
        assert.is_truthy(problems("10.0.1.5", {s3provider = "custom"}):find("came with 10.0.2.0"))
        assert.are.equal("", problems("10.0.8.1", {s3provider = false}))
    end)

    it("is a bucket, or a bucket and one folder", function()
        assert.are.same({"bucket"}, {place.split_path("bucket")})
        assert.are.same({"bucket", "folder"}, {place.split_path("bucket/folder")})
        for _, path in ipairs({"", "/bucket", "bucket/", "bucket//x", "bucket/a/b", "Bucket",
                               "b"}) do
            assert.is_nil((place.split_path(path)), path)
        end
    end)

    it("is reached by HTTPS at its endpoint, in its region", function()
        assert.are.same({endpoint = "https://s3.example.org:9000", region = "eu", style = "path",
                         ca = "/ca.crt"},
            place.options({host = "s3.example.org:9000/eu", backups3URIStyle = "path"},
                {ca = "/ca.crt"}))
    end)

    it("has the bucket in the host's name with a custom provider, if nothing else is said",
        function()
            assert.are.equal("host", place.options({host = "a/b", s3provider = "custom"}).style)
            assert.is_nil(place.options({host = "a/b", s3provider = "aws"}).style)
        end)

    it("is the same whether or not a restart was agreed to", function()
        local settings = {path = "a", schedule = "b"}
        assert.is_true(place.is_set({path = "a", schedule = "b", restartDB = {accept = true},
                                     host = ""}, settings))
        assert.is_false(place.is_set({path = "a", schedule = "b", retries = 3}, settings))
        assert.is_false(place.is_set({path = "a"}, settings))
        assert.is_false(place.is_set(nil, settings))
    end)
end)

describe("the settings of a subsystem", function()
    it("are edited in the APIConnectCluster that owns it, or in itself", function()
        local management = {metadata = {name = "management"}}
        assert.are.equal("ManagementCluster management", section.title(section.of(management)))
        management.metadata.ownerReferences = {{apiVersion = "apiconnect.ibm.com/v1beta1",
                                                kind = "APIConnectCluster", name = "top"}}
        local at = section.of(management)
        assert.are.equal("APIConnectCluster top", section.title(at))
        assert.are.same({spec = {management = {siteName = "x"}}},
            section.patch(at, {siteName = "x"}))
    end)
end)

store_lab.describe("what pgBackRest says:", "s3 pgbackrest", function(at)
    local bucket, env, opened, authority

    before_each(function()
        bucket = store_lab.bucket()
        authority = must(require("salvor.fs").read(at.ca))
        env = {
            PGBACKREST_STANZA = "db", PGBACKREST_REPO1_TYPE = "s3", PGBACKREST_REPO1_PATH = "/",
            PGBACKREST_REPO1_S3_BUCKET = bucket, PGBACKREST_REPO1_S3_REGION = at.region,
            PGBACKREST_REPO1_S3_ENDPOINT = "s3.localhost",
            PGBACKREST_REPO1_S3_URI_STYLE = "path",
            PGBACKREST_REPO1_S3_KEY = at.access_key,
            PGBACKREST_REPO1_S3_KEY_SECRET = at.secret_key,
            PGBACKREST_REPO1_STORAGE_HOST = "localhost",
            PGBACKREST_REPO1_STORAGE_PORT = at.tls_endpoint:match(":(%d+)$"),
        }
        opened = must(store.open("s3://" .. bucket, {endpoint = at.endpoint, region = at.region,
                                 access_key = at.access_key, secret_key = at.secret_key}))
    end)

    after_each(function()
        opened:close()
    end)

    --- What is explained of stanza-create, by its log and then by its exit code alone.
    local function explain(code, text, ca, other)
        local status, said = pgbackrest_run.stanza_create(env, ca or authority, other)
        assert.are.equal(code, status, said)
        local message, hint = stanza.explain(said, status)
        assert.is_truthy(message and message:find(text, 1, true), said)
        assert.is_truthy(hint)
        assert.is_truthy(stanza.first_error(said))
        return stanza.explain(nil, status)
    end

    it("a stanza that is new, and one that is there and valid", function()
        assert.are.equal(0, (pgbackrest_run.stanza_create(env, authority)))
        assert.are.equal(0, (pgbackrest_run.stanza_create(env, authority)))
    end)

    it("[040] files without a stanza", function()
        must(opened:write("backup/db/leftover", "x"))
        assert.is_truthy(explain(40, "without a stanza"))
    end)

    it("[028] the stanza of another database", function()
        assert.are.equal(0, (pgbackrest_run.stanza_create(env, authority, true)))
        assert.is_truthy(explain(28, "the backups of another database"))
    end)

    it("[028] info files that are of different databases", function()
        assert.are.equal(0, (pgbackrest_run.stanza_create(env, authority, true)))
        local names = {"archive/db/archive.info", "archive/db/archive.info.copy"}
        local texts = {must(opened:read(names[1])), must(opened:read(names[2]))}
        must(opened:remove({"archive/db/archive.info", "archive/db/archive.info.copy",
                            "backup/db/backup.info", "backup/db/backup.info.copy"}))
        assert.are.equal(0, (pgbackrest_run.stanza_create(env, authority)))
        for index, name in ipairs(names) do
            must(opened:write(name, texts[index]))
        end
        explain(28, "the repository there is damaged")
    end)

    it("[055] one info file without the other", function()
        assert.are.equal(0, (pgbackrest_run.stanza_create(env, authority)))
        must(opened:remove({"backup/db/backup.info", "backup/db/backup.info.copy"}))
        assert.is_truthy(explain(55, "only one of archive.info and backup.info"))
    end)

    it("a certificate of an authority that it does not know", function()
        explain(95, "of an authority that API Connect does not know", "")
        assert.is_truthy(stanza.explain("x509: certificate signed by unknown authority")
            :find("authority", 1, true))
    end)

    it("a certificate for another name", function()
        env.PGBACKREST_REPO1_STORAGE_HOST = "127.0.0.1"
        explain(95, "for another host name")
    end)

    it("[029] info files that cannot be read", function()
        for _, name in ipairs({"archive", "backup"}) do
            must(opened:write(name .. "/db/" .. name .. ".info", "nonsense"))
        end
        explain(29, "cannot be read: the repository there is damaged, or encrypted")
    end)

    it("a certificate that has expired", function()
        local proxy <close> = store_lab.proxy("s3", "expired")
        env.PGBACKREST_REPO1_STORAGE_PORT = tostring(proxy.port)
        explain(95, "certificate has expired")
    end)

    it("what only a provider with regions says, or one whose clock is another", function()
        local proxy <close> = store_lab.proxy("s3", "server")
        env.PGBACKREST_REPO1_STORAGE_PORT = tostring(proxy.port)
        for code, case in pairs({
            InvalidAccessKeyId = {403, "does not know the access key"},
            SignatureDoesNotMatch = {403, "the secret key does not belong to the access key"},
            RequestTimeTooSkewed = {403, "the clock of the pods' node differs"},
            AuthorizationHeaderMalformed = {400, "the bucket is in another region"},
            PermanentRedirect = {301, "the bucket has another endpoint"},
        }) do
            proxy:rules({{method = "GET", target = ".", status = case[1],
                          body = "<Error><Code>" .. code .. "</Code></Error>"}})
            explain(39, case[2])
        end
    end)

    it("no such bucket, and credentials that are refused", function()
        env.PGBACKREST_REPO1_S3_KEY = "nobody"
        explain(39, "refuses the credentials")
        env.PGBACKREST_REPO1_S3_KEY = at.access_key
        env.PGBACKREST_REPO1_S3_BUCKET = bucket .. "-none"
        explain(39, "no such bucket")
    end)

    it("a server that is not there", function()
        env.PGBACKREST_REPO1_STORAGE_PORT = "1"
        explain(49, "cannot reach the S3 server")
    end)

    -- What the image of the operator's vendor runs tells what pgBackRest said in a log of its own,
    -- and ends with 1.
    it("in the log of the program that runs it in a Job's pod", function()
        local function log(said, code)
            return 'time="2021-02-15T22:51:51Z" level=info msg="crunchy-pgbackrest starts"\n'
                .. 'time="2021-02-15T22:51:52Z" level=info msg="stderr=[' .. said .. '\\n]"\n'
                .. 'time="2021-02-15T22:51:52Z" level=fatal msg="command terminated with exit code '
                .. code .. '"\n'
        end
        for said, case in pairs({
            ["ERROR: [028]: backup and archive info files exist but do not match the database\\n"
                .. "       HINT: is this the correct stanza?"] = {28, "of another database",
                "ERROR: [028]: backup and archive info files exist but do not match the database"},
            ["ERROR: [040]: backup directory not empty"] = {40, "without a stanza"},
            ["ERROR: [050]: unable to acquire lock on file '/tmp/pgbackrest/db-archive.lock':"
                .. " Resource temporarily unavailable"] = {50, "another pgBackRest is at work"},
            ["WARN: unable to check pg-1: [UnknownError] remote-0 process on '10.0.0.1' terminated"
                .. " unexpectedly [255]\\nERROR: [056]: unable to find primary cluster - cannot"
                .. " proceed"] = {56, "cannot reach the database",
                "ERROR: [056]: unable to find primary cluster - cannot proceed"},
            ["ERROR: [049]: timeout connecting to 's3.example.org:443'"] = {49,
                "cannot reach the S3 server"},
        }) do
            local message, hint = stanza.explain(log(said, case[1]), 1)
            assert.is_truthy(message and message:find(case[2], 1, true), said)
            assert.is_truthy(hint)
            assert.are.equal(case[3] or said, stanza.first_error(log(said, case[1])))
        end
        -- Whatever was lost of it, the status that it tells is pgBackRest's.
        assert.is_truthy(stanza.explain(log("", 40), 1):find("without a stanza", 1, true))
    end)

    it("nothing that is known: nothing is made up", function()
        assert.is_nil((stanza.explain("ERROR: [072]: something new", 72)))
        assert.is_nil((stanza.explain("ERROR: [028]: something new", 28)))
        assert.is_nil((stanza.explain(nil, 1)))
        assert.is_nil((stanza.explain(nil, nil)))
        assert.is_nil((stanza.explain("", nil)))
    end)
end)

describe("the Job of a stanza", function()
    local function job(kind)
        return {metadata = {uid = "a", name = "stanza-create"},
                status = {conditions = {{type = kind, status = "True", reason = "Because"}}}}
    end

    it("counts when it is complete or has failed, unless it is that of the settings before",
        function()
            assert.are.equal("ready", (stanza.state(job("Complete"), nil)))
            assert.are.equal("ready", (stanza.state(job("Complete"), "b")))
            assert.are.equal("failed", (stanza.state(job("Failed"), "b")))
            for _, kind in ipairs({"Complete", "Failed"}) do
                local state, words = stanza.state(job(kind), "a")
                assert.are.equal("waiting", state)
                assert.is_truthy(words:find("of the settings before", 1, true))
            end
        end)

    it("has failed with the exit status of its pod's container", function()
        local function pod(...)
            local statuses = {}
            for index, code in ipairs({...}) do
                statuses[index] = {state = {terminated = {exitCode = code}}}
            end
            return {status = {containerStatuses = statuses}}
        end
        assert.are.equal(28, stanza.exit_code(pod(0, 28)))
        assert.is_nil(stanza.exit_code(pod(0)))
        assert.is_nil(stanza.exit_code({status = {containerStatuses = {{state = {running = {}}}}}}))
        assert.is_nil(stanza.exit_code({}))
    end)
end)

describe("pgbackrest info", function()
    local function info(status, more)
        local entry = '{"name":"db","status":{"code":' .. status .. ',"message":"said"}'
        return "[" .. entry .. (more or "") .. "}]"
    end

    it("is good with backups, and right after the stanza was made without any", function()
        assert.are.same({backups = 0}, stanza.judge(info(2, ',"backup":[]')))
        assert.are.same({backups = 2, newest = "b"},
            stanza.judge(info(0, ',"backup":[{"label":"a"},{"label":"b"}]')))
    end)

    it("is bad with every other status, although it exits with 0", function()
        for code = 1, 99 do
            if code ~= 2 then
                local found, message = stanza.judge(info(code))
                assert.is_nil(found)
                assert.is_truthy(message:find("status " .. code, 1, true))
            end
        end
    end)

    it("tells what the repository itself says", function()
        local found, message, hint = stanza.judge(info(99, ',"repo":[{"status":{"code":99,'
            .. '"message":"[ProtocolError] HTTP request failed with 403 (Forbidden):\\n***"}}]'))
        assert.is_nil(found)
        assert.is_truthy(message:find("refuses the credentials", 1, true))
        assert.is_truthy(hint)
    end)

    it("is no JSON, or of another stanza", function()
        local other = '{"name":"main","status":{"code":0,"message":"ok"},"backup":[]}'
        local db = '{"name":"db","status":{"code":1,"message":"missing stanza path"}}'
        assert.are.equal("pgbackrest info did not write JSON", select(2, stanza.judge("oh")))
        assert.are.equal("pgbackrest info knows no stanza db",
            select(2, stanza.judge("[" .. other .. "]")))
        assert.is_nil((stanza.judge("[" .. other .. "," .. db .. "]")))
    end)

    it("is something else altogether", function()
        for _, output in ipairs({"", "no", "[]", "{}", "null", '[{"name":"main"}]', '[1,"db",null]',
                                 '[{"name":"db"}]', '[{"name":"db","status":[],"backup":1}]'}) do
            local found, message = stanza.judge(output)
            assert.is_nil(found, output)
            assert.is_string(message)
        end
    end)
end)
