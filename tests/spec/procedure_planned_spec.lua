-- What a plan has changed is seen by whatever comes after it in the same plan, as the cluster would
-- show it by then; and to plan takes no right that the run does not take.
local lab = require("support.lab")
local planned = require("salvor.procedure.planned")
local procedure_client = require("support.procedure_client")
local secret = require("salvor.secret")
local task = require("salvor.task")

local config_map, deployment = procedure_client.config_map, procedure_client.deployment
local changes_of = procedure_client.changes_of

lab.describe("what is planned", function()
    local connection, namespace, c, list

    before_each(function()
        namespace = lab.namespace()
        connection = lab.client({namespace = namespace})
        c, list = procedure_client.planning(connection)
    end)
    after_each(function()
        connection:delete("ns", namespace)
    end)

    local function names_of(objects)
        local names = {}
        for index, object in ipairs(objects) do
            names[index] = object.metadata.name
        end
        return names
    end

    local function refused(code, ...)
        local ok, err = pcall(...)
        assert.is_false(ok)
        assert.are.equal(code, err.code)
        return err
    end

    describe("is in lists", function()
        it("that select it by what it would be", function()
            must(connection:create(config_map("there", {}, {app = "db"})))
            must(connection:create(config_map("other", {}, {app = "web"})))
            must(c:create(config_map("new", {}, {app = "db"})))
            must(c:patch("cm", "other", {metadata = {labels = {app = "db"}}}))
            assert.are.same({"there", "new", "other"},
                names_of(must(c:list("cm", {label_selector = "app=db"}))))
            must(c:patch("cm", "there", {metadata = {labels = {app = "web"}}}))
            assert.are.same({"new", "other"},
                names_of(must(c:list("cm", {label_selector = "app=db"}))))
            assert.are.same({"new"},
                names_of(must(c:list("cm", {field_selector = "metadata.name=new"}))))
        end)

        it("of all namespaces, once, whichever page it is on", function()
            local mine = {label_selector = "of=" .. namespace, all_namespaces = true}
            for index = 1, 3 do
                must(connection:create(config_map("m" .. index, {}, {of = namespace})))
            end
            must(c:patch("cm", "m1", {data = {a = "1"}}))
            must(c:create(config_map("m4", {}, {of = namespace})))
            assert.are.same({"m1", "m2", "m3", "m4"}, names_of(must(c:list("cm", mine))))
            assert.are.equal("1", must(c:list("cm", mine))[1].data.a)
            local first = must(c:list("cm", {label_selector = mine.label_selector, limit = 2,
                                             full = true}))
            assert.are.same({"m1", "m2"}, names_of(first.items))
            local rest = must(c:list("cm", {label_selector = mine.label_selector, limit = 2,
                                            continue = first.metadata.continue}))
            assert.are.same({"m3", "m4"}, names_of(rest))
        end)

        it("of its own namespace and kind alone", function()
            must(c:create(config_map("c", {a = "1"})))
            assert.are.equal("NotFound", select(2, c:get("cm", "c", {namespace = "default"})).code)
            for _, object in ipairs(must(c:list("cm", {namespace = "default"}))) do
                assert.are_not.equal("c", object.metadata.name)
            end
            local objects, name = planned.new(), {metadata = {name = "c"}}
            objects:put({resource = {plural = "backups", group = "a"}}, nil, name)
            assert.is_table(objects:find({resource = {plural = "backups", group = "a"}}, "c"))
            assert.is_nil(objects:find({resource = {plural = "backups", group = "b"}}, "c"))
        end)

        it("and not when it would be gone", function()
            must(connection:create(config_map("gone", {}, {app = "db"})))
            must(c:delete("cm", "gone"))
            assert.are.same({}, must(c:list("cm", {label_selector = "app=db"})))
        end)
    end)

    it("is not what a script itself only asks about", function()
        assert.are.equal("1", must(c:create(config_map("c", {a = "1"}), {dry_run = true})).data.a)
        assert.are.equal(0, #list)
        assert.are.equal("NotFound", select(2, c:get("cm", "c")).code)
    end)

    it("is seen through every client of the same cluster", function()
        local plan, effects = procedure_client.plan()
        local one = procedure_client.wrap(connection, plan)
        local other = procedure_client.wrap(lab.client({namespace = "default"}), plan)
        must(one:create(config_map("c", {a = "1"})))
        assert.are.equal("1", must(other:get("cm", "c", {namespace = namespace})).data.a)
        assert.are.equal(1, #effects)
    end)

    it("cannot be made twice, nor changed when it would be gone", function()
        must(connection:create(config_map("there", {a = "1"})))
        must(c:create(config_map("new", {})))
        refused("AlreadyExists", c.create, c, config_map("new", {}))
        must(c:delete("cm", "there"))
        refused("NotFound", c.patch, c, "cm", "there", {data = {a = "2"}})
        refused("NotFound", c.update, c, "cm", "there", function() end)
        refused("NotFound", c.delete, c, "cm", "there")
        must(c:apply(config_map("there", {b = "2"})))
        assert.are.equal("create", list[3].class)
        assert.are.same({b = "2"}, must(c:get("cm", "there")).data)
        must(c:patch("cm", "there", {data = {c = "3"}}))
        assert.are.same({b = "2", c = "3"}, must(c:get("cm", "there")).data)
        assert.are.same({a = "1"}, must(connection:get("cm", "there")).data)
    end)

    it("keeps a status and the rest apart, as the server does", function()
        must(connection:create(deployment("d", 1)))
        must(c:patch("deploy", "d", {metadata = {labels = {x = "y"}}}))
        must(c:patch("deploy", "d", {spec = {replicas = 9}, status = {observedGeneration = 5,
                                                                      unknown = true}},
            {subresource = "status"}))
        must(c:patch("deploy", "d", {metadata = {labels = {z = "y"}}}))
        assert.are.same({"+ status.observedGeneration:  -> 5"}, changes_of(list[2]))
        local object = must(c:get("deploy", "d"))
        assert.are.same({x = "y", z = "y"}, object.metadata.labels)
        assert.are.same({1, 5}, {object.spec.replicas, object.status.observedGeneration})
    end)

    it("is replaced only as it would be by then", function()
        must(connection:create(config_map("c", {a = "1"})))
        local old = must(c:get("cm", "c"))
        must(c:patch("cm", "c", {data = {a = "2"}}))
        local object = must(c:get("cm", "c"))
        object.data.b = "3"
        must(c:replace(object))
        assert.are.same({"+ data.b:  -> 3"}, changes_of(list[2]))
        old.metadata.resourceVersion = "1"
        refused("Conflict", c.replace, c, old)
    end)

    it("is no part of what a script holds in its hands", function()
        local object = must(c:create(config_map("c", {a = "1"})))
        object.data.a = "2"
        must(c:replace(object))
        assert.are.same({"~ data.a: 1 -> 2"}, changes_of(list[2]))
        must(c:get("cm", "c")).data.a = "3"
        must(c:list("cm"))[1].data.a = "3"
        assert.are.equal("2", must(c:get("cm", "c")).data.a)
    end)

    it("has parts that only the server is asked about", function()
        must(connection:create({apiVersion = "v1", kind = "Pod", metadata = {name = "p"},
                                spec = {containers = {{name = "c", image = "none"}}}}))
        local ok, err = pcall(c.patch, c, "pod", "p", {}, {subresource = "nonsense"})
        assert.is_false(ok)
        assert.are.equal("NotFound", err.code)
    end)

    it("is scaled, also when the plan has made it, and by its scale", function()
        must(c:create(deployment("new", 2)))
        must(c:scale("deploy", "new", 5, {current_replicas = 2}))
        assert.are.same({"~ spec.replicas: 2 -> 5"}, changes_of(list[2]))
        must(c:patch("deploy", "new", {spec = {replicas = 0}}, {subresource = "scale"}))
        local scale_of_it = must(c:get("deploy", "new", {subresource = "scale"}))
        assert.are.same({"Scale", 0}, {scale_of_it.kind, scale_of_it.spec.replicas})
        assert.are.equal(0, must(c:get("deploy", "new")).spec.replicas)
        assert.are.equal("new", must(c:get("deploy", "new")).spec.template.metadata.labels.app)
        must(connection:create(deployment("there", 1)))
        must(c:update("deploy", "there", function(scale)
            assert.are.equal("Scale", scale.kind)
            scale.spec.replicas = scale.spec.replicas + 1
        end, {subresource = "scale"}))
        assert.are.same({"~ spec.replicas: 1 -> 2"}, changes_of(list[4]))
        assert.are.equal(1, must(connection:get("deploy", "there")).spec.replicas)
    end)

    it("is evicted, also when the plan has made it", function()
        must(connection:create({apiVersion = "v1", kind = "ServiceAccount",
                                metadata = {name = "default"}}))
        must(c:create({apiVersion = "v1", kind = "Pod", metadata = {name = "p"},
                       spec = {containers = {{name = "c", image = "none"}}}}))
        must(c:evict("p"))
        assert.are.equal("NotFound", select(2, c:get("pod", "p")).code)
    end)

    for name, patch in pairs({
        ["a field is taken away"] = {op = "remove", path = "/data/b"},
        ["a field is replaced"] = {op = "replace", path = "/data/b", value = "1"},
        ["a field is added"] = {op = "add", path = "/metadata/annotations/b", value = "1"},
        ["an item is added"] = {op = "add", path = "/metadata/finalizers/3", value = "a/b"},
        ["a field is moved"] = {op = "move", from = "/data/b", path = "/data/c"},
        ["a field is copied"] = {op = "copy", from = "/data/b", path = "/data/c"},
    }) do
        it("is not patched where " .. name .. " that is not there", function()
            local object = config_map("c", {a = "1"})
            object.metadata.finalizers = {"a/b"}
            must(c:create(object))
            local err = refused("Invalid", c.patch, c, "cm", "c", {patch}, {type = "json"})
            assert.matches("operation 1 of the patch %(" .. patch.op .. " /", err.message)
        end)
    end

    it("is added to at the end of a list, and before an item", function()
        local object = config_map("c", {})
        object.metadata.finalizers = {"a/b"}
        must(c:create(object))
        must(c:patch("cm", "c", {{op = "add", path = "/metadata/finalizers/-", value = "y/z"},
                                 {op = "add", path = "/metadata/finalizers/1", value = "m/n"}},
            {type = "json"}))
        assert.are.same({"a/b", "m/n", "y/z"}, must(c:get("cm", "c")).metadata.finalizers)
    end)

    it("has fields whose names hold what pointers are made of", function()
        must(c:create(config_map("c", {})))
        must(c:patch("cm", "c", {{op = "add", path = "/metadata/annotations",
                                  value = {["a.b/c"] = "1"}},
                                 {op = "replace", path = "/metadata/annotations/a.b~1c",
                                  value = "2"}}, {type = "json"}))
        assert.are.same({["a.b/c"] = "2"}, must(c:get("cm", "c")).metadata.annotations)
    end)

    it("is masked where it is a secret", function()
        must(c:create({apiVersion = "v1", kind = "Secret", metadata = {name = "s"},
                       stringData = {password = namespace .. "-treasure"}}))
        assert.is_nil(secret.mask(namespace .. "-treasure"):find("treasure", 1, true))
    end)

    it("is patched where a test holds, and only there", function()
        must(c:create(config_map("c", {a = "1"})))
        must(c:patch("cm", "c", {{op = "test", path = "/data", value = {a = "1"}}},
            {type = "json"}))
        refused("Invalid", c.patch, c, "cm", "c", {{op = "test", path = "/data/a", value = "2"}},
            {type = "json"})
    end)

    --- A client of somebody who may do just that in the namespace.
    local function allowed(rules)
        local group = "rbac.authorization.k8s.io"
        must(connection:create({apiVersion = group .. "/v1", kind = "Role",
                                metadata = {name = "r"}, rules = rules}))
        must(connection:create({
            apiVersion = group .. "/v1", kind = "RoleBinding", metadata = {name = "r"},
            roleRef = {apiGroup = group, kind = "Role", name = "r"},
            subjects = {{apiGroup = group, kind = "User", name = namespace}},
        }))
        local client = lab.client({namespace = namespace, impersonate = {user = namespace}})
        local deadline, first = task.now() + 20, rules[1]
        local kind = first.resources[1] .. (first.apiGroups[1] ~= "" and ".apps" or "")
        while not client:can(first.verbs[1], kind) do
            assert(task.now() < deadline, "the server does not learn of the Role")
            task.sleep(0.02)
        end
        return client
    end

    --- The client of a plan and that of a run.
    local function both(robot)
        local planning = procedure_client.planning(robot)
        return {planning, (procedure_client.running(robot))}
    end

    local function rule(group, resource, ...)
        return {apiGroups = {group}, resources = {resource}, verbs = {...}}
    end

    it("is compared with what is there, which has to be read", function()
        must(connection:create(config_map("c", {a = "1"})))
        local robot = procedure_client.planning(allowed({rule("", "configmaps", "patch")}))
        refused("Forbidden", robot.patch, robot, "configmaps", "c", {data = {a = "2"}})
    end)

    it("is deleted only by who may", function()
        must(connection:create(config_map("c", {})))
        local robot = procedure_client.planning(allowed({rule("", "configmaps", "get", "list")}))
        refused("Forbidden", robot.delete, robot, "configmaps", "c")
        refused("Forbidden", robot.delete_all, robot, "configmaps", {all = true})
    end)

    describe("takes no right that the run does not take:", function()
        it("patches and applies, each after another one", function()
            must(connection:create(deployment("d", 1)))
            local robot = allowed({rule("apps", "deployments", "get", "patch"),
                                   rule("apps", "deployments/status", "patch")})
            for _, client in ipairs(both(robot)) do
                for number = 1, 2 do
                    must(client:patch("deploy", "d", {metadata = {labels = {x = "y" .. number}}}))
                    must(client:patch("deploy", "d", {metadata = {labels = {z = "y" .. number}}},
                        {type = "strategic"}))
                    must(client:patch("deploy", "d", {status = {observedGeneration = number}},
                        {subresource = "status"}))
                    must(client:apply({apiVersion = "apps/v1", kind = "Deployment",
                        metadata = {name = "d", labels = {of = "us" .. number}}}))
                end
            end
        end)

        it("updates and replacements, each after another one", function()
            must(connection:create(config_map("c", {a = "1"})))
            local robot = allowed({rule("", "configmaps", "get", "update")})
            for _, client in ipairs(both(robot)) do
                for number = 1, 2 do
                    must(client:update("configmaps", "c", function(object)
                        object.data.a = "1" .. number
                    end))
                    must(client:replace(must(client:get("configmaps", "c"))))
                end
            end
        end)

        it("a scaling under a condition", function()
            must(connection:create(deployment("d", 1)))
            local robot = allowed({rule("apps", "deployments", "get"),
                                   rule("apps", "deployments/scale", "get", "update")})
            for _, client in ipairs(both(robot)) do
                must(client:scale("deploy", "d", 2, {current_replicas = 1}))
            end
        end)

        it("a wait", function()
            must(connection:create(config_map("c", {})))
            local robot = allowed({rule("", "configmaps", "list", "watch")})
            for _, client in ipairs(both(robot)) do
                must(client:wait("configmaps", "c"))
                must(client:wait("configmaps", {"c"}))
            end
        end)
    end)
end)
