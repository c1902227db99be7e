--- What the stores over HTTP make alike of answers that a real server does not give on demand.
local assert = require("luassert")
local block = require("salvor.block")
local busted = require("busted")
local conformance = require("support.store_conformance")
local log = require("salvor.log")
local merge = require("salvor.copy").merge
local store = require("salvor.store")
local task = require("salvor.task")

local it = busted.it
local get, put, expect_error = conformance.get, conformance.put, conformance.expect_error

local store_answers = {}

--- {status, code, the error's code, whether it is retryable} of answers that say nothing more.
local PLAIN = {
    {401, nil, "Unauthorized", false}, {403, nil, "Forbidden", false},
    {404, nil, "NotFound", false}, {405, nil, "Unsupported", false},
    {408, nil, "Timeout", true}, {409, nil, "Changed", false}, {412, nil, "Changed", false},
    {413, nil, "TooLarge", false}, {418, nil, "Invalid", false}, {429, nil, "SlowDown", true},
    {500, nil, "IO", true}, {501, nil, "Unsupported", false}, {502, nil, "IO", true},
    {503, nil, "SlowDown", true}, {504, nil, "IO", true}, {507, nil, "NoSpace", false},
}

--- A rule of the scripted server with more in it; headers are put together, `xml` is left out.
function store_answers.rule(base, more)
    local rule = merge(base, more)
    rule.headers = merge(base.headers, more and more.headers)
    rule.xml = nil
    return rule
end

--- The time of an answer's Date that many seconds from now.
function store_answers.date(skew)
    return os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + skew)
end

--- The warnings while work() runs: list of {message, fields}.
function store_answers.warnings(work)
    local lines = {}
    local warning = log.warning
    log.warning = function(message, fields) lines[#lines + 1] = {message, fields} end
    local ok, err = pcall(work)
    log.warning = warning
    assert(ok, err)
    return lines
end

--- Specs within a describe(). at() -> the scripted server, the back end, the options that open it;
--- `root`: its URL; `path`: that of its object "a" on the server; refusal(method, status, code,
--- more) -> a rule; `cases`: as PLAIN, with the server's own codes.
function store_answers.specs(at, root, path, refusal, cases)
    it("says whether it is worth another try, and when", function()
        local server, backend = at()
        for _, case in ipairs(table.move(PLAIN, 1, #PLAIN, #cases + 1, cases)) do
            local status, said, code, retryable = table.unpack(case, 1, 4)
            server:rules({refusal("GET", status, said, {headers = {["Retry-After"] = "7"}})})
            local err = expect_error(code, root .. "/a", get(backend, "a"))
            assert.are.equal(retryable, err.retryable, err.message)
            assert.are.equal(7, err.details.retry_after)
        end
    end)

    it("is repeated by the store after the time that the server wants", function()
        local server, _, options = at()
        for _, status in ipairs({429, 503}) do
            server:rules({
                refusal("GET", status, nil, {times = 1, headers = {["Retry-After"] = "1"}}),
                {path = path, body = "content"},
            })
            local opened <close> = must(store.open(root, options))
            assert.are.equal("content", must(opened:read("a")))
            local requests = server:requests()
            assert.are.equal(2, #requests)
            assert.is_true(requests[2].time - requests[1].time >= 1)
        end
    end)

    it("may be a page of a proxy's, or a trap", function()
        local server, backend = at()
        for _, body in ipairs({"<html><body><p>Bad Gateway</body>", "", "{}",
                               '<!DOCTYPE a [<!ENTITY b "c">]><Error><Code>&b;</Code></Error>',
                               "<Error><Code><Code>x</Code></Code></Error>"}) do
            server:rules({{path = path, status = 502, body = body}})
            local err = expect_error("IO", root .. "/a", get(backend, "a"))
            assert.is_truthy(err.message:find("(HTTP 502)", 1, true))
        end
    end)

    it("of a HEAD says how large the object is", function()
        local server, backend = at()
        server:rules({{method = "HEAD", path = path, length = 7, headers = {ETag = '"e"'}}})
        assert.are.equal(7, must(backend:stat("a")).size)
        server:rules({{method = "HEAD", path = path,
                       headers = {["Transfer-Encoding"] = "chunked"}}})
        local err = expect_error("Corrupt", root .. "/a", backend:stat("a"))
        assert.is_truthy(err.message:find("does not say how large", 1, true))
    end)

    it("with other bytes than were asked for is not taken", function()
        local server, backend = at()
        for _, rule in ipairs({
            {status = 200, body = "0123456789"},
            {status = 206, body = "01", headers = {["Content-Range"] = "bytes 0-1/10"}},
            {status = 206, body = "0123", headers = {["Content-Range"] = "bytes 2-3/10"}},
            {status = 206, body = "01"},
            {status = 206, body = "01", headers = {["Content-Range"] = "bytes 0-3/10"}},
            {status = 206, body = "2", headers = {["Content-Range"] = "bytes 2-3/10"}},
            {status = 206, body = "23456789", headers = {["Content-Range"] = "bytes 2-9/10"}},
        }) do
            rule.path = path
            server:rules({rule})
            local err = expect_error("Corrupt", root .. "/a",
                get(backend, "a", {offset = 2, length = 2}))
            assert.is_true(err.retryable)
        end
        server:rules({{path = path, body = "0123456789"}})
        expect_error("Corrupt", root .. "/a", get(backend, "a", {offset = 2}))
        assert.are.equal("0123456789", (get(backend, "a")))
    end)

    it("is not asked for where no bytes are", function()
        local server, backend = at()
        server:rules({{method = "HEAD", path = path, length = 7, headers = {ETag = '"e"'}}})
        local piece <close> = must(block.new(16))
        piece:set("of another")
        assert.are.equal(7, must(backend:read("a", piece, {length = 0})).size)
        assert.are.equal(0, #piece)
    end)

    it("is that of the object that was meant, by its ETag", function()
        local server, backend = at()
        server:rules({{path = path, body = "x"}})
        must(get(backend, "a", {if_match = {size = 1}}))
        assert.is_nil(server:requests()[1].headers["If-Match"])
        server:rules({{path = path, body = "x", headers = {ETag = '"e-1"'}}})
        must(get(backend, "a", {if_match = {etag = "e-1"}}))
        assert.are.equal('"e-1"', server:requests()[1].headers["If-Match"])
        server:rules({{method = "HEAD", path = path, length = 1, headers = {ETag = '"e-2"'}}})
        expect_error("Changed", root .. "/a",
            get(backend, "a", {length = 0, if_match = {etag = "e-1"}}))
    end)

    it("to a change may be that the object is another one, which is there where it was not to be",
        function()
        local server, backend = at()
        server:rules({refusal("PUT", 412, nil)})
        expect_error("Changed", root .. "/a", put(backend, "a", "x"))
        expect_error("AlreadyExists", root .. "/a", put(backend, "a", "x", {if_absent = true}))
    end)

    it("to a change may be lost, which matters when it must not be made twice", function()
        local server, backend = at()
        server:rules({{method = "PUT", path = path, ["end"] = "reset"}})
        local err = expect_error("Disconnected", root .. "/a", put(backend, "a", "x"))
        assert.is_nil((err.hint or ""):find("may or may not", 1, true))
        err = expect_error("Disconnected", root .. "/a", put(backend, "a", "x", {if_absent = true}))
        assert.is_truthy((err.hint or ""):find("may or may not", 1, true))
    end)

    it("to removing one by one counts, and ends it all when it is worth another try", function()
        local server, backend = at()
        local folder = path:match("^(.*/)")
        local no_batch = {method = "POST", path = folder:match("^/[^/]+/"), status = 501}
        local paths, rules = {}, {no_batch}
        for number = 1, 40 do
            paths[number] = "x" .. number
            rules[#rules + 1] = {method = "DELETE", path = folder .. paths[number], status = 204,
                                 length = 0}
        end
        server:rules(rules)
        assert.are.same({n = 40, failed = {}}, must(backend:remove(paths)))
        for number = 2, #rules do
            rules[number].status, rules[number].hold = 503, 0.1
        end
        server:rules(rules)
        local err = expect_error("SlowDown", root .. "/x", backend:remove(paths))
        assert.is_true(err.retryable)
        assert.is_true(#server:requests() <= 17, #server:requests())
    end)
end

--- Specs of clocks that are apart. `refused`: the code of that refusal; stamp(request) -> the time
--- that a request was made out for, as os.date() has it in `format`.
function store_answers.clocks(at, root, path, refusal, refused, stamp, format)
    it("puts right requests by a clock that is apart, once and for all of them", function()
        for _, skew in ipairs({-3600, 86400}) do
            local server, backend = at()
            server:rules({
                refusal("GET", 403, refused,
                    {times = 4, hold = 0.2, headers = {Date = store_answers.date(skew)}}),
                {path = path, body = "content"},
            })
            local lines = store_answers.warnings(function()
                task.map({1, 2, 3, 4}, function() -- all are under way when the first comes back
                    assert.are.equal("content", (get(backend, "a")))
                end)
                assert.are.equal("content", (get(backend, "a")))
            end)
            assert.are.equal(1, #lines)
            assert.is_true(math.abs(lines[1][2].seconds - skew) < 10)
            local requests = server:requests()
            assert.are.equal(9, #requests)
            assert.are.equal(os.date(format, os.time() + skew), stamp(requests[9]))
        end
    end)

    it("does so without a body too, and takes no other refusal for that one", function()
        local headers = {Date = store_answers.date(7200)}
        for _, case in ipairs({
            {2, "HEAD", 403}, {1, "HEAD", 404}, {1, "GET", 403, "AccessDenied"}, {1, "GET", 404},
            {1, "GET", 400, refused},
        }) do
            local count, method, status, code = table.unpack(case, 1, 4)
            local server, backend = at()
            server:rules({refusal(method, status, code, {headers = headers}),
                          {path = path, body = "x"}})
            store_answers.warnings(function()
                if method == "HEAD" then
                    assert.is_nil((backend:stat("a")))
                else
                    assert.is_nil((get(backend, "a")))
                end
            end)
            assert.are.equal(count, #server:requests(), method .. " " .. status)
        end
    end)

    it("explains a refusal by the clocks that it cannot put right", function()
        local server, backend = at()
        server:rules({refusal("GET", 403, refused,
            {times = 4, headers = {Date = store_answers.date(7200)}})})
        store_answers.warnings(function()
            local err = expect_error("Unauthorized", root .. "/a", get(backend, "a"))
            assert.is_truthy(err.message:find("this machine's clock", 1, true), err.message)
            assert.are.equal("set this machine's clock", err.hint)
        end)
        assert.are.equal(2, #server:requests())
    end)
end

return store_answers
