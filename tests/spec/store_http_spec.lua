-- salvor.store_http: one request of a store over HTTP, its bodies in blocks, its answer as XML.
local block = require("salvor.block")
local digest = require("salvor.digest")
local http = require("salvor.store_http")
local scripted = require("support.scripted")
local task = require("salvor.task")
local open = require("salvor.store.http.open")
local write = require("salvor.store.http.write")

local LISTS = {"Contents"}

describe("requests to stores over HTTP", function()
    local server, client

    setup(function()
        server = scripted.start("plain")
        client = http.client({silence = 1, connect_timeout = 30})
    end)

    teardown(function()
        server:stop()
    end)

    local function request(path, options)
        local all = {method = "GET", origin = server.url, path = path}
        for name, value in pairs(options or {}) do
            all[name] = value
        end
        return client:request(all)
    end

    local function refuse(code, path, options)
        local answer, err = request(path, options)
        assert.is_nil(answer)
        assert.are.equal(code, err.code, err.message)
        return err
    end

    it("sends what it is given, and gives what comes back", function()
        server:rules({{method = "POST", path = "/a%20b", status = 201, body = "yes",
                       headers = {["X-One"] = "1", ETag = '"e"'}}})
        local answer = must(request("/a%20b", {
            method = "POST", body = "content", query = {["k +"] = "ä=&", list = ""},
            headers = {["X-Two"] = "2"}}))
        assert.are.equal(201, answer.status)
        assert.are.equal("yes", answer.body)
        assert.are.equal("1", answer.headers["x-one"])
        assert.are.equal('"e"', answer.headers.etag)
        local sent = server:requests()[1]
        assert.are.equal("content", sent.body)
        assert.are.equal("2", sent.headers["X-Two"])
        assert.are.equal("application/octet-stream", sent.headers["Content-Type"])
        assert.is_nil(sent.headers.Authorization)
        assert.is_truthy(sent.query:find("k%20%2B=%C3%A4%3D%26", 1, true))
        assert.is_truthy(sent.query:find("list=", 1, true))
    end)

    it("sends a block, and fills one", function()
        server:rules({{method = "PUT", path = "/up"}, {path = "/down", body = "0123456789"}})
        local piece <close> = must(block.new(16))
        must(request("/up", {method = "PUT", body = piece:set("of a block")}))
        assert.are.equal("of a block", server:requests()[1].body)
        assert.are.equal(10, must(request("/down", {into = piece})).received)
        assert.are.equal("0123456789", piece:text())
    end)

    it("leaves a block alone when the answer is an error, which has a body of its own", function()
        server:rules({{path = "/no", status = 404, body = "no such thing"}})
        local piece <close> = must(block.new(4))
        local answer = must(request("/no", {into = piece}))
        assert.are.equal("no such thing", answer.body)
        assert.are.equal(0, #piece)
    end)

    it("does not write beyond a block", function()
        local piece <close> = must(block.new(4))
        server:rules({{path = "/told", body = "01234", length = 5},
                      {path = "/grown", body = "01234"}})
        assert.is_truthy(refuse("TooLarge", "/told", {into = piece}).message:find("4 bytes"))
        refuse("TooLarge", "/grown", {into = piece})
    end)

    it("keeps a block from others until the request has ended, however it does", function()
        server:rules({{path = "/mute", ["end"] = "mute"}})
        local piece <close> = must(block.new(4))
        local _, err = task.timeout(0.05, function()
            return task.all({
                function() return request("/mute", {into = piece}) end,
                function()
                    task.sleep(0.01)
                    assert.has_error(function() piece:set("x") end)
                    assert.has_error(function() request("/mute", {body = piece}) end)
                end,
            })
        end)
        assert.are.equal("Timeout", err.code)
        piece:set("mine")
    end)

    it("notices a body that is cut short", function()
        server:rules({{path = "/cut", body = "0123", length = 10, ["end"] = "truncate"}})
        local piece <close> = must(block.new(16))
        local err = refuse("Disconnected", "/cut", {into = piece})
        assert.is_true(err.retryable)
    end)

    it("ends after a silence, and not as long as something moves", function()
        server:rules({{path = "/slow", chunks = {"a"}, ["repeat"] = 8, delay = 0.15},
                      {path = "/mute", ["end"] = "mute"}, {path = "/hang", ["end"] = "hang"}})
        assert.are.equal("aaaaaaaa", must(request("/slow")).body)
        for _, path in ipairs({"/mute", "/hang"}) do
            local began = task.now()
            local err = refuse("Timeout", path)
            assert.is_truthy(err.message:find("nothing came from 127.0.0.1:%d+ .*for 1 s"))
            assert.is_true(err.retryable)
            assert.is_true(task.now() - began >= 1)
        end
        assert.is_truthy(refuse("Timeout", "/slow", {timeout = 0.2}).message:find("0.2 s"))
    end)

    it("says what may be repeated when a connection was lost", function()
        server:rules({{method = "PUT", path = "/x", ["end"] = "reset"}})
        assert.is_false(refuse("Disconnected", "/x", {method = "PUT", body = "1"}).retryable)
        assert.is_true(refuse("Disconnected", "/x", {method = "PUT", body = "1",
                                                     repeatable = true}).retryable)
    end)

    it("reads a HEAD, whatever length it tells", function()
        server:rules({{method = "HEAD", path = "/x", length = 1 << 40}})
        local answer = must(request("/x", {method = "HEAD"}))
        assert.are.equal(tostring(1 << 40), answer.headers["content-length"])
    end)

    it("asks first where it is told to", function()
        server:rules({{method = "PUT", path = "/x"}})
        must(request("/x", {method = "PUT", body = "1", expect = true}))
        assert.are.equal("100-continue", server:requests()[1].headers.Expect)
    end)

    it("makes tables of XML, and lists of what may come several times", function()
        server:rules({{path = "/list", body = '<?xml version="1.0"?><R xmlns="x"><Name>b</Name>'
            .. "<Contents><Key>1</Key><Owner><ID>o</ID></Owner></Contents>"
            .. "<Contents><Key>2 &amp; 3</Key></Contents><Empty/></R>"}})
        assert.are.same({
            Name = "b", Empty = "",
            Contents = {{Key = "1", Owner = {ID = "o"}}, {Key = "2 & 3"}},
        }, must(request("/list", {xml = LISTS})).xml)
        assert.are.same({Contents = {"1"}}, must(http.xml("<r><Contents>1</Contents></r>", LISTS)))
        assert.are.same({["Name@Encoded"] = "true", Name = "a%20"},
            must(http.xml('<r><Name Encoded="true">a%20</Name></r>')))
        assert.are.same({}, must(http.xml("<r>text alone</r>")))
        assert.are.same({x = "1", l = {{y = "2"}, "3"}},
            must(http.xml('<r a="b" c="d"><l><y>2</y></l><x>1</x><l>3</l></r>', {"l"})))
    end)

    it("refuses XML that is a trap", function()
        server:rules({{path = "/bomb", body = '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'},
                      {path = "/cut", body = "<a><b>"}, {path = "/none", body = ""}})
        for _, path in ipairs({"/bomb", "/cut", "/none"}) do
            refuse("Corrupt", path, {xml = LISTS})
        end
        local none, err = http.xml(("<a>"):rep(1000))
        assert.is_nil(none)
        assert.is_truthy(err.message:find("nested too deeply", 1, true))
    end)

    it("does not let a value break out of its header", function()
        for _, value in ipairs({"a\r\nX: y", "a\nb", "\1"}) do
            assert.has_error(function() request("/", {headers = {["X-A"] = value}}) end)
        end
        for _, name in ipairs({"X A", "X\r\nA", "X:A", ""}) do
            assert.has_error(function() request("/", {headers = {[name] = "b"}}) end)
        end
        assert.has_error(function() request("/", {mispelt = 1}) end)
        assert.has_error(function() request("/", {body = 1}) end)
    end)

    it("signs for S3 what it sends", function()
        server:rules({{path = "/b", body = "x"}})
        local key = {access_key = "AK", secret_key = "very-secret", region = "eu-1", token = "tok",
                     payload = digest.sha256("")}
        local before = os.date("!%Y%m%d")
        must(request("/b", {s3 = key}))
        local sent = server:requests()[1].headers
        assert.is_truthy(sent.Authorization:find("^AWS4%-HMAC%-SHA256 Credential=AK/%d+/eu%-1/s3/"
            .. "aws4_request, SignedHeaders=host;x%-amz%-content%-sha256;x%-amz%-date;"
            .. "x%-amz%-security%-token, Signature=%x+$"))
        assert.are.equal("tok", sent["X-Amz-Security-Token"])
        local day = sent["X-Amz-Date"]:sub(1, 8)
        assert.is_true(day >= before and day <= os.date("!%Y%m%d"))
        key.skew = -86400 * 400
        must(request("/b", {s3 = key}))
        assert.is_true(server:requests()[2].headers["X-Amz-Date"]:sub(1, 8) < os.date("!%Y%m%d"))
    end)

    it("escapes and unescapes every byte", function()
        local all = {}
        for byte = 1, 255 do
            all[byte] = string.char(byte)
        end
        local text = table.concat(all)
        assert.are.equal(text, http.unescape(http.escape(text)))
        assert.are.equal(text, http.unescape(http.escape(text, "/~")))
        assert.are.equal("a%20%2B/b~", http.escape("a +/b~", "/"))
        assert.are.equal("%2F", http.escape("/"))
        assert.are.equal("a b%zz%", http.unescape("a+b%zz%"))
        assert.are.equal("a\0b A", http.unescape("a\0b+%41"))
    end)
end)

describe("the client of a store", function()
    it("goes through the proxy that an option names", function()
        local client = must(open.client({proxy = "http://127.0.0.1:1", timeout = 5}))
        local got, err = client:request({method = "GET", origin = "http://store.example",
                                         path = "/"})
        assert.is_nil(got)
        assert.are.equal("Unreachable", err.code)
        assert.is_truthy(err.message:find("through the proxy", 1, true), err.message)
    end)

    it("takes certificates for an authority, and nothing else", function()
        local got, err = open.client({}, "tests/spec/store_http_spec.lua")
        assert.is_nil(got)
        assert.are.equal("Invalid", err.code)
        assert.is_truthy(err.message:find("holds no certificate in PEM form", 1, true))
        assert.are.equal("NotFound", select(2, open.client({}, "/no/such/file")).code)
    end)
end)

describe("the parts of an upload", function()
    local LIMITS = {smallest = 5, largest = 100, count = 10}

    it("have the size that is wanted, within what the server allows", function()
        for _, case in ipairs({{7, 20, 7}, {1, 20, 5}, {nil, 20, 5}, {200, 20, 100},
                               {7, 1000, 100}, {7, 71, 8}, {7, 70, 7}, {7, 0, 7}}) do
            assert.are.equal(case[3], write.part_size(LIMITS, case[2], case[1]))
        end
    end)
end)
