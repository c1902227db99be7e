-- What of a site goes along when a procedure is deployed, and what it must be allowed for that.
local fs = require("salvor.fs")
local salvor = require("support.salvor")
local scripts = require("support.site")
local yaml = require("salvor.yaml")

local PARAMS = [[{
    {name = "word", type = "string", help = "a word", default = "none"},
    {name = "parts", type = "list", help = "words"},
    {name = "target", type = "url", help = "a store"},
    {name = "password", type = "secret", help = "a secret"},
}]]

local HOOK = 'return {id = "more", title = "More", why = "Because.", run = function() end,\n'
    .. 'permissions = {{kind = "configmaps", verbs = {"list"}}}}\n'

local SITE = [[
name: frankfurt
production: true
context: frankfurt
kubeconfig: kube
namespace: apic
params:
  word: from $(HOME)
  parts: [a, b]
  target: "@vault/kits"
  password: {secret: login, key: word}
procedures:
  site/script:
    hooks:
      - {after: only, run: hooks/more.lua}
stores:
  vault:
    url: s3://backups/frankfurt
    options: {endpoint: "https://s3.example.org", ca: ca.crt}
    credentials: {secret: s3-login, namespace: vaults}
  other:
    url: sftp://backup@example.org/srv
    credentials: {password: {secret: not-used}}
]]

local home, closing

before_each(function()
    home, closing = scripts.new_home()
    scripts.install(home, "site/script", scripts.script({params = PARAMS,
                                                         categories = '{"check"}'}))
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

--- A command with the site file of that text.
local function command(verb, text, ...)
    write("scripts/hooks/more.lua", HOOK)
    write("ca.crt", "a certificate\n")
    return salvor.run({verb, "site/script", "--site", write("site.yaml", text), ...},
        {home = home})
end

local function deploy(text, ...)
    return command("deploy", text, "--image", "x", ...)
end

--- What was printed, by kind; of Roles a list.
local function printed(result)
    salvor.expect_code(0, result)
    local made = {Role = {}}
    for _, object in ipairs(must(yaml.load_all(result.stdout))) do
        if object.kind == "Role" then
            table.insert(made.Role, object)
        else
            made[object.kind] = object
        end
    end
    return made
end

describe("a site that is deployed", function()
    it("gives its values as arguments, but for what would be another cluster", function()
        local made = printed(deploy(SITE))
        assert.are.same({"run", "site/script", "--namespace", "apic", "--journal",
                         "-p", "word=from $$(HOME)", "-p", "parts=a,b", "-p", "target=@vault/kits"},
            made.Job.spec.template.spec.containers[1].args)
    end)

    it("goes along as far as it is used: stores, their files, hooks, scripts", function()
        local made = printed(deploy(SITE))
        local data = made.ConfigMap.data
        assert.are.same({
            name = "frankfurt",
            production = true,
            procedures = {["site/script"] = {hooks = {{after = "only", run = "hooks/1.lua"}}}},
            stores = {vault = {
                url = "s3://backups/frankfurt",
                options = {endpoint = "https://s3.example.org",
                           ca = "/etc/salvor/files/vault-ca"},
                credentials = {secret = "s3-login", namespace = "vaults"},
            }},
        }, must(yaml.load(data["site.yaml"])))
        assert.are.equal("a certificate\n", data["files_vault-ca"])
        assert.are.equal(HOOK, data["scripts_hooks_1.lua"])
        assert.is_string(data["scripts_site_script.lua"])
        assert.are.same({
            {key = "files_vault-ca", path = "files/vault-ca"},
            {key = "scripts_hooks_1.lua", path = "scripts/hooks/1.lua"},
            {key = "scripts_site_script.lua", path = "scripts/site/script.lua"},
            {key = "site.yaml", path = "site.yaml"},
        }, made.Job.spec.template.spec.volumes[3].configMap.items)
    end)

    it("refers to the Secrets that it refers to", function()
        local env = printed(deploy(SITE)).Job.spec.template.spec.containers[1].env
        assert.are.same({name = "SALVOR_PARAM_PASSWORD",
                         valueFrom = {secretKeyRef = {name = "login", key = "word"}}}, env[#env])
    end)

    it("says which variable a store wants", function()
        local result = deploy((SITE:gsub("{secret: s3%-login, namespace: vaults}",
            "{access_key: {env: KEY}, secret_key: {secret: s3}}")))
        assert.are.equal("salvor: store 'vault' wants $KEY, which --env-from SECRET can give\n",
            result.stderr)
    end)

    for _, case in ipairs({
        {"a credential in a file", "credentials: {secret: s3%-login, namespace: vaults}",
         "credentials: {access_key: {env: K}, secret_key: {file: key}}",
         "store 'vault': secret_key is kept in a file of this machine",
         "keep it in a Secret of the namespace"},
        {"a secret in a variable", "password: {secret: login, key: word}", "password: {env: WORD}",
         "parameter 'password' is in $WORD (site ", "add --secret password=SECRET/KEY"},
        {"a Secret without its key", ", key: word", "",
         "parameter 'password' is in Secret login"},
        {"a Secret of another namespace", ", key: word", ", key: word, namespace: b",
         "parameter 'password' is in Secret b/login"},
        {"a private key in a file", "s3://backups/frankfurt\n    options: {[^\n]*}",
         "sftp://u@h/srv\n    options: {key_file: ca.crt}",
         "store 'vault': key_file is a file of this machine"},
    }) do
        it("cannot go along with " .. case[1], function()
            local text, count = SITE:gsub(case[2], case[3])
            assert.are.equal(1, count)
            local result = deploy(text)
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, table.unpack(case, 4))
            assert.are.equal("", result.stdout)
        end)
    end

    it("may have its secret elsewhere in the cluster", function()
        local result = deploy((SITE:gsub("{secret: login, key: word}", "{env: WORD}")),
            "--secret", "password=other/key")
        local env = printed(result).Job.spec.template.spec.containers[1].env
        assert.are.same({name = "other", key = "key"}, env[#env].valueFrom.secretKeyRef)
    end)
end)

describe("salvor rbac with a site", function()
    it("lets hooks do what they need, and the Secrets be read that are used", function()
        local roles = printed(command("rbac", SITE)).Role
        assert.are.equal("apic", roles[1].metadata.namespace)
        assert.are.same({
            {apiGroups = {""}, resources = {"configmaps"}, verbs = {"list"}},
            {apiGroups = {""}, resources = {"secrets"}, resourceNames = {"login"}, verbs = {"get"}},
        }, roles[1].rules)
        assert.are.equal("vaults", roles[2].metadata.namespace)
        assert.are.same({{apiGroups = {""}, resources = {"secrets"},
                          resourceNames = {"s3-login"}, verbs = {"get"}}}, roles[2].rules)
        assert.are.equal(2, #roles)
    end)
end)
