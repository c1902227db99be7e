-- What a store of Azure makes of answers that the emulator does not give on demand.
local block = require("salvor.block")
local blocks = require("salvor.store.azure.blocks")
local cancel = require("support.cancel")
local conformance = require("support.store_conformance")
local credentials = require("salvor.store.azure.credentials")
local digest = require("salvor.digest")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local http = require("salvor.store_http")
local md5_forms = require("salvor.store.http.md5")
local open = require("salvor.store.azure.open").open
local scripted = require("support.scripted")
local store_answers = require("support.store_answers")
local task = require("salvor.task")
local url = require("salvor.store.url")

local ROOT = "az://container/root"
local BLOB = "/acc/container/root/a"
local KEY = digest.base64("a very secret key")
local get, put, expect_error = conformance.get, conformance.put, conformance.expect_error

--- A refusal as Azure writes it.
local function refusal(method, status, code, more)
    local body = code and method ~= "HEAD" and string.format(
        '\239\187\191<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code>'
        .. "<Message>what the server says\nRequestId:REQ1\nTime:now</Message>%s</Error>",
        code, more and more.xml or "") or nil
    return store_answers.rule({
        method = method, path = BLOB, status = status, body = body,
        headers = {["x-ms-request-id"] = "REQ1", ["x-ms-error-code"] = code},
    }, more)
end

describe("an answer of Azure", function()
    local server, azure

    local function options(more)
        local all = {endpoint = server.url .. "/acc", key = KEY, ca = server.folder .. "/ca.crt"}
        for name, value in pairs(more or {}) do
            all[name] = value or nil
        end
        return all
    end

    local function open_store(more)
        return must(open(must(url.parse(ROOT)), options(more)))
    end

    local function at()
        return server, open_store(), options()
    end

    setup(function()
        server = scripted.start()
    end)

    teardown(function()
        server:stop()
    end)

    before_each(function()
        azure = open_store()
    end)

    describe("that is an error", function()
        it("names the object, what the server says, status and request", function()
            for code, expected in pairs({
                AuthorizationPermissionMismatch = "Forbidden",
                AuthorizationFailure = "Forbidden",
                KeyBasedAuthenticationNotPermitted = "Forbidden",
                BlobArchived = "Unsupported",
                LeaseIdMissing = "Forbidden",
                SomethingNew = "Forbidden",
            }) do
                server:rules({refusal("GET", 403, code)})
                local err = expect_error(expected, ROOT .. "/a", get(azure, "a"))
                assert.is_truthy(err.message:find(
                    code .. ": what the server says (HTTP 403, request REQ1)", 1, true),
                    err.message)
                assert.are.equal(code, err.details.azure_code)
                assert.is_false(err.retryable)
            end
        end)

        it("is the same when there is no body to say it", function()
            server:rules({refusal("HEAD", 409, "BlobArchived")})
            local err = expect_error("Unsupported", ROOT .. "/a", azure:stat("a"))
            assert.is_truthy(err.message:find("BlobArchived (HTTP 409, request REQ1)", 1, true))
            assert.is_truthy(err.hint:find("rehydrated", 1, true))
            server:rules({refusal("HEAD", 404)})
            err = expect_error("NotFound", ROOT .. "/a", azure:stat("a"))
            assert.is_truthy(err.message:find("/a does not exist (HTTP 404", 1, true))
        end)

        store_answers.specs(at, ROOT, BLOB, refusal, {
            {503, "ServerBusy", "SlowDown", true},
            {500, "InternalError", "IO", true},
            {500, "OperationTimedOut", "Timeout", true},
            {400, "Md5Mismatch", "Corrupt", true},
            {409, "PendingCopyOperation", "SlowDown", true},
            {400, "InvalidHeaderValue", "Invalid", false},
            {413, "RequestBodyTooLarge", "TooLarge", false},
            {412, "ConditionNotMet", "Changed", false},
            {400, "InternalError", "IO", true},
            {400, "InvalidMd5", "Corrupt", false},
            {400, "ServerBusy", "SlowDown", true},
            {400, "LeaseIdMissing", "Forbidden", false},
            {400, "BlobImmutableDueToPolicy", "Forbidden", false},
            {400, "AccountIsDisabled", "Forbidden", false},
            {400, "CannotVerifyCopySource", "NotFound", false},
            {400, "SourceConditionNotMet", "Changed", false},
            {400, "BlobNotFound", "NotFound", false},
        })

        it("is told by the body where no header does", function()
            server:rules({{path = BLOB, status = 400, body = "<Error><Code>BlobArchived</Code>"
                .. "</Error>"}})
            assert.are.equal("BlobArchived",
                expect_error("Unsupported", ROOT .. "/a", get(azure, "a")).details.azure_code)
        end)

        it("may be about the container", function()
            server:rules({refusal("GET", 409, "ContainerBeingDeleted")})
            local err = expect_error("NotFound", "az://container", get(azure, "a"))
            assert.are.equal("az://container", err.url)
            assert.is_truthy(err.message:find("the container is being deleted", 1, true))
            server:rules({refusal("GET", 404, "ContainerNotFound")})
            err = expect_error("NotFound", "az://container", get(azure, "a"))
            assert.is_truthy(err.message:find("there is no such container at " .. server.url, 1,
                true))
        end)

        it("never shows a signature", function()
            azure = open_store({key = false, sas = "sv=1&sig=very%2Fsecret%2Bsignature"})
            server:rules({refusal("GET", 403, "AuthenticationFailed", {xml =
                "<AuthenticationErrorDetail>Signature did not match. String to sign used was "
                .. "very/secret+signature</AuthenticationErrorDetail>"})})
            local err = expect_error("Unauthorized", ROOT .. "/a", get(azure, "a"))
            assert.is_nil(tostring(err):find("secret", 1, true), tostring(err))
            assert.is_nil(err.message:find("String to sign", 1, true), err.message)
            assert.is_truthy(server:requests()[1].query:find("sig=very%2Fsecret%2Bsignature", 1,
                true))
            server:rules({{path = BLOB, ["end"] = "reset"}})
            err = expect_error("Disconnected", ROOT .. "/a", get(azure, "a"))
            assert.is_nil(tostring(err):find("secret", 1, true), tostring(err))
        end)
    end)

    describe("about who we are", function()
        store_answers.clocks(at, ROOT, BLOB, refusal, "AuthenticationFailed", function(request)
            return request.headers["x-ms-date"]:sub(1, 19)
        end, "!%a, %d %b %Y %H")

        it("says that a signature has ended", function()
            azure = open_store({key = false, sas = "sv=1&sig=very-secret-signature"})
            server:rules({refusal("GET", 403, "AuthenticationFailed", {xml =
                "<AuthenticationErrorDetail>Signature not valid in the specified time frame: "
                .. "Start [a] - Expiry [b] - Current [c]</AuthenticationErrorDetail>"})})
            local err = expect_error("Unauthorized", ROOT .. "/a", get(azure, "a"))
            assert.is_truthy(err.message:find("not valid in the specified time frame", 1, true))
            assert.is_truthy(err.hint:find("new shared access signature", 1, true))
            server:rules({refusal("GET", 403, "AuthenticationFailed",
                {headers = {Date = store_answers.date(7200)}})})
            err = expect_error("Unauthorized", ROOT .. "/a", get(azure, "a"))
            assert.is_truthy(err.message:find("clock is %d+ s behind the server's"), err.message)
            assert.are.equal(1, #server:requests()) -- the clock is no part of a signature
        end)

        it("has another token fetched, once", function()
            local folder = must(fs.temporary_folder())
            must(fs.write(fs.join(folder, "token"), "assertion"))
            local environment = {
                AZURE_CLIENT_ID = "client", AZURE_TENANT_ID = "tenant",
                AZURE_AUTHORITY_HOST = server.url,
                AZURE_FEDERATED_TOKEN_FILE = fs.join(folder, "token"),
            }
            local client = http.client({ca = must(fs.read(server.folder .. "/ca.crt"))})
            local provider = must(credentials.find({endpoint = server.url .. "/acc"},
                function(name) return environment[name] end, client))
            azure._credentials:close()
            azure._credentials = provider
            local path = "/tenant/oauth2/v2.0/token"
            local function token(text)
                return {method = "POST", path = path, times = 1,
                        json = {access_token = text, expires_in = 3600}}
            end
            local refused = refusal("GET", 401, "InvalidAuthenticationInfo",
                {request_header = {"Authorization", "Bearer first-token"}})
            server:rules({token("first-token"), token("second-token"), refused,
                          {path = BLOB, body = "content"}})
            assert.are.equal("content", (get(azure, "a")))
            local authorizations = {}
            for _, request in ipairs(server:requests()) do
                authorizations[#authorizations + 1] = request.headers.Authorization
            end
            assert.are.same({"Bearer first-token", "Bearer second-token"}, authorizations)
            server:rules({token("second-token"), refusal("GET", 401, "InvalidAuthenticationInfo",
                {times = 4})})
            expect_error("Unauthorized", ROOT .. "/a", get(azure, "a"))
            assert.are.equal(3, #server:requests())
            server:rules({token("third-token"), refusal("GET", 403, "AuthorizationFailure")})
            expect_error("Forbidden", ROOT .. "/a", get(azure, "a"))
            assert.are.equal(1, #server:requests()) -- for what the right is missing to
            azure:close()
            must(fs.remove_tree(folder))
        end)
    end)

    describe("of a copy that goes on", function()
        local TO = "/acc/container/root/b"

        local function status(text, more)
            local rule = {method = "HEAD", path = TO, length = 7, headers = {
                ["x-ms-copy-id"] = "ID", ["x-ms-copy-status"] = text, ETag = '"2"'}}
            for name, value in pairs(more or {}) do
                rule[name] = value
            end
            return rule
        end

        local ACCEPTED = {method = "PUT", path = TO, status = 202, headers = {
            ["x-ms-copy-id"] = "ID", ["x-ms-copy-status"] = "pending"}}
        local ITEM = {size = 7, etag = "1"}

        it("is waited for", function()
            server:rules({ACCEPTED, status("pending", {times = 2}), status("success")})
            assert.are.equal(7, must(azure:copy("a", "b", {item = ITEM})).size)
            local headers = server:requests()[1].headers
            assert.are.equal(server.url .. BLOB, headers["x-ms-copy-source"])
            assert.are.equal('"1"', headers["x-ms-source-if-match"])
            assert.are.equal("0", headers["Content-Length"])
            assert.are.equal("2021-12-02", headers["x-ms-version"])
            assert.are.equal(4, #server:requests())
        end)

        it("tells how it failed, and leaves nothing", function()
            server:rules({ACCEPTED, status("failed", {headers = {
                ["x-ms-copy-id"] = "ID", ["x-ms-copy-status"] = "failed", ETag = '"2"',
                ["x-ms-copy-status-description"] = "500 InternalServerError"}}),
                {method = "DELETE", path = TO, status = 202}})
            local err = expect_error("IO", ROOT .. "/b", task.timeout(60, function()
                return azure:copy("a", "b", {item = ITEM})
            end))
            assert.is_truthy(err.message:find("failed 500 InternalServerError", 1, true))
            local requests = server:requests()
            assert.are.equal("DELETE", requests[#requests].method)
            assert.are.equal('"2"', requests[#requests].headers["If-Match"])
        end)

        --- Begins to copy, and leaves that when it has asked how far it is, to meet these rules.
        local function leave_copy(rules)
            server:rules({ACCEPTED, status("pending")})
            local copying = task.spawn(azure.copy, azure, "a", "b", {item = ITEM})
            eventually("the first question", function()
                return #server:requests() >= 2
            end)
            server:rules(rules)
            cancel(copying)
        end

        it("is ended when nobody waits any more", function()
            leave_copy({
                {method = "PUT", path = TO, query = "comp=copy"},
                status("aborted"),
                {method = "DELETE", path = TO, status = 202},
            })
            local requests = server:requests()
            assert.are.equal("DELETE", requests[#requests].method)
            local aborts = 0
            for _, request in ipairs(requests) do
                if request.query:find("copyid=ID", 1, true) then
                    aborts = aborts + 1
                    assert.are.equal("abort", request.headers["x-ms-copy-action"])
                end
            end
            assert.are.equal(1, aborts)
        end)

        it("stays when it was done before it could be ended", function()
            leave_copy({{method = "PUT", path = TO, query = "comp=copy", status = 409},
                        status("success")})
            for _, request in ipairs(server:requests()) do
                assert.are_not.equal("DELETE", request.method)
            end
        end)

        it("is somebody else's by now", function()
            server:rules({ACCEPTED, status("success", {headers = {["x-ms-copy-id"] = "OTHER",
                ["x-ms-copy-status"] = "success"}})})
            expect_error("Changed", ROOT .. "/b", azure:copy("a", "b", {item = ITEM}))
            for _, request in ipairs(server:requests()) do
                assert.are_not.equal("DELETE", request.method)
            end
        end)
    end)

    it("is verified by its blocks when they are Salvor's, in order, and all there is", function()
        local MD5 = ("m"):rep(16)
        local function verifier(size, ...)
            local list = {}
            for _, name in ipairs({...}) do
                list[#list + 1] = "<Block><Name>" .. digest.base64(name)
                    .. "</Name><Size>5</Size></Block>"
            end
            server:rules({{path = BLOB, query = "comp=blocklist", headers = {ETag = '"e"'},
                body = "<BlockList><CommittedBlocks>" .. table.concat(list)
                    .. "</CommittedBlocks></BlockList>"}})
            return azure:verifier({path = "a", size = size, etag = "e"})
        end
        local function name(index)
            return blocks.name("12345678", index, MD5, blocks.NAME_SIZE)
        end
        assert.are.equal("blocks", verifier(10, name(1), name(2)).name)
        assert.is_false(verifier(10, name(2), name(1)))
        assert.is_false(verifier(11, name(1), name(2)))
        assert.is_false(verifier(10, name(1), (name(2):gsub("^slvr", "other"):sub(2))))
        assert.is_false(verifier(10, name(1), "short"))
        assert.is_false(verifier(0))
    end)

    it("with a range has the MD5 of that, which must be right and is not the object's", function()
        for text, code in pairs({["23"] = false, other = "Corrupt"}) do
            server:rules({{path = BLOB, status = 206, body = "23", headers = {
                ["Content-Range"] = "bytes 2-3/10",
                ["Content-MD5"] = md5_forms.to_base64(digest.md5(text))}}})
            local got, item = get(azure, "a", {offset = 2, length = 2})
            assert.are.equal("true", server:requests()[1].headers["x-ms-range-get-content-md5"])
            if code then
                expect_error(code, ROOT .. "/a", got, item)
            else
                assert.are.equal("23", got)
                assert.is_nil(item.md5)
            end
        end
    end)

    it("is to no more metadata than Azure takes", function()
        server:rules({{method = "PUT", path = BLOB, status = 201}})
        for size, sent in pairs({[8000] = true, [9000] = false}) do
            must(put(azure, "a", "x", {metadata = {large = ("x"):rep(size)}}))
            local requests = server:requests()
            assert.are.equal(sent, requests[#requests].headers["x-ms-meta-large"] ~= nil)
        end
    end)

    it("to putting a blob together that was lost is asked for anew when it is not there", function()
        server:rules({
            refusal("HEAD", 404, "BlobNotFound"),
            {method = "GET", path = BLOB, query = "comp=blocklist", status = 404},
            {method = "PUT", path = BLOB, query = "comp=blocklist", times = 1, ["end"] = "reset"},
            refusal("PUT", 412, "ConditionNotMet", {query = "comp=blocklist"}),
            {method = "PUT", path = BLOB, query = "comp=block", status = 201},
        })
        local upload = must(azure:begin("a", 1, {if_absent = true}))
        local piece <close> = must(block.new(1))
        must(upload:part(1, piece:set("x")))
        assert.is_true(expect_error("Disconnected", ROOT .. "/a", upload:finish()).retryable)
        expect_error("AlreadyExists", ROOT .. "/a", upload:finish())
    end)

    it("to putting a blob together may take its time", function()
        azure = open_store({timeout = 0.3})
        local function answer(query, hold)
            return {method = "PUT", path = BLOB, query = query, status = 201, hold = hold}
        end
        server:rules({answer("comp=blocklist", 1), answer("comp=block")})
        local upload = must(azure:begin("a", 1, {}))
        local piece <close> = must(block.new(1))
        must(upload:part(1, piece:set("x")))
        must(upload:finish())
    end)

    it("to a large body may come before the body is sent", function()
        local large <close> = must(block.new(2 << 20))
        large:set(("x"):rep(2 << 20))
        server:rules({{method = "PUT", path = BLOB, status = 201}})
        must(azure:write("a", large, {}))
        must(put(azure, "a", "small"))
        assert.are.equal(md5_forms.to_base64(digest.md5("small")),
            server:requests()[2].headers["Content-MD5"])
        assert.are.equal("100-continue", server:requests()[1].headers.Expect)
        assert.is_nil(server:requests()[2].headers.Expect)
    end)
end)
