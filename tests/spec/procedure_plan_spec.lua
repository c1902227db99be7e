-- What a plan tells of each effect: three-way diffs of applies, conflicts, waits, what was planned
-- before it, and how much of each there is.
local json = require("salvor.json")
local lab = require("support.lab")
local procedure_client = require("support.procedure_client")
local salvor = require("support.salvor")
local site = require("support.site")

local changes_of, config_map = procedure_client.changes_of, procedure_client.config_map

local function deployment(name)
    return {
        apiVersion = "apps/v1", kind = "Deployment", metadata = {name = name},
        spec = {
            selector = {matchLabels = {app = name}},
            template = {metadata = {labels = {app = name}},
                        spec = {containers = {{name = "one", image = "first"},
                                              {name = "two", image = "first"}}}},
        },
    }
end

lab.describe("a plan", function()
    local connection, namespace

    before_each(function()
        namespace = lab.namespace()
        connection = lab.client({namespace = namespace})
    end)
    after_each(function()
        connection:delete("ns", namespace)
    end)

    local function planning()
        return procedure_client.planning(connection)
    end

    describe("of applies", function()
        it("shows what the server removes since it was applied and is not any more", function()
            must(connection:apply(config_map("c", {mine = "1", gone = "2"})))
            must(connection:patch("cm", "c", {data = {others = "3"}},
                {field_manager = "somebody"}))
            local c, list = planning()
            must(c:apply(config_map("c", {mine = "10"})))
            assert.same({"- data.gone: 2 -> ", "~ data.mine: 1 -> 10"}, changes_of(list[1]))
            assert.equal("change", list[1].class)
            assert.same({mine = "1", gone = "2", others = "3"},
                must(connection:get("cm", "c")).data)
        end)

        it("tells which fields belong to whom, all of them, and goes on", function()
            must(connection:apply(config_map("c", {a = "1", b = "2", c = "3"}),
                {field_manager = "operator"}))
            local c, list = planning()
            local planned = must(c:apply(config_map("c", {a = "9", b = "9", c = "3"})))
            assert.equal("9", planned.data.a)
            assert.same({"~ data.a: 1 -> 9", "~ data.b: 2 -> 9"}, changes_of(list[1]))
            local texts = {}
            for index, problem in ipairs(list[1].problems) do
                texts[index] = problem.message
                assert.equal("problem", problem.level)
            end
            assert.same({"field .data.a belongs to the manager 'operator'",
                         "field .data.b belongs to the manager 'operator'"}, texts)
        end)

        it("shows no conflict where the fields are taken over", function()
            must(connection:apply(config_map("c", {a = "1"}), {field_manager = "operator"}))
            local c, list = planning()
            must(c:apply(config_map("c", {a = "9"}), {force = true}))
            assert.is_nil(list[1].problems)
        end)

        it("is a creation where there is nothing yet, and none where nothing changes", function()
            must(connection:apply(config_map("there", {a = "1"})))
            local c, list = planning()
            must(c:apply(config_map("new", {a = "1"})))
            must(c:apply(config_map("there", {a = "1"})))
            assert.equal("create", list[1].class)
            assert.equal("none", list[2].class)
        end)

        it("keeps what another manager would have applied before", function()
            must(connection:create(config_map("c", {z = "1"})))
            local c, list = planning()
            must(c:apply(config_map("c", {a = "1"}), {field_manager = "one"}))
            must(c:apply(config_map("c", {b = "1"}), {field_manager = "other"}))
            assert.same({"+ data.b:  -> 1"}, changes_of(list[2]))
            assert.same({a = "1", b = "1", z = "1"}, must(c:get("cm", "c")).data)
        end)

        it("keeps what was patched before two of the same manager", function()
            must(connection:create(config_map("c", {})))
            local c = planning()
            must(c:patch("cm", "c", {data = {x = "1"}}))
            must(c:apply(config_map("c", {a = "1"})))
            must(c:apply(config_map("c", {a = "2"})))
            assert.same({a = "2", x = "1"}, must(c:get("cm", "c")).data)
        end)

        it("takes back by the second what only the first sets", function()
            local c, list = planning()
            must(c:apply(config_map("c", {a = "1", b = "1"})))
            must(c:apply(config_map("c", {a = "1"})))
            assert.same({"- data.b: 1 -> "}, changes_of(list[2]))
        end)
    end)

    it("tells what the server fills in from what was asked for", function()
        local c, list = planning()
        must(c:create(deployment("d")))
        local by = {}
        for _, change in ipairs(list[1].changes) do
            by[change.path] = change.by or "us"
        end
        assert.equal("us", by["spec.template.spec.containers[0].image"])
        assert.equal("server", by["spec.replicas"])
        assert.equal("server", by["spec.template.spec.containers[0].imagePullPolicy"])
    end)

    describe("of what it has planned before", function()
        it("patches an object that is not there yet", function()
            local c, list = planning()
            must(c:create(config_map("c", {a = "1"})))
            must(c:patch("cm", "c", {data = {b = "2"}}))
            must(c:patch("cm", "c", {{op = "replace", path = "/data/a", value = "3"},
                                     {op = "move", from = "/data/b", path = "/data/c.d"}},
                {type = "json"}))
            assert.same({"+ data.b:  -> 2"}, changes_of(list[2]))
            assert.same({["a"] = "3", ["c.d"] = "2"}, must(c:get("cm", "c")).data)
            assert.equal("NotFound", select(2, connection:get("cm", "c")).code)
        end)

        it("keeps in a second patch what the first has changed", function()
            must(connection:create(config_map("c", {a = "1", b = "1"})))
            local c, list = planning()
            must(c:patch("cm", "c", {data = {a = "2"}}))
            must(c:patch("cm", "c", {data = {b = require("salvor").null}}))
            must(c:patch("cm", "c", {data = {b = "2"}}))
            assert.same({"~ data.a: 1 -> 2"}, changes_of(list[1]))
            assert.same({"- data.b: 1 -> "}, changes_of(list[2]))
            assert.same({"+ data.b:  -> 2"}, changes_of(list[3]))
            assert.same({a = "2", b = "2"}, must(c:get("cm", "c")).data)
        end)

        it("merges lists by the names of their items", function()
            must(connection:create(deployment("d")))
            local c, list = planning()
            must(c:patch("deploy", "d", {spec = {template = {spec = {containers = {
                {name = "one", image = "second"}}}}}}, {type = "strategic"}))
            must(c:patch("deploy", "d", {spec = {template = {spec = {containers = {
                {name = "two", image = "second"}}}}}}, {type = "strategic"}))
            assert.same({"~ spec.template.spec.containers[1].image: first -> second"},
                changes_of(list[2]))
            assert.equal("second",
                must(c:get("deploy", "d")).spec.template.spec.containers[1].image)
        end)

        it("is refused by the server where the sum of it is wrong", function()
            local c = planning()
            must(c:create(config_map("c", {a = "1"})))
            local ok, err = pcall(c.patch, c, "cm", "c", {data = {["not a key"] = "1"}})
            assert.is_false(ok)
            assert.equal("Invalid", err.code)
        end)

        it("creates again what it has deleted, and deletes what it has created", function()
            must(connection:create(config_map("c", {a = "1"})))
            local c, list = planning()
            must(c:delete("cm", "c"))
            must(c:create(config_map("c", {a = "2"})))
            assert.equal("2", must(c:get("cm", "c")).data.a)
            must(c:create(config_map("n", {a = "2"})))
            must(c:delete("cm", "n"))
            assert.equal("NotFound", select(2, c:get("cm", "n")).code)
            assert.equal("create", list[2].class)
            assert.equal("1", must(connection:get("cm", "c")).data.a)
        end)
    end)

    it("names what the deletion of many takes", function()
        for _, name in ipairs({"a", "b"}) do
            local object = config_map(name, {})
            object.metadata.labels = {batch = "m"}
            must(connection:create(object))
        end
        local c, list = planning()
        must(c:delete_all("cm", {label_selector = "batch=m"}))
        assert.same({"- a:  -> ", "- b:  -> "}, changes_of(list[1]))
        assert.equal(2, list[1].count)
    end)

    describe("of waits", function()
        it("says what for and how long", function()
            for _, name in ipairs({"a", "b"}) do
                must(connection:create(config_map(name, {})))
            end
            local c, list = planning()
            must(c:wait("cm", "a", {timeout = 90}))
            must(c:wait("cm", "b", {ready = "Ready=True"}))
            must(c:wait("cm", {"a", "b"}, {ready = function() return false end, timeout = -1}))
            must(c:wait("cm", "a", {ready = function() return false end, wanted = "to begin"}))
            must(c:wait("cm", "gone", {deleted = true}))
            local said = {}
            for index, effect in ipairs(list) do
                said[index] = {effect.target, effect.wanted, effect.timeout or "for ever"}
            end
            assert.same({
                {"cm a", "to be ready", 90}, {"cm b", "for Ready=True", 30},
                {"cm a, b", "for what the procedure asks of it", "for ever"},
                {"cm a", "to begin", 30}, {"cm gone", "to be gone", 30},
            }, said)
        end)

        it("takes what others would create for an object with only a name", function()
            local c = planning()
            local expected = must(c:wait("deploy", "later", {create = true}))
            assert.same({apiVersion = "apps/v1", kind = "Deployment",
                         metadata = {name = "later", namespace = namespace}}, expected)
            local ok, err = pcall(c.wait, c, "deploy", "never")
            assert.is_false(ok)
            assert.equal('deployments "never" would not exist by then', err.message)
            assert.equal(true, must(c:wait("deploy", "never", {deleted = true})))
        end)

        it("gives what is there by then, in the form that the run gives", function()
            local c = planning()
            must(c:create(config_map("a", {x = "1"})))
            assert.equal("1", must(c:wait("cm", "a")).data.x)
            assert.equal("1", must(c:wait("cm", {"a"}))[1].data.x)
            local other = config_map("b", {x = "2"})
            other.metadata.labels = {of = "us"}
            must(c:create(other))
            local selected = must(c:wait("cm", nil, {field_selector = "metadata.name=a"}))
            assert.same({1, "1"}, {#selected, selected[1].data.x})
            selected = must(c:wait("cm", nil, {label_selector = {of = "us"}}))
            assert.same({1, "2"}, {#selected, selected[1].data.x})
            local both = must(c:wait_all({{kind = "cm", name = "a"},
                                          {kind = "deploy", name = "d", create = true}}))
            assert.same({"a", "d"}, {both[1].metadata.name, both[2].metadata.name})
        end)

        it("refuses what the run would refuse", function()
            local c = planning()
            for problem, call in pairs({
                ["unknown option 'timout'"] = {"cm", "a", {timout = 5}},
                ["option 'ready' is an empty list"] = {"cm", "a", {ready = {}}},
                ["either a name"] = {"cm"},
            }) do
                local ok, err = pcall(c.wait, c, table.unpack(call))
                assert.is_false(ok)
                assert.truthy(tostring(err):find(problem, 1, true), tostring(err))
            end
        end)
    end)
end)

lab.describe("salvor plan", function()
    local home, closing, client, namespace

    before_each(function()
        home, closing = site.new_home()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
    end)
    after_each(function()
        client:delete("ns", namespace)
        getmetatable(closing).__close()
    end)

    local function plan(run, words)
        site.install(home, "site/script", site.script({}, {run = "function(ctx)" .. run .. " end"}))
        local all = {"plan", "site/script", "--namespace", namespace}
        table.move(words or {}, 1, #(words or {}), #all + 1, all)
        return salvor.run(all, {home = home, env = {KUBECONFIG = lab.kubeconfig()}})
    end

    local LONG = string.rep("long ", 100)
    local EFFECTS = [[
        must(ctx.k8s:create({apiVersion = "v1", kind = "ConfigMap",
            metadata = {name = "new"}, data = {text = "]] .. LONG .. [["}}))
        must(ctx.k8s:create({apiVersion = "v1", kind = "Secret",
            metadata = {name = "s"}, stringData = {password = "very-buried-treasure"}}))
        must(ctx.k8s:patch("cm", "old", {data = {a = "2"},
            metadata = {labels = {old = require("salvor").null}}}))
        must(ctx.k8s:delete("cm", "gone"))
        must(ctx.k8s:wait("cm", "new", {timeout = 5400}))]]

    local function prepare()
        for _, name in ipairs({"old", "gone"}) do
            must(client:create({apiVersion = "v1", kind = "ConfigMap",
                                metadata = {name = name, labels = {old = "yes"}},
                                data = {a = "1"}}))
        end
    end

    it("ends with how much there is to do, and shortens what is long", function()
        prepare()
        local result = plan(EFFECTS)
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "wait for cm new to be ready, at most 90m",
            "~ data.a: 1 -> 2\n", "- metadata.labels.old: yes\n",
            "plan: 2 objects created, 1 changed, 1 deleted, 1 wait, 0 commands\n")
        assert.is_nil(result.stdout:find(LONG, 1, true))
        salvor.expect(result.stdout, "… (500 bytes)")
        assert.is_nil(result.stdout:find("treasure", 1, true))
    end)

    it("has all of it in JSON, but no secret", function()
        prepare()
        local result = plan(EFFECTS, {"--output", "json"})
        salvor.expect_code(0, result)
        local document = must(json.decode(result.stdout))
        assert.equal("site/script", document.procedure)
        assert.equal(namespace, document.namespace)
        local counts = document.summary
        assert.same({2, 1, 1, 1, 0}, {counts.created, counts.changed, counts.deleted,
                                      counts.waits, counts.commands})
        local effects = document.steps[1].effects
        assert.equal(5400, effects[5].timeout)
        local texts = {}
        for _, change in ipairs(effects[1].changes) do
            texts[change.path] = change.after
        end
        assert.equal(LONG, texts["data.text"])
        salvor.expect(result.stdout, "data.password")
        assert.is_nil(result.stdout:find("treasure", 1, true))
        assert.is_nil(result.stdout:find("dmVyeS1idXJpZWQ", 1, true))
    end)

    it("shows what comes before a step that cannot be planned", function()
        site.install(home, "site/script", site.script({steps = [[{
            {id = "only", title = "Only", why = "Because.", run = function(ctx)
                must(ctx.k8s:create({apiVersion = "v1", kind = "ConfigMap",
                                     metadata = {name = "a"}})) end},
            {id = "next", title = "Next", why = "Because.", run = function(ctx)
                must(ctx.k8s:get("cm", "nowhere")) end}}]]}))
        local result = salvor.run({"plan", "site/script", "--namespace", namespace},
            {home = home, env = {KUBECONFIG = lab.kubeconfig()}})
        salvor.expect_code(1, result)
        salvor.expect(result.stdout, "planned     only ", "create ConfigMap " .. namespace .. "/a")
        salvor.expect(result.stderr, "step next cannot be planned: ", '"nowhere" not found',
            "nothing was changed")
        result = salvor.run({"plan", "site/script", "--namespace", namespace, "--output", "json"},
            {home = home, env = {KUBECONFIG = lab.kubeconfig()}})
        salvor.expect_code(1, result)
        local document = must(json.decode(result.stdout))
        assert.same({"site/script", true, "NotFound"},
            {document.procedure, document.failed, document.error.code})
        salvor.expect(document.error.message, "step next cannot be planned: ")
    end)

    it("says where a script is wrong that no server was asked about", function()
        local fault = "function() return nil .. 'x' end"
        for step, where in pairs({
            [{done = fault}] = "step only cannot be planned: ",
            [{when = fault}] = "step only cannot be planned: ",
            [{run = fault}] = "step only cannot be planned: ",
            [{when = fault, check = "true"}] = "check 'only': ",
            [{run = fault, check = "true"}] = "check 'only': ",
        }) do
            local path = site.install(home, "site/script", site.script({}, step))
            local result = salvor.run({"plan", "site/script", "--namespace", namespace},
                {home = home, env = {KUBECONFIG = lab.kubeconfig()}})
            salvor.expect_code(3, result)
            salvor.expect(result.stderr, where .. path .. ":", "attempt to concatenate a nil value",
                "nothing was changed")
        end
    end)

    it("fails when an apply would conflict", function()
        must(client:apply({apiVersion = "v1", kind = "ConfigMap", metadata = {name = "c"},
                           data = {a = "1"}}, {field_manager = "operator"}))
        local result = plan([[must(ctx.k8s:apply({apiVersion = "v1", kind = "ConfigMap",
            metadata = {name = "c"}, data = {a = "2"}}))]])
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "problem: field .data.a belongs to the manager 'operator'",
            "take it over with force = true", "the plan has 1 problem", "nothing was changed")
    end)
end)
