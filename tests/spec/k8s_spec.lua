local eventually = require("support.eventually")
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local salvor = require("salvor")
local task = require("salvor.task")

local function config_map(name, data)
    return {apiVersion = "v1", kind = "ConfigMap", metadata = {name = name}, data = data}
end

local CRD = {
    apiVersion = "apiextensions.k8s.io/v1",
    kind = "CustomResourceDefinition",
    metadata = {name = "wrecks.spec.salvor.example"},
    spec = {
        group = "spec.salvor.example",
        scope = "Namespaced",
        names = {plural = "wrecks", singular = "wreck", kind = "Wreck", shortNames = {"wk"}},
        versions = {{
            name = "v1beta1", served = true, storage = true, subresources = {status = {}},
            schema = {openAPIV3Schema = {type = "object",
                                         ["x-kubernetes-preserve-unknown-fields"] = true}},
        }},
    },
}

lab.describe("a client", function()
    local client, namespace

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
    end)
    teardown(function()
        client:delete("namespaces", namespace)
    end)

    it("says who it is and keeps its secrets", function()
        assert.are.equal(namespace, client.namespace)
        assert.truthy(client.server:find("^https://"))
        assert.truthy(tostring(client):find(namespace, 1, true))
        for _, value in pairs(client._kube:info()) do
            assert.is_nil(tostring(value):find(os.getenv("TOKEN") or "\0", 1, true))
        end
    end)

    describe("reading", function()
        it("gets an object", function()
            must(client:create(config_map("read", {a = "1"})))
            local object = must(client:get("cm", "read"))
            assert.are.same({a = "1"}, object.data)
            assert.are.equal(namespace, object.metadata.namespace)
        end)

        it("gives the server's error", function()
            local object, err = client:get("cm", "absent")
            assert.is_nil(object)
            assert.are.equal("NotFound", err.code)
            assert.are.equal("k8s.get", err.op)
            assert.are.equal(404, err.status)
            assert.are.equal('configmaps "absent" not found', err.message)
            assert.are.equal("configmaps", err.details.kind)
            assert.is_false(err.retryable)
        end)

        lab.it_as("restricted", "says who may not", function(path)
            local other = must(k8s.connect({kubeconfig = path}))
            local _, err = other:list("secrets", {namespace = namespace})
            assert.are.equal("Forbidden", err.code)
            assert.are.equal(403, err.status)
            assert.is_false(must(other:can("get", "secrets")) or false)
        end)

        lab.it_as("expired", "says that our certificate has expired", function(path)
            local _, err = must(k8s.connect({kubeconfig = path})):list("pods")
            assert.are.equal("Unauthorized", err.code)
            assert.truthy(err.hint:find("expired on 2020-01-02", 1, true))
        end)

        lab.it_as("unauthorized", "says that our token is no good", function(path)
            local _, err = must(k8s.connect({kubeconfig = path})):list("pods")
            assert.are.equal("Unauthorized", err.code)
            assert.truthy(err.hint:find("token", 1, true))
        end)

        for _, name in ipairs({"cert", "data"}) do
            lab.it_as(name, "uses client certificates: " .. name, function(path)
                assert.is_true(#must(must(k8s.connect({kubeconfig = path})):list("ns")) > 0)
            end)
        end

        it("lists with selectors, in this and in all namespaces", function()
            local object = config_map("labelled", {})
            object.metadata.labels = {["spec"] = namespace}
            must(client:create(object))
            for _, selector in ipairs({"spec=" .. namespace, {spec = namespace}}) do
                local here = must(client:list("cm", {label_selector = selector}))
                assert.are.equal(1, #here)
                assert.are.equal("ConfigMap", here[1].kind)
                assert.are.equal("v1", here[1].apiVersion)
            end
            assert.are.equal(1,
                #must(client:list("cm", {field_selector = "metadata.name=labelled"})))
            assert.are.equal(0, #must(client:list("cm", {label_selector = "spec=" .. namespace,
                                                         namespace = "default"})))
            assert.are.equal(1, #must(client:list("cm", {label_selector = "spec=" .. namespace,
                                                         all_namespaces = true})))
        end)

        it("gives lists that are lists, and the whole List on request", function()
            local none = must(client:list("pods"))
            assert.is_true(salvor.is_list(none))
            assert.are.equal(0, #none)
            local whole = must(client:list("pods", {full = true}))
            assert.are.equal("PodList", whole.kind)
            assert.is_string(whole.metadata.resourceVersion)
        end)

        it("goes through pages", function()
            local names = {}
            for number = 1, 1100 do
                names[number] = string.format("page-%04d", number)
            end
            local here = lab.namespace()
            task.map(names, function(name)
                must(client:create(config_map(name), {namespace = here}))
            end, {workers = 16})
            local seen = {}
            for object in client:each("cm", {namespace = here}) do
                seen[#seen + 1] = object.metadata.name
            end
            assert.are.same(names, seen)
            assert.are.equal(1100, #must(client:list("cm", {namespace = here})))
            client:delete("ns", here)
        end)

        it("raises what goes wrong in an iterator", function()
            local ok, err = pcall(function()
                for _ in client:each("nonsense") do -- luacheck: ignore 542
                end
            end)
            assert.is_false(ok)
            assert.are.equal("NotFound", err.code)
        end)

        it("ignores the namespace for kinds of the whole cluster", function()
            assert.are.equal(namespace, must(client:get("ns", namespace)).metadata.name)
            assert.is_true(#must(client:list("ns", {namespace = "default"})) > 1)
        end)
    end)

    describe("writing", function()
        it("creates once", function()
            local made = must(client:create(config_map("once", {a = "1"})))
            assert.is_string(made.metadata.uid)
            local _, err = client:create(config_map("once"))
            assert.are.equal("AlreadyExists", err.code)
            assert.are.equal(409, err.status)
        end)

        it("keeps bytes as they are", function()
            local data = {text = "tab\t quote\" back\\slash \u{1F6A2} \u{7f}", empty = "",
                          ["a.b-c_d"] = "1"}
            must(client:create(config_map("bytes", data)))
            assert.are.same(data, must(client:get("cm", "bytes")).data)
        end)

        it("replaces what it has seen", function()
            local object = must(client:create(config_map("replace", {a = "1"})))
            object.data.a = "2"
            local new = must(client:replace(object))
            assert.are.equal("2", new.data.a)
            local _, err = client:replace(object)
            assert.are.equal("Conflict", err.code)
        end)

        it("applies, and says who owns a field", function()
            must(client:apply(config_map("apply", {a = "1"})))
            must(client:apply(config_map("apply", {a = "2"})))
            local managers = must(client:get("cm", "apply")).metadata.managedFields
            assert.are.equal("salvor", managers[1].manager)
            assert.are.equal("Apply", managers[1].operation)
            local new = config_map("apply", {a = "3"})
            local _, err = client:apply(new, {field_manager = "other"})
            assert.are.equal("Conflict", err.code)
            assert.are.equal(".data.a", err.details.causes[1].field)
            must(client:apply(new, {field_manager = "other", force = true}))
            assert.are.equal("3", must(client:get("cm", "apply")).data.a)
        end)

        it("patches in three ways", function()
            must(client:create(config_map("patch", {a = "1", b = "1"})))
            local new = must(client:patch("cm", "patch", {data = {a = salvor.null, c = "3"}}))
            assert.are.same({b = "1", c = "3"}, new.data)
            new = must(client:patch("cm", "patch",
                {{op = "replace", path = "/data/b", value = "2"}}, {type = "json"}))
            assert.are.equal("2", new.data.b)
            new = must(client:patch("cm", "patch",
                {metadata = {labels = {x = "y"}}}, {type = "strategic"}))
            assert.are.equal("y", new.metadata.labels.x)
        end)

        it("deletes under conditions", function()
            local object = must(client:create(config_map("delete")))
            local _, err = client:delete("cm", "delete", {preconditions = {uid = "another"}})
            assert.are.equal("Conflict", err.code)
            must(client:delete("cm", "delete", {preconditions = {uid = object.metadata.uid},
                                                propagation = "foreground"}))
            client:wait("cm", "delete", {deleted = true, timeout = 1})
        end)

        it("changes nothing in a dry run", function()
            local before = must(client:create(config_map("dry", {a = "1"})))
            local dry = {dry_run = true}
            assert.is_table(must(client:create(config_map("dry-new"), dry)))
            assert.are.equal("2", must(client:apply(config_map("dry", {a = "2"}),
                {dry_run = true, force = true})).data.a)
            assert.are.equal("3", must(client:patch("cm", "dry", {data = {a = "3"}}, dry)).data.a)
            before.data.a = "4"
            assert.are.equal("4", must(client:replace(before, dry)).data.a)
            must(client:delete("cm", "dry", dry))
            local after = must(client:get("cm", "dry"))
            assert.are.equal(before.metadata.resourceVersion, after.metadata.resourceVersion)
            assert.are.equal("NotFound", select(2, client:get("cm", "dry-new")).code)
        end)

        it("refuses two namespaces at once", function()
            local object = config_map("where")
            object.metadata.namespace = "default"
            local _, err = client:create(object, {namespace = namespace})
            assert.are.equal("Invalid", err.code)
        end)

        it("leaves its argument as it is", function()
            local object = config_map("argument")
            must(client:create(object))
            assert.are.same(config_map("argument"), object)
        end)

        it("goes through one function", function()
            local seen = {}
            local wrapped = lab.client({namespace = namespace})
            function wrapped._write(_, write)
                seen[#seen + 1] = write.verb .. " " .. write.resource.plural
                return {}
            end
            must(wrapped:create(config_map("x")))
            local object = config_map("x")
            must(wrapped:replace(object))
            must(wrapped:apply(object))
            must(wrapped:patch("cm", "x", {}))
            must(wrapped:delete("cm", "x"))
            assert.are.same({"create configmaps", "replace configmaps", "apply configmaps",
                             "patch configmaps", "delete configmaps"}, seen)
        end)
    end)

    describe("misuse", function()
        local function refuses(pattern, fn, ...)
            local ok, err = pcall(fn, client, ...)
            assert.is_false(ok)
            assert.is_string(err)
            assert.truthy(err:find(pattern, 1, true), err)
        end

        it("raises, whatever the server would say", function()
            refuses("unknown option 'dryrun'", client.delete, "cm", "a", {dryrun = true})
            refuses("unknown option 'all_namespaces'", client.get, "cm", "a",
                {all_namespaces = true})
            refuses("option 'dry_run' must be a boolean", client.delete, "cm", "a",
                {dry_run = "yes"})
            refuses("option 'namespace' is empty", client.list, "cm", {namespace = ""})
            refuses("is not the name", client.delete, "cm", "")
            refuses("is not the name", client.get, "cm", "..")
            refuses("is not the name", client.get, "cm", "a/b")
            refuses("is not the name", client.get, "cm")
            refuses("kind must be", client.list)
            refuses("must be one of json, merge, strategic", client.patch, "cm", "a", {},
                {type = "x"})
            refuses("the patch must be a table", client.patch, "cm", "a", "{}")
            refuses("unknown option 'rv'", client.delete, "cm", "a", {preconditions = {rv = "1"}})
            refuses("no apiVersion", client.create, {kind = "ConfigMap", metadata = {}})
            refuses("no metadata", client.apply, {apiVersion = "v1", kind = "ConfigMap"})
            assert.has_error(function()
                k8s.connect({kubconfig = "x"})
            end)
        end)
    end)

    describe("kinds", function()
        it("are found by every name kubectl takes", function()
            for _, case in ipairs({
                {"pods", "v1", "pods"}, {"pod", "v1", "pods"}, {"po", "v1", "pods"},
                {"Pod", "v1", "pods"}, {"v1/Pod", "v1", "pods"}, {"v1/pods", "v1", "pods"},
                {"pods.v1", "v1", "pods"}, {"deploy", "apps/v1", "deployments"},
                {"Deployment", "apps/v1", "deployments"},
                {"deployments.apps", "apps/v1", "deployments"},
                {"deployments.v1.apps", "apps/v1", "deployments"},
                {"Deployment.v1.apps", "apps/v1", "deployments"},
                {"apps/v1/Deployment", "apps/v1", "deployments"},
                {"ev", "v1", "events"}, {"events", "v1", "events"},
                {"netpol", "networking.k8s.io/v1", "networkpolicies"},
                {"crd", "apiextensions.k8s.io/v1", "customresourcedefinitions"},
            }) do
                local record = must(client:kind(case[1]))
                assert.are.equal(case[2] .. " " .. case[3],
                    record.api_version .. " " .. record.plural)
            end
        end)

        it("that are unknown come with a suggestion", function()
            local _, err = client:get("deploymnet", "x")
            assert.are.equal("NotFound", err.code)
            assert.are.equal("k8s.get", err.op)
            assert.truthy(err.hint:find("deployments", 1, true))
            for _, word in ipairs({"pods.nope", "nope/v1/Pod", "apps/v9/Deployment",
                                   "deployments.v9.apps"}) do
                assert.are.equal("NotFound", select(2, client:kind(word)).code)
            end
        end)

        it("are listed", function()
            local found = {}
            for _, record in ipairs(must(client:kinds())) do
                found[record.plural .. "." .. record.group] = record
            end
            assert.is_true(found["pods."].namespaced)
            assert.is_false(found["namespaces."].namespaced)
            assert.are.equal("Deployment", found["deployments.apps"].kind)
        end)

        it("appear with their CRD", function()
            assert.is_nil((client:kind("wk")))
            must(client:apply(CRD))
            must(client:wait("crd", CRD.metadata.name, {timeout = 60}))
            local record = eventually("the new kind", function()
                return (client:kind("wk"))
            end)
            assert.are.equal("spec.salvor.example/v1beta1", record.api_version)
            local object = {apiVersion = record.api_version, kind = "Wreck",
                            metadata = {name = "one"}, spec = {depth = 100}}
            must(client:apply(object))
            object.status = {phase = "Found"}
            must(client:patch("wk", "one", {status = object.status}, {subresource = "status"}))
            local found = must(client:get("wrecks.spec.salvor.example", "one"))
            assert.are.equal("Found", found.status.phase)
            local _, err = client:patch("wk", "one", {spec = {depth = 1}}, {type = "strategic"})
            assert.are.equal(415, err.status)
            must(client:delete("crd", CRD.metadata.name))
        end)
    end)

    it("knows what it may do", function()
        assert.is_true(must(client:can("delete", "pods")))
        local logs = {subresource = "log", all_namespaces = true}
        assert.is_true(must(client:can("get", "pods", logs)))
    end)

    it("shares one connection among requests at the same time (HTTP/2)", function()
        local function sockets()
            local count = 0
            for _, entry in ipairs(must(fs.list("/proc/self/fd"))) do
                local target = fs.readlink("/proc/self/fd/" .. entry.name)
                count = count + (target and target:match("^socket:") and 1 or 0)
            end
            return count
        end
        must(client:get("ns", "default"))
        local before, most, numbers = sockets(), 0, {}
        for number = 1, 24 do
            numbers[number] = number
        end
        task.map(numbers, function()
            must(client:list("ns"))
            most = math.max(most, sockets())
        end, {workers = 12})
        assert.are.equal(before, most)
    end)

    it("sends raw requests", function()
        local answer = must(client:request({path = "/version"}))
        assert.is_string(answer.body.gitVersion)
        assert.are.equal("application/json", answer.headers["content-type"])
    end)
end)
