-- The check of permissions that is before all others, in the cases that a small procedure and an
-- administrator, or a user without any right, bring about.
local access = require("salvor.procedure.access")
local fs = require("salvor.fs")
local lab = require("support.lab")
local permissions = require("salvor.procedure.permissions")
local salvor = require("support.salvor")
local scripted = require("support.scripted")
local site = require("support.site")
local task = require("salvor.task")

--- Plans or runs the procedure site/script with these fields, as the user of that kubeconfig.
local function carry_out(verb, kubeconfig, fields, step)
    local home, closing <close> = site.new_home() -- luacheck: ignore 211
    site.install(home, "site/script", site.script(fields, step))
    return salvor.run({verb, "site/script", "--kubeconfig", kubeconfig, "-n", "default"},
        {home = home})
end

local REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
local FORBIDDEN = 'function(ctx) must(ctx.k8s:list("secrets")) end'

lab.describe("the check of permissions", function()
    it("is the first one, and needs nothing to be listed", function()
        local result = carry_out("plan", lab.kubeconfig())
        salvor.expect_code(0, result)
        salvor.expect(result.stdout,
            "checks\n  ok          permissions      This user may do all that is needed\n")
    end)

    it("says which kinds the cluster does not know, and goes on", function()
        local result = carry_out("plan", lab.kubeconfig(), {
            permissions = '{{kind = "things.nowhere.example.org", verbs = {"get"}}}'})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "this cluster does not know things.nowhere.example.org:"
            .. " nothing was asked about it")
    end)

    it("finds a kind of the whole cluster that is listed as one of a namespace", function()
        local result = carry_out("run", lab.kubeconfig(), {
            permissions = '{{kind = "storageclasses.storage.k8s.io", verbs = {"get"}}}'})
        salvor.expect_code(3, result)
        salvor.expect(result.stderr, "storageclasses.storage.k8s.io are of the whole cluster",
            'write namespace = ""')
    end)

    lab.it_as("restricted", "names what is missing, and nothing twice", function(path)
        local result = carry_out("run", path, {
            categories = '{"check"}', permissions = '{{kind = "secrets", verbs = {"list"}}}',
        }, {check = "true", run = FORBIDDEN})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "this user may not list secrets in namespace default",
            "salvor rbac site/script -n default",
            "only             not looked at, since 'permissions' failed")
        assert.are.equal(1, select(2, result.stdout:gsub("problem", "")))
    end)

    lab.it_as("restricted", "tells of Secrets that a site refers to with all else that is missing",
        function(path)
            local home, closing <close> = site.new_home() -- luacheck: ignore 211
            local file = home .. "/site.yaml"
            must(fs.write(file, "params: {password: {secret: login, namespace: vaults}}\n"))
            local uses = "function(ctx) ctx:note(ctx.params.password) end"
            site.install(home, "site/script", site.script({
                params = '{{name = "password", type = "secret", help = "a secret"}}',
                permissions = [[{{kind = "pods", verbs = {"list"}}, {kind = "nodes",
                    namespace = "", verbs = {"list"}, when = function(params)
                        return params.password end}}]],
                steps = '{{id = "uses", title = "Uses it", why = "W.", check = true, run = ' .. uses
                    .. '}, {id = "not", title = "Does not", why = "W.", check = true, run ='
                    .. ' function(ctx) ctx:problem("and this") end}, {id = "do", title = "Do",'
                    .. ' why = "W.", run = ' .. uses .. "}}",
            }))
            for _, verb in ipairs({"plan", "run"}) do
                local result = salvor.run({verb, "site/script", "--kubeconfig", path, "-n",
                                           "default", "--site", file}, {home = home})
                salvor.expect_code(4, result)
                salvor.expect(result.stdout, "this user may not list pods in namespace default",
                    "this user may not get secrets login in namespace vaults", "and this",
                    "uses             not looked at, since 'permissions' failed")
            end
        end)

    it("is not for what a Secret lacks, or that it is not there: nothing begins", function()
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        local file = home .. "/site.yaml"
        must(fs.write(file, "params: {password: {secret: no-such, namespace: default}}\n"))
        site.install(home, "site/script", site.script({
            params = '{{name = "password", type = "secret", help = "a secret"}}'}))
        local result = salvor.run({"run", "site/script", "--kubeconfig", lab.kubeconfig(), "-n",
                                   "default", "--site", file}, {home = home})
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "parameter 'password' (site " .. file .. ":1): ",
            '"no-such" not found')
        assert.are.equal("", result.stdout)
    end)

    lab.it_as("restricted", "is done again when a run is resumed", function(path)
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        site.install(home, "site/script", site.script({
            permissions = '{{kind = "secrets", verbs = {"list"}}}',
        }, {run = 'function() error(require("salvor.error").new({message = "not yet"}), 0) end'}))
        local stopped = salvor.run({"run", "site/script", "--kubeconfig", lab.kubeconfig(),
                                    "-n", "default"}, {home = home})
        salvor.expect_code(5, stopped)
        local resumed = salvor.run({"run", "--resume", stopped.stderr:match("%-%-resume (%S+)"),
                                    "--kubeconfig", path}, {home = home})
        salvor.expect_code(4, resumed)
        salvor.expect(resumed.stdout, "this user may not list secrets in namespace default")
    end)

    lab.it_as("restricted", "leaves to the others what is not listed", function(path)
        local result = carry_out("run", path, {categories = '{"check"}'},
            {check = "true", run = FORBIDDEN})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "ok          permissions", "FAILED      only",
            "the procedure's permissions do not list it; salvor show site/script shows them")
    end)
end)

lab.describe("what is missing", function()
    local namespace, administrator, somebody

    setup(function()
        local group = "rbac.authorization.k8s.io"
        namespace = lab.namespace()
        administrator = lab.client({namespace = namespace})
        must(administrator:create({
            apiVersion = group .. "/v1", kind = "Role", metadata = {name = "r"},
            rules = {{apiGroups = {""}, resources = {"pods"}, verbs = {"list"}},
                     {apiGroups = {""}, resources = {"secrets"}, verbs = {"get", "update"},
                      resourceNames = {"a"}}},
        }))
        must(administrator:create({
            apiVersion = group .. "/v1", kind = "RoleBinding", metadata = {name = "r"},
            roleRef = {apiGroup = group, kind = "Role", name = "r"},
            subjects = {{apiGroup = group, kind = "User", name = namespace}},
        }))
        somebody = lab.client({namespace = namespace, impersonate = {user = namespace}})
        local deadline = task.now() + 20
        while not somebody:can("list", "pods") do
            assert(task.now() < deadline, "the server does not learn of the Role")
            task.sleep(0.02)
        end
    end)
    teardown(function()
        administrator:delete("namespaces", namespace)
    end)

    local function missing(rule)
        local lines = {}
        for index, lacks in ipairs((must(access.missing(somebody, {rule})))) do
            lines[index] = permissions.describe(lacks)
        end
        return lines
    end

    it("is what a user may not do at just that place", function()
        local function list_pods(where)
            return {group = "", resource = "pods", verbs = {"list"}, namespace = where}
        end
        assert.are.same({}, missing(list_pods(namespace)))
        assert.are.same({"list pods in namespace default"}, missing(list_pods("default")))
        assert.are.same({"list pods in the whole cluster"}, missing(list_pods(nil)))
    end)

    it("is each verb once, of any of the names", function()
        local function secrets(...)
            return {group = "", resource = "secrets", verbs = {"get", "list", "update"},
                    namespace = namespace, names = {...}}
        end
        assert.are.same({"list secrets a in namespace " .. namespace}, missing(secrets("a")))
        assert.are.same({"get, list and update secrets a, b, c in namespace " .. namespace},
            missing(secrets("a", "b", "c")))
    end)
end)

describe("the check of permissions", function()
    local server

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)

    --- What the check finds on a server that answers so to questions about permissions.
    local function findings(answer, unread)
        answer.method, answer.path = "POST", REVIEWS
        server:rules({answer})
        local procedure = {categories = {"check"},
                           permissions = {{kind = "pods", verbs = {"get"}}}}
        local found = {}
        local function add(level)
            return function(_, message, hint)
                found[#found + 1] = {level, message, hint}
            end
        end
        access.check(procedure, {}, "default").run({
            k8s = server:client(), procedure = "site/script", namespace = "default",
            unread = unread,
            problem = add("problem"), warn = add("warning"), note = add("note"),
        })
        return found
    end

    it("is a warning when the server does not answer such questions", function()
        for _, case in ipairs({{403, "Forbidden"}, {404, "NotFound"}, {405, "MethodNotAllowed"}}) do
            local found = findings({status = case[1],
                                    json = scripted.status(case[1], case[2], "not for you")})
            assert.are.equal(1, #found)
            assert.are.equal("warning", found[1][1])
            salvor.expect(found[1][2], "does not tell what this user may do: not for you")
        end
    end)

    it("fails for a secret that cannot be read although all seems to be allowed", function()
        for status, answer in pairs({
            [201] = {status = {allowed = true}}, [403] = scripted.status(403, "Forbidden", "no"),
        }) do
            local found = findings({status = status, json = answer},
                {password = {message = "not for you", hint = "ask"}})
            assert.are.same({"problem", "not for you", "ask"}, found[#found])
        end
    end)

    it("fails when the server cannot be asked", function()
        local ok, err = pcall(findings, {status = 500, json = scripted.status(500, "InternalError",
            "no")})
        assert.is_false(ok)
        assert.are.equal("InternalError", err.code)
    end)

    it("fails when the server does not say which kinds it has", function()
        server:rules({{path = "/api/v1", status = 500,
                       json = scripted.status(500, "InternalError", "no")}})
        local ok, err = pcall(access.missing, server:client(),
            {{group = "", resource = "pods", verbs = {"get"}, namespace = "default"}})
        assert.is_false(ok)
        assert.are.equal("InternalError", err.code)
    end)

    it("asks each question only once", function()
        assert.are.same({}, findings({status = 201, json = {status = {allowed = true}}}))
        assert.are.equal(1, #server:requests())
        assert.are.equal("permissions", permissions.CHECK)
    end)
end)
