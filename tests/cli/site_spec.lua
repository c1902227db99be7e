-- Whose value counts, what `salvor show` says about it, and secrets that are only referred to.
local fs = require("salvor.fs")
local json = require("salvor.json")
local digest = require("salvor.digest")
local lab = require("support.lab")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local scripts = require("support.site")

local PARAMS = [[{
    {name = "word", type = "string", help = "a word", default = "none"},
    {name = "count", type = "integer", help = "a number", default = 1},
    {name = "parts", type = "list", help = "words"},
    {name = "folder", type = "path", help = "a folder"},
    {name = "target", type = "url", help = "a store"},
    {name = "tool", type = "program", help = "a program"},
    {name = "shell", type = "program", help = "a program"},
    {name = "password", type = "secret", help = "a secret"},
}]]

local home, closing

before_each(function()
    home, closing = scripts.new_home()
    scripts.install(home, "site/script", scripts.script({params = PARAMS}))
end)

after_each(function()
    getmetatable(closing).__close()
end)

--- Writes a file below the home; returns its path.
local function write(path, text)
    path = fs.join(home, path)
    must(fs.mkdir(fs.dirname(path), {parents = true}))
    must(fs.write(path, text))
    return path
end

--- The system's folder is the home's.
local SYSTEM = [[local home = os.getenv("HOME")
    require("salvor.folders").system = function() return home .. "/system" end]]

local function command(words, env)
    return salvor.run(table.move(words, 1, #words, 3, {"-e", SYSTEM}), {home = home, env = env})
end

--- What `show` says: {name = "value [source]"}.
local function shown(words, env)
    local all = table.move(words, 1, #words, 3, {"show", "site/script"})
    table.move({"--output", "json"}, 1, 2, #all + 1, all)
    local result = command(all, env)
    salvor.expect_code(0, result)
    local document, values = must(json.decode(result.stdout)), {}
    for _, param in ipairs(document.params) do
        values[param.name] = param.source and param.value .. " [" .. param.source .. "]" or nil
    end
    return values, document
end

describe("a parameter's value", function()
    local LAYERS = {"default", "system", "user", "site", "environment", "flag"}

    --- Gives `word` in the layers up to this one.
    local function value_with(count)
        local env, words = {}, {}
        local SITE = "# a comment\nparams: {word: %s}\n"
        if count >= 2 then
            write("system/site.yaml", SITE:format("system"))
        end
        if count >= 3 then
            write("config/salvor/site.yaml", SITE:format("user"))
        end
        if count >= 4 then
            words = {"--site", write("here.yaml", SITE:format("site"))}
        end
        if count >= 5 then
            env.SALVOR_PARAM_WORD = "environment"
        end
        if count >= 6 then
            table.move({"-p", "word=flag"}, 1, 2, #words + 1, words)
        end
        return shown(words, env).word
    end

    local FILES = {system = "system/site.yaml", user = "config/salvor/site.yaml",
                   site = "here.yaml"}
    for count, layer in ipairs(LAYERS) do
        it("comes from the " .. layer .. " when nothing before it has one", function()
            local source = FILES[layer] and layer .. " " .. home .. "/" .. FILES[layer] .. ":2"
                or layer
            assert.equal((layer == "default" and "none" or layer) .. " [" .. source .. "]",
                value_with(count))
        end)
    end

    it("that is empty in the environment is none", function()
        assert.equal("none [default]", shown({}, {SALVOR_PARAM_WORD = ""}).word)
    end)

    it("of the procedure alone counts before one for all", function()
        local path = write("s.yaml", "params: {word: all}\nprocedures:\n  site/script:\n"
            .. "    params:\n      word: own\n")
        assert.equal("own [site " .. path .. ":5]", shown({"--site", path}).word)
    end)

    it("comes from a site file that a command writes", function()
        local path = write("s.yaml", "params: {word: written}")
        local result = must(proc.run({"bash", "-c", '"$0" show site/script --site <(cat "$1")',
            salvor.path, path}, {env = salvor.environment(home), timeout = 60}))
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "written", "site /dev/fd/")
    end)

    it("comes from it for all that asks for it, though it comes once", function()
        local path = write("site.yaml", "params: {tool: /no/such/tool}\n")
        local result = must(proc.run({"bash", "-c",
            '"$0" doctor --procedure site/script --output json --site <(cat "$1")', salvor.path,
            path}, {timeout = 60, env = salvor.environment(home)}))
        salvor.expect(result.stdout, '"name": "/no/such/tool"')
    end)

    it("of $SALVOR_SITE counts when no file is named", function()
        local one, other = write("one.yaml", "params: {word: one}"),
            write("other.yaml", "params: {word: other}")
        assert.equal("one [site " .. one .. ":1]", shown({}, {SALVOR_SITE = one}).word)
        assert.equal("other [site " .. other .. ":1]",
            shown({"--site", other}, {SALVOR_SITE = one}).word)
    end)

    it("means what YAML says: numbers, lists, paths beside the file", function()
        local path = write("deep/s.yaml", "params: {word: '7', count: 12, parts: [a, 'b c'],\n"
            .. " folder: kit, target: vault/x, tool: bin/tool, shell: sh}\n")
        local values = shown({"--site", path})
        assert.equal("7 [site " .. path .. ":1]", values.word)
        assert.equal("12 [site " .. path .. ":1]", values.count)
        assert.equal("a,b c [site " .. path .. ":1]", values.parts)
        assert.equal(home .. "/deep/kit [site " .. path .. ":2]", values.folder)
        assert.equal(home .. "/deep/vault/x [site " .. path .. ":2]", values.target)
        assert.equal(home .. "/deep/bin/tool [site " .. path .. ":2]", values.tool)
        assert.equal("sh [site " .. path .. ":2]", values.shell)
    end)

    it("for other procedures is shown as not this one's", function()
        local path = write("s.yaml", "params: {wrod: x}\n")
        write("config/salvor/site.yaml", "params: {wrod: y, wird: z}\n")
        local _, document = shown({"--site", path})
        assert.same({
            {name = "wrod", source = "site " .. path .. ":1"},
            {name = "wird", source = "user " .. home .. "/config/salvor/site.yaml:1"},
        }, document.unused)
    end)
end)

describe("the target", function()
    it("comes from flag, environment and site, each value by itself", function()
        local path = write("s.yaml", "context: c\nkubeconfig: k\nnamespace: ns\n"
            .. "procedures: {site/script: {namespace: own}}\n")
        local _, document = shown({"--site", path, "--context", "x"}, {SALVOR_NAMESPACE = "env"})
        assert.same({
            context = {value = "x", source = "flag"},
            namespace = {value = "env", source = "environment"},
            kubeconfig = {value = home .. "/k", source = "site " .. path .. ":2"},
        }, document.target)
        _, document = shown({"--site", path})
        assert.same({value = "own", source = "site " .. path .. ":4"}, document.target.namespace)
        assert.same({value = "c", source = "site " .. path .. ":1"}, document.target.context)
    end)
end)

describe("salvor show", function()
    it("tells values and who gave them, and only that a secret is set", function()
        local path = write("s.yaml", "name: here\nproduction: true\nnamespace: ns\n"
            .. "params: {word: hello, password: {env: PW}}\n")
        local result = command({"show", "site/script", "--site", path, "-p", "count=3"},
            {PW = "correct horse"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "site: here, PRODUCTION", "= hello  [site " .. path .. ":4]",
            "= 3  [flag]", "= (set, $PW)  [site " .. path .. ":4]",
            "namespace        ns  [site " .. path .. ":3]")
        assert.is_nil(result.stdout:find("correct", 1, true))
        local given = command({"show", "site/script", "-p", "password=correct horse"})
        salvor.expect(given.stdout, "= (set)  [flag]")
        assert.is_nil(given.stdout:find("correct", 1, true))
    end)
end)

describe("Secrets that the site keeps values in", function()
    it("are among the permissions", function()
        local path = write("s.yaml", [[
params: {password: {secret: login, key: password}, target: "@vault/x"}
stores:
  vault:
    url: s3://bucket
    credentials: {access_key: {env: KEY}, secret_key: {secret: keys, namespace: safe}}
  other: {url: sftp://host/x, credentials: {secret: unused}}
]])
        local _, document = shown({"--site", path})
        assert.same({{kind = "secrets", verbs = {"get"}, names = {"login"}},
                     {kind = "secrets", verbs = {"get"}, names = {"keys"}, namespace = "safe"}},
            document.permissions)
        scripts.install(home, "site/script", scripts.script({
            params = [[{{name = "place", type = "url", default = "@other", help = "h"},
                       {name = "copy", type = "url", default = "@other/copy", help = "h"}}]]}))
        _, document = shown({"--site", path})
        assert.same({{kind = "secrets", verbs = {"get"}, names = {"unused"}}},
            document.permissions)
        scripts.install(home, "site/script", scripts.script({params = PARAMS}))
        _, document = shown({"--site", path, "-p", "target=@other", "-p", "password=given"})
        assert.same({{kind = "secrets", verbs = {"get"}, names = {"unused"}}},
            document.permissions)
    end)
end)

describe("a site file that does not suit the procedure is refused:", function()
    --- content, what is said behind the file's name
    local CASES = {
        {"an unknown parameter", "procedures: {site/script: {params: {wrd: x}}}\n",
         ":1:37: site/script has no parameter 'wrd'", "did you mean 'word'? it has: word, count"},
        {"a plain secret", "params:\n  password: hunter2x\n",
         ":2:3: 'password' is a secret, and its value must not stand", "{env: NAME}"},
        {"a reference for what is no secret", "params: {word: {env: X}}\n",
         ":1:10: 'word' is no secret"},
        {"a list for one value", "params: {word: [a, b]}\n", ":1:10: 'word' is one value"},
        {"a wrong value", "params: {count: many}\n",
         "parameter 'count': 'many' is not valid (site ", "a whole number"},
        {"a number for a text", "params: {word: 1.10}\n", ":1:10: 'word' must be a text",
         "YAML reads a number there; put it in quotes"},
        {"a boolean for a text", "params: {word: no}\n", ":1:10: 'word' must be a text",
         "a boolean there"},
        {"a procedure that there is not", "procedures:\n  site/scirpt:\n    params: {word: x}\n",
         ":2:3: there is no procedure 'site/scirpt'", "did you mean 'site/script'? salvor list"},
        {"an unknown store", "stores: {vault: {url: /srv}}\nparams: {target: '@vualt/x'}\n",
         "parameter 'target': there is no store 'vualt'", "did you mean 'vault'?"},
    }
    for _, case in ipairs(CASES) do
        it(case[1], function()
            local path = write("s.yaml", case[2])
            for _, verb in ipairs({"show", "plan", "run"}) do
                local result = command({verb, "site/script", "--site", path})
                salvor.expect_code(2, result)
                assert.equal(1, #salvor.lines(result.stderr), result.stderr)
                local at = case[3]:sub(1, 1) == ":" and path or ""
                salvor.expect(result.stderr, at .. case[3], case[4] or "")
                assert.is_nil(result.stderr:find("hunter2", 1, true))
            end
        end)
    end

    it("but not what the user's file says of another site's procedures", function()
        write("config/salvor/site.yaml", "procedures: {other/one: {params: {a: b}}}\n")
        shown({})
    end)

    it("several files to show", function()
        local path = write("s.yaml", "")
        salvor.expect_code(2, command({"show", "site/script", "--site", path .. "x"}))
    end)
end)

lab.describe("a secret that is referred to", function()
    local SECRET = "correct horse battery"
    local client, namespace

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        must(client:create({apiVersion = "v1", kind = "Secret", metadata = {name = "one"},
                            data = {password = digest.base64(SECRET)}}))
        must(client:create({apiVersion = "v1", kind = "Secret", metadata = {name = "two"},
                            data = {a = digest.base64("another one"),
                                    b = digest.base64(SECRET)}}))
    end)

    teardown(function()
        client:delete("namespaces", namespace)
    end)

    --- A step that fails unless it was given the secret, and then says it.
    local STEP = {run = [[function(ctx)
        assert(ctx.params.password == "]] .. SECRET .. [[", "another one")
        ctx:note("it is " .. ctx.params.password .. "!")
    end]]}

    local function run(reference, env, words)
        scripts.install(home, "site/script", scripts.script({params = PARAMS}, STEP))
        local path = write("s.yaml", "namespace: " .. namespace .. "\nkubeconfig: "
            .. lab.kubeconfig() .. "\nparams:\n  password: " .. reference .. "\n")
        local all = words or {"run", "site/script", "--site", path}
        return command(all, env), path
    end

    local function assert_not_seen(result)
        assert.is_nil((result.stdout .. result.stderr):find(SECRET, 1, true))
        for path, data in pairs(salvor.tree(home .. "/state")) do
            assert.is_nil(data:find(SECRET, 1, true), path)
        end
    end

    it("in the environment, a file or a Secret is read, and never seen", function()
        write("password", SECRET .. "\n")
        for _, reference in ipairs({"{env: PW}", "{file: password}", "{secret: one}",
                                    "{secret: two, key: b, namespace: " .. namespace .. "}"}) do
            local result = run(reference, {PW = SECRET})
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "it is ***!")
            assert_not_seen(result)
        end
    end)

    it("in a file that everybody can read is warned of", function()
        local path = write("password", SECRET)
        must(fs.write(path, SECRET, {mode = tonumber("644", 8)}))
        local result = run("{file: password}")
        salvor.expect_code(0, result)
        salvor.expect(result.stderr, "can be read by every user of this machine", "chmod 600", path)
        must(fs.write(path, SECRET, {mode = tonumber("600", 8)}))
        assert.equal(nil, run("{file: password}").stderr:find("every user", 1, true))
    end)

    it("and is not there ends it before anything is done, and says where it should be", function()
        local CASES = {
            {"{env: PW}", "$PW is not set"},
            {"{file: nothing}", home .. "/nothing"},
            {"{file: empty}", home .. "/empty is empty; it must hold the secret's value"},
            {"{secret: none}", "secrets \"none\" not found"},
            {"{secret: two}", "Secret two has 2 keys; say which one: key: a, b"},
            {"{secret: two, key: c}", "Secret two has no key 'c'; it has: a, b"},
        }
        write("empty", "\n")
        for _, case in ipairs(CASES) do
            local result, path = run(case[1], {PW = ""})
            salvor.expect_code(1, result)
            salvor.expect(result.stderr, "parameter 'password' (site " .. path .. ":4): ", case[2])
            assert.is_nil(fs.stat(home .. "/state"))
        end
    end)

    it("is read again when the run is resumed, and all else stays as it was", function()
        local step = {run = [[function(ctx)
            assert(require("salvor.fs").stat(os.getenv("HOME") .. "/go"), "not yet")
            ctx:note(ctx.params.word .. " " .. #ctx.params.password)
        end]]}
        scripts.install(home, "site/script", scripts.script({params = PARAMS}, step))
        local SITE = "namespace: " .. namespace .. "\nkubeconfig: " .. lab.kubeconfig()
            .. "\nparams: {word: %s, password: {env: PW}}\n"
        local path = write("s.yaml", SITE:format("first"))
        local stopped = command({"run", "site/script", "--site", path}, {PW = SECRET})
        salvor.expect_code(5, stopped)
        local id = stopped.stderr:match("%-%-resume (%S+)")
        write("s.yaml", SITE:format("second"))
        write("go", "")
        local resumed = command({"run", "--resume", id}, {PW = SECRET, SALVOR_PARAM_WORD = "third"})
        salvor.expect_code(0, resumed)
        salvor.expect(resumed.stdout, "first " .. #SECRET)
        assert_not_seen(resumed)
    end)
end)

lab.describe("a step", function()
    local namespace

    setup(function()
        namespace = lab.namespace()
    end)

    teardown(function()
        lab.client():delete("namespaces", namespace)
    end)

    it("opens stores of the site by their names", function()
        local step = {run = [[function(ctx)
            must(ctx:store(ctx.params.target):write("db/x", "data"))
            ctx:copy("@vault/db/", "@copies/today")
            if not ctx.planning then
                ctx:note(must(ctx:store("@copies"):read("today/x")) .. " arrived")
            end
        end]]}
        scripts.install(home, "site/script", scripts.script({params = PARAMS}, step))
        local path = write("s.yaml", "kubeconfig: " .. lab.kubeconfig() .. "\nnamespace: "
            .. namespace .. "\nstores: {vault: {url: vault}, copies: {url: copies}}\n"
            .. "params: {target: '@vault'}\n")
        local planned = command({"plan", "site/script", "--site", path})
        salvor.expect_code(0, planned)
        assert.is_nil(fs.stat(home .. "/vault"))
        local result = command({"run", "site/script", "--site", path})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "data arrived")
        assert.equal("data", must(fs.read(home .. "/copies/today/x")))
    end)
end)

lab.describe("commands of stores", function()
    it("take a store of the site by its name", function()
        write("vault/db/x", "data")
        local path = write("s.yaml", "stores: {vault: {url: vault}}\n")
        local result = command({"store", "cat", "--site", path, "@vault/db/x"})
        salvor.expect_code(0, result)
        assert.equal("data", result.stdout)
        salvor.expect_code(0, command({"store", "cp", "-q", "@vault/db/", "@vault/copy"},
            {SALVOR_SITE = path}))
        assert.equal("data", must(fs.read(home .. "/vault/copy/x")))
        local listed = command({"store", "ls", "-r", "--site", path, "@vault"})
        salvor.expect(listed.stdout, "copy/x", "db/x")
        for _, words in ipairs({{"store", "ls"}, {"store", "stat"}, {"store", "rm", "-r"},
                                {"store", "leftovers"}, {"verify"}}) do
            local all = table.move({"--site", path, "@valt"}, 1, 3, #words + 1, words)
            local refused = command(all)
            salvor.expect_code(2, refused)
            salvor.expect(refused.stderr, "there is no store 'valt'", "did you mean 'vault'?")
        end
        salvor.expect(command({"store", "ls", "--site", path, "--secret", "s", "@vault"}).stderr,
            "@vault takes no Secret")
    end)

    it("read its credentials where the site says", function()
        local path = write("s.yaml", "stores:\n  s3:\n    url: s3://bucket\n"
            .. "    options: {endpoint: 'http://127.0.0.1:9', retries: 0}\n    credentials: "
            .. "{access_key: {env: A}, secret_key: {secret: none}}\n"
            .. "kubeconfig: " .. lab.kubeconfig() .. "\n")
        salvor.expect(command({"store", "ls", "--site", path, "@s3"}).stderr,
            "store 's3': $A is not set")
        salvor.expect(command({"store", "ls", "--site", path, "@s3"}, {A = "key"}).stderr,
            "store 's3': secrets \"none\" not found")
    end)
end)
