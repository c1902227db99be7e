-- Workload identity: a service account's token is traded for one of Microsoft Entra's.
local credentials = require("salvor.store.azure.credentials")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local http = require("salvor.store_http")
local scripted = require("support.scripted")
local secret = require("salvor.secret")
local task = require("salvor.task")

describe("workload identity", function()
    local folder, file, server, client, environment

    local function find(options)
        return credentials.find(options or {}, function(name) return environment[name] end,
            client)
    end

    setup(function()
        folder = must(fs.temporary_folder())
        file = fs.join(folder, "token")
        server = scripted.start()
        client = http.client({ca = must(fs.read(server.folder .. "/ca.crt"))})
    end)

    teardown(function()
        server:stop()
        must(fs.remove_tree(folder))
    end)

    before_each(function()
        must(fs.write(file, "the-assertion\n"))
        environment = {AZURE_CLIENT_ID = "the client", AZURE_TENANT_ID = "ten/ant",
                       AZURE_FEDERATED_TOKEN_FILE = file, AZURE_AUTHORITY_HOST = server.url .. "/",
                       AZURE_STORAGE_ACCOUNT = "acc"}
    end)

    local PATH = "/ten%2Fant/oauth2/v2.0/token"

    local function token(text, seconds, more)
        local rule = {method = "POST", path = PATH, json = {
            token_type = "Bearer", access_token = text, expires_in = seconds}}
        for name, value in pairs(more or {}) do
            rule[name] = value
        end
        return rule
    end

    local function fails(code, ...)
        local provider = must(find())
        local value, err = provider:get()
        assert.is_nil(value)
        assert.are.equal(code, err.code)
        for _, part in ipairs({...}) do
            assert.is_truthy(tostring(err):find(part, 1, true), tostring(err))
        end
        assert.is_nil(tostring(err):find("the-assertion", 1, true))
        provider:close()
        return err
    end

    local function refused(code, options, part)
        local provider, err = find(options)
        assert.is_nil(provider)
        assert.are.equal(code, err.code)
        assert.is_truthy(err.message:find(part, 1, true), err.message)
    end

    it("trades the file's token for one of Entra's", function()
        server:rules({token("entra-token", 3600)})
        local provider, at = find()
        assert.are.equal("https://acc.blob.core.windows.net", at.origin)
        assert.are.equal("entra-token", must(provider:get()).token)
        assert.are.equal("entra-token", must(provider:get()).token)
        local requests = server:requests()
        assert.are.equal(1, #requests)
        for _, pair in ipairs({
            "grant_type=client_credentials", "client_id=the%20client",
            "scope=https%3A%2F%2Fstorage.azure.com%2F.default", "client_assertion=the-assertion",
            "client_assertion_type="
                .. "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
        }) do
            assert.is_truthy(requests[1].body:find(pair, 1, true), requests[1].body)
        end
        assert.are.equal("***", secret.mask("entra-token"))
        provider:close()
        must(provider:get())
        assert.are.equal(2, #server:requests()) -- what is forgotten is not used
        provider:close()
        assert.are.equal("entra-token", secret.mask("entra-token"))
        assert.are.equal("the-assertion", secret.mask("the-assertion"))
    end)

    it("renews it before its end, with the file as it is then", function()
        server:rules({token("first-token", 2, {times = 1}), token("second-token", 3600)})
        local provider = must(find())
        assert.are.equal("first-token", must(provider:get()).token)
        assert.are.equal("first-token", must(provider:get()).token)
        assert.are.equal(1, #server:requests())
        must(fs.write(file, "another-assertion"))
        eventually("another token", function()
            return must(provider:get()).token == "second-token"
        end)
        assert.is_truthy(server:requests()[2].body:find("another-assertion", 1, true))
        provider:close()
    end)

    it("asks once for all who wait, and again when the token was refused", function()
        server:rules({token("first-token", 3600, {times = 1, hold = 0.1}),
                      token("second-token", 3600)})
        local provider = must(find())
        local first
        task.map({1, 2, 3}, function()
            first = must(provider:get())
            assert.are.equal("first-token", first.token)
        end)
        assert.are.equal(1, #server:requests())
        assert.is_true(provider:renew(first))
        assert.are.equal("second-token", must(provider:get()).token)
        assert.is_true(provider:renew(first)) -- refused long ago
        assert.are.equal("second-token", must(provider:get()).token)
        assert.are.equal(2, #server:requests())
        provider:close()
    end)

    it("goes on with the old token while it is good and no other is to be had", function()
        server:rules({token("first-token", 4, {times = 1}),
                      {method = "POST", path = PATH, status = 503}})
        local provider = must(find())
        local ends = task.now() + 10
        repeat
            assert.are.equal("first-token", must(provider:get()).token)
            task.sleep(0.05)
        until #server:requests() >= 2 or task.now() > ends
        assert.are.equal("first-token", must(provider:get()).token)
        provider:close()
    end)

    it("says why there is none, without the assertion that the answer quotes", function()
        server:rules({{method = "POST", path = PATH, status = 401, json = {
            error = "invalid_client", trace_id = "TRACE",
            error_description = "AADSTS700024: Client assertion the-assertion is not valid now."
                .. "\r\nTrace ID: TRACE"}}})
        local err = fails("Unauthorized", "AADSTS700024", "the client", "HTTP 401, request TRACE")
        assert.is_truthy(err.hint:find(file, 1, true))
        assert.is_nil(err.message:find("\n", 1, true))
        server:rules({{method = "POST", path = PATH, status = 503,
                       headers = {["Retry-After"] = "3"}, body = "<html>"}})
        err = fails("SlowDown", "no reason given")
        assert.is_true(err.retryable)
        assert.are.equal(3, err.details.retry_after)
        assert.is_nil(err.hint)
        server:rules({{method = "POST", path = PATH, status = 429}})
        assert.is_true(fails("SlowDown").retryable)
        server:rules({{method = "POST", path = PATH, ["end"] = "reset"}})
        assert.is_true(fails("Disconnected").retryable)
    end)

    it("does not take for a token what is none", function()
        for _, body in ipairs({"", "null", "[]", '"text"', "{}", '{"access_token": 1}',
                               '{"access_token": "a", "expires_in": []}',
                               '{"access_token": "a\\r\\nX: b", "expires_in": 1}'}) do
            server:rules({{method = "POST", path = PATH, body = body}})
            fails("Corrupt", "holds no credentials")
        end
    end)

    it("needs its file, an authority by https and an endpoint by https", function()
        must(fs.write(file, " \n"))
        server:rules({})
        fails("Invalid", file, "holds no token")
        must(fs.remove(file))
        fails("NotFound", file)
        environment.AZURE_AUTHORITY_HOST = "http://login.example"
        refused("Invalid", {}, "AZURE_AUTHORITY_HOST")
        environment.AZURE_AUTHORITY_HOST = nil
        refused("Invalid", {endpoint = "http://acc.blob.core.windows.net"}, "plain HTTP")
        environment.AZURE_TENANT_ID = ""
        refused("Unauthorized", {}, "none found")
    end)
end)
