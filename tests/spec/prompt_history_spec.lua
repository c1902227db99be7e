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
        local secrets = {
            "x = 's3cr3t-value'", "password = 'a'", "{secret_key = \"b\"}", "opts.token = [[c]]",
            "store.open('sftp://me:pw@host/x')", " begins with a blank", "['api_key'] = 'd'",
            "'-----BEGIN EC PRIVATE KEY-----'", "{headers = {Authorization = 'Bearer g'}}",
            -- what a function is given
            "set('password', 'e')", "secret.add('e')", "token=sign('e')",
            -- anywhere in a value, whose beginning is none
            "password = ('f')", "password = old or 'f'", "user, password = me, 'f'",
            "password, user = 'f', me", "t['token'] = old .. 'f'", "secrets = {'f'}",
            "token, password=c:get('secret', 'x').data.a, 'f'",
            -- the data of a Secret
            "c:apply({kind = 'Secret', metadata = {name = 'x'}, stringData = {a = 'g'}})",
            "c:patch('secret', 'x', {data = {a = 'Zw=='}})",
            "c:get('secret', 'x'); c:apply({kind = 'Secret', data = {a = base64('g')}})",
            -- words of commands, also of another shell, and flags
            ":run shop/copy -p db_password=h", ":run shop/copy --token h",
            "proc.run({'x', '--token=h'})", "proc.run({'x', '--token', 'h'})",
            "os.execute('x --token h')", "PGPASSWORD=h", "export TOKEN=h.i.j",
            "proc.run({'curl', '-H', 'Authorization: Bearer h'})",
            -- texts of other languages
            "yaml.load('password: i')", "json.decode('{\"password\": \"i\"}')",
        }
        for _, text in ipairs(secrets) do
            must(kept:add(text))
        end
        secret.remove("s3cr3t-value")
        assert.are.same({}, history.open(path):list())
        assert.are.same(secrets, kept:list())
    end)

    it("writes down what only names a secret", function()
        local kept = history.open(path)
        local names = {
            "c:list('secrets')", "token_count = 3", "secret=='x', token== y",
            "c:get('secret', 'login')", "c:get(\"secrets\", \"login\", {namespace = \"apic\"})",
            ":watch staging:get('secret', 'login')", "c:delete('v1/Secret', 'login')",
            "secret = c:get('secret', 'login')", "secret=must(c:get('secret','login'))",
            "secret = c:get('secret', 'login').data['password']",
            "token = fs.read('/run/token')", "token=os.getenv('TOKEN')",
            "{password = password, user = user}", "local password",
            "secrets = {}",
            "for secret in c:each('secrets') do print(secret.metadata.name) end",
        }
        for _, text in ipairs(names) do
            must(kept:add(text))
        end
        assert.are.same(names, history.open(path):list())
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
