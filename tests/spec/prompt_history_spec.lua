-- What was entered at the prompt, over sessions.
local fs = require("salvor.fs")
local history = require("salvor.prompt.history")
local salvor = require("support.salvor")
local secret = require("salvor.secret")

describe("the history", function()
    local folder, path

    before_each(function()
        folder = must(fs.temporary_folder())
        path = fs.join(folder, "state", "history")
    end)

    after_each(function()
        must(fs.remove_tree(folder))
    end)

    it("keeps each text once, where it was entered last", function()
        local first = history.open(path)
        for _, text in ipairs({"a", "b\nc", "a", "a", "  ", "d"}) do
            must(first:add(text))
        end
        assert.are.same({"b\nc", "a", "d"}, first:list())
        assert.are.same({"b\nc", "a", "d"}, history.open(path):list())
        assert.are.equal(tonumber("600", 8), must(fs.stat(path)).mode)
    end)

    it("is shared by sessions at the same time", function()
        local one, other = history.open(path), history.open(path)
        must(one:add("one"))
        must(other:add("other"))
        must(one:add("more"))
        assert.are.same({"one", "other", "more"}, history.open(path):list())
    end)

    it("writes down no secret, which this session can still recall", function()
        secret.add("s3cr3t-value")
        local kept = history.open(path)
        for _, text in ipairs({"x = 's3cr3t-value'", "password = 'a'", "{secret_key = \"b\"}",
                               "opts.token = [[c]]", "store.open('sftp://me:pw@host/x')",
                               " begins with a blank", "['api_key'] = 'd'",
                               "'-----BEGIN EC PRIVATE KEY-----'",
                               ":run shop/copy -p db_password=e", "proc.run({'x', '--token=f'})",
                               "{headers = {Authorization = 'Bearer g'}}"}) do
            must(kept:add(text))
        end
        must(kept:add("c:list('secrets')"))
        must(kept:add("token_count = 3"))
        must(kept:add("secret=='x', token== y"))
        secret.remove("s3cr3t-value")
        assert.are.same({"c:list('secrets')", "token_count = 3", "secret=='x', token== y"},
            history.open(path):list())
        assert.are.equal(14, #kept:list())
    end)

    it("leaves out damaged lines, and says so", function()
        must(fs.mkdir(fs.dirname(path)))
        must(fs.write(path, "\"a\"\n\"cut\nno json\n12\n\"b\"\n\"\xff\"\n"))
        local kept = history.open(path)
        assert.are.same({"a", "b"}, kept:list())
        assert.truthy(kept.warning:find("4 damaged lines", 1, true))
        must(kept:add("c"))
        assert.are.same({"a", "b", "c"}, history.open(path):list())
    end)

    it("goes on behind a line that was cut short", function()
        must(fs.mkdir(fs.dirname(path)))
        must(fs.write(path, "\"a\"\n\"cut"))
        must(history.open(path):add("b"))
        assert.are.same({"a", "b"}, history.open(path):list())
    end)

    it("forgets the oldest when there are too many", function()
        local rows = {}
        for number = 1, 10001 do
            rows[number] = "\"" .. number .. "\"\n"
        end
        must(fs.mkdir(fs.dirname(path)))
        must(fs.write(path, table.concat(rows)))
        history.open(path)
        local entries = history.open(path):list()
        assert.are.equal(5000, #entries)
        assert.are.equal("10001", entries[5000])
    end)

    it("is written anew when it has each text many times, or others can read it", function()
        must(fs.mkdir(fs.dirname(path)))
        must(fs.write(path, ("\"a\"\n\"b\"\n"):rep(10001) .. "\"torn", {mode = 384}))
        assert.are.same({"a", "b"}, history.open(path):list())
        assert.are.equal("\"a\"\n\"b\"\n", must(fs.read(path)))
        must(fs.write(path, "\"a\"\n\"a\"\n\"torn", {mode = tonumber("644", 8)}))
        must(history.open(path):add("b"))
        assert.are.equal("\"a\"\n\"b\"\n", must(fs.read(path)))
        assert.are.equal(384, must(fs.stat(path)).mode)
    end)

    it("says what it cannot write, and keeps it for this session", function()
        must(fs.write(fs.join(folder, "state"), "a file"))
        local kept = history.open(path)
        local ok, err = kept:add("a")
        assert.is_nil(ok)
        assert.truthy(err.message)
        assert.are.same({"a"}, kept:list())
    end)

    it("costs a warning at the prompt, and no more, when it cannot be written", function()
        local result = salvor.run({"-e", "print(require('salvor.prompt.history').open('/proc/x/y')"
            .. ":add('a'))"}, {home = folder})
        assert.truthy(result.stdout:find("^nil"))
    end)
end)
