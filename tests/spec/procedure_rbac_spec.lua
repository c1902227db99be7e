-- salvor rbac: exactly the objects that let somebody run a procedure, without asking a cluster.
local json = require("salvor.json")
local salvor = require("support.salvor")
local site = require("support.site")
local yaml = require("salvor.yaml")

local GROUP = "rbac.authorization.k8s.io"

-- A procedure that reads in two namespaces and in the whole cluster.
local WIDE = {
    params = '{{name = "other", type = "name", required = true, help = "the other namespace"},'
        .. '{name = "deep", type = "boolean", default = false, help = "whether deep"}}',
    categories = '{"check", "safe"}',
    permissions = [[{
        {kind = "nodes", verbs = {"list"}, namespace = ""},
        {kind = "secrets", verbs = {"list", "get"}, names = {"b", "a"}},
        {kind = "pods/log", verbs = {"get"}, when = function(params) return params.deep end,
         namespace = function(params) return params.other end},
    }]],
}

--- salvor rbac site/script, of these fields, where no cluster is.
local function rbac(fields, ...)
    local home, closing <close> = site.new_home() -- luacheck: ignore 211
    site.install(home, "site/script", site.script(fields))
    return salvor.run({"rbac", "site/script", ...}, {home = home})
end

local function objects(...)
    local result = rbac(...)
    salvor.expect_code(0, result)
    return must(yaml.load_all(result.stdout)), result.stdout
end

describe("salvor rbac", function()
    it("prints a Role, and a binding for whom it is", function()
        local made = objects({categories = '{"check"}',
                              permissions = '{{kind = "secrets", verbs = {"get"}}}'},
            "-n", "apic", "--user", "ann", "--user", "https://login.example.org#bob",
            "--group", "operators", "--serviceaccount", "ops/robot")
        local metadata = {name = "salvor-site-script", namespace = "apic",
                          labels = {["app.kubernetes.io/managed-by"] = "salvor"}}
        assert.are.same({
            {
                apiVersion = GROUP .. "/v1", kind = "Role", metadata = metadata,
                rules = {{apiGroups = {""}, resources = {"secrets"}, verbs = {"get"}}},
            },
            {
                apiVersion = GROUP .. "/v1", kind = "RoleBinding", metadata = metadata,
                roleRef = {apiGroup = GROUP, kind = "Role", name = "salvor-site-script"},
                subjects = {
                    {apiGroup = GROUP, kind = "User", name = "ann"},
                    {apiGroup = GROUP, kind = "User", name = "https://login.example.org#bob"},
                    {apiGroup = GROUP, kind = "Group", name = "operators"},
                    {kind = "ServiceAccount", name = "robot", namespace = "ops"},
                },
            },
        }, made)
    end)

    it("prints no binding when it is not told whom it is for", function()
        local made = objects({categories = '{"prepare"}'}, "-n", "apic")
        assert.are.equal(1, #made)
        assert.are.same({
            {apiGroups = {"coordination.k8s.io"}, resources = {"leases"}, verbs = {"create"}},
            {apiGroups = {"coordination.k8s.io"}, resources = {"leases"},
             resourceNames = {"salvor"}, verbs = {"delete", "get", "update"}},
        }, made[1].rules)
    end)

    it("prints a Role for each namespace, and a ClusterRole for the whole cluster only", function()
        local made = objects(WIDE, "-n", "apic", "-p", "other=logs", "-p", "deep=true",
            "--user", "ann")
        local seen = {}
        for index, object in ipairs(made) do
            seen[index] = object.kind .. " " .. (object.metadata.namespace or "") .. "/"
                .. object.metadata.name
        end
        assert.are.same({
            "ClusterRole /salvor-site-script-apic", "ClusterRoleBinding /salvor-site-script-apic",
            "Role apic/salvor-site-script", "RoleBinding apic/salvor-site-script",
            "Role logs/salvor-site-script-apic", "RoleBinding logs/salvor-site-script-apic",
        }, seen)
        assert.are.same({{apiGroups = {""}, resources = {"nodes"}, verbs = {"list"}}},
            made[1].rules)
        assert.are.same({{apiGroups = {""}, resources = {"secrets"}, resourceNames = {"a", "b"},
                          verbs = {"get", "list"}}}, made[3].rules)
        assert.are.same({{apiGroups = {""}, resources = {"pods/log"}, verbs = {"get"}}},
            made[5].rules)
        assert.are.equal("ClusterRole", made[2].roleRef.kind)
    end)

    it("prints the same each time, as YAML and as one List of JSON", function()
        local made, text = objects(WIDE, "-n", "apic", "--user", "ann")
        local _, again = objects(WIDE, "-n", "apic", "--user", "ann")
        assert.are.equal(text, again)
        local result = rbac(WIDE, "-n", "apic", "--user", "ann", "-o", "json")
        salvor.expect_code(0, result)
        assert.are.same({apiVersion = "v1", kind = "List", items = made},
            must(json.decode(result.stdout)))
    end)

    it("says so when nothing is needed", function()
        local result = rbac({categories = '{"check"}'}, "-n", "apic", "--user", "ann", "-o", "json")
        salvor.expect_code(0, result)
        assert.are.equal("salvor: site/script needs no permission\n", result.stderr)
        assert.are.same({apiVersion = "v1", kind = "List", items = {}},
            must(json.decode(result.stdout)))
    end)

    it("wants only the parameters that decide what is needed", function()
        objects(WIDE, "-n", "apic")
        local result = rbac(WIDE, "-n", "apic", "-p", "deep=true")
        salvor.expect_code(2, result)
        salvor.expect(result.stderr, "parameter 'other' is missing: the other namespace",
            "add -p other=")
    end)

    for _, case in ipairs({
        {"no namespace", {}, "which namespace? there is no kubeconfig", "add -n NAMESPACE"},
        {"an unknown parameter", {"-n", "a", "-p", "x=1"}, "unknown parameter 'x'"},
        {"no service account", {"-n", "a", "--serviceaccount", "robot"},
         "'robot' is no service account", "write --serviceaccount NAMESPACE/NAME"},
        {"an unknown output", {"-n", "a", "-o", "text"}, "unknown output 'text'", "yaml or json"},
    }) do
        it("says what is wrong: " .. case[1], function()
            local result = rbac({}, table.unpack(case[2]))
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, table.unpack(case, 3))
            assert.are.equal("", result.stdout)
        end)
    end
end)
