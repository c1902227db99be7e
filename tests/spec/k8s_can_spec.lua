local eventually = require("support.eventually")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local salvor = require("salvor")
local scripted = require("support.scripted")

local ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
local RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"

lab.describe("permissions of a real server", function()
    local client, namespace

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
    end)
    teardown(function()
        client:delete("namespaces", namespace)
        client:delete("clusterrolebindings", namespace)
        client:delete("clusterroles", namespace)
    end)

    --- Lets the restricted user do that in our namespace; `cluster` everywhere.
    local function grant(name, rules, cluster)
        for _, rule in ipairs(rules) do
            for key, list in pairs(rule) do
                rule[key] = salvor.list(list)
            end
        end
        local group, prefix = "rbac.authorization.k8s.io", cluster and "Cluster" or ""
        must(client:create({apiVersion = group .. "/v1", kind = prefix .. "Role",
                            metadata = {name = name}, rules = rules}))
        must(client:create({
            apiVersion = group .. "/v1",
            kind = prefix .. "RoleBinding",
            metadata = {name = name},
            roleRef = {apiGroup = group, kind = prefix .. "Role", name = name},
            subjects = {{apiGroup = group, kind = "User", name = "restricted"}},
        }))
    end

    it("tells of one", function()
        assert.is_true(must(client:can("delete", "pods")))
        assert.is_true(must(client:can("get", "pods", {subresource = "log", name = "x"})))
        assert.is_true(must(client:can("get", "/metrics")))
        assert.is_true(must(client:can("list", "nodes")))
    end)

    it("tells of several verbs", function()
        assert.are.same({get = true, list = true, create = true, delete = true, patch = true},
            must(client:can({"get", "list", "create", "delete", "patch"}, "cm")))
    end)

    lab.it_as("restricted", "answers each question as the server would", function(path)
        grant(namespace, {
            {apiGroups = {""}, resources = {"pods", "pods/log"}, verbs = {"get", "list"}},
            {apiGroups = {""}, resources = {"configmaps"}, resourceNames = {"one"},
             verbs = {"get", "update"}},
            {apiGroups = {"apps"}, resources = {"*"}, verbs = {"get"}},
            {apiGroups = {"*"}, resources = {"*/scale"}, verbs = {"*"}},
            {apiGroups = {""}, resources = {"nodes", "namespaces"}, verbs = {"get"}},
        })
        grant(namespace, {
            {apiGroups = {""}, resources = {"services"}, verbs = {"*"}},
            {nonResourceURLs = {"/metrics"}, verbs = {"get"}},
        }, true)
        local restricted = must(k8s.connect({kubeconfig = path, namespace = namespace}))
        -- The server's authorizer learns of new rules a little later than its storage.
        eventually("the rights", function()
            return restricted:can("list", "pods") and restricted:can("delete", "services")
        end)
        local questions, expected = {}, {
            {true, "get", "pods"}, {true, "list", "po"}, {false, "delete", "pods"},
            {true, "get", "pods", subresource = "log"},
            {false, "get", "pods", subresource = "exec"},
            {false, "get", "cm"}, {true, "get", "cm", name = "one"},
            {false, "get", "cm", name = "two"}, {false, "list", "cm"},
            {true, "get", "deployments"}, {true, "get", "deploy", subresource = "status"},
            {true, "patch", "deploy", subresource = "scale"}, {false, "patch", "deploy"},
            {true, "delete", "svc"}, {true, "watch", "svc", all_namespaces = true},
            {true, "get", "svc", namespace = "default"}, {false, "get", "secrets"},
            -- What is granted in one namespace holds there alone.
            {false, "get", "pods", namespace = "default"},
            {false, "get", "pods", all_namespaces = true}, {false, "get", "nodes"},
            -- A namespace is in itself.
            {true, "get", "ns", name = namespace}, {false, "get", "ns", name = "default"},
            {false, "get", "ns"}, {false, "list", "ns"},
            {true, "get", "/metrics"}, {false, "get", "/logs"}, {false, "post", "/metrics"},
        }
        for number, case in ipairs(expected) do
            local question = {verb = case[2], kind = case[3]}
            for key, value in pairs(case) do
                if type(key) == "string" then
                    question[key] = value
                end
            end
            questions[number] = question
        end
        local answers = must(restricted:can(questions))
        assert.are.equal(#questions, #answers)
        for number, case in ipairs(expected) do
            local question = questions[number]
            local what = question.verb .. " " .. question.kind .. " (" .. number .. ")"
            assert.are.equal(what .. tostring(case[1]), what .. tostring(answers[number]))
            -- The same on its own.
            local allowed = restricted:can(question.verb, question.kind, {
                name = question.name, subresource = question.subresource,
                namespace = question.namespace, all_namespaces = question.all_namespaces,
            })
            assert.are.equal(what .. tostring(case[1]), what .. tostring(allowed))
        end
        assert.are.same({get = true, list = true, delete = false},
            must(restricted:can({"get", "list", "delete"}, "pods")))
    end)
end)

describe("permissions", function()
    local server

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)

    local function review(path, status)
        return {method = "POST", path = path, status = 201, json = {status = status}}
    end

    local function count(path)
        local found = 0
        for _, request in ipairs(server:requests()) do
            found = found + (request.path == path and 1 or 0)
        end
        return found
    end

    local VERBS = {"get", "list", "watch", "create"}
    local READ = {verbs = {"get", "list"}, apiGroups = {""}, resources = {"pods"}}

    it("are asked for together when there are many", function()
        server:rules({review(RULES, {incomplete = false, resourceRules = {READ},
                                     nonResourceRules = {}})})
        assert.are.same({get = true, list = true, watch = false, create = false},
            must(server:client():can(VERBS, "pods")))
        assert.are.same({1, 0}, {count(RULES), count(ACCESS)})
    end)

    it("are asked for one by one when the rules are not all there is", function()
        for _, status in ipairs({
            {incomplete = true, resourceRules = {READ}},
            {incomplete = false, evaluationError = "webhook", resourceRules = {READ}},
            {incomplete = false, resourceRules = 1}, {resourceRules = {READ}},
        }) do
            server:rules({review(RULES, status), review(ACCESS, {allowed = true})})
            assert.are.same({get = true, list = true, watch = true, create = true},
                must(server:client():can(VERBS, "pods")))
            assert.are.same({1, 4}, {count(RULES), count(ACCESS)})
        end
        server:rules({{method = "POST", path = RULES, status = 403, body = "no"},
                      review(ACCESS, {allowed = false})})
        assert.is_false(must(server:client():can(VERBS, "pods")).get)
    end)

    it("give the reason of a single answer", function()
        server:rules({review(ACCESS, {allowed = false, denied = true, reason = "because"})})
        local allowed, reason = server:client():can("get", "pods")
        assert.is_false(allowed)
        assert.are.equal("because", reason)
        assert.truthy(server:requests()[1].body:find('"resource":"pods"', 1, true))
    end)

    it("of an answer that is none are an error, never a yes", function()
        for _, body in ipairs({"null", "[]", "1", "", '{"status":1}', '{"status":null}'}) do
            server:rules({{method = "POST", path = ACCESS, body = body}})
            local allowed, err = server:client():can("get", "pods")
            assert.is_nil(allowed)
            assert.are.equal("Corrupt", err.code)
            assert.are.equal("Corrupt", select(2, server:client():can(VERBS, "pods")).code)
        end
        for _, answer in ipairs({"true", 1, salvor.null, {}}) do
            server:rules({review(ACCESS, {allowed = answer, reason = 1})})
            assert.is_false(server:client():can("get", "pods"))
        end
        for _, rule in ipairs({1, salvor.null, {}, {verbs = 1}, {verbs = {1}, apiGroups = {}},
                               {verbs = {"*"}, apiGroups = {"*"}, resources = {"pods"},
                                resourceNames = {1}}}) do
            server:rules({review(RULES, {incomplete = false, resourceRules = {rule}})})
            assert.is_false(must(server:client():can(VERBS, "pods")).get)
        end
    end)

    it("that cannot be asked for are an error", function()
        server:rules({{method = "POST", path = ACCESS, status = 500, body = "no"}})
        local client = server:client()
        assert.are.equal("InternalError", select(2, client:can({"get", "list"}, "pods")).code)
        local answers, err = client:can({{verb = "get", kind = "pods"},
                                         {verb = "get", kind = "nonsense"}})
        assert.is_nil(answers)
        assert.are.equal("NotFound", err.code)
        assert.are.equal("k8s.can", err.op)
    end)

    it("take nothing but questions", function()
        local client = server:client()
        for _, arguments in ipairs({
            {1, "pods"}, {"", "pods"}, {{}, "pods"}, {{1}, "pods"}, {{{verb = "get"}}},
            {{{kind = "pods"}}}, {{{verb = "get", kind = "pods", x = 1}}}, {"get"},
            {{{verb = "get", kind = "pods"}}, {namespace = "x"}}, {{{verb = 1, kind = "pods"}}},
            {{{verb = "get", kind = "pods"}}, "pods"},
        }) do
            local ok, problem = pcall(client.can, client, table.unpack(arguments))
            assert.is_false(ok)
            assert.truthy(tostring(problem):find("k8s.can", 1, true))
        end
        assert.are.same({}, must(client:can({})))
    end)
end)
