--- Writes beyond one request, and what their errors say.
local errors = require("salvor.error")
local eventually = require("support.eventually")
local json = require("salvor.json")
local lab = require("support.lab")
local salvor = require("salvor")
local scripted = require("support.scripted")
local task = require("salvor.task")

local function config_map(name, data, labels)
    return {apiVersion = "v1", kind = "ConfigMap", metadata = {name = name, labels = labels},
            data = data}
end

local function refuses(pattern, fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    assert.is_string(err)
    assert.truthy(err:find(pattern, 1, true), err)
end

lab.describe("a write", function()
    local client, namespace

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        must(client:create({apiVersion = "v1", kind = "ServiceAccount",
                            metadata = {name = "default"}}))
    end)
    teardown(function()
        client:delete("ns", namespace)
    end)

    describe("update", function()
        it("changes what is there, or puts another in its place", function()
            must(client:create(config_map("update", {a = "1", b = "1"})))
            local new = must(client:update("cm", "update", function(object)
                object.data.a = "2"
            end))
            assert.are.same({a = "2", b = "1"}, new.data)
            must(client:update("cm", "update", function(object)
                local other = config_map("update", {c = "3"})
                other.metadata.resourceVersion = object.metadata.resourceVersion
                return other
            end))
            assert.are.same({c = "3"}, must(client:get("cm", "update")).data)
        end)

        it("works on the newest when somebody else is faster", function()
            must(client:create(config_map("race", {count = "0"})))
            local tries = 0
            local new = must(client:update("cm", "race", function(object)
                tries = tries + 1
                if tries < 3 then
                    must(client:patch("cm", "race", {data = {other = tostring(tries)}}))
                end
                object.data.count = "1"
            end))
            assert.are.equal(3, tries)
            assert.are.same({count = "1", other = "2"}, new.data)
        end)

        it("loses nothing of many at once", function()
            must(client:create(config_map("sum", {count = "0"})))
            local sum = 0
            task.map({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, function()
                local ok = client:update("cm", "sum", function(object)
                    object.data.count = tostring(tonumber(object.data.count) + 1)
                end)
                sum = sum + (ok and 1 or 0)
            end, {workers = 3})
            assert.are.equal(tostring(sum), must(client:get("cm", "sum")).data.count)
            assert.is_true(sum >= 3)
        end)

        it("gives up after five tries", function()
            must(client:create(config_map("lost", {})))
            local tries = 0
            local began = task.now()
            local _, err = client:update("cm", "lost", function(object)
                tries = tries + 1
                must(client:patch("cm", "lost", {data = {other = tostring(tries)}}))
                object.data = {mine = "1"}
            end)
            assert.are.equal("Conflict", err.code)
            assert.are.equal("k8s.update", err.op)
            assert.truthy(err.hint:find("5 times", 1, true))
            assert.are.equal(5, tries)
            assert.is_true(task.now() - began >= 0.04)
        end)

        it("can leave it as it is, or give up", function()
            local made = must(client:create(config_map("as-it-is", {a = "1"})))
            local same = must(client:update("cm", "as-it-is", function(object)
                object.data.a = "2"
                return false
            end))
            assert.are.equal(made.metadata.uid, same.metadata.uid)
            local after = must(client:get("cm", "as-it-is"))
            assert.are.equal(made.metadata.resourceVersion, after.metadata.resourceVersion)
            local mine = errors.new({code = "Conflict", message = "mine"})
            local tries = 0
            local _, err = client:update("cm", "as-it-is", function()
                tries = tries + 1
                return nil, mine
            end)
            assert.are.equal(mine, err)
            assert.are.equal(1, tries)
            assert.error_matches(function()
                client:update("cm", "as-it-is", function() error("raised", 0) end)
            end, "raised")
        end)

        it("needs something to change", function()
            local _, err = client:update("cm", "absent", function() end)
            assert.are.equal("NotFound", err.code)
            refuses("a function that changes", client.update, client, "cm", "a", {data = {}})
        end)
    end)

    describe("apply", function()
        it("names each field that is another's, and keeps the causes", function()
            must(client:apply(config_map("owned", {a = "1", b = "1", c = "1"})))
            local _, err = client:apply(config_map("owned", {a = "2", b = "2", c = "1"}),
                {field_manager = "other"})
            assert.are.equal("Conflict", err.code)
            assert.are.equal(409, err.status)
            assert.are.equal('Apply failed with 2 conflicts: .data.a (conflict with "salvor"), '
                .. '.data.b (conflict with "salvor")', err.message)
            assert.truthy(err.hint:find("force = true", 1, true))
            assert.are.equal(2, #err.details.causes)
            assert.are.equal("FieldManagerConflict", err.details.causes[1].reason)
            assert.are.equal(".data.a", err.details.causes[1].field)
            local forced = must(client:apply(config_map("owned", {a = "2"}),
                {field_manager = "other", force = true}))
            assert.are.equal("2", forced.data.a)
        end)

        it("conflicts over ownership where the others do not", function()
            must(client:apply(config_map("anybody", {a = "1"})))
            must(client:patch("cm", "anybody", {data = {a = "2"}}, {field_manager = "other"}))
            local object = must(client:get("cm", "anybody"))
            object.data.a = "3"
            must(client:replace(object, {field_manager = "third"}))
            local _, err = client:apply(config_map("anybody", {a = "4"}))
            assert.are.equal('Apply failed with 1 conflict: .data.a (conflict with "third" using '
                .. 'v1', err.message:match("^(.- using v1)"))
        end)

        it("is like the others in conflict with a version that it names", function()
            local old = must(client:create(config_map("versioned", {a = "1"})))
            must(client:patch("cm", "versioned", {data = {a = "2"}}))
            local metadata = {name = "versioned", resourceVersion = old.metadata.resourceVersion}
            local stale = {apiVersion = "v1", kind = "ConfigMap", metadata = metadata,
                           data = {a = "3"}}
            for what, write in pairs({
                apply = function() return client:apply(stale, {force = true}) end,
                replace = function() return client:replace(stale) end,
                merge = function() return client:patch("cm", "versioned", stale) end,
                strategic = function()
                    return client:patch("cm", "versioned", stale, {type = "strategic"})
                end,
            }) do
                local _, err = write()
                assert.are.equal("Conflict", err and err.code, what)
                assert.truthy(err.message:find("the object has been modified", 1, true), what)
            end
            assert.are.equal("2", must(client:get("cm", "versioned")).data.a)
        end)

        it("removes a field of its own that is not given any more, unless co-owned", function()
            must(client:apply(config_map("removed", {a = "1", b = "1"})))
            must(client:apply(config_map("removed", {b = "1"}), {field_manager = "other"}))
            local new = must(client:apply(config_map("removed", {c = "1"})))
            assert.are.same({b = "1", c = "1"}, new.data)
        end)

        it("refuses what was read from a server", function()
            must(client:apply(config_map("read", {a = "1"})))
            local object = must(client:get("cm", "read"))
            local _, err = client:apply(object)
            assert.are.equal("Invalid", err.code)
            assert.truthy(err.message:find("managedFields", 1, true))
            assert.truthy(err.hint:find("k8s.neat", 1, true))
            object.metadata.managedFields = nil
            must(client:apply(object))
        end)

        it("treats a list without a type as one value", function()
            local crd = {
                apiVersion = "apiextensions.k8s.io/v1", kind = "CustomResourceDefinition",
                metadata = {name = "holds.write.salvor.example"},
                spec = {
                    group = "write.salvor.example", scope = "Namespaced",
                    names = {plural = "holds", kind = "Hold"},
                    versions = {{
                        name = "v1", served = true, storage = true, subresources = {status = {}},
                        schema = {openAPIV3Schema = {
                            type = "object", ["x-kubernetes-preserve-unknown-fields"] = true,
                        }},
                    }},
                },
            }
            must(client:apply(crd))
            must(client:wait("crd", crd.metadata.name, {timeout = 60}))
            local object = {apiVersion = "write.salvor.example/v1", kind = "Hold",
                            metadata = {name = "one"}, spec = {items = {{n = "a"}, {n = "b"}}}}
            eventually("the new kind", function()
                return client:apply(object) and client:get("holds", "one")
            end)
            object.spec.items = {{n = "c"}}
            assert.are.same({{n = "c"}}, must(client:apply(object)).spec.items)
            -- So it is one manager's as a whole, and goes as a whole.
            object.spec = {items = {{n = "d"}}, other = 1}
            local _, owned = client:apply(object, {field_manager = "other"})
            assert.are.equal('Apply failed with 1 conflict: .spec.items (conflict with "salvor")',
                owned.message)
            object.spec = {other = 1}
            assert.are.same({other = 1}, must(client:apply(object)).spec)
            object.spec.items = {{n = "c"}}
            must(client:apply(object))

            local status = {phase = "Full"}
            assert.is_nil(must(client:patch("holds", "one", {status = status})).status)
            must(client:patch("holds", "one", {status = status}, {subresource = "status"}))
            must(client:update("holds", "one", function(hold)
                hold.status.phase = "Empty"
                hold.spec.items = nil
            end, {subresource = "status"}))
            local after = must(client:get("holds", "one", {subresource = "status"}))
            assert.are.equal("Empty", after.status.phase)
            assert.are.equal(1, #after.spec.items)
            -- The status goes by its own path alone, and nothing else goes that way.
            after.status.phase, after.spec.items = "Replaced", nil
            after = must(client:replace(after, {subresource = "status"}))
            assert.are.same({"Replaced", 1}, {after.status.phase, #after.spec.items})
            after.status.phase = "Lost"
            assert.are.equal("Replaced", must(client:replace(after)).status.phase)
            object.status, object.spec = {phase = "Applied"}, {items = {}}
            after = must(client:apply(object, {subresource = "status", force = true}))
            assert.are.same({"Applied", 1}, {after.status.phase, #after.spec.items})

            local _, err = client:patch("holds", "one", {spec = {}}, {type = "strategic"})
            assert.are.equal(415, err.status)
            assert.are.equal("UnsupportedMediaType", err.code)
            assert.truthy(err.hint:find('type = "merge"', 1, true))
            must(client:delete("crd", crd.metadata.name))
        end)
    end)

    it("refuses options that no server would take", function()
        local object = config_map("options")
        for _, manager in ipairs({("x"):rep(129), "a\nb", "\27[2J", "\u{9b}2J", "\xff"}) do
            refuses("field_manager", client.apply, client, object, {field_manager = manager})
            refuses("field_manager", client.create, client, object, {field_manager = manager})
        end
        must(client:apply(object, {field_manager = ("x"):rep(128)}))
        refuses("unknown option 'force'", client.patch, client, "cm", "options", {},
            {force = true})
        refuses("must be one of ignore, strict, warn", client.create, client, object,
            {field_validation = "Strict"})
        for _, subresource in ipairs({"../x", "status/x", "a?b"}) do
            refuses("is not the name of a subresource", client.patch, client, "cm", "options", {},
                {subresource = subresource})
            refuses("is not the name of a subresource", client.get, client, "cm", "options",
                {subresource = subresource})
        end
    end)

    it("into a namespace that is not there says that this is what is missing", function()
        local object = config_map("left", {})
        object.metadata.namespace = namespace .. "-not-yet"
        for _, write in ipairs({client.create, client.apply}) do
            local _, err = write(client, object)
            assert.are.same({"NotFound", "create that namespace first, or choose another one"},
                {err.code, err.hint})
            assert.truthy(err.message:find(object.metadata.namespace, 1, true), err.message)
        end
        local _, err = client:patch("ns", object.metadata.namespace, {metadata = {labels = {}}})
        assert.are.same({"NotFound"}, {err.code, err.hint})
    end)

    it("that finds another object says which it found", function()
        local made = must(client:create(config_map("found", {})))
        for _, condition in ipairs({{uid = "another"}, {resourceVersion = "1"}}) do
            local _, err = client:delete("cm", "found", {preconditions = condition})
            assert.are.equal("Conflict", err.code)
            assert.truthy(err.message:find("precondition", 1, true))
            assert.truthy(err.hint:find("look before deleting", 1, true))
        end
        local _, err = client:create(config_map("found"))
        assert.are.equal("AlreadyExists", err.code)
        must(client:delete("cm", "found", {preconditions = {
            uid = made.metadata.uid, resourceVersion = made.metadata.resourceVersion,
        }}))
    end)

    it("keeps a finalised object until its finaliser is gone", function()
        local object = config_map("final", {})
        object.metadata.finalizers = {"salvor.example/hold"}
        must(client:create(object))
        for _, case in ipairs({{"background"}, {"foreground", "foregroundDeletion"},
                               {"orphan", "orphan"}}) do
            must(client:delete("cm", "final", {propagation = case[1]}))
            local metadata = must(client:get("cm", "final")).metadata
            assert.is_string(metadata.deletionTimestamp)
            local last = metadata.finalizers[#metadata.finalizers]
            assert.are.equal(case[2] or "salvor.example/hold", last)
        end
        must(client:patch("cm", "final", {metadata = {finalizers = salvor.null}}))
        assert.are.equal("NotFound", select(2, client:get("cm", "final")).code)
    end)

    describe("delete_all", function()
        it("deletes what is selected, and nothing else", function()
            for number = 1, 3 do
                must(client:create(config_map("all-" .. number, {}, {batch = "all"})))
            end
            must(client:create(config_map("kept", {}, {batch = "kept"})))
            local selected = {label_selector = {batch = "all"}}
            must(client:delete_all("cm", {label_selector = {batch = "all"}, dry_run = true}))
            assert.are.equal(3, #must(client:list("cm", selected)))
            must(client:delete_all("cm", selected))
            assert.are.equal(0, #must(client:list("cm", selected)))
            assert.are.equal("kept", must(client:get("cm", "kept")).metadata.name)
        end)

        it("wants to hear it when that is all there is", function()
            refuses("give a selector, or all = true", client.delete_all, client, "cm")
            refuses("give a selector, or all = true", client.delete_all, client, "cm",
                {all = false})
            refuses("give a selector, or all = true", client.delete_all, client, "cm",
                {all = true, label_selector = "a=b"})
            local here = lab.namespace()
            must(client:create(config_map("a"), {namespace = here}))
            must(client:delete_all("cm", {all = true, namespace = here}))
            assert.are.equal(0, #must(client:list("cm", {namespace = here})))
        end)
    end)

    describe("scale", function()
        local function deployment(name, replicas)
            return {
                apiVersion = "apps/v1", kind = "Deployment", metadata = {name = name},
                spec = {
                    replicas = replicas, selector = {matchLabels = {app = name}},
                    template = {metadata = {labels = {app = name}},
                                spec = {containers = {{name = "c", image = "none"}}}},
                },
            }
        end

        it("sets the replicas and nothing else", function()
            must(client:create(deployment("scaled", 1)))
            local scale = must(client:scale("deploy", "scaled", 3))
            assert.are.equal("Scale", scale.kind)
            assert.are.equal(3, scale.spec.replicas)
            assert.are.equal("Scale",
                must(client:get("deploy", "scaled", {subresource = "scale"})).kind)
            must(client:scale("deploy", "scaled", 0, {dry_run = true}))
            assert.are.equal(3, must(client:get("deploy", "scaled")).spec.replicas)
        end)

        it("can have a condition", function()
            must(client:create(deployment("conditional", 2)))
            local _, err = client:scale("deploy", "conditional", 5, {current_replicas = 3})
            assert.are.equal("Conflict", err.code)
            assert.are.equal("there should be 3 replicas, but there are 2", err.message)
            local scale = must(client:scale("deploy", "conditional", 5, {current_replicas = 2}))
            assert.are.equal(5, scale.spec.replicas)
        end)

        it("says what cannot be scaled", function()
            must(client:create(config_map("heavy")))
            local _, err = client:scale("cm", "heavy", 3)
            assert.are.equal("NotFound", err.code)
            assert.are.equal("configmaps cannot be scaled", err.hint)
            _, err = client:scale("deploy", "absent", 3)
            assert.are.equal("NotFound", err.code)
            assert.is_nil(err.hint)
            for _, wrong in ipairs({-1, 1.5, "3", {}}) do
                refuses("replicas must be a whole number", client.scale, client, "deploy", "a",
                    wrong)
            end
        end)
    end)

    describe("evict", function()
        local function run_pod(name, labels)
            must(client:create({
                apiVersion = "v1", kind = "Pod", metadata = {name = name, labels = labels},
                spec = {containers = {{name = "c", image = "none"}}},
            }))
            local running = {phase = "Running", conditions = {{type = "Ready", status = "True"}}}
            must(client:patch("pod", name, {status = running}, {subresource = "status"}))
        end

        it("ends a pod as its server knows evictions", function()
            run_pod("evicted")
            must(client:evict("evicted", {dry_run = true}))
            assert.is_table(must(client:get("pod", "evicted")))
            must(client:evict("evicted", {grace_period = 0}))
            assert.are.equal("NotFound", select(2, client:get("pod", "evicted")).code)
            assert.are.equal("NotFound", select(2, client:evict("evicted")).code)
        end)

        it("says which budget forbids it", function()
            run_pod("budgeted", {app = "budgeted"})
            local version = "policy/v1"
            if not client:kind(version .. "/PodDisruptionBudget") then
                version = "policy/v1beta1"
            end
            must(client:create({
                apiVersion = version, kind = "PodDisruptionBudget", metadata = {name = "one"},
                spec = {minAvailable = 1, selector = {matchLabels = {app = "budgeted"}}},
            }))
            must(client:patch("pdb", "one", {status = {
                disruptionsAllowed = 0, currentHealthy = 1, desiredHealthy = 1, expectedPods = 1,
                observedGeneration = 1,
            }}, {subresource = "status"}))
            local _, err = client:evict("budgeted", {timeout = 5})
            assert.are.equal("TooManyRequests", err.code)
            assert.are.equal(429, err.status)
            assert.truthy(err.message:find("The disruption budget one needs 1 healthy pods", 1,
                true))
            assert.truthy(err.hint:find("healthy", 1, true))
        end)
    end)

    it("says what the server says, as kubectl shows it", function()
        local proc = require("salvor.proc")
        local pod = {apiVersion = "v1", kind = "Pod", metadata = {name = "wrong"},
                     spec = {containers = {{name = "NOT VALID", image = ""}}}}
        local _, err = client:create(pod)
        local shown = must(proc.run({"kubectl", "create", "-n", namespace, "-f", "-"}, {
            stdin = json.encode(pod), env = {KUBECONFIG = lab.kubeconfig()},
        }))
        assert.are.equal(1, shown.code)
        assert.are.equal("Invalid", err.code)
        -- kubectl writes of one that it made itself: The Pod "wrong" is invalid: ...
        local cause = err.details.causes[1]
        assert.truthy(shown.stderr:find(cause.field .. ": " .. cause.message, 1, true))
        _, err = client:get("cm", "absent")
        shown = must(proc.run({"kubectl", "get", "cm", "absent", "-n", namespace},
            {env = {KUBECONFIG = lab.kubeconfig()}}))
        assert.are.equal(string.format("Error from server (%s): %s\n", err.code, err.message),
            shown.stderr)
    end)
end)

describe("a write", function()
    local server
    local pods = "/api/v1/namespaces/default/pods"
    local cms = "/api/v1/namespaces/default/configmaps"

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)

    it("says how strictly fields are to be taken, and who writes", function()
        local object = config_map("a", {})
        server:rules({{method = "POST", path = cms, json = object},
                      {method = "PUT", path = cms .. "/a", json = object},
                      {method = "PATCH", path = cms .. "/a", json = object},
                      {path = cms .. "/a", json = object}})
        local client = server:client()
        local opts = {field_validation = "strict", field_manager = "me", dry_run = true}
        must(client:create(object, opts))
        must(client:replace(object, opts))
        must(client:apply(object, opts))
        must(client:patch("cm", "a", {}, opts))
        must(client:update("cm", "a", function() end, opts))
        local count = 0
        for _, request in ipairs(server:requests()) do
            if request.method ~= "GET" then
                count = count + 1
                for _, part in ipairs({"fieldValidation=Strict", "fieldManager=me",
                                       "dryRun=All"}) do
                    assert.truthy(request.query:find(part, 1, true), request.method .. part)
                end
            end
        end
        assert.are.equal(5, count)
    end)

    it("sends evictions in the version the server knows, and remembers it", function()
        local unknown = scripted.status(400, "BadRequest", 'Eviction in version "v1" cannot be '
            .. 'handled as a Eviction: no kind "Eviction" is registered for version "policy/v1"')
        local path = pods .. "/p/eviction"
        local done = scripted.status(201, nil, nil)
        server:rules({{method = "POST", path = path, times = 1, status = 400, json = unknown},
                      {method = "POST", path = path, status = 201, json = done}})
        local client = server:client()
        must(client:evict("p", {grace_period = 5}))
        must(client:evict("p"))
        local versions = {}
        for index, request in ipairs(server:requests()) do
            local body = must(json.decode(request.body))
            versions[index] = body.apiVersion
            assert.are.equal("p", body.metadata.name)
            assert.are.equal("default", body.metadata.namespace)
        end
        assert.are.same({"policy/v1", "policy/v1beta1", "policy/v1beta1"}, versions)
        server:rules({{method = "POST", path = path, status = 201, json = done}})
        must(server:client():evict("p"))
        assert.are.equal("policy/v1",
            must(json.decode(server:requests()[1].body)).apiVersion)
    end)

    it("shows conflicts of any number and shape harmlessly", function()
        local causes = {}
        for number = 1, 30 do
            causes[number] = {reason = "FieldManagerConflict", field = ".f" .. number,
                              message = "conflict with \"\27[2J\u{9b}x\""}
        end
        causes[31] = salvor.null
        server:rules({{method = "PATCH", path = cms .. "/a", status = 409,
                       json = scripted.status(409, "Conflict", "x",
                           {details = {causes = salvor.list(causes)}})}})
        local _, err = server:client():apply(config_map("a"))
        assert.truthy(err.message:find("failed with 30 conflicts: .f1 (", 1, true))
        assert.truthy(err.message:find("and 10 more", 1, true))
        assert.is_nil(err.message:find("%c"))
        assert.is_nil(err.message:find("\u{9b}", 1, true))
    end)

    describe("whose answer has warnings", function()
        local function told(header, status)
            local texts = {}
            local client = server:client({on_warning = function(text)
                texts[#texts + 1] = text
            end})
            server:rules({{method = "PATCH", path = cms .. "/a", status = status or 200,
                           headers = {Warning = header}, json = config_map("a")}})
            client:patch("cm", "a", {})
            client:patch("cm", "a", {})
            return texts
        end

        it("tells each once, also when it is an error", function()
            assert.are.same({"old"}, told('299 - "old"'))
            assert.are.same({"old"}, told('299 - "old"', 422))
        end)

        it("takes them by RFC 7234", function()
            for header, texts in pairs({
                ['299 - "a", 299 - "b"'] = {"a", "b"},
                ['299 - "a, 299 - b"'] = {"a, 299 - b"},
                ['299 - "say \\"a\\" \\\\ b"'] = {'say "a" \\ b'},
                ['299 host:443 "a" "Wed, 21 Oct 2015 07:28:00 GMT",299 - "b"'] = {"a", "b"},
                ['299 - "a",,, ,299 - "b"'] = {"a", "b"},
                ['299 - "a" junk 299 - "b"'] = {"a", "b"},
                ['110 - "stale"'] = {}, ['299 - ""'] = {}, ['299 -'] = {}, ['299 - "open'] = {},
                ['299 - "open\\'] = {}, ['"'] = {}, [""] = {}, ["nonsense"] = {},
                ['299 - "tab\there"'] = {"tab here"},
                ['299 - "c1 \u{9b}2J"'] = {"c1 \\x9b2J"},
            }) do
                assert.are.same(texts, told(header), header)
            end
        end)
    end)
end)
