-- Who a store of S3 takes us for, and where it looks for that.
local credentials = require("salvor.store.s3.credentials")
local digest = require("salvor.digest")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local http = require("salvor.store_http")
local profiles = require("salvor.store.s3.profiles")
local salvor = require("support.salvor")
local scripted = require("support.scripted")
local secret = require("salvor.secret")
local task = require("salvor.task")

local CONFIG = [[
# a comment
[default]
region = eu-central-1
s3 =
    addressing_style = path
    max_concurrent_requests = 20

[profile backup]
aws_access_key_id = CONFIGKEY ; not part of it
aws_secret_access_key = config#secret/+=
endpoint_url = https://s3.eu-gb.cloud-object-storage.appdomain.cloud

[profile both]
aws_access_key_id = LOSES
aws_secret_access_key = loses-secret
region = us-west-2
[profile program]
credential_process = /bin/whatever
[profile role]
role_arn = arn:aws:iam::1:role/backup
source_profile = role
aws_access_key_id = BASEKEY
aws_secret_access_key = base-secret
[profile sso]
sso_start_url = https://example
[profile empty]
region = eu-west-1
]]

local CREDENTIALS = "[default]\r\naws_access_key_id=DEFAULTKEY\r\naws_secret_access_key = "
    .. "default-secret\r\naws_session_token=default-token\r\n[both]\naws_access_key_id = WINS\n"
    .. "aws_secret_access_key = wins-secret\n"

describe("credentials of S3", function()
    local folder, environment

    setup(function()
        folder = must(fs.temporary_folder())
        must(fs.mkdir(fs.join(folder, ".aws")))
        must(fs.write(fs.join(folder, ".aws/config"), CONFIG))
        must(fs.write(fs.join(folder, ".aws/credentials"), CREDENTIALS))
    end)

    teardown(function()
        must(fs.remove_tree(folder))
    end)

    before_each(function()
        environment = {HOME = folder}
    end)

    local function getenv(name)
        return environment[name]
    end

    local function find(options, sts)
        options = options or {}
        local profile, err = profiles.load(getenv, options.profile)
        if not profile then
            return nil, err
        end
        return credentials.find(options, profile, getenv,
            sts or {origin = "https://sts.example"})
    end

    --- The access key that is found, its secret and token; and where from.
    local function found(options)
        local provider = must(find(options))
        local got = must(provider:get())
        provider:close()
        return got.access_key, got.secret_key, got.token, provider.source
    end

    local function refused(code, options, ...)
        local provider, err = find(options)
        assert.is_nil(provider)
        assert.are.equal(code, err.code)
        for _, part in ipairs({...}) do
            assert.is_truthy(tostring(err):find(part, 1, true), tostring(err))
        end
    end

    it("come from the first place that has them", function()
        assert.are.equal("DEFAULTKEY", (found()))
        assert.are.equal("default-token", (select(3, found())))
        environment.AWS_PROFILE = "backup"
        assert.are.equal("CONFIGKEY", (found()))
        environment.AWS_WEB_IDENTITY_TOKEN_FILE, environment.AWS_ROLE_ARN = "/none", "arn:role"
        assert.are.equal("web identity", must(find()).source)
        environment.AWS_ACCESS_KEY_ID, environment.AWS_SECRET_ACCESS_KEY = "ENVKEY", "env-secret"
        assert.are.equal("ENVKEY", (found()))
        assert.are.equal("WINS", (found({profile = "both"})))
        local kubernetes = {data = {key = digest.base64("SECRETKEY"),
                                    keysecret = digest.base64("kube-secret\n")}}
        assert.are.equal("SECRETKEY", (found({profile = "both", secret = kubernetes})))
        assert.are.equal("OPTION", (found({access_key = "OPTION", secret_key = "option-secret",
                                           secret = kubernetes})))
        assert.are.same({}, must(find({anonymous = true, access_key = "x"})):get())
    end)

    it("are read from the profiles of AWS's tools", function()
        assert.are.equal("config#secret/+=", (select(2, found({profile = "backup"}))))
        local keys = must(profiles.load(getenv)).keys
        assert.are.equal("eu-central-1", keys.region)
        assert.are.equal("path", keys["s3.addressing_style"])
        local both = must(profiles.load(getenv, "both")).keys
        assert.are.equal("us-west-2", both.region)
        assert.are.equal("wins-secret", both.aws_secret_access_key)
    end)

    it("are read from profiles however they are indented, named and quoted", function()
        environment.AWS_CONFIG_FILE = fs.join(folder, "written-by-hand")
        must(fs.write(environment.AWS_CONFIG_FILE, [[
[profile  indented]
    aws_access_key_id = INDENTED
    aws_secret_access_key = indented-secret
    s3 =
        addressing_style = path
    region = eu-west-3
[profile "with spaces"]
credential_process = /bin/one
    --another argument
aws_access_key_id = SPACES
aws_secret_access_key = spaces-secret
[profile default]
region = eu-north-1
]]))
        assert.are.equal("INDENTED", (found({profile = "indented"})))
        local keys = must(profiles.load(getenv, "indented")).keys
        assert.are.equal("path", keys["s3.addressing_style"])
        assert.are.equal("eu-west-3", keys.region)
        assert.are.equal("SPACES", (found({profile = "with spaces"})))
        assert.are.equal("eu-north-1", must(profiles.load(getenv)).keys.region)
    end)

    it("are found where the environment says that the files are", function()
        environment.AWS_SHARED_CREDENTIALS_FILE = fs.join(folder, "elsewhere")
        must(fs.write(environment.AWS_SHARED_CREDENTIALS_FILE,
            "[default]\naws_access_key_id = ELSEWHERE\naws_secret_access_key = else-secret\n"))
        assert.are.equal("ELSEWHERE", (found()))
    end)

    it("are taken from a Secret as API Connect and others write it", function()
        local function of(data)
            return found({secret = {data = data}})
        end
        assert.are.equal("A", (of({username = digest.base64("A"), password = digest.base64("b")})))
        assert.are.equal("T", (select(3, of({AWS_ACCESS_KEY_ID = digest.base64("A"),
            AWS_SECRET_ACCESS_KEY = digest.base64("b"), AWS_SESSION_TOKEN = digest.base64("T")}))))
        assert.are.equal("b", (select(2, found({secret = {stringData = {access_key = "A",
                                                                        secret_key = "b"}}}))))
        refused("Invalid", {secret = {data = {key = digest.base64("\n"),
                                              keysecret = digest.base64("x")}}}, "no access key")
        refused("Invalid", {secret = {metadata = {name = "backup"}, data = {
            ["ca.crt"] = "x", key = digest.base64("A")}}}, "the Secret backup", "ca.crt, key",
            "keysecret")
        refused("Invalid", {secret = {data = {key = "not base64!", keysecret = "?"}}},
            "no access key")
    end)

    it("that are missing are an error that says where they were looked for", function()
        must(fs.mkdir(fs.join(folder, "empty")))
        environment.HOME = fs.join(folder, "empty")
        refused("Unauthorized", {}, "none found", "options access_key", "option secret",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a store of the site file",
            "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE",
            environment.HOME .. "/.aws/credentials", "anonymous")
        environment.HOME = nil
        refused("Unauthorized", {}, "~/.aws/credentials")
    end)

    it("that are half there are an error", function()
        refused("Invalid", {access_key = "A"}, "belong together")
        refused("Invalid", {profile = "nowhere"}, "no profile 'nowhere'", ".aws/config")
        refused("Unauthorized", {profile = "empty"}, "the profile 'empty'")
        environment.AWS_ACCESS_KEY_ID = "A"
        refused("Invalid", {}, "AWS_SECRET_ACCESS_KEY is not")
        environment.AWS_ACCESS_KEY_ID, environment.AWS_PROFILE = nil, "nowhere"
        refused("Invalid", {}, "no profile 'nowhere'")
    end)

    it("that other programs would have to get are refused by name", function()
        refused("Unsupported", {profile = "program"}, "credential_process",
            "export-credentials")
        refused("Unsupported", {profile = "sso"}, "single sign-on")
        -- Its keys are those that may assume the role, and not the role's.
        refused("Unsupported", {profile = "role"}, "has source_profile", "roles assumed")
    end)

    it("are refused in files that are no profiles", function()
        environment.AWS_CONFIG_FILE = fs.join(folder, "broken")
        for _, text in ipairs({"key = before any section\n", "[default]\nno assignment\n"}) do
            must(fs.write(environment.AWS_CONFIG_FILE, text))
            refused("Invalid", {}, "broken", "is neither")
        end
        must(fs.write(environment.AWS_CONFIG_FILE, ("x"):rep(2 << 20)))
        refused("TooLarge", {}, "broken")
        for length = 1, #CONFIG do
            profiles.parse(CONFIG:sub(1, length))
            profiles.parse(CONFIG:sub(1, length) .. "\0[]=\n\255=")
        end
    end)

    it("are masked as long as they are in use", function()
        local provider = must(find({access_key = "A", secret_key = "of-nobody-else",
                                    session_token = "long-session-token"}))
        assert.are.equal("a *** b ***", secret.mask("a of-nobody-else b long-session-token"))
        provider:close()
        provider:close()
        assert.are.equal("of-nobody-else", secret.mask("of-nobody-else"))
    end)

    describe("of a web identity", function()
        local server, file, client

        setup(function()
            server = scripted.start()
            file = fs.join(folder, "token")
            client = http.client({ca = must(fs.read(server.folder .. "/ca.crt"))})
        end)

        teardown(function()
            server:stop()
        end)

        before_each(function()
            must(fs.write(file, "token-one\n"))
            environment.AWS_WEB_IDENTITY_TOKEN_FILE = file
            environment.AWS_ROLE_ARN = "arn:aws:iam::1:role/backup"
            environment.HOME = nil
        end)

        local function answer(key, seconds, more)
            local rule = {method = "POST", path = "/", body = string.format([[
<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>%s</AccessKeyId>
<SecretAccessKey>secret-of-%s</SecretAccessKey><SessionToken>token-of-%s</SessionToken>
<Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>]], key, key, key,
                os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + seconds))}
            for name, value in pairs(more or {}) do
                rule[name] = value
            end
            return rule
        end

        local function provide()
            return must(find({}, {client = client, origin = server.url}))
        end

        it("are asked for with the token, once for all who need them", function()
            server:rules({answer("ONE", 3600, {hold = 0.1})})
            local provider = provide()
            local got = task.map({1, 2, 3, 4}, function() return must(provider:get()) end)
            assert.are.equal("ONE", got[4].access_key)
            assert.are.equal("token-of-ONE", got[1].token)
            local requests = server:requests()
            assert.are.equal(1, #requests)
            local body = requests[1].body
            assert.is_truthy(body:find("Action=AssumeRoleWithWebIdentity", 1, true))
            assert.is_truthy(body:find("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fbackup", 1, true))
            assert.is_truthy(body:find("WebIdentityToken=token-one", 1, true))
            assert.is_truthy(body:find("RoleSessionName=salvor", 1, true))
            assert.are.equal("", requests[1].query)
            assert.are.equal("***", secret.mask("secret-of-ONE"))
            provider:close()
        end)

        it("are renewed before they end, with the token that the file has then", function()
            server:rules({answer("ONE", 2, {times = 1}), answer("TWO", 3600)})
            local provider = provide()
            assert.are.equal("ONE", must(provider:get()).access_key)
            must(fs.write(file, "token-two"))
            eventually("another key", function()
                assert.are.equal("***", secret.mask("secret-of-ONE"))
                return must(provider:get()).access_key == "TWO"
            end)
            assert.are.equal(2, #server:requests())
            assert.are.equal("secret-of-ONE", secret.mask("secret-of-ONE"))
            assert.are.equal("***", secret.mask("token-of-TWO"))
            assert.is_truthy(server:requests()[2].body:find("WebIdentityToken=token-two", 1, true))
            provider:close()
        end)

        it("are used to their end when there are no new ones", function()
            server:rules({answer("ONE", 4, {times = 1}), {method = "POST", path = "/",
                                                          status = 503, body = "x"}})
            local provider = provide()
            local ends = task.now() + 10
            repeat
                assert.are.equal("ONE", must(provider:get()).access_key)
                task.sleep(0.02)
            until #server:requests() >= 2 or task.now() > ends
            provider:close()
        end)

        it("that are refused say why, without the token", function()
            server:rules({{method = "POST", path = "/", status = 400, body = "<ErrorResponse>"
                .. "<Error><Code>InvalidIdentityToken</Code>"
                .. "<Message>token-one is not known</Message></Error></ErrorResponse>",
                headers = {["x-amzn-RequestId"] = "r-1"}}})
            local provider = provide()
            local got, err = provider:get()
            assert.is_nil(got)
            assert.are.equal("Unauthorized", err.code)
            assert.is_truthy(err.message:find("cannot be assumed", 1, true))
            assert.is_truthy(err.message:find("HTTP 400, request r-1", 1, true))
            assert.is_truthy(err.hint:find(file, 1, true))
            assert.is_truthy(err.message:find("*** is not known", 1, true))
        end)

        it("are refused when the answer holds none, or the file is gone", function()
            for _, body in ipairs({
                "", "<a/>", "no XML", answer("", 60).body, answer("<b>x</b>", 60).body,
                (answer("ONE", 60).body:gsub("<Expiration>.*</Expiration>", "")),
                (answer("ONE", 60).body:gsub("<SessionToken>.*</SessionToken>", "")),
            }) do
                server:rules({{method = "POST", path = "/", body = body}})
                local got, err = provide():get()
                assert.is_nil(got)
                assert.are.equal("Corrupt", err.code, body)
            end
            must(fs.remove(file))
            local _, err = provide():get()
            assert.are.equal("NotFound", err.code)
            assert.is_truthy(err.message:find(file, 1, true))
            must(fs.write(file, "x"))
        end)

        it("are what a store goes with", function()
            server:rules({
                answer("ONE", 3600),
                {path = "/bucket/a", body = "content", headers = {ETag = '"e"'}},
            })
            local result = salvor.run({"-e", [[
                local s <close> = must(require("salvor.store").open("s3://bucket"))
                io.write(must(s:read("a")))]]}, {home = folder, env = {
                AWS_WEB_IDENTITY_TOKEN_FILE = file, AWS_ROLE_ARN = environment.AWS_ROLE_ARN,
                AWS_ENDPOINT_URL = server.url, AWS_CA_BUNDLE = server.folder .. "/ca.crt",
                AWS_PROFILE = false, AWS_ACCESS_KEY_ID = false, AWS_REGION = "eu-1"}})
            assert.are.equal("content", result.stdout, result.stderr)
            local sent = server:requests()[2].headers
            assert.is_truthy(sent.Authorization:find("Credential=ONE/", 1, true))
            assert.are.equal("token-of-ONE", sent["X-Amz-Security-Token"])
        end)

        it("are not asked for over plain HTTP", function()
            local found_one, err = find({}, {client = client, origin = "http://sts.example"})
            assert.is_nil(found_one)
            assert.are.equal("Invalid", err.code)
            assert.is_truthy(err.message:find("plain HTTP", 1, true))
        end)
    end)
end)
