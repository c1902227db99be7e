-- The URLs of stores: what they mean, what is refused, and that nobody reads a secret in one.
local fs = require("salvor.fs")
local store = require("salvor.store")
local url = require("salvor.store.url")

local function invalid(text, part)
    local location, err = url.parse(text)
    assert.is_nil(location, text)
    assert.are.equal("Invalid", err.code)
    assert.is_truthy(err.message:find(part, 1, true), err.message)
    return err
end

describe("the URL of a store", function()
    it("names a back end, a place in it and settings", function()
        local location = must(url.parse("s3://bucket/a%20b/c+d?endpoint=http%3A//h:1&style=path"))
        assert.are.equal("s3", location.scheme)
        assert.are.equal("bucket", location.host)
        assert.are.equal("/a b/c+d", location.path)
        assert.are.same({endpoint = "http://h:1", style = "path"}, location.query)
        location = must(url.parse("SFTP://me:pa%40ss@[::1]:2222/~/x"))
        assert.are.equal("sftp", location.scheme)
        assert.are.equal("me", location.user)
        assert.are.equal("pa@ss", location.password)
        assert.are.equal("::1", location.host)
        assert.are.equal(2222, location.port)
        assert.are.equal("/~/x", location.path)
        assert.are.equal("", must(url.parse("s3://bucket")).path)
        assert.are.equal("/日本//./x", must(url.parse("s3://b/日本//./x")).path)
    end)

    it("may be a bare path, whose bytes mean themselves", function()
        for _, path in ipairs({"/a/b", "a", ".", "..", "a%20b?c#d", "C:\\x", "a:/b", "~x"}) do
            local location = must(url.parse(path))
            assert.are.equal("file", location.scheme)
            assert.are.equal(path, location.path)
            assert.is_true(location.bare)
            assert.are.equal(path, location.text)
        end
    end)

    it("is no path where rclone, scp or a slip of the finger would mean another machine", function()
        for _, text in ipairs({"s3:bucket/a", "s3:/bucket", "S3:bucket", "az:c/a", "file:/a",
                               "sftp:me@host/a", "me@host:/srv", "me@host:backups", "host:/srv"}) do
            local err = invalid(text, "neither a URL nor clearly a path")
            assert.is_truthy(err.hint:find("sftp://user@host/path", 1, true))
            assert.is_true(must(url.parse("./" .. text)).bare)
        end
        for _, path in ipairs({"2026-11-22T03:00:00Z", "me@host", "a/s3:b", "a/me@host:b", "s3"}) do
            assert.is_true(must(url.parse(path)).bare, path)
        end
    end)

    it("is refused with the reason when it is none", function()
        invalid("", "an empty text")
        invalid("s3://b/%zz", "not followed by two hexadecimal digits")
        invalid("s3://b/%4", "not followed by two hexadecimal digits")
        invalid("s3://b/k?a=%", "not followed by two hexadecimal digits")
        invalid("s3://b/k%00", "zero byte")
        invalid("a\0b", "zero byte")
        invalid("s3://b/k#part", "no part after #")
        invalid("s3://b/k?a=1&a=2", "given twice")
        invalid("sftp://h:0/", "its port is no number")
        invalid("sftp://h:65536/", "its port is no number")
        invalid("sftp://h:ssh/", "its port is no number")
        invalid("sftp://[::1]x/", "its port is no number")
        invalid("sftp://a b/", "not the name of a host")
        invalid("s3://" .. ("x"):rep(20000), "longer than")
    end)

    it("has no part '..' where that would lead elsewhere than it says", function()
        for _, text in ipairs({"file:///a/../../etc", "file:///..", "file:///a/%2e%2E/b",
                               "FILE:///a/.%2e", "sftp://h/a/../b", "sftp://h/~/.."}) do
            invalid(text, "has a part '..'")
        end
        for _, text in ipairs({"file:///a..b/...", "s3://b/a/../c", "az://c/..", "../a", "a/.."}) do
            assert.is_truthy(must(url.parse(text)).path:find("..", 1, true))
        end
        local summary, err = store.copy("/etc/hostname", "file:///tmp/../tmp/never")
        assert.is_nil(summary)
        assert.are.equal("store.copy: file:///tmp/../tmp/never: its path has a part '..'",
            err.op .. ": " .. err.message)
    end)

    it("is refused by store.open with what would be right", function()
        local opened, err = store.open("ftp://host/path")
        assert.is_nil(opened)
        assert.are.equal("store.open", err.op)
        assert.is_truthy(err.message:find("unknown scheme 'ftp'", 1, true))
        assert.is_truthy(err.hint:find("s3", 1, true))
        opened, err = store.open("file:///tmp?regoin=x")
        assert.is_nil(opened)
        assert.is_truthy(err.message:find("unknown setting 'regoin'", 1, true))
        opened, err = store.open("file:///tmp?retries=many")
        assert.is_nil(opened)
        assert.is_truthy(err.message:find("'retries' must be a number, not 'many'", 1, true))
        for _, count in ipairs({"-1", "1.5"}) do
            opened, err = store.open("file:///tmp?retries=" .. count)
            assert.is_nil(opened)
            assert.is_truthy(err.message:find("'retries' is an integer from 0", 1, true))
        end
        opened, err = store.open("sftp://host/tmp?user=")
        assert.is_nil(opened)
        assert.is_truthy(err.message:find("'user' must be a string, not ''", 1, true))
        opened, err = store.open("sftp://host/tmp?password=hunter2")
        assert.is_nil(opened)
        assert.is_truthy(err.message:find("'password' must not stand in a URL", 1, true))
        assert.is_truthy(err.hint:find("give it as an option", 1, true))
        opened, err = store.open("file://elsewhere/tmp")
        assert.is_nil(opened)
        assert.is_truthy(err.message:find("not on 'elsewhere'", 1, true))
        must(store.open("file:///tmp?retries=0")):close()
    end)

    it("is never shown with its secrets", function()
        local function masked(text, expected)
            assert.are.equal(expected, url.mask(text))
        end
        masked("sftp://me:secret@h/p", "sftp://me:***@h/p")
        masked("sftp://me:se:cr@et@h/p", "sftp://me:***@h/p")
        masked("sftp://:secret@h/p", "sftp://:***@h/p")
        masked("sftp://me@h/p", "sftp://me@h/p")
        -- What ends an authority was not escaped; a port is none of these.
        masked("sftp://me:se/cr?e#t@h/p", "sftp://me:***@h/p")
        masked("sftp://me:/secret@h/p", "sftp://me:***@h/p")
        masked("sftp://me:12#secret@h/p", "sftp://me:***@h/p")
        masked("sftp://h:22/p@x", "sftp://h:22/p@x")
        masked("sftp://[::1]:22/p@x", "sftp://[::1]:22/p@x")
        masked("sftp://[::1]/p@x", "sftp://[::1]/p@x")
        masked("sftp://h/p@x:y", "sftp://h/p@x:y")
        masked("az://c?%73as=abc", "az://c?%73as=***")
        local _, problem = url.parse("sftp://me:se/cret@h/p")
        assert.is_truthy(problem.message:find("sftp://me:***@h/p: its port is no", 1, true))
        masked("az://c/p?sv=1&sig=abc&x=2", "az://c/p?sv=1&sig=***&x=2")
        masked("s3://b?secret_key=abc#def&x=2#y", "s3://b?secret_key=***&x=2#y")
        masked("s3://b?secret_key=abc&X-Amz-Security-Token=t",
            "s3://b?secret_key=***&X-Amz-Security-Token=***")
        masked("az://c?connection_string=a%3Db&x-amz-credential=c&SAS=d&password=e",
            "az://c?connection_string=***&x-amz-credential=***&SAS=***&password=***")
        masked("sftp://h/p?key_file=~/.ssh/id&host_key=SHA256:x",
            "sftp://h/p?key_file=~/.ssh/id&host_key=SHA256:x")
        masked("/a/b?c", "/a/b?c")
        assert.are.equal("sftp://me:***@h/p", must(url.parse("sftp://me:secret@h/p")).text)
        for _, text in ipairs({"sftp://me:hunter2@h:x/", "sftp://me:hunter2@h/%zz",
                               "sftp://me:hunter2@h/p#x", "ftp://me:hunter2@h/",
                               "sftp://me:hunter2%@h/"}) do
            local _, err = store.open(text)
            assert.is_nil(tostring(err):find("hunter2", 1, true), tostring(err))
        end
    end)

    it("is continued below it", function()
        assert.are.equal("/a/b", url.join("/", "a/b"))
        assert.are.equal("file:///a", url.join("file:///", "a"))
        assert.are.equal("s3://b/a", url.join("s3://b", "a"))
        assert.are.equal("s3://b", url.join("s3://b", ""))
    end)

    -- Any bytes: an answer or an error object, no secret in it; what was parsed comes out again.
    it("may be any bytes", function()
        local pieces = {"s3", "sftp", "file", "://", "/", "//", "@", ":", "?", "#", "%", "%41", "&",
                        "=", "a", "..", "[", "]", "::1", "22", "\255", "é", " ", "+", "\n", "\0"}
        math.randomseed(20261121)
        for _ = 1, 20000 do
            local parts = {}
            for index = 1, math.random(0, 9) do
                parts[index] = pieces[math.random(#pieces)]
            end
            local text = table.concat(parts)
            local location, err = url.parse(text)
            if location then
                assert.is_string(location.path)
                assert.is_table(location.query)
                local again = must(url.parse("s3://h/" .. url.escape(location.path)))
                assert.are.equal("/" .. location.path, again.path)
            else
                assert.are.equal("Invalid", err.code)
            end
            local path = url.escape((text:gsub("%z", "")))
            local masked = must(url.parse("s3://u:hunter2@h/" .. path)).text
            assert.is_nil(masked:find("hunter2", 1, true))
        end
    end)
end)

describe("what stores are opened with", function()
    it("stops at misuse", function()
        local function misuse(part, ...)
            local ok, problem = pcall(store.open, ...)
            assert.is_false(ok)
            assert.is_truthy(tostring(problem):find(part, 1, true), tostring(problem))
        end
        misuse("a URL or path expected, got table", {})
        misuse("unknown option 'regoin'", "/tmp", {regoin = "x"})
        misuse("options must be a table", "/tmp", "x")
        misuse("option 'retries' must be a number", "/tmp", {retries = "x"})
        misuse("option 'retries' is an integer from 0", "/tmp", {retries = -1})
        misuse("option 'region' is empty", "s3://bucket", {region = ""})
    end)

    it("wins over what the URL says", function()
        local opened <close> = must(store.open("s3://bucket?endpoint=http://127.0.0.1:1&region=x",
            {endpoint = "http://127.0.0.1:2", access_key = "a", secret_key = "b"}))
        assert.are.equal("http://127.0.0.1:2", opened._backend.server)
    end)

    it("blames the line of the script", function()
        local _, problem = pcall(function()
            store.open("/tmp", {mispelt = 1})
        end)
        assert.is_truthy(problem:find("store_url_spec.lua", 1, true), problem)
    end)
end)

it("a store that was closed says so", function()
    local folder = must(fs.temporary_folder())
    local opened = must(store.open(folder))
    opened:close()
    opened:close()
    assert.has_error(function() opened:stat("x") end, "store.stat: the store was closed")
    must(fs.remove_tree(folder))
end)
