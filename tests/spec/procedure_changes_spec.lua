-- A run is resumed after the cluster itself has changed: it says which object and field, and asks.
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local salvor = require("support.salvor")
local small_procedure = require("support.small_procedure")

local ID = "site/script"
local KILL_AFTER = fs.absolute("tests/support/kill_after.lua")
local STOPS = 'id = "stops", run = function() fail_at_will() note("stops") end'

lab.describe("a run that is resumed", function()
    local small

    before_each(function()
        small = small_procedure.new()
        small:set("fail", true)
    end)

    after_each(function()
        small:close()
    end)

    --- Runs these steps up to one that stops.
    local function stop(...)
        small:steps({..., STOPS})
        salvor.expect_code(5, small:run())
        small:set("fail", false)
    end

    local CREATES = 'id = "one", run = function(ctx) note("one")'
        .. ' must(ctx.k8s:create(config_map("a", {x = "old", y = "same"}))) end'

    local function patch(body, kind, options)
        must(small.client:patch(kind or "cm", "a", body, options))
    end

    local function expect_refused(...)
        local result = small:resume()
        salvor.expect_code(6, result)
        salvor.expect(result.stdout, ...)
        salvor.expect(result.stderr, "the cluster has changed since the run stopped",
            "--accept-changes", ...)
        assert.is_nil(small:notes():find("stops"))
        local record = small:records_of("changed")[1]
        assert.is_false(record.accepted)
        return record
    end

    it("goes on where nothing has changed, or only what it has not written", function()
        stop(CREATES)
        patch({data = {z = "new"}, metadata = {labels = {of = "an-operator"}}})
        salvor.expect_code(0, small:resume())
        assert.equal("one\nstops\n", small:notes())
        assert.same({}, small:records_of("changed"))
    end)

    it("names a field that somebody has edited, but not what it holds", function()
        stop(CREATES)
        patch({data = {x = "something-else"}})
        local record = expect_refused("ConfigMap " .. small.namespace
            .. "/a was edited: data.x (step one)")
        assert.same({"data.x"}, record.differences[1].fields)
        for path, text in pairs(small:state()) do
            assert.is_nil(text:find("something-else", 1, true), path)
        end
    end)

    it("notices an object that is gone, and one that was made anew", function()
        stop(CREATES)
        must(small.client:delete("cm", "a"))
        expect_refused("ConfigMap " .. small.namespace .. "/a is gone (step one)")
        must(small.client:create({apiVersion = "v1", kind = "ConfigMap", metadata = {name = "a"},
                                  data = {x = "old", y = "same"}}))
        local result = small:resume()
        salvor.expect_code(6, result)
        salvor.expect(result.stdout, "/a was made anew by somebody: it has another uid (step one)")
    end)

    it("with --accept-changes does a step again, where nothing proves that it holds", function()
        stop(CREATES)
        must(small.client:delete("cm", "a"))
        local result = small:resume({"--accept-changes"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "is gone (step one)", "done        one")
        assert.equal("one\none\nstops\n", small:notes())
        assert.is_true(small:records_of("changed")[1].accepted)
        assert.equal("old", must(small.client:get("cm", "a")).data.x)
    end)

    it("leaves a step where done or verify holds", function()
        for _, proof in ipairs({"verify", "done"}) do
            local own <close> = small_procedure.new()
            own:set("fail", true)
            own:steps({CREATES .. ", " .. proof .. ' = function() return fs.stat(home .. "/notes")'
                .. " ~= nil end", STOPS})
            salvor.expect_code(5, own:run())
            own:set("fail", false)
            must(own.client:patch("cm", "a", {data = {x = "new"}}))
            salvor.expect_code(0, own:resume({"--accept-changes"}))
            assert.equal("one\nstops\n", own:notes(), proof)
            assert.equal("new", must(own.client:get("cm", "a")).data.x)
        end
    end)

    it("asks on a terminal", function()
        for _, case in ipairs({{"n\\n", "6, echo on"}, {"y\\n", "0, echo on"}}) do
            local own <close> = small_procedure.new()
            own:set("fail", true)
            own:steps({CREATES, STOPS})
            salvor.expect_code(5, own:run())
            own:set("fail", false)
            must(own.client:delete("cm", "a"))
            local result = own:run({"--resume", own:only_run()}, {prefix = {
                "python3", "tests/support/terminal.py", "[y/N]", case[1]}})
            salvor.expect(result.stdout, case[2], "warning", "/a is gone (step one)",
                "the cluster has changed since the run stopped; go on, and do those steps again")
        end
    end)

    it("does not ask again what was answered with yes, but what is new", function()
        small:steps({CREATES .. ", verify = function() return true end", STOPS})
        salvor.expect_code(5, small:run())
        patch({data = {x = "1"}})
        salvor.expect_code(5, small:resume({"--accept-changes"}))
        salvor.expect_code(5, small:resume())
        patch({data = {x = "2"}})
        salvor.expect_code(6, small:resume())
    end)

    it("asks anew about what is destroyed once more", function()
        small:steps({CREATES .. ', destructive = "everything"', STOPS})
        salvor.expect_code(5, small:run({ID, "--yes"}))
        small:set("fail", false)
        must(small.client:delete("cm", "a"))
        local result = small:resume({"--accept-changes"})
        salvor.expect_code(6, result)
        salvor.expect(result.stderr, "this destroys everything")
        assert.equal("one\n", small:notes())
        salvor.expect_code(0, small:resume({"--accept-changes", "--yes"}))
        assert.equal("one\none\nstops\n", small:notes())
    end)

    it("counts only what an update has changed", function()
        must(small.client:create({apiVersion = "v1", kind = "ConfigMap", metadata = {name = "a"},
                                  data = {x = "old", y = "theirs"}}))
        stop('id = "one", run = function(ctx) must(ctx.k8s:update("cm", "a", function(object)'
            .. ' object.data.x = "ours" end)) end')
        patch({data = {y = "theirs again"}})
        patch({data = {x = "not ours"}})
        local record = expect_refused("was edited: data.x (step one)")
        assert.same({"data.x"}, record.differences[1].fields)
    end)

    it("counts what each kind of patch has set, removed fields too", function()
        must(small.client:create({apiVersion = "v1", kind = "ConfigMap", metadata = {name = "a"},
                                  data = {x = "old", y = "old", z = "old"}}))
        stop('id = "one", run = function(ctx)'
            .. ' local null = require("salvor").null'
            .. ' must(ctx.k8s:patch("cm", "a", {data = {x = null}}))'
            .. ' must(ctx.k8s:patch("cm", "a", {{op = "add", path = "/metadata/annotations",'
            .. ' value = {["of/us"] = "new"}}}, {type = "json"}))'
            .. ' must(ctx.k8s:apply({apiVersion = "v1", kind = "ConfigMap",'
            .. ' metadata = {name = "a"}, data = {y = "new"}}, {force = true})) end')
        patch({data = {x = "back", y = "other", z = "other"},
               metadata = {annotations = {["of/us"] = "other"}}})
        local record = expect_refused("was edited: ")
        assert.same({"data.x", "data.y", "metadata.annotations"}, record.differences[1].fields)
    end)

    it("counts the replicas that it has set, and lists item by item", function()
        must(small.client:create({apiVersion = "v1", kind = "ServiceAccount",
                                  metadata = {name = "default"}}))
        stop([[id = "one", run = function(ctx)
            must(ctx.k8s:create({apiVersion = "apps/v1", kind = "Deployment",
                metadata = {name = "a"}, spec = {replicas = 1,
                selector = {matchLabels = {app = "a"}},
                template = {metadata = {labels = {app = "a"}},
                    spec = {containers = {{name = "c", image = "one"}}}}}}))
            must(ctx.k8s:scale("deploy", "a", 0)) end]])
        salvor.expect_code(0, small:resume())
        patch({spec = {replicas = 2, template = {spec = {containers = {{name = "c",
            image = "two"}}}}}}, "deploy", {type = "strategic"})
        local result = small:resume()
        salvor.expect_code(6, result)
        salvor.expect(result.stdout, "Deployment " .. small.namespace .. "/a was edited: "
            .. "spec.replicas, spec.template.spec.containers[0].image (step one)")
    end)

    it("forgets what it has deleted itself", function()
        stop('id = "one", run = function(ctx) must(ctx.k8s:create(config_map("a", {x = "1"})))'
            .. ' local b = config_map("b", {}) b.metadata.labels = {of = "us"}'
            .. ' must(ctx.k8s:create(b)) must(ctx.k8s:delete("cm", "a"))'
            .. ' must(ctx.k8s:delete_all("cm", {label_selector = "of=us"})) end')
        salvor.expect_code(0, small:resume())
    end)

    it("knows what the step in flight has done to the objects of others", function()
        local steps = {CREATES, 'id = "two", run = function(ctx)'
            .. ' ctx.k8s:patch("cm", "a", {data = {x = "newer"}})'
            .. ' if ctx.k8s:get("cm", "a") then ctx.k8s:delete("cm", "a") end'
            .. ' must(ctx.k8s:create(config_map("a", {x = "newest"}))) end'}
        -- Records: run.begin, lock, step.begin, effect.begin, effect.end, step.end, step.begin.
        for number = 8, 13 do
            for _, moment in ipairs({"before", "after"}) do
                local own <close> = small_procedure.new()
                own:steps(steps)
                local killed = own:salvor({KILL_AFTER, "journal.append", tostring(number), moment,
                                           "run", ID})
                assert.equal(9, killed.signal)
                local resumed = own:resume()
                assert.is_not.equal(6, resumed.code, moment .. " record " .. number .. "\n"
                    .. resumed.stdout .. resumed.stderr)
            end
        end
    end)

    it("keeps nothing of a Secret, and notices that it was edited all the same", function()
        stop('id = "one", run = function(ctx) must(ctx.k8s:create({apiVersion = "v1",'
            .. ' kind = "Secret", metadata = {name = "a"}, stringData = {pin = "4711"}})) end')
        local result_of_write = small:records_of("effect.end")[1].result
        assert.is_nil(result_of_write.fields)
        patch({stringData = {pin = "0815"}}, "secret")
        local result = small:resume()
        salvor.expect_code(6, result)
        salvor.expect(result.stdout, "Secret " .. small.namespace .. "/a was edited (step one)")
        local all = small:state()
        all.output = result.stdout .. result.stderr
        for _, text in pairs(all) do
            for _, value in ipairs({"4711", "0815", "NDcxMQ==", "MDgxNQ=="}) do
                assert.is_nil(text:find('"' .. value, 1, true))
            end
        end
    end)

    it("has digests of what it has written, and no values", function()
        stop(CREATES)
        local records = small:records_of("effect.end")
        assert.same({api = "v1", kind = "ConfigMap", namespace = small.namespace, name = "a"},
            small:records_of("effect.begin")[1].object)
        assert.truthy(records[1].result.fields["/data/x"]:match("^%x+$"))
        assert.is_nil(must(json.encode(records[1].result)):find("old", 1, true))
    end)

    it("goes on where it may not look", function()
        local restricted, why = lab.kubeconfig("restricted")
        if not restricted then
            pending(why)
        end
        must(small.client:create({
            apiVersion = "rbac.authorization.k8s.io/v1", kind = "Role", metadata = {name = "few"},
            rules = {{apiGroups = {""}, resources = {"configmaps"}, verbs = {"create"}},
                     {apiGroups = {"coordination.k8s.io"}, resources = {"leases"}, verbs = {"*"}}},
        }))
        must(small.client:create({
            apiVersion = "rbac.authorization.k8s.io/v1", kind = "RoleBinding",
            metadata = {name = "few"},
            roleRef = {apiGroup = "rbac.authorization.k8s.io", kind = "Role", name = "few"},
            subjects = {{apiGroup = "rbac.authorization.k8s.io", kind = "User",
                         name = "restricted"}},
        }))
        small.kubeconfig = restricted
        stop(CREATES)
        patch({data = {x = "new"}})
        salvor.expect_code(0, small:resume())
    end)
end)
