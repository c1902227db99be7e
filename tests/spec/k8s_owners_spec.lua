local eventually = require("support.eventually")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local salvor = require("salvor")

lab.describe("owners", function()
    local client, namespace, deployment, replicas, pod, map

    local function reference(owner, is_controller)
        return {apiVersion = owner.apiVersion, kind = owner.kind, name = owner.metadata.name,
                uid = owner.metadata.uid, controller = is_controller}
    end

    local function create(kind, name, owners, fields_of)
        local object = {apiVersion = kind:match("^(.*)/"), kind = kind:match("[^/]+$"),
                        metadata = {name = name, ownerReferences = owners}}
        for field, value in pairs(fields_of or {}) do
            object[field] = value
        end
        return must(client:create(object))
    end

    local TEMPLATE = {metadata = {labels = {a = "b"}},
                      spec = {containers = {{name = "c", image = "c"}}}}

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace, on_warning = function() end})
        create("v1/ServiceAccount", "default")
        deployment = create("apps/v1/Deployment", "web", nil, {
            spec = {selector = {matchLabels = {a = "b"}}, template = TEMPLATE}})
        replicas = create("apps/v1/ReplicaSet", "web-1", {reference(deployment, true)}, {
            spec = {selector = {matchLabels = {a = "b"}}, template = TEMPLATE}})
        map = create("v1/ConfigMap", "map", {reference(deployment)})
        pod = create("v1/Pod", "web-1-x", {reference(map), reference(replicas, true)}, {
            spec = {automountServiceAccountToken = false,
                    containers = {{name = "c", image = "c"}}}})
        create("v1/Secret", "alone")
    end)
    teardown(function()
        client:delete("ns", namespace)
    end)

    local function names(objects)
        local result = {}
        for index, object in ipairs(objects) do
            result[index] = object.kind .. "/" .. object.metadata.name
        end
        return result
    end

    it("are found up to the root, the controller first", function()
        assert.are.same({"ReplicaSet/web-1", "Deployment/web"}, names(must(client:owners(pod))))
        assert.are.same({}, must(client:owners(deployment)))
    end)

    it("may be of the whole cluster", function()
        local owner = must(client:get("ns", namespace))
        local owned = create("v1/ConfigMap", "of-namespace", {reference(owner)})
        local chain = must(client:owners(owned))
        assert.are.same({"Namespace/" .. namespace}, names(chain))
        local tree = must(client:tree("ns", namespace))
        assert.are.equal("of-namespace", tree.children[1].name)
    end)

    it("that are gone or are others by now end the chain, with the reason", function()
        local gone = reference(deployment)
        gone.name, gone.uid = "gone", "00000000-0000-0000-0000-000000000001"
        local chain = must(client:owners(create("v1/ConfigMap", "orphan", {gone})))
        assert.are.same({"Deployment/gone"}, names(chain))
        assert.are.equal("NotFound", chain[1].problem.code)
        local other = reference(deployment)
        other.uid = "00000000-0000-0000-0000-000000000000"
        chain = must(client:owners(create("v1/ConfigMap", "stepchild", {other})))
        assert.are.equal("another object bears its name now", chain[1].problem)
    end)

    it("can be hostile", function()
        for _, references in ipairs({"x", {1, {}}, {{uid = "u"}}, {{uid = "u", name = 1, kind = {},
            apiVersion = "v1"}}, {{uid = "u", name = "a/b", kind = "Pod", apiVersion = "v1"}},
            salvor.null}) do
            local chain = must(client:owners({apiVersion = "v1", kind = "Pod",
                metadata = {name = "x", namespace = namespace, ownerReferences = references}}))
            assert.is_true(#chain <= 1)
        end
        assert.is_false(pcall(client.owners, client, "pods"))
    end)

    it("make a tree of what they own", function()
        local tree = must(client:tree("deploy", "web"))
        assert.are.equal("Deployment", tree.kind)
        assert.are.same({"ConfigMap", "ReplicaSet"}, {tree.children[1].kind, tree.children[2].kind})
        local below = tree.children[2].children[1]
        assert.are.same({"Pod", "web-1-x", "waiting"}, {below.kind, below.name, below.state})
        assert.are.equal(pod.metadata.uid, below.object.metadata.uid)
        assert.are.same({}, below.children)
        -- Owned by two, it stands below both.
        assert.are.equal("web-1-x", tree.children[1].children[1].name)
        assert.are.same({}, tree.skipped)
    end)

    it("make a tree to look at", function()
        local lines = {}
        for line in tostring(must(client:tree("deploy", "web"))):gmatch("[^\n]+") do
            lines[#lines + 1] = line:gsub("%f[%w]%d+s$", "0s"):match("^(.-)%s*$")
        end
        local unseen = "waiting  its controller has not seen the last change yet  0s"
        local pending = "waiting  phase Pending" .. (" "):rep(36) .. "0s"
        assert.are.same({
            "NAME                 STATE    REASON" .. (" "):rep(43) .. "AGE",
            "Deployment/web       " .. unseen,
            "├─ ConfigMap/map     ready" .. (" "):rep(53) .. "0s",
            "│  └─ Pod/web-1-x    " .. pending,
            "└─ ReplicaSet/web-1  " .. unseen,
            "   └─ Pod/web-1-x    " .. pending,
        }, lines)
    end)

    it("need to be there", function()
        local _, err = client:tree("deploy", "none")
        assert.are.same({"NotFound", "k8s.tree"}, {err.code, err.op})
    end)

    lab.it_as("restricted", "are shown as far as the user may look", function(path)
        create("rbac.authorization.k8s.io/v1/Role", "some", nil, {rules = {{
            apiGroups = {"", "apps"}, verbs = {"get", "list"},
            resources = {"deployments", "configmaps"}}}})
        create("rbac.authorization.k8s.io/v1/RoleBinding", "some", nil, {
            subjects = {{apiGroup = "rbac.authorization.k8s.io", kind = "User",
                         name = "restricted"}},
            roleRef = {apiGroup = "rbac.authorization.k8s.io", kind = "Role", name = "some"}})
        local restricted = must(k8s.connect({kubeconfig = path, namespace = namespace}))
        local tree = eventually("the right", function()
            local found = restricted:tree("deploy", "web")
            return found and found.children[1] and found
        end)
        assert.are.same({"map"}, {tree.children[1].name, tree.children[2]})
        local skipped = {}
        for _, entry in ipairs(tree.skipped) do
            skipped[entry.kind] = entry.problem.code
        end
        assert.are.equal("Forbidden", skipped.secrets)
        assert.are.equal("Forbidden", skipped["replicasets.apps"])
        assert.is_nil(skipped.configmaps)
    end)
end)
