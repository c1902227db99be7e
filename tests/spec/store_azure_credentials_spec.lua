-- Who a store of Azure takes us for, which account it is, and where it looks for that.
local account = require("salvor.store.azure.account")
local credentials = require("salvor.store.azure.credentials")
local digest = require("salvor.digest")
local secret = require("salvor.secret")
local store = require("salvor.store")

local KEY = digest.base64("the bytes of a key")
local SAS = "?sv=2021-12-02&sp=rl&se=2099-01-01T00%3A00%3A00Z&sig=very%2Fsecret%2Bsig%3D"
local STRING = "DefaultEndpointsProtocol=https;AccountName=stringacc;AccountKey=" .. KEY
    .. ";EndpointSuffix=core.windows.net"

local environment

local function getenv(name)
    return environment[name]
end

local function find(options)
    return credentials.find(options or {}, getenv)
end

--- {account, endpoint's URL, where it is from}, and what requests are made with.
local function found(options)
    local provider, at = find(options)
    if not provider then
        error(at)
    end
    local value = must(provider:get())
    provider:close()
    return {at.account, at.origin .. at.base, provider.source}, value
end

local function refused(code, options, ...)
    local provider, err = find(options)
    assert.is_nil(provider)
    assert.are.equal(code, err.code)
    for _, part in ipairs({...}) do
        assert.is_truthy(tostring(err):find(part, 1, true), tostring(err))
    end
    assert.is_nil(tostring(err):find("secret%-"), "a secret is told")
    return err
end

describe("credentials of Azure", function()
    before_each(function()
        environment = {}
    end)

    it("come from the first place that has them", function()
        local options = {account = "optacc", key = digest.base64("of the options")}
        local kubernetes = {data = {credentials = digest.base64(
            '{"storage_account": "medusa", "key": "' .. KEY .. '"}')}}
        environment = {
            AZURE_CLIENT_ID = "client", AZURE_TENANT_ID = "tenant",
            AZURE_FEDERATED_TOKEN_FILE = "/token", AZURE_STORAGE_ACCOUNT = "envacc",
        }
        assert.are.equal("workload identity", must(find()).source)
        environment.AZURE_STORAGE_SAS_TOKEN = SAS
        local where, value = found()
        assert.are.same({"envacc", "https://envacc.blob.core.windows.net", "the environment"},
            where)
        assert.are.equal("very/secret+sig=", value.sas.sig)
        environment.AZURE_STORAGE_KEY = KEY
        assert.are.equal("the bytes of a key", select(2, found()).key)
        environment.AZURE_STORAGE_CONNECTION_STRING = STRING
        assert.are.equal("stringacc", found()[1])
        assert.are.same({"medusa", "https://medusa.blob.core.windows.net", "the Secret"},
            found({secret = kubernetes}))
        options.secret = kubernetes
        where, value = found(options)
        assert.are.same({"optacc", "https://optacc.blob.core.windows.net", "the options"}, where)
        assert.are.equal("of the options", value.key)
        options.anonymous = true
        assert.are.same({}, (select(2, found(options))))
    end)

    it("of the environment are not used for another account", function()
        environment = {AZURE_STORAGE_ACCOUNT = "envacc", AZURE_STORAGE_KEY = KEY}
        assert.are.equal("envacc", found({account = "envacc"})[1])
        refused("Unauthorized", {account = "other"},
            "the environment's is of the account 'envacc' and not 'other'")
        refused("Unauthorized", {endpoint = "https://other.blob.core.windows.net"}, "'envacc'")
        environment.AZURE_STORAGE_ACCOUNT = nil
        assert.are.equal("other", found({account = "other"})[1])
    end)

    it("that are missing are an error that says where they were looked for", function()
        local err = refused("Unauthorized", {account = "acc"}, "none found", "connection_string",
            "set AZURE_STORAGE_CONNECTION_STRING, or name a store of the site file",
            "option secret", "AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_KEY",
            "AZURE_STORAGE_SAS_TOKEN", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")
        assert.is_truthy(err.hint:find("anonymous", 1, true))
        refused("Invalid", {key = KEY}, "which account", "AZURE_STORAGE_ACCOUNT")
        refused("Invalid", {key = KEY, endpoint = "https://storage.example"}, "account's name")
        refused("Invalid", {account = "a.b/c", key = KEY}, "not the name of an account")
    end)

    it("that are no such thing are an error that does not show them", function()
        refused("Invalid", {account = "a", key = "secret-not-base64"}, "not base64")
        refused("Invalid", {account = "a", key = " "}, "not base64")
        refused("Invalid", {account = "a", key = KEY, sas = SAS}, "one of them is enough")
        for _, text in ipairs({"secret-text", "sv=1&sp=r", "sig=", "sig=secret-1&comp=list",
                               "sig=secret-1&noequals"}) do
            refused("Invalid", {account = "a", sas = text}, "shared access signature", "a sig")
        end
        for _, text in ipairs({"secret-text", "AccountName=a", "AccountKey=secret-1",
                               "BlobEndpoint=https://x.example", "=secret-1;"}) do
            refused("Invalid", {connection_string = text}, "connection string in the options")
        end
        refused("Invalid", {connection_string = "AccountName=a;AccountKey=secret-not-base64"},
            "not base64")
    end)

    it("are read from connection strings", function()
        local function of(text)
            return found({connection_string = text})
        end
        assert.are.same({"stringacc", "https://stringacc.blob.core.windows.net", "the options"},
            of(STRING))
        assert.are.equal("http://a.blob.core.chinacloudapi.cn", of(
            "defaultendpointsprotocol=http;accountname=a;accountkey=" .. KEY
            .. ";EndpointSuffix=core.chinacloudapi.cn")[2])
        assert.are.same({"a", "http://127.0.0.1:10000/a", "the options"}, of(
            "AccountName=a;AccountKey=" .. KEY .. ";BlobEndpoint=http://127.0.0.1:10000/a;"))
        local where, value = of("BlobEndpoint=https://a.blob.core.windows.net/;"
            .. "SharedAccessSignature=" .. SAS:sub(2))
        assert.are.same({"a", "https://a.blob.core.windows.net", "the options"}, where)
        assert.are.equal("very/secret+sig=", value.sas.sig)
        where, value = of("UseDevelopmentStorage=true")
        assert.are.same({"devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1",
                         "the options"}, where)
        assert.are.equal(64, #value.key)
        assert.are.equal("http://emulator:10000/devstoreaccount1",
            of("UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://emulator")[2])
    end)

    it("are taken from a Secret as Medusa, CSI drivers and others write it", function()
        local function of(data)
            for name, text in pairs(data) do
                data[name] = digest.base64(text)
            end
            return found({secret = {metadata = {name = "backup"}, data = data}})
        end
        assert.are.equal("m", of({credentials = '{"storage_account":"m","key":"' .. KEY
            .. '"}\n'})[1])
        assert.are.equal("c", of({azurestorageaccountname = "c\n",
                                  azurestorageaccountkey = KEY .. "\n"})[1])
        assert.are.equal("e", of({AZURE_STORAGE_ACCOUNT = "e", AZURE_STORAGE_KEY = KEY})[1])
        assert.are.equal("s", of({AZURE_STORAGE_ACCOUNT = "s", AZURE_STORAGE_SAS_TOKEN = SAS})[1])
        assert.are.equal("stringacc", of({AZURE_CONNECTION_STRING = STRING})[1])
        assert.are.equal("p", found({secret = {stringData = {storage_account = "p",
                                                             key = KEY}}})[1])
        refused("Invalid", {secret = {metadata = {name = "backup"}, data = {
            ["tls.crt"] = "x", key = digest.base64("secret-key")}}}, "the Secret backup",
            "key, tls.crt", "storage_account")
        refused("Invalid", {secret = {data = {credentials = digest.base64("[1]")}}},
            "no account and key")
    end)

    it("are masked as long as they are in use", function()
        local provider = must(find({account = "a", sas = SAS}))
        assert.are.equal("a *** b sig=***",
            secret.mask("a very/secret+sig= b sig=very%2Fsecret%2Bsig%3D"))
        provider:close()
        assert.are.equal("very/secret+sig=", secret.mask("very/secret+sig="))
        local opened = must(store.open("az://container", {account = "a", key = KEY}))
        assert.are.equal("***", secret.mask(KEY))
        opened:close()
        opened:close()
        assert.are.equal(KEY, secret.mask(KEY))
    end)
end)

describe("an endpoint of Azure", function()
    local function of(text)
        local at = must(account.endpoint(text))
        return {at.origin, at.base, at.account}
    end

    it("tells the account by its host's name or, the emulator's, by its path", function()
        assert.are.same({"https://acc.blob.core.windows.net", "", "acc"},
            of("https://acc.blob.core.windows.net/"))
        assert.are.same({"https://acc-secondary.blob.core.windows.net", "", "acc"},
            of("https://acc-secondary.blob.core.windows.net"))
        assert.are.same({"http://127.0.0.1:10000", "/devstoreaccount1", "devstoreaccount1"},
            of("http://127.0.0.1:10000/devstoreaccount1/"))
        assert.are.same({"http://[::1]:10000", "/a", "a"}, of("HTTP://[::1]:10000/a"))
        assert.are.same({"https://files.example", ""}, of("https://Files.example:443"))
        assert.are.same({"http://lab.blob.localhost:1", "", "lab"},
            of("http://lab.blob.localhost:1"))
    end)

    it("is refused when it is none", function()
        for text, part in pairs({
            ["acc.blob.core.windows.net"] = "http:// or https://",
            ["ftp://acc.example"] = "http:// or https://",
            ["https://user:secret-1@acc.example"] = "no credentials",
            ["https://acc.example/a/container"] = "name of the account",
            ["https://"] = "not the address",
            ["https://h:x"] = "not the address",
            ["https://acc.example/?sig=secret-1"] = "no query",
        }) do
            local at, err = account.endpoint(text)
            assert.is_nil(at)
            assert.are.equal("Invalid", err.code)
            assert.is_truthy(err.message:find(part, 1, true), err.message)
            assert.is_nil(err.message:find("secret-1", 1, true))
        end
    end)
end)

describe("a URL of Azure", function()
    local OPTIONS = {account = "acc", key = KEY}

    local function refuse(text, part)
        local opened, err = store.open(text, OPTIONS)
        assert.is_nil(opened)
        assert.is_truthy(err.message:find(part, 1, true), err.message)
        assert.is_nil(tostring(err):find("secret-1", 1, true))
    end

    it("has a container, and neither credentials nor a port", function()
        refuse("az:///prefix", "is not the name of a container")
        refuse("az://Upper/x", "is not the name of a container")
        refuse("az://ab/x", "is not the name of a container")
        refuse("az://user:secret-1@container/x", "without an account in it")
        refuse("az://container:1/x", "a container has no port")
        refuse("az://container/x?sas=secret-1", "must not stand in a URL")
        refuse("az://container/x?connection_string=secret-1", "must not stand in a URL")
        refuse("az://container/x?proxy=http://me:secret-1@host:1", "must not stand in a URL")
        refuse("az://container/x?endpoint=me:secret-1@host:1", "an endpoint is http")
        refuse("az://container/x?endpoint=https://me:a/secret-1@host", "***@host")
        refuse("az://container/?ca=/none.pem", "/none.pem")
        refuse("az://container/?part_size=1.5", "a number of bytes")
        must(store.open("az://$web/x", OPTIONS)):close()
    end)

    it("has settings in its query", function()
        must(store.open("az://container/a%20b/?account=x&endpoint=http://127.0.0.1:1/x&timeout=3",
            {key = KEY})):close()
        assert.has_error(function() store.open("az://container", {colour = "red"}) end)
        assert.has_error(function() store.open("az://container", {secret = "text"}) end)
    end)
end)
