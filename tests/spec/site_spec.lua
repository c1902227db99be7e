-- Site files: what may stand in them, what is said about a mistake, whose value counts, and the
-- stores that they name.
local digest = require("salvor.digest")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local salvor = require("support.salvor")
local secret = require("salvor.secret")
local site = require("salvor.procedure.site")

local root

--- Writes a file below the test's folder; returns its path.
local function write(path, text)
    path = fs.join(root, path)
    must(fs.mkdir(fs.dirname(path), {parents = true}))
    must(fs.write(path, text))
    return path
end

-- The user's and the system's folder are the test's.
local real = {config = folders.config, system = folders.system}

before_each(function()
    root = must(fs.temporary_folder())
    folders.config = function() return fs.join(root, "user") end
    folders.system = function() return fs.join(root, "system") end
end)

after_each(function()
    folders.config, folders.system = real.config, real.system
    must(fs.remove_tree(root))
end)

--- Seven lists, each of nine times the one before.
local function alias_bomb()
    local lines = {"a: &a [x, x, x, x, x, x, x, x, x]"}
    for name in ("bcdefgh"):gmatch(".") do
        local last = "*" .. string.char(name:byte() - 1)
        lines[#lines + 1] = name .. ": &" .. name .. " [" .. (last .. ", "):rep(8) .. last .. "]"
    end
    return table.concat(lines, "\n")
end

--- text of the file, what is said behind "FILE", and in the hint.
local MISTAKES = {
    {"no YAML", "a: [", ":2:1: "},
    {"two documents", "name: a\n---\nname: b\n", ":3:1: a second document begins here",
     "a site file has one"},
    {"a tab", "params:\n\tkit: a\n", ":2:1: "},
    {"a text that never ends", "name: 'a\n", ":2:1: "},
    {"bytes that are no UTF-8", "name: a\xff\n", ":1:8: invalid"},
    {"a zero byte", "name: a\0b\n", ":1:8: control characters"},
    {"an escaped zero byte", 'kubeconfig: "a\\0b"\n',
     ":1:1: 'kubeconfig' must be a text without a zero byte"},
    {"an escaped zero byte in a list", 'params:\n  p: [a, "\\0"]\n',
     ":2:10: entry 2 must be a text without a zero byte"},
    {"UTF-16", "\xff\xfen\0a\0m\0e\0:\0 \0a\0", ":1:1: ", "save it as UTF-8"},
    {"an alias of nothing", "name: *a\n", ":1:7: an alias without an anchor"},
    {"aliases that repeat too much", alias_bomb(), ":1:17: the aliases repeat too much"},
    {"nesting without end", ("["):rep(100000), ":1:513: nested too deeply"},
    {"a scalar", "frankfurt\n", ":1:1: the file must be a mapping of context, kubeconfig"},
    {"a list in the place of a mapping", "params:\n  - kit: a\n",
     ":1:1: 'params' must be a mapping of parameters"},
    {"a mapping in the place of a list", "procedures: {a/b: {hooks: {skip: x, because: w}}}\n",
     ":1:20: 'hooks' must be a list of hooks"},
    {"a key that is empty", "'': a\n", ":1:1: unknown key ''"},
    {"a list", "- a\n", ":1:1: the file must be a mapping of context, kubeconfig"},
    {"a key that comes twice", "name: a\nname: b\n", ":2:1: "},
    {"an unknown key", "name: a\n  \ncontxt: b\n", ":3:1: unknown key 'contxt'",
     "did you mean 'context'? known here: context, kubeconfig"},
    {"an empty text", "name: ''\n", ":1:1: 'name' must be a text"},
    {"a number as a name", "name: 7\n", ":1:1: 'name' must be a text",
     "YAML reads a number there; put it in quotes"},
    {"a boolean as a name", "name: no\n", ":1:1: 'name' must be a text", "a boolean there"},
    {"no boolean", "production: sure\n", ":1:1: 'production' must be true or false"},
    {"nothing behind a key", "params:\n", ":1:1: 'params' must be a mapping of parameters"},
    {"a parameter without a value", "params:\n  kit:\n", ":2:3: 'kit' has no value"},
    {"a parameter's name", "params: {my-kit: a}\n", ":1:10: 'my-kit' cannot be one of parameters"},
    {"a list of numbers", "params:\n  a: [x, 1]\n", ":2:10: entry 2 must be a text"},
    {"an unknown kind of reference", "params: {a: {envv: X}}\n", ":1:14: unknown key 'envv'",
     "did you mean 'env'?"},
    {"two references in one", "params: {a: {env: X, file: f}}\n",
     ":1:10: one of env, file and secret is needed"},
    {"a key without a Secret", "params: {a: {env: X, key: k}}\n",
     ":1:10: namespace and key belong to a secret"},
    {"what is no procedure", "procedures: {backup: {}}\n",
     ":1:14: 'backup' cannot be one of procedures"},
    {"an unknown part of a procedure", "procedures:\n  a/b:\n    hook: []\n",
     ":3:5: unknown key 'hook'", "did you mean 'hooks'?"},
    {"a namespace that can be none", "namespace: x.y\n",
     ":1:1: 'namespace' must be up to 63 of a-z, 0-9 and '-', with '-' at neither end"},
    {"a namespace that begins with -", "namespace: -x\n", ":1:1: 'namespace' must be up to 63 of"},
    {"a procedure's namespace that is too long",
     "procedures: {a/b: {namespace: " .. ("n"):rep(64) .. "}}\n",
     ":1:20: 'namespace' must be up to 63 of"},
    {"a Secret's namespace that can be none", "params: {a: {secret: s, namespace: a..b}}\n",
     ":1:25: 'namespace' must be up to 63 of"},
    {"a hook without a step", "procedures:\n  a/b:\n    hooks:\n      - run: x.lua\n",
     ":4:9: a hook names a step: before, after, instead or skip"},
    {"a hook on two steps", "procedures: {a/b: {hooks: [{before: x, after: w, run: z}]}}\n",
     ":1:40: a hook is one of before, after, instead and skip"},
    {"a hook without a file", "procedures: {a/b: {hooks: [{before: x}]}}\n",
     ":1:28: 'run' is missing here"},
    {"a step left out without a reason", "procedures: {a/b: {hooks: [{skip: x}]}}\n",
     ":1:28: 'because' is missing here", "say why"},
    {"a file for a step that is left out",
     "procedures: {a/b: {hooks: [{skip: x, because: w, run: z}]}}\n",
     ":1:50: 'run' does not belong to skip"},
    {"a store without a URL", "stores: {vault: {}}\n", ":1:10: 'url' is missing here"},
    {"an unknown scheme", "stores: {vault: {url: 'ftp://host/x'}}\n",
     ":1:18: ftp://host/x: unknown scheme 'ftp'", "known are az, file, s3, sftp"},
    {"a password in a URL", "stores: {vault: {url: 'sftp://u:geheim@host/x'}}\n",
     ":1:18: a password must not stand in the URL", "{env: NAME}"},
    {"a store as text", "stores:\n  v: s3://b\n",
     ":2:3: 'v' must be a mapping of credentials, options, url"},
    {"a store that is another one", "stores: {v: {url: '@w'}}\n",
     ":1:14: a store is not another store", "a folder whose name begins with @ is ./@w"},
    {"a store's name", "stores: {va/ult: {url: /srv}}\n",
     ":1:10: 'va/ult' cannot be one of stores"},
    {"an unknown setting in a URL", "stores: {v: {url: 's3://b?regionn=x'}}\n",
     ":1:14: s3://b?regionn=x: unknown setting 'regionn'", "known are "},
    {"a credential in a URL", "stores: {v: {url: 's3://b?secret_key=geheim'}}\n",
     ":1:14: ", "URLs end up in logs"},
    {"a number below 0", "stores: {v: {url: /srv, options: {retries: -1}}}\n",
     ":1:35: 'retries' must be a number from 0"},
    {"an unknown option", "stores:\n  v:\n    url: s3://b\n    options: {regionn: x}\n",
     ":4:15: unknown option 'regionn'", "did you mean 'region'?"},
    {"an option of another type", "stores: {v: {url: s3://b, options: {insecure: 'yes please'}}}\n",
     ":1:37: 'insecure' must be true or false"},
    {"a credential among the options",
     "stores: {v: {url: s3://b, options: {secret_key: geheim}}}\n",
     ":1:37: 'secret_key' is a credential", "put it below credentials"},
    {"a credential as it is",
     "stores: {v: {url: s3://b, credentials: {access_key: a, secret_key: geheim}}}\n",
     ":1:41: 'access_key' is a secret, and its value must not stand in a site file",
     "{env: NAME}, {file: PATH} or {secret: NAME}"},
    {"an unknown credential", "stores: {v: {url: s3://b, credentials: {password: {env: X}}}}\n",
     ":1:41: unknown credential 'password'", "this kind of store knows: access_key"},
    {"a Secret besides a credential",
     "stores: {v: {url: s3://b, credentials: {secret: s, access_key: {env: X}}}}\n",
     ":1:52: unknown key 'access_key'"},
    {"a Secret for a folder", "stores: {v: {url: /srv, credentials: {secret: s}}}\n",
     ":1:39: this kind of store takes no Secret"},
}

describe("a site file is refused for", function()
    for _, case in ipairs(MISTAKES) do
        it(case[1], function()
            local path = write("site.yaml", case[2])
            local ok, err = pcall(site.open, path)
            assert.is_false(ok)
            assert.equal("Usage", err.code)
            salvor.expect(err.message, path .. case[3])
            salvor.expect(err.hint or "", case[4] or "")
            assert.is_nil((err.message .. (err.hint or "")):find("geheim", 1, true))
        end)
    end

    it("being too large", function()
        local ok, err = pcall(site.open, write("site.yaml", ("#"):rep((256 << 10) + 1)))
        assert.is_false(ok)
        assert.equal("Usage", err.code)
        salvor.expect(err.message, "/site.yaml")
        salvor.expect(err.hint, "is it the right one?")
    end)

    it("being no file", function()
        for _, case in ipairs({{".", "Is a directory"}, {"loop", "symbolic links"}}) do
            local path = fs.join(root, case[1])
            if case[1] == "loop" then
                must(fs.symlink("loop", path))
            end
            local ok, err = pcall(site.open, path)
            assert.is_false(ok)
            assert.equal("Usage", err.code)
            salvor.expect(err.message, case[2])
        end
    end)
end)

describe("site.open", function()
    it("wants the file that is named", function()
        local ok, err = pcall(site.open, fs.join(root, "none.yaml"))
        assert.is_false(ok)
        assert.equal("Usage", err.code)
        salvor.expect(err.message, "/none.yaml")
        salvor.expect(err.hint, "--site", "$SALVOR_SITE")
    end)

    it("does not mind that there is none", function()
        assert.same({}, site.open().layers)
        assert.is_nil(site.identity(site.open()))
    end)

    it("minds one of the user's that is there and cannot be read", function()
        must(fs.mkdir(fs.join(root, "user/site.yaml"), {parents = true}))
        local ok, err = pcall(site.open)
        assert.is_false(ok)
        salvor.expect(err.message, "/user/site.yaml: Is a directory")
    end)

    it("goes by the name of the user's file, which is not the site's", function()
        write("user/site.yaml", "name: mine\n")
        assert.same({name = "mine", production = false}, site.identity(site.open()))
    end)

    it("takes an empty file", function()
        local path = write("site.yaml", "# nothing yet\n")
        assert.same({name = path, production = false, file = path},
            site.identity(site.open(path)))
    end)

    it("takes a link, whose folder is the one that paths begin at", function()
        write("far/real.yaml", "scripts: own\n")
        must(fs.symlink("far/real.yaml", fs.join(root, "link.yaml")))
        local opened = site.open(fs.join(root, "link.yaml"))
        assert.equal(fs.join(root, "own"), site.script_folders(opened)[1])
    end)

    it("asks the site's, the user's and the system's file for each value by itself", function()
        local named = write("site.yaml", "name: here\nparams: {a: site}\n")
        local user = write("user/site.yaml", "context: mine\nparams: {a: user, b: user}\n")
        local system = write("system/site.yaml", "production: true\n\nparams: {a: x, b: x, c: x}\n")
        local opened = site.open(named)
        local function found(...)
            return {select(1, site.find(opened, ...)), (select(2, site.find(opened, ...)))}
        end
        assert.same({"site", "site " .. named .. ":2"}, found({"params", "a"}))
        assert.same({"user", "user " .. user .. ":2"}, found({"params", "b"}))
        assert.same({"x", "system " .. system .. ":3"}, found({"params", "c"}))
        assert.same({"mine", "user " .. user .. ":1"}, found({"context"}))
        assert.is_nil(site.find(opened, {"namespace"}))
        assert.same({name = "here", production = true, file = named}, site.identity(opened))
    end)

    it("takes a file once that is named and the user's", function()
        local user = write("user/site.yaml", "name: mine\n")
        assert.equal(1, #site.open(user).layers)
    end)

    it("looks for scripts beside each file", function()
        local named = write("far/site.yaml", "scripts: own\n")
        write("system/site.yaml", "scripts: /opt/scripts\n")
        assert.same({fs.join(root, "far/own"), fs.join(root, "user/scripts"), "/opt/scripts",
                     fs.join(root, "system/scripts")}, site.script_folders(site.open(named)))
        assert.equal(fs.join(root, "far/own"), site.own_scripts(site.open(named)))
        assert.equal(fs.join(root, "user/scripts"), site.own_scripts({layers = {}}))
    end)

    it("puts the user's scripts before the machine's, also where only the latter has a file",
        function()
            write("system/site.yaml", "scripts: /opt/scripts\n")
            assert.same({fs.join(root, "user/scripts"), "/opt/scripts",
                         fs.join(root, "system/scripts")}, site.script_folders(site.open()))
            assert.equal(fs.join(root, "user/scripts"), site.own_scripts(site.open()))
            write("user/site.yaml", "scripts: mine\n")
            assert.equal(fs.join(root, "user/mine"), site.own_scripts(site.open()))
        end)
end)

describe("a store of the site", function()
    local STORES = [[
stores:
  folder: {url: vault}
  vault:
    url: s3://backups/frankfurt/?region=eu-de
    options: {endpoint: "http://127.0.0.1:7480", ca: ca.pem}
    credentials:
      access_key: {file: access}
      secret_key: {secret: keys, namespace: safe, key: second}
  whole:
    url: sftp://op@host/srv
    credentials: {secret: login, namespace: safe}
]]

    --- A site with these stores; its cluster has the Secrets.
    local function open()
        local opened = site.open(write("site.yaml", STORES))
        local SECRETS = {
            keys = {data = {first = digest.base64("one"), second = digest.base64("very secret")}},
            login = {kind = "Secret", data = {password = "eA=="}},
        }
        opened.connect = function()
            return {get = function(_, kind, name, options)
                assert.same({"secrets", "safe"}, {kind, options.namespace})
                return SECRETS[name]
            end}
        end
        return opened
    end

    it("is its URL and options, with what is below in the right place", function()
        write("access", "the access key\n")
        local url, options = must(site.store(open(), "@vault/db/full"))
        assert.equal("s3://backups/frankfurt/db/full?region=eu-de", url)
        assert.same({endpoint = "http://127.0.0.1:7480", ca = fs.join(root, "ca.pem"),
                     access_key = "the access key", secret_key = "very secret"}, options)
        assert.equal("***, ***", secret.mask("the access key, very secret"))
    end)

    it("may be a folder beside the file", function()
        assert.equal(fs.join(root, "vault"), (must(site.store(open(), "@folder"))))
        assert.equal(fs.join(root, "vault/a b%20c"), (must(site.store(open(), "@folder/a b%20c"))))
        assert.equal(fs.join(os.getenv("HOME"), "x"), open().layers[1].file:absolute("~/x"))
        assert.equal(os.getenv("HOME"), open().layers[1].file:absolute("~"))
    end)

    it("may take its credentials from a whole Secret", function()
        local url, options = must(site.store(open(), "@whole/x"))
        assert.equal("sftp://op@host/srv/x", url)
        assert.equal("Secret", options.secret.kind)
    end)

    it("leaves other URLs as they are", function()
        assert.same({"s3://other/x", {}}, {must(site.store(open(), "s3://other/x"))})
        assert.same({"/srv/@vault", {}}, {must(site.store(open(), "/srv/@vault"))})
    end)

    local REFUSED = {
        {"@vaullt/x", "there is no store 'vaullt'", "did you mean 'vault'? there are: folder"},
        {"@", "'@' names no store", "@NAME"},
        {"@/x", "'@/x' names no store", "@NAME"},
        {"@vault/../other", "what is below a store is a plain path", ". and .."},
        {"@vault/x?region=a", "what is below a store is a plain path", "site file"},
        {"@vault", "store 'vault': ", "", "/access: No such file"},
    }
    for _, case in ipairs(REFUSED) do
        it("is not " .. case[1], function()
            local url, err = site.store(open(), case[1])
            assert.is_nil(url)
            salvor.expect(err.message, case[2], case[4] or "")
            salvor.expect(err.hint or "", case[3])
            assert.equal(case[4] and "NotFound" or "Usage", err.code)
        end)
    end

    it("says which key a Secret has not, or that it must be named", function()
        write("access", "the access key")
        local opened = open()
        opened.connect = function()
            return {get = function()
                return {data = {a = "eA==", b = "eA=="}}
            end}
        end
        local _, err = site.store(opened, "@vault")
        salvor.expect(err.message, "store 'vault': Secret keys has no key 'second'")
        salvor.expect(err.hint, "it has: a, b")
    end)
end)
