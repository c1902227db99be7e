-- What a procedure's list of permissions becomes: rules for given parameters and a namespace, with
-- what the engine needs, each right in exactly one rule.
local errors = require("salvor.error")
local permissions = require("salvor.procedure.permissions")

--- The rules as text, of a procedure that takes no lock.
local function rules(list, params, categories)
    local lines = {}
    local procedure = {id = "site/script", permissions = list,
                       categories = categories or {"check"}}
    for index, rule in ipairs(permissions.rules(procedure, params or {}, "apic")) do
        lines[index] = permissions.describe(rule)
    end
    return lines
end

local function refuses(problem, list, params)
    local ok, err = pcall(rules, list, params)
    assert.is_false(ok)
    assert.is_true(errors.is(err, "InvalidScript"))
    assert.are.equal("site/script: " .. problem, err.message)
end

describe("the permissions of a procedure", function()
    it("hold in the target namespace, in another one, or in the whole cluster", function()
        assert.are.same({
            "list nodes in the whole cluster",
            "get secrets in namespace apic",
            "get configmaps in namespace other",
        }, rules({
            {kind = "secrets", verbs = {"get"}},
            {kind = "configmaps", verbs = {"get"}, namespace = "other"},
            {kind = "nodes", verbs = {"list"}, namespace = ""},
        }))
    end)

    it("depend on parameters where they say so", function()
        local list = {
            {kind = function(params) return params.kind end, verbs = {"list"}},
            {kind = "secrets", verbs = {"get"}, when = function(params) return params.deep end,
             namespace = function(params) return params.where end,
             names = function(params) return {params.name} end},
        }
        assert.are.same({"list things.example.org in namespace apic"},
            rules(list, {kind = "things.example.org"}))
        assert.are.same({"list things.example.org in namespace apic",
                         "get secrets a in namespace b"},
            rules(list, {kind = "things.example.org", deep = true, where = "b", name = "a"}))
    end)

    it("bring along what the engine reads of what is changed", function()
        assert.are.same({"create and get configmaps in namespace apic"},
            rules({{kind = "configmaps", verbs = {"create"}}}))
        assert.are.same({"get deployments.apps a in namespace apic",
                         "patch deployments.apps/scale a in namespace apic"},
            rules({{kind = "deployments.apps/scale", verbs = {"patch"}, names = {"a"}}}))
        assert.are.same({"deletecollection, get and list pods in namespace apic"},
            rules({{kind = "pods", verbs = {"deletecollection"}}}))
    end)

    it("bring along what servers of any version ask of a command in a container", function()
        for _, verb in ipairs({"get", "create"}) do
            assert.are.same({"get pods in namespace apic",
                             "create and get pods/exec in namespace apic"},
                rules({{kind = "pods/exec", verbs = {verb}}}))
        end
    end)

    it("bring along the Lease of the lock, in the target namespace, where one is taken", function()
        assert.are.same({}, rules({}, {}, {"check", "safe"}))
        assert.are.same({"create leases.coordination.k8s.io in namespace apic",
                         "delete, get and update leases.coordination.k8s.io salvor in namespace"
                             .. " apic"}, rules({}, {}, {"prepare", "safe"}))
    end)

    it("stand in one rule for the same objects, and in none when a wider one has them", function()
        assert.are.same({
            "get secrets in the whole cluster",
            "list and watch secrets in namespace apic",
        }, rules({
            {kind = "secrets", verbs = {"watch", "get"}},
            {kind = "secrets", verbs = {"list", "watch"}},
            {kind = "secrets", verbs = {"get"}, namespace = ""},
            {kind = "secrets", verbs = {"get", "list"}, names = {"b", "a"}},
        }))
    end)

    it("stand in no rule of their own for names that another one has", function()
        assert.are.same({
            "get secrets a, b in namespace apic",
            "list secrets b in namespace apic",
            "get secrets b, c in namespace apic",
        }, rules({
            {kind = "secrets", verbs = {"get"}, names = {"b", "a"}},
            {kind = "secrets", verbs = {"get", "list"}, names = {"b"}},
            {kind = "secrets", verbs = {"get"}, names = {"c", "b"}},
        }))
    end)

    it("to a namespace itself are to that one alone", function()
        assert.are.same({"get namespaces apic in namespace apic",
                         "get namespaces b in namespace b"},
            rules({{kind = "namespaces", verbs = {"get"}},
                   {kind = "namespaces", verbs = {"get"}, namespace = "b"}}))
    end)

    it("name the field that gives what it must not", function()
        refuses("permissions[1].kind: 'deploy/' is not of the form plural[.group][/subresource]",
            {{kind = function() return "deploy/" end, verbs = {"get"}}})
        refuses("permissions[2].kind: gives a number, not a string",
            {{kind = "pods", verbs = {"get"}}, {kind = function() return 1 end, verbs = {"get"}}})
        refuses("permissions[1].names: gives a string, not a table",
            {{kind = "pods", verbs = {"get"}, names = function() return "a" end}})
        refuses("permissions[1].names: a name is a string, not a number",
            {{kind = "pods", verbs = {"get"}, names = {1}}})
        refuses("permissions[1].when: nonsense",
            {{kind = "pods", verbs = {"get"}, when = function() error("nonsense", 0) end}})
    end)
end)

describe("the kind of a permission", function()
    it("is the plural with its group and subresource", function()
        assert.are.same({group = "", resource = "pods"}, permissions.parse("pods"))
        assert.are.same({group = "", resource = "pods", subresource = "exec"},
            permissions.parse("pods/exec"))
        assert.are.same({group = "a.b-c.org", resource = "things", subresource = "status"},
            permissions.parse("things.a.b-c.org/status"))
    end)

    for _, word in ipairs({"", "/", "pods/", ".", "things.", ".apps", "a..b", "Pods", "v1/pods",
                           "pods/exec/x", "po ds", "*", "pods.*", "deployments", "po"}) do
        it("is not '" .. word .. "'", function()
            local parsed, problem = permissions.parse(word)
            assert.is_nil(parsed)
            assert.is_string(problem)
        end)
    end
end)
