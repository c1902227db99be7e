-- What the log tells of stores with --log-level debug: each request, and no secret of whoever asks.
local fs = require("salvor.fs")
local json = require("salvor.json")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")

local WORK = [[
    local options = require("salvor.json").decode(io.read("a"))
    local opened <close> = must(require("salvor.store").open(%q, options))
    must(opened:write("a b/c", "text"))
    must(opened:list())
    print(opened:read("a b/c"), opened:read("none"))
    must(opened:remove("a b/c"))]]

--- What is written to standard error by some work with the store, as a list of {field = value}.
local function log_of(url, options, level)
    local home <close> = setmetatable({path = must(fs.temporary_folder())}, {__close = function(h)
        must(fs.remove_tree(h.path))
    end})
    must(fs.write(home.path .. "/options", must(json.encode(options))))
    local result = salvor.run({"--log-level", level or "debug", "--log-format", "json", "-e",
                               string.format(WORK, url)},
        {home = home.path, env = {AWS_CA_BUNDLE = false},
         prefix = {"sh", "-c", 'exec "$@" < "$0"', home.path .. "/options"}})
    salvor.expect_code(0, result)
    salvor.expect(result.stdout, "text\tnil")
    local lines = {}
    for _, line in ipairs(salvor.lines(result.stderr)) do
        lines[#lines + 1] = must(json.decode(line))
    end
    return lines, result.stderr
end

local function is_secret(name)
    return name:find("key$") or name:find("token") or name == "sas" or name == "password"
        or name == "passphrase"
end

--- Nothing that logs in stands in the text, as it is or escaped.
local function expect_no_secret(text, options)
    for name, value in pairs(options) do
        if is_secret(name) and name ~= "access_key" then
            for _, form in ipairs({value, (value:gsub("[/+=]", function(byte)
                return string.format("%%%02X", byte:byte())
            end)), value:match("sig=([^&]+)") or value}) do
                assert.is_nil(text:find(form, 1, true), name .. " stands in the log:\n" .. text)
            end
        end
    end
    for _, word in ipairs({"Signature=", "AWS4-HMAC", "SharedKey", "Bearer", "PRIVATE KEY"}) do
        assert.is_nil(text:find(word, 1, true), word .. " stands in the log:\n" .. text)
    end
end

--- The only line with that method, and a URL that ends like this.
local function line_of(lines, method, ending)
    for _, line in ipairs(lines) do
        if line.method == method and line.url:sub(-#ending) == ending then
            assert.are.equal("store", line.message)
            assert.are.equal("debug", line.level)
            assert.is_true(line.milliseconds >= 0 and line.milliseconds < 60000)
            return line
        end
    end
    error("no " .. method .. " of " .. ending .. " in " .. must(json.encode(lines)), 2)
end

local function expect_http(lines, where)
    local put = line_of(lines, "PUT", where .. "/a%20b/c")
    assert.is_truthy(tostring(put.status):find("^20[01]$"), put.status)
    assert.is_truthy(put.request_id and #put.request_id > 8, "a request has its id")
    assert.are.equal(404, line_of(lines, "GET", where .. "/none").status)
end

store_lab.describe("the log of requests to S3", "s3", function(at)
    it("has each with status, time and the server's id, without keys and signatures", function()
        local bucket = store_lab.bucket()
        local options = {endpoint = at.endpoint, region = at.region, access_key = at.access_key,
                         secret_key = at.secret_key}
        local lines, text = log_of("s3://" .. bucket, options)
        expect_http(lines, at.endpoint .. "/" .. bucket)
        expect_no_secret(text, options)
        assert.are.same({}, (log_of("s3://" .. bucket, options, "warning")))
    end)

    it("shows no session's token", function()
        local bucket = store_lab.name()
        local options = {endpoint = at.endpoint, region = at.region,
                         access_key = at.session_access_key, secret_key = at.session_secret_key,
                         session_token = at.session_token}
        assert(store_lab.s3_request("PUT", "/" .. bucket, {
            access_key = at.session_access_key, secret_key = at.session_secret_key,
            headers = {"x-amz-security-token: " .. at.session_token}}))
        local lines, text = log_of("s3://" .. bucket, options)
        expect_http(lines, at.endpoint .. "/" .. bucket)
        expect_no_secret(text, options)
    end)

    it("says why there was no answer", function()
        local proxy <close> = store_lab.proxy("s3")
        proxy:rules({{method = "PUT", times = 1, reset = true}})
        local bucket = store_lab.bucket()
        local lines = log_of("s3://" .. bucket, {endpoint = proxy.url, region = at.region,
            access_key = at.access_key, secret_key = at.secret_key})
        assert.are.equal("Disconnected", line_of(lines, "PUT", "/a%20b/c").status)
        local again
        for _, line in ipairs(lines) do
            again = line.message == "tried again" and line or again
        end
        assert.are.equal(1, again.times)
        assert.is_true(again.seconds >= 0.2 and again.seconds <= 0.5)
        salvor.expect(again.because, "s3://" .. bucket .. "/a b/c: the connection was lost")
    end)
end)

store_lab.describe("the log of requests to Azure", "azure", function(at)
    local function expect_log(options)
        local container = store_lab.container()
        options.endpoint = options.endpoint or at.endpoint
        local lines, text = log_of("az://" .. container, options)
        expect_no_secret(text, options)
        return lines, container
    end

    it("has each with status, time and the server's id, without the key", function()
        local lines, container = expect_log({key = at.key})
        expect_http(lines, at.endpoint .. "/" .. container)
    end)

    it("shows a SAS without its signature", function()
        local lines, container = expect_log({sas = at.sas})
        local put
        for _, line in ipairs(lines) do
            put = put or line.method == "PUT" and line
        end
        salvor.expect(put.url, "/" .. container .. "/a%20b/c?", "sig=***", "sp=rwdlacup")
    end)
end)

store_lab.describe("the log of requests to SFTP servers", "sftp", function(at)
    local path, url

    before_each(function()
        path = store_lab.folder()
        url = string.format("sftp://%s@%s:%d", at.user, at.host, at.port)
    end)

    local function expect_log(options)
        options.known_hosts, options.config = at.known_hosts, "none"
        local lines, text = log_of(url .. path, options)
        expect_no_secret(text, options)
        assert.are.equal("ok", line_of(lines, "connect", url).status)
        assert.are.equal("ok", line_of(lines, "login", url).status)
        assert.are.equal("ok", line_of(lines, "read", url .. path .. "/a b/c").status)
        assert.are.equal("NotFound", line_of(lines, "read", url .. path .. "/none").status)
        assert.are.equal("ok", line_of(lines, "replace", url .. path .. "/a b/c").status)
    end

    it("has each with its outcome and time, without the password", function()
        if at.password then
            expect_log({password = at.password})
        end
    end)

    it("shows neither key nor passphrase", function()
        expect_log({key = must(fs.read(at.locked)), passphrase = at.passphrase})
    end)
end)
