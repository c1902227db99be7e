--- What specs of storage let go wrong goes wrong as they say.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local store_lab = require("support.store_lab")
local task = require("salvor.task")

local DATA = ("0123456789"):rep(100000)

store_lab.describe("the proxy before an S3 server", "s3", function(at)
    local proxy, scratch, path

    setup(function()
        scratch = must(fs.temporary_folder())
        must(fs.write(fs.join(scratch, "data"), DATA))
        path = "/" .. store_lab.bucket() .. "/data"
        proxy = store_lab.proxy("s3")
    end)

    teardown(function()
        proxy:stop()
        must(fs.remove_tree(scratch))
    end)

    local function put(key)
        return store_lab.s3_request("PUT", path .. (key or ""), {
            body = fs.join(scratch, "data"), endpoint = proxy.url})
    end

    local function get(key)
        return store_lab.s3_request("GET", path .. (key or ""), {endpoint = proxy.url})
    end

    it("lets signed requests pass", function()
        proxy:rules({})
        assert(put())
        assert.equal(DATA, assert(get()))
        local requests = proxy:requests()
        assert.equal("PUT", requests[1].method)
        assert.equal(path, requests[2].target)
        assert.is_nil(requests[2].rule)
    end)

    it("answers in the server's stead as often as it is told, and to those it is told", function()
        proxy:rules({{method = "GET", target = "/data$", skip = 1, times = 1, status = 503,
                      headers = {["Retry-After"] = "1"}, body = "<Code>SlowDown</Code>"}})
        assert.equal(DATA, assert(get()))
        local found, why = get()
        assert.is_nil(found)
        assert.matches("503\n<Code>SlowDown", why)
        assert.equal(DATA, assert(get()))
        assert.equal(1, proxy:requests()[2].rule)
    end)

    it("breaks off an answer", function()
        proxy:rules({{target = "data", cut_answer = 1000}})
        local found, why = get()
        assert.is_nil(found)
        assert.matches("curl: %(18%)", why)
        proxy:rules({{target = "data", reset_answer = 1000}})
        found, why = get()
        assert.is_nil(found)
        assert.matches("curl: %(56%)", why)
    end)

    it("breaks off a request, which the server then does not keep", function()
        for _, rule in ipairs({{reset = true}, {reset_request = 1000}}) do
            proxy:rules({rule})
            assert.is_nil((put(".broken")))
            proxy:rules({})
            assert.is_nil((get(".broken")))
        end
    end)

    it("loses the answer to a request, which the server has done", function()
        proxy:rules({{method = "PUT", lost = true}})
        assert.is_nil((put(".lost")))
        assert.equal(DATA, assert(get(".lost")))
    end)

    it("changes a byte", function()
        proxy:rules({{method = "GET", flip_answer = 5}})
        assert.equal("01234\x156789", assert(get()):sub(1, 10))
        proxy:rules({{method = "PUT", flip_request = 500000}})
        assert(put(".flipped"))
        proxy:rules({})
        assert.equal("\x10123456789", assert(get(".flipped")):sub(500001, 500010))
    end)

    it("is slow or silent", function()
        proxy:rules({{rate_answer = 4 * #DATA}})
        local began = task.now()
        assert.equal(DATA, assert(get()))
        assert.is_true(task.now() - began >= 0.25)
        for _, rule in ipairs({{silent = true}, {silent_answer = 10}}) do
            proxy:rules({rule})
            local result, err = proc.run({"curl", "-s", "--noproxy", "*", proxy.url .. path},
                {timeout = 0.5})
            assert.is_nil(result)
            assert.equal("Timeout", err.code)
        end
    end)

    it("shows a certificate", function()
        for certificate, code in pairs({server = 0, expired = 60}) do
            local tls <close> = store_lab.proxy("s3", certificate)
            local argv = {"curl", "-sS", "--noproxy", "*", "--cacert", at.ca, tls.url}
            local result = must(proc.run(argv))
            assert.equal(code, result.code, result.stderr)
        end
    end)
end)

store_lab.describe("the proxy before an SFTP server", "sftp", function(at)
    local function sftp(port, commands)
        local known_hosts = fs.join(must(fs.temporary_folder()), "known_hosts")
        local keys = must(fs.read(at.known_hosts)):gsub("%]:%d+", "]:" .. port)
        must(fs.write(known_hosts, keys))
        local argv = {"sftp", "-F", "none", "-b", "-", "-o", "BatchMode=yes",
                      "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=" .. known_hosts,
                      "-i", at.ed25519, "-P", tostring(port), at.user .. "@" .. at.host}
        local result = must(proc.run(argv, {stdin = commands, timeout = 20}))
        must(fs.remove_tree(fs.dirname(known_hosts)))
        return result
    end

    it("delays, breaks off and shows another key", function()
        local proxy <close> = store_lab.proxy("sftp")
        proxy:rules({{times = 1, delay = 0.05}, {times = 1, reset_answer = 2000},
                     {to = at.host .. ":" .. at.other_port}})
        local began = task.now()
        assert.equal(0, sftp(proxy.port, "pwd\n").code)
        assert.is_true(task.now() - began >= 0.5)
        assert.matches("reset", sftp(proxy.port, "pwd\n").stderr)
        assert.matches("HOST IDENTIFICATION HAS CHANGED", sftp(proxy.port, "pwd\n").stderr)
    end)
end)
