-- What a store of S3 makes of answers that a real gateway does not give on demand.
local block = require("salvor.block")
local conformance = require("support.store_conformance")
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local open = require("salvor.store.s3.open").open
local scripted = require("support.scripted")
local store = require("salvor.store")
local store_answers = require("support.store_answers")
local task = require("salvor.task")
local url = require("salvor.store.url")

local ROOT = "s3://bucket/root"
local ETAG = ("0123456789abcdef"):rep(2)
local get, put, expect_error = conformance.get, conformance.put, conformance.expect_error

local function error_body(code, message, more)
    return string.format("<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message>%s"
        .. "</Error>", code, message or "", more or "")
end

--- A refusal as S3 writes it.
local function refusal(method, path, status, code, more)
    return store_answers.rule({
        method = method, path = path, status = status,
        body = code and error_body(code, "what the server says", more and more.xml),
        headers = {["x-amz-request-id"] = "REQ1"},
    }, more)
end

local function list_body(inner)
    return '<?xml version="1.0"?><ListBucketResult><EncodingType>url</EncodingType>' .. inner
        .. "</ListBucketResult>"
end

local function entry(key, size, etag)
    return string.format("<Contents><Key>%s</Key><LastModified>2024-05-31T12:30:00.500Z"
        .. "</LastModified><ETag>&quot;%s&quot;</ETag><Size>%s</Size></Contents>", key,
        etag or ETAG, size or 1)
end

describe("an answer of S3", function()
    local server, s3

    local function options(more)
        local all = {endpoint = server.url, region = "eu-1", access_key = "AK",
                     secret_key = "very-secret", ca = server.folder .. "/ca.crt"}
        for name, value in pairs(more or {}) do
            all[name] = value
        end
        return all
    end

    setup(function()
        server = scripted.start()
    end)

    teardown(function()
        server:stop()
    end)

    before_each(function()
        s3 = must(open(must(url.parse(ROOT)), options()))
    end)

    local function at()
        return server, must(open(must(url.parse(ROOT)), options())), options()
    end

    --- The regions that the requests were signed for.
    local function regions()
        local found = {}
        for index, request in ipairs(server:requests()) do
            found[index] = request.headers.Authorization:match("Credential=AK/%d+/([^/]+)/s3/")
        end
        return found
    end

    describe("that is an error", function()
        it("names the object, what the server says, status and request", function()
            for code, expected in pairs({
                InvalidAccessKeyId = "Unauthorized",
                SignatureDoesNotMatch = "Unauthorized",
                AccessDenied = "Forbidden",
                InvalidObjectState = "Unsupported",
                SomethingNew = "Forbidden",
            }) do
                server:rules({refusal("GET", "/bucket/root/a", 403, code)})
                local err = expect_error(expected, ROOT .. "/a", get(s3, "a"))
                assert.is_truthy(err.message:find(
                    code .. ": what the server says (HTTP 403, request REQ1)", 1, true))
                assert.are.equal(code, err.details.s3_code)
                assert.is_false(err.retryable)
            end
        end)

        store_answers.specs(at, ROOT, "/bucket/root/a", function(method, ...)
            return refusal(method, "/bucket/root/a", ...)
        end, {
            {503, "SlowDown", "SlowDown", true},
            {500, "InternalError", "IO", true},
            {400, "RequestTimeout", "Timeout", true},
            {400, "BadDigest", "Corrupt", true},
            {409, "OperationAborted", "SlowDown", true},
            {501, "NotImplemented", "Unsupported", false},
            {400, "InvalidArgument", "Invalid", false},
            {403, "RequestTimeTooSkewed", "Unauthorized", false},
            {400, "EntityTooLarge", "TooLarge", false},
            {405, "MethodNotAllowed", "Unsupported", false},
            {400, "TooManyRequests", "SlowDown", true},
            {400, "ServiceUnavailable", "SlowDown", true},
            {400, "SlowDown", "SlowDown", true},
            {400, "XAmzContentSHA256Mismatch", "Corrupt", true},
            {400, "ConditionalRequestConflict", "Changed", false},
            {400, "AccessDenied", "Forbidden", false},
            {400, "NoSuchKey", "NotFound", false},
            {400, "QuotaExceeded", "NoSpace", false},
            {400, "PreconditionFailed", "Changed", false},
            {400, "InvalidSecurity", "Unauthorized", false},
        })

        it("may be about the bucket", function()
            server:rules({refusal("GET", "/bucket/root/a", 404, "NoSuchBucket")})
            local err = expect_error("NotFound", "there is no such bucket at " .. server.url,
                get(s3, "a"))
            assert.are.equal("s3://bucket", err.url)
        end)

        it("does not show a secret that it quotes", function()
            server:rules({refusal("GET", "/bucket/root/a", 403, "AccessDenied",
                {body = error_body("AccessDenied", "very-secret is wrong")})})
            local err = expect_error("Forbidden", ROOT .. "/a", get(s3, "a"))
            assert.is_nil(err.message:find("very-secret", 1, true))
            assert.is_truthy(err.message:find("*** is wrong", 1, true))
        end)
    end)

    describe("that puts a request right:", function()
        it("the bucket's region, once for all requests", function()
            for _, told in ipairs({
                {301, "PermanentRedirect", {headers = {["x-amz-bucket-region"] = "ap-9"}}},
                {400, "AuthorizationHeaderMalformed", {xml = "<Region>ap-9</Region>"}},
                {307, "TemporaryRedirect", {headers = {["x-amz-bucket-region"] = "ap-9"}}},
            }) do
                local other = must(open(must(url.parse(ROOT)), options()))
                told[3].times = 1
                server:rules({refusal("GET", "/bucket/root/a", told[1], told[2], told[3]),
                              {path = "/bucket/root/a", body = "content"}})
                assert.are.equal("content", (get(other, "a")))
                assert.are.equal("content", (get(other, "a")))
                assert.are.same({"eu-1", "ap-9", "ap-9"}, regions())
            end
        end)

        it("the bucket's region, for requests that were under way too", function()
            for _, told in ipairs({{headers = {["x-amz-bucket-region"] = "ap-9"}}, {}}) do
                local other = select(2, at())
                local first = refusal("GET", "/bucket/root/a", 301, "PermanentRedirect",
                    {headers = {["x-amz-bucket-region"] = "ap-9"}, times = 1, hold = 0.1})
                told.times, told.hold = 3, 0.3
                server:rules({first, refusal("GET", "/bucket/root/a", 301, "PermanentRedirect",
                    told), {path = "/bucket/root/a", body = "content"}})
                task.map({1, 2, 3, 4}, function()
                    assert.are.equal("content", (get(other, "a")))
                end)
                local signed_for = regions()
                assert.are.same({"eu-1", "eu-1", "eu-1", "eu-1", "ap-9", "ap-9", "ap-9", "ap-9"},
                    signed_for)
            end
        end)

        it("the region that a HEAD cannot tell is asked for", function()
            server:rules({
                {method = "HEAD", path = "/bucket/root/a", status = 400, times = 1},
                {method = "HEAD", path = "/bucket/", status = 400,
                 headers = {["x-amz-bucket-region"] = "ap-9"}},
                {method = "HEAD", path = "/bucket/root/a", length = 5,
                 headers = {ETag = '"' .. ETAG .. '"'}},
            })
            assert.are.equal(5, must(s3:stat("a")).size)
            assert.are.same({"eu-1", "eu-1", "ap-9"}, regions())
        end)

        it("but it is not sent from region to region without an end", function()
            server:rules({refusal("GET", "/bucket/root/a", 301, "PermanentRedirect",
                {times = 1, headers = {["x-amz-bucket-region"] = "ap-9"}}),
                refusal("GET", "/bucket/root/a", 301, "PermanentRedirect",
                {headers = {["x-amz-bucket-region"] = "ap-10"}})})
            expect_error("Invalid", ROOT .. "/a", get(s3, "a"))
            assert.are.equal(2, #server:requests())
        end)

        it("nor to a server that an answer names, nor to what is no other region", function()
            for _, headers in ipairs({
                {Location = "https://evil.example/bucket/root/a"},
                {Location = "https://s3.ap-9.amazonaws.com/bucket/root/a"}, -- we are not at AWS
                {["x-amz-bucket-region"] = "ap-9.evil.example/"},
                {["x-amz-bucket-region"] = "eu-1"},
            }) do
                server:rules({refusal("GET", "/bucket/root/a", 307, "TemporaryRedirect",
                    {headers = headers})})
                expect_error("Invalid", ROOT .. "/a", get(s3, "a"))
                assert.are.equal(1, #server:requests())
            end
        end)

        store_answers.clocks(at, ROOT, "/bucket/root/a", function(method, ...)
            return refusal(method, "/bucket/root/a", ...)
        end, "RequestTimeTooSkewed", function(request)
            return request.headers["X-Amz-Date"]:sub(1, 11)
        end, "!%Y%m%dT%H")

        it("credentials that have expired are renewed", function()
            local renewed = 0
            s3._credentials = {
                get = function()
                    return {access_key = "AK", secret_key = "number-" .. renewed}
                end,
                renew = function()
                    renewed = renewed + 1
                    return true
                end,
            }
            for _, code in ipairs({"ExpiredToken", "TokenRefreshRequired", "InvalidToken"}) do
                server:rules({refusal("GET", "/bucket/root/a", 400, code, {times = 1}),
                              {path = "/bucket/root/a", body = "content"}})
                assert.are.equal("content", (get(s3, "a")))
            end
            server:rules({refusal("GET", "/bucket/root/a", 400, "ExpiredToken", {times = 4})})
            expect_error("Unauthorized", ROOT .. "/a", get(s3, "a"))
            assert.are.equal(4, renewed)
            assert.are.equal(2, #server:requests())
        end)
    end)

    describe("that is a list", function()
        local function list(body)
            server:rules({{path = "/bucket/", query = "list-type=2", body = list_body(body)}})
            return s3:list("", {})
        end

        it("has every name as it is", function()
            local page = must(list(entry("root/a+b%2Bc%20d%25%0A%01/", 0) .. entry("root/")
                .. entry("root/%E6%97%A5", 3, ETAG .. "-2")))
            assert.are.same({
                {path = "a b+c d%\n\1/", size = 0, kind = "folder", etag = ETAG, md5 = ETAG,
                 md5_guessed = true, modified = 1717158600.5},
                {path = "日", size = 3, kind = "file", etag = ETAG .. "-2",
                 modified = 1717158600.5},
            }, page.items)
            assert.is_nil(page.next)
            assert.is_truthy(server:requests()[1].query:find("encoding-type=url", 1, true))
        end)

        it("is refused with names from elsewhere, or what is no list", function()
            for _, body in ipairs({
                entry("other/a"), entry(""), entry("root/a", -1), entry("root/a", "1e99"),
                entry("root/a", "x"), "<Contents>text</Contents>",
                "<Contents><Key><b>root/a</b></Key><Size>1</Size></Contents>",
                "<CommonPrefixes><Prefix>other/</Prefix></CommonPrefixes>",
                "<IsTruncated>true</IsTruncated>",
                "<IsTruncated>true</IsTruncated><NextContinuationToken/>",
            }) do
                local page, err = list(body)
                expect_error("Corrupt", ROOT, page, err)
                assert.is_true(err.retryable)
            end
        end)

        it("has names as they stand when the server does not escape them", function()
            server:rules({{path = "/bucket/", body = "<ListBucketResult>"
                .. entry("root/a%41+", 1) .. "</ListBucketResult>"}})
            assert.are.equal("a%41+", must(s3:list("", {})).items[1].path)
        end)

        it("has folders that are none, and MD5s that are none, as what they are", function()
            local items = must(list(entry("root/d/", 5) .. entry("root/e", 1, "abcd"))).items
            assert.are.equal("file", items[1].kind)
            assert.are.equal("abcd", items[2].etag)
            assert.is_nil(items[2].md5)
        end)

        it("has no ETag where there is none that could be one", function()
            for _, etag in ipairs({"a&#10;X-Evil: 1", "<b>x</b>"}) do
                local page = must(list(entry("root/a", 1, etag)))
                assert.is_nil(page.items[1].etag)
            end
        end)

        it("is refused when it never goes on", function()
            server:rules({{path = "/bucket/", body = list_body("<IsTruncated>true</IsTruncated>"
                .. "<NextContinuationToken>same</NextContinuationToken>")}})
            local page = must(s3:list("", {after = "other"}))
            assert.are.equal("same", page.next)
            expect_error("Corrupt", ROOT, s3:list("", {after = "same"}))
        end)

        it("is refused when its XML is a trap, or cut short", function()
            for _, body in ipairs({
                '<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><l>&b;</l>',
                '<!DOCTYPE l SYSTEM "file:///etc/passwd"><l/>',
                "<ListBucketResult><Contents>", "no XML", "", ("<a>"):rep(100000),
            }) do
                server:rules({{path = "/bucket/", body = body}})
                expect_error("Corrupt", ROOT, s3:list("", {}))
            end
        end)
    end)

    describe("with bytes", function()
        it("is not checked by an ETag that cannot be one of parts, or by sizes that cannot be",
            function()
            for _, etag in ipairs({"abc-1", ETAG, ETAG .. "-0", ETAG .. "-1x"}) do
                assert.is_false(s3:verifier({path = "a", size = 10, etag = etag}))
            end
            server:rules({{method = "HEAD", path = "/bucket/root/a", length = 10,
                           headers = {["x-amz-meta-salvor-part-size"] = "1"}}})
            local sum = s3:verifier({path = "a", size = 20 << 20, etag = ETAG .. "-3"})
            assert.is_nil(sum.part_size)
        end)

        it("tells the version", function()
            server:rules({{path = "/bucket/root/a", body = "x",
                           headers = {["x-amz-version-id"] = "v1"}}})
            assert.are.equal("v1", select(2, get(s3, "a")).version)
        end)

        --- The rules of an object of S3's in a list, encrypted with a key of KMS's, that is read in
        --- parts of 5 MiB.
        local function encrypted(etag, more)
            local headers = {ETag = '"' .. etag .. '"', ["x-amz-meta-salvor-part-size"] = more,
                             ["x-amz-server-side-encryption"] = "aws:kms"}
            local part, size = 5 << 20, (5 << 20) + 1
            local function range(first, last, rule)
                rule.path, rule.status = "/bucket/root/a", 206
                rule.request_header = {"Range", string.format("bytes=%d-%d", first, last)}
                rule.headers = {ETag = headers.ETag, ["Content-Range"] = string.format(
                    "bytes %d-%d/%d", first, last, size)}
                return rule
            end
            return {
                {path = "/bucket/", body = list_body(entry("root/a", size, etag))},
                {method = "HEAD", path = "/bucket/root/a", query = "partNumber=1",
                 headers = headers, length = part},
                {method = "HEAD", path = "/bucket/root/a", headers = headers, length = size},
                range(0, part - 1, {chunks = {("x"):rep(1 << 20)}, ["repeat"] = 5, length = part}),
                range(part, part, {body = "x"}),
            }
        end

        it("arrives although its ETag in a list is no MD5, or none of MD5s", function()
            local folder = must(fs.temporary_folder())
            finally(function() must(fs.remove_tree(folder)) end)
            for etag, more in pairs({[ETAG] = false, [ETAG .. "-2"] = tostring(5 << 20)}) do
                server:rules(encrypted(etag, more or nil))
                local from <close> = must(store.open(ROOT, options()))
                local to <close> = must(store.open(fs.join(folder, #etag), {part_size = 5 << 20}))
                local summary = must(store.copy(from, to))
                assert.are.equal(0, summary.failures, tostring((summary.failed[1] or {}).err))
                assert.are.equal((5 << 20) + 1, must(to:stat("a")).size)
                assert.are.equal(1, must(store.copy(from, to)).skipped)
            end
        end)

        it("is not sent again whose ETag is no checksum, and whose time is right", function()
            local folder = must(fs.temporary_folder())
            finally(function() must(fs.remove_tree(folder)) end)
            must(fs.write(fs.join(folder, "a"), "x"))
            local time = fs.stat(fs.join(folder, "a")).mtime
            for _, etag in ipairs({ETAG, ETAG .. "-2"}) do
                server:rules({
                    {path = "/bucket/", body = list_body(entry("root/a", 1, etag))},
                    {method = "HEAD", path = "/bucket/root/a", length = 1, headers = {
                        ETag = '"' .. etag .. '"', ["x-amz-server-side-encryption"] = "aws:kms",
                        ["x-amz-meta-mtime"] = string.format("%.3f", time)}},
                })
                local to <close> = must(store.open(ROOT, options()))
                local summary = must(store.copy(folder, to))
                assert.are.same({0, 1}, {summary.failures, summary.skipped}, etag)
            end
        end)

        it("has no MD5 where the ETag is none", function()
            for name, value in pairs({
                ["x-amz-server-side-encryption"] = "aws:kms",
                ["x-amz-server-side-encryption-customer-algorithm"] = "AES256",
            }) do
                server:rules({{path = "/bucket/root/a", body = "x",
                               headers = {ETag = '"' .. ETAG .. '"', [name] = value}}})
                assert.is_nil(must(select(2, get(s3, "a"))).md5)
            end
            server:rules({{path = "/bucket/root/a", body = "x", headers = {ETag = '"x-2"',
                ["x-amz-meta-md5chksum"] = digest.base64(("\1"):rep(16))}}})
            assert.are.equal(("01"):rep(16), must(select(2, get(s3, "a"))).md5)
        end)
    end)

    describe("to a change", function()
        it("is of a request whose bytes are checked by the server", function()
            server:rules({{method = "PUT", path = "/bucket/root/a",
                           headers = {ETag = '"' .. ETAG .. '"'}}})
            must(put(s3, "a", "content"))
            local sent = server:requests()[1].headers
            assert.are.equal("UNSIGNED-PAYLOAD", sent["X-Amz-Content-SHA256"])
            assert.are.equal("mgNkuembtIDdJeHwKEyFVQ==", sent["Content-MD5"])
            assert.is_nil(sent.Expect)
        end)

        it("is waited for before a large body goes out, until one was given", function()
            server:rules({{method = "PUT", path = "/bucket/root/a",
                           headers = {ETag = '"' .. ETAG .. '"'}}})
            must(put(s3, "a", ("x"):rep(2 << 20)))
            must(put(s3, "a", ("x"):rep(2 << 20)))
            local requests = server:requests()
            assert.are.equal("100-continue", requests[1].headers.Expect)
            assert.is_nil(requests[2].headers.Expect)
        end)

        it("may say that the object came in between", function()
            server:rules({refusal("PUT", "/bucket/root/a", 412, "PreconditionFailed")})
            expect_error("AlreadyExists", ROOT .. "/a", put(s3, "a", "x", {if_absent = true}))
            assert.are.equal("*", server:requests()[2].headers["If-None-Match"])
            server:rules({{method = "HEAD", path = "/bucket/root/a", length = 1}})
            expect_error("AlreadyExists", ROOT .. "/a", put(s3, "a", "x", {if_absent = true}))
            assert.are.equal(1, #server:requests())
        end)

        it("may fail after it began with status 200", function()
            server:rules({
                {method = "HEAD", path = "/bucket/root/a", length = 1},
                {method = "PUT", path = "/bucket/root/b", body = error_body("InternalError", "x")},
            })
            local err = expect_error("IO", ROOT .. "/a", s3:copy("a", "b"))
            assert.is_true(err.retryable)
            server:rules({
                {method = "HEAD", path = "/bucket/root/a", length = 1},
                {method = "PUT", path = "/bucket/root/b", body = error_body("SomethingNew", "x")},
            })
            assert.is_true(expect_error("IO", ROOT .. "/a", s3:copy("a", "b")).retryable)
            server:rules({
                {method = "HEAD", path = "/bucket/root/a", length = 1},
                {method = "PUT", path = "/bucket/root/b", body = "<R><ETag><b>x</b></ETag></R>"},
            })
            expect_error("IO", ROOT .. "/a", s3:copy("a", "b"))
        end)

        it("of which uploads there are is taken as far as it names any", function()
            server:rules({{path = "/bucket/", query = "uploads=", body = "<R><Upload>text</Upload>"
                .. "<Upload><Key><b>root/a</b></Key><UploadId>i</UploadId></Upload></R>"}})
            assert.are.same({}, must(s3:leftovers("", {older_than = 0})))
        end)

        it("of which uploads there are may go on without an end", function()
            server:rules({{path = "/bucket/", query = "uploads=", times = 5, body = "<R>"
                .. "<IsTruncated>true</IsTruncated><NextKeyMarker>root/a</NextKeyMarker>"
                .. "<NextUploadIdMarker>i</NextUploadIdMarker></R>"}})
            expect_error("Corrupt", ROOT, s3:leftovers("", {older_than = 0}))
            assert.are.equal(2, #server:requests())
        end)

        it("to a copy is about the object that was meant, and another one than its source",
            function()
            expect_error("Invalid", ROOT .. "/a", s3:copy("a", "a", {item = {size = 1}}))
            server:rules({{method = "PUT", path = "/bucket/root/b",
                           body = "<R><ETag>e</ETag></R>"}})
            must(s3:copy("a", "b", {item = {size = 1, etag = ETAG, version = "v/1"}}))
            assert.are.equal(1, #server:requests())
            local headers = server:requests()[1].headers
            assert.are.equal("/bucket/root/a?versionId=v%2F1", headers["x-amz-copy-source"])
            assert.are.equal('"' .. ETAG .. '"', headers["x-amz-copy-source-if-match"])
        end)

        it("to a copy in ranges leaves nothing of it when it is a refusal", function()
            s3.copy_limit = 1
            server:rules({
                {method = "HEAD", path = "/bucket/root/a", length = 9},
                {method = "POST", path = "/bucket/root/b", body = "<R><UploadId>i</UploadId></R>"},
                {method = "PUT", path = "/bucket/root/b", times = 1}, -- the mark
                refusal("PUT", "/bucket/root/b", 403, "AccessDenied"),
                {method = "DELETE", path = "/bucket/root/b", status = 204, length = 0},
            })
            expect_error("Forbidden", ROOT .. "/a", s3:copy("a", "b", {item = {size = 9}}))
            local requests = server:requests()
            assert.are.equal("DELETE", requests[#requests].method)
        end)

        it("is not asked for where nobody says that the name is free", function()
            server:rules({refusal("HEAD", "/bucket/root/a", 403)})
            expect_error("Forbidden", ROOT .. "/a", put(s3, "a", "x", {if_absent = true}))
            assert.are.equal(1, #server:requests())
        end)

        it("is of one with metadata in ASCII", function()
            server:rules({{method = "PUT", path = "/bucket/root/a"}})
            must(put(s3, "a", "x", {metadata = {Name = "ä b/c", ["no name"] = "x"}}))
            local headers = server:requests()[1].headers
            assert.are.equal("%C3%A4 b/c", headers["x-amz-meta-name"])
        end)

        it("names each object that could not be removed", function()
            server:rules({{method = "POST", path = "/bucket/", query = "delete=",
                body = "<DeleteResult><Error><Key>root/b</Key><Code>AccessDenied</Code>"
                    .. "<Message>no</Message></Error><Error><Key>root/c</Key><Code>NoSuchKey</Code>"
                    .. "</Error></DeleteResult>"}})
            local result = must(s3:remove({"a & <b>", "b", "c"}))
            assert.are.equal(2, result.n)
            assert.are.equal("b", result.failed[1].path)
            expect_error("Forbidden", ROOT .. "/b", nil, result.failed[1].err)
            assert.is_false(result.failed[1].err.retryable)
            local sent = server:requests()[1]
            assert.is_truthy(sent.body:find("<Key>root/a &amp; &lt;b&gt;</Key>", 1, true))
            assert.are.equal(digest.sha256(sent.body), sent.headers["X-Amz-Content-SHA256"])
            assert.are.equal(24, #sent.headers["Content-MD5"])
        end)

        it("may be that the server removes one at a time only", function()
            server:rules({refusal("POST", "/bucket/", 501, "NotImplemented"),
                          {method = "DELETE", path = "/bucket/root/a", status = 204, length = 0},
                          refusal("DELETE", "/bucket/root/b", 403, "AccessDenied")})
            local result = must(s3:remove({"a", "b", "c"}))
            assert.are.equal(2, result.n)
            assert.are.equal("b", result.failed[1].path)
        end)
    end)

    describe("to an upload in parts", function()
        local PATH = "/bucket/root/a"

        local function begin(more)
            local upload = must(s3:begin("a", 1, more or {}))
            local piece <close> = must(block.new(1))
            must(upload:part(1, piece:set("x")))
            return upload
        end

        local function rules(...)
            local part = {method = "PUT", path = PATH, query = "partNumber=1",
                          headers = {ETag = '"' .. digest.md5("x") .. '"'}}
            server:rules({
                {method = "POST", path = PATH, query = "uploads=",
                 body = "<R><UploadId>id&amp;1</UploadId></R>"}, part, ...})
        end

        local EXPECTED = digest.md5((digest.md5("x"):gsub("%x%x", function(pair)
            return string.char(tonumber(pair, 16))
        end))) .. "-1"

        it("may be lost although the object is there", function()
            rules({method = "POST", path = PATH, query = "uploadId=id%261", ["end"] = "reset"},
                {method = "HEAD", path = PATH, length = 1,
                 headers = {ETag = '"' .. EXPECTED .. '"'}})
            assert.are.equal(EXPECTED, must(begin():finish()).etag)
            rules({method = "POST", path = PATH, query = "uploadId=id%261", ["end"] = "reset"},
                {method = "HEAD", path = PATH, length = 1, headers = {ETag = '"another-1"'}})
            expect_error("Disconnected", ROOT .. "/a", begin():finish())
        end)

        it("may list its parts without an end", function()
            server:rules({
                {path = "/bucket/", query = "uploads=", body = "<R><Upload><Key>root/a</Key>"
                    .. "<UploadId>id</UploadId></Upload></R>"},
                {path = PATH, times = 4, query = "uploadId=id", body = "<R><IsTruncated>true"
                    .. "</IsTruncated><NextPartNumberMarker>0</NextPartNumberMarker></R>"},
                {method = "POST", path = PATH, body = "<R><UploadId>new</UploadId></R>"},
                {method = "PUT", path = PATH},
            })
            must(s3:begin("a", 1, {fingerprint = "1"}))
            local asked = 0
            for _, request in ipairs(server:requests()) do
                asked = asked + (request.method == "GET" and request.path == PATH and 1 or 0)
            end
            assert.are.equal(1, asked)
        end)

        it("may fail after it began with status 200", function()
            rules({method = "POST", path = PATH, body = error_body("InternalError", "again")})
            local err = expect_error("IO", ROOT .. "/a", begin():finish())
            assert.is_true(err.retryable)
        end)

        it("may take its time", function()
            s3 = must(open(must(url.parse(ROOT)), options({timeout = 0.3})))
            rules({method = "POST", path = PATH, query = "uploadId=", hold = 1,
                   body = "<R><ETag>&quot;" .. EXPECTED .. "&quot;</ETag></R>"})
            assert.are.equal(EXPECTED, must(begin():finish()).etag)
        end)

        it("may be an object of other bytes, which does not stay", function()
            rules({method = "POST", path = PATH, query = "uploadId=",
                   body = "<R><ETag>&quot;" .. ETAG .. "-1&quot;</ETag></R>"},
                {method = "POST", path = "/bucket/", query = "delete=", body = "<DeleteResult/>"})
            local err = expect_error("Corrupt", ROOT .. "/a", begin():finish())
            assert.is_truthy(err.message:find(EXPECTED, 1, true))
            local requests = server:requests()
            assert.is_truthy(requests[#requests].body:find("<Key>root/a</Key>", 1, true))
        end)

        it("may be that there is none", function()
            for _, body in ipairs({"<R/>", "<R><UploadId/></R>"}) do
                server:rules({{method = "POST", path = PATH, body = body}})
                expect_error("Corrupt", ROOT .. "/a", s3:begin("a", 1, {}))
                assert.are.equal(1, #server:requests())
            end
        end)

        it("may be that another has made the object meanwhile", function()
            local function head(more)
                return refusal("HEAD", PATH, more.status, nil, more)
            end
            local missing = {status = 404, times = 1}
            local there = {length = 1, headers = {ETag = '"' .. EXPECTED .. '"'}}
            rules(head(missing), head(there))
            expect_error("AlreadyExists", ROOT .. "/a", begin({if_absent = true}):finish())
            assert.are.equal("HEAD", server:requests()[5].method)
            -- After a try whose answer was lost it may be our own.
            missing.times = 3
            rules(head(missing), head(there),
                {method = "POST", path = PATH, query = "uploadId=", ["end"] = "reset", times = 1},
                refusal("POST", PATH, 404, "NoSuchUpload"))
            local upload = begin({if_absent = true})
            expect_error("Disconnected", ROOT .. "/a", upload:finish())
            assert.are.equal(EXPECTED, must(upload:finish()).etag)
            for _, request in ipairs(server:requests()) do
                if request.query:find("uploadId=", 1, true) and request.method == "POST" then
                    assert.are.equal("*", request.headers["If-None-Match"])
                end
            end
        end)

        it("has to tell the ETag of a part", function()
            server:rules({
                {method = "POST", path = PATH, body = "<R><UploadId>i</UploadId></R>"},
                {method = "PUT", path = PATH},
            })
            local piece <close> = must(block.new(1))
            expect_error("Corrupt", ROOT .. "/a",
                must(s3:begin("a", 1, {})):part(1, piece:set("x")))
        end)

        describe("that a key of KMS's encrypts", function()
            local PART, SIZE = 5 << 20, (5 << 20) + 1
            local CONTENT = ("x"):rep(PART)
            local KMS = {["x-amz-server-side-encryption"] = "aws:kms"}

            local function sha256_of(text)
                return digest.base64((digest.sha256(text):gsub("%x%x", function(pair)
                    return string.char(tonumber(pair, 16))
                end)))
            end

            --- Requests as AWS answers them: a part's ETag says nothing of its bytes.
            local function encrypted(more)
                local etag = {ETag = '"' .. ETAG .. '"',
                              ["x-amz-server-side-encryption"] = "aws:kms"}
                local answers = {
                    {method = "POST", path = PATH, query = "uploads=",
                     request_header = {"x-amz-checksum-algorithm", "SHA256"},
                     headers = {["x-amz-checksum-algorithm"] = "SHA256",
                                ["x-amz-server-side-encryption"] = "aws:kms"},
                     body = "<R><UploadId>checked</UploadId></R>"},
                    {method = "POST", path = PATH, query = "uploads=", headers = KMS,
                     body = "<R><UploadId>unchecked</UploadId></R>"},
                    {method = "DELETE", path = PATH, status = 204, length = 0},
                    {method = "PUT", path = PATH, query = "partNumber=", headers = etag},
                    {method = "POST", path = PATH, query = "uploadId=",
                     body = "<R><ETag>&quot;" .. ETAG .. "-2&quot;</ETag></R>"},
                }
                return table.move(more or {}, 1, #(more or {}), #answers + 1, answers)
            end

            local function begin_two()
                return must(s3:begin("a", SIZE, {part_size = PART, fingerprint = "f"}))
            end

            --- The requests of that method whose query has that in it.
            local function sent(method, query)
                local found = {}
                for _, request in ipairs(server:requests()) do
                    if request.method == method and request.query:find(query, 1, true) then
                        found[#found + 1] = request
                    end
                end
                return found
            end

            --- What lists an upload that was interrupted after part 1: that part, and the mark.
            local function interrupted(mark)
                local function part(number, size, sum)
                    return string.format("<Part><PartNumber>%d</PartNumber><ETag>&quot;%s&quot;"
                        .. "</ETag><Size>%d</Size><ChecksumSHA256>%s</ChecksumSHA256></Part>",
                        number, ETAG, size, sum)
                end
                local first, last = part(1, PART, sha256_of(CONTENT)),
                    part(2, #mark, sha256_of(mark))
                return {
                    {path = "/bucket/", query = "uploads=", body = "<R><Upload><Key>root/a</Key>"
                        .. "<UploadId>checked</UploadId></Upload></R>"},
                    {path = PATH, query = "part-number-marker=1", body = "<R>" .. last .. "</R>"},
                    {path = PATH, query = "uploadId=checked",
                     body = "<R>" .. first .. last .. "</R>"},
                }
            end

            it("has parts with checksums of their own, where the server knows such", function()
                server:rules(encrypted())
                local upload = begin_two()
                local piece <close> = must(block.new(PART))
                must(upload:part(1, piece:set(CONTENT)))
                must(upload:part(2, piece:set("y")))
                assert.are.equal(ETAG .. "-2", must(upload:finish()).etag)
                assert.are.equal(1, #sent("DELETE", "uploadId=unchecked"))
                local parts = sent("PUT", "uploadId=checked")
                assert.are.equal(3, #parts)
                for index, text in ipairs({parts[1].body, CONTENT, "y"}) do
                    assert.are.equal(sha256_of(text),
                        parts[index].headers["x-amz-checksum-sha256"])
                end
                local list = sent("POST", "uploadId=checked")[1].body
                for number, text in ipairs({CONTENT, "y"}) do
                    assert.is_truthy(list:find(string.format("<Part><PartNumber>%d</PartNumber>"
                        .. "<ETag>&quot;%s&quot;</ETag><ChecksumSHA256>%s</ChecksumSHA256></Part>",
                        number, ETAG, sha256_of(text)), 1, true), list)
                end
                -- Known by now: the next upload is begun once.
                server:rules(encrypted())
                begin_two():close()
                assert.are.equal(1, #sent("POST", "uploads="))
            end)

            it("is found again, with the parts that hold just the same bytes", function()
                server:rules(encrypted())
                begin_two():close()
                local mark = sent("PUT", "partNumber=2")[1].body
                server:rules(encrypted(interrupted(mark)))
                local upload = begin_two()
                assert.are.equal(0, #sent("POST", "uploads="))
                local piece <close> = must(block.new(PART))
                assert.is_false(must(upload:has(1, piece:set(("z"):rep(PART)))))
                assert.is_true(must(upload:has(1, piece:set(CONTENT))))
                assert.is_false(upload:has(2, piece:set("y")))
                must(upload:part(2, piece:set("y")))
                must(upload:finish())
                local list = sent("POST", "uploadId=checked")[1].body
                assert.is_truthy(list:find(sha256_of(CONTENT), 1, true), list)
                assert.is_truthy(list:find(sha256_of("y"), 1, true), list)
                -- An upload of another source's is not it.
                server:rules(encrypted(interrupted(mark .. ".")))
                begin_two():close()
                assert.are.equal(1, #sent("POST", "uploads="))
            end)

            it("is told as left over", function()
                server:rules(encrypted())
                begin_two():close()
                local mark = sent("PUT", "partNumber=2")[1].body
                server:rules(encrypted(interrupted(mark)))
                local found = must(s3:leftovers("", {older_than = 0, remove = true}))
                assert.are.same({{path = "a", begun = 0, removed = true}}, found)
                server:rules(encrypted(interrupted(mark:gsub("salvor", "nobody"))))
                assert.are.same({}, must(s3:leftovers("", {older_than = 0, remove = true})))
                assert.are.equal(0, #sent("DELETE", "uploadId=checked"))
            end)

            it("is copied by the server with such checksums", function()
                s3.copy_limit = 1
                local answers = encrypted({
                    {method = "HEAD", path = "/bucket/root/b", length = SIZE}})
                answers[4].body = "<R><ETag>&quot;" .. ETAG .. "&quot;</ETag><ChecksumSHA256>sum"
                    .. "</ChecksumSHA256></R>"
                server:rules(answers)
                must(s3:copy("b", "a", {item = {size = SIZE}}))
                local list = sent("POST", "uploadId=checked")[1].body
                assert.is_truthy(list:find("<ChecksumSHA256>sum</ChecksumSHA256>", 1, true), list)
            end)

            it("goes on without them at a server that knows none, or refuses to", function()
                for _, rule in ipairs({
                    {headers = KMS, body = "<R><UploadId>other</UploadId></R>"},
                    {status = 501, body = error_body("NotImplemented", "no checksums")},
                }) do
                    local answers = encrypted()
                    rule.method, rule.path, rule.query = "POST", PATH, "uploads="
                    rule.request_header, answers[1] = answers[1].request_header, rule
                    server:rules(answers)
                    s3 = must(open(must(url.parse(ROOT)), options()))
                    local upload = begin_two()
                    local piece <close> = must(block.new(PART))
                    must(upload:part(1, piece:set(CONTENT)))
                    must(upload:part(2, piece:set("y")))
                    must(upload:finish())
                    assert.is_nil(sent("PUT", "partNumber=1")[1].headers["x-amz-checksum-sha256"])
                    assert.is_nil(sent("POST", "uploadId=")[1].body:find("Checksum", 1, true))
                end
            end)
        end)

        it("ends the upload when its mark is refused", function()
            server:rules({
                {method = "POST", path = PATH, body = "<R><UploadId>i</UploadId></R>"},
                refusal("PUT", PATH, 403, "AccessDenied"),
                {method = "DELETE", path = PATH, query = "uploadId=i", status = 204, length = 0},
            })
            expect_error("Forbidden", ROOT .. "/a", s3:begin("a", 1, {}))
            -- Twice, since a part that was under way may keep it.
            assert.are.equal("DELETE", server:requests()[3].method)
            assert.are.equal("DELETE", server:requests()[4].method)
        end)
    end)
end)
