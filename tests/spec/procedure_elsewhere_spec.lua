-- A procedure that works on two clusters: in both it is locked, may do what it needs, is planned,
-- resumed and undone.
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")
local small_procedure = require("support.small_procedure")
local task = require("salvor.task")
local two_clusters = require("support.two_clusters")
local yaml = require("salvor.yaml")

local ID = "site/script"
local LEASES = "leases.coordination.k8s.io"
local QUICK_RENEWAL = fs.absolute("tests/support/quick_renewal.lua")

lab.describe("a procedure that works elsewhere, too,", function()
    local small, there, namespace, files

    before_each(function()
        small = small_procedure.new()
        namespace, there = two_clusters.namespace_there()
        files = two_clusters.files()
        small.kubeconfig = two_clusters.write(fs.join(small.home, "both"), files)
    end)

    after_each(function()
        there:delete("namespaces", namespace)
        getmetatable(there).__close(there)
        small:close()
    end)

    --- Installs a procedure for both clusters; it makes config maps and needs nothing else.
    local function install(steps, fields)
        local all = {
            elsewhere = 'function() return {{context = "there", namespace = "' .. namespace
                .. '"}} end',
            permissions = '{{kind = "configmaps", verbs = {"create", "patch", "delete"},'
                .. ' elsewhere = true}}',
        }
        for name, text in pairs(fields or {}) do
            all[name] = text
        end
        small:steps(steps, all)
    end

    local MAKE = 'id = "make", run = function(ctx) for number, k8s in ipairs({ctx.k8s,'
        .. ' ctx.elsewhere[1]}) do must(k8s:create(config_map("number-" .. number))) end end'

    local function lease_of(client)
        return client:get(LEASES, "salvor")
    end

    local function expect_nothing()
        for client, number in pairs({[small.client] = 1, [there] = 2}) do
            assert.equal("NotFound", select(2, client:get("cm", "number-" .. number)).code)
            assert.is_nil((lease_of(client)))
        end
    end

    it("is told where, plans and changes both, and each effect is told with its place", function()
        install({MAKE})
        local plan = small:salvor({"plan", ID})
        salvor.expect_code(0, plan)
        salvor.expect(plan.stdout, "and on ", "(context there), namespace " .. namespace,
            "create ConfigMap " .. small.namespace .. "/number-1",
            "create there: ConfigMap " .. namespace .. "/number-2")
        expect_nothing()
        salvor.expect_code(0, small:run())
        assert.truthy(small.client:get("cm", "number-1"))
        assert.truthy(there:get("cm", "number-2"))
        assert.is_nil((there:get("cm", "number-1")))
        assert.same({{context = "there", namespace = namespace, server = there.server,
                      uid = must(there:get("namespaces", "kube-system")).metadata.uid}},
            small:records_of("run.begin")[1].elsewhere)
        local report = salvor.run({"report", small:only_run()}, {home = small.home})
        salvor.expect_code(0, report)
        salvor.expect(report.stdout, "namespace " .. small.namespace .. "; and namespace "
            .. namespace .. " of context there (" .. there.server .. ")",
            "create there: ConfigMap " .. namespace .. "/number-2")
    end)

    it("has the lock of both while it runs, and gives both back", function()
        install({'id = "look", run = function(ctx) for _, k8s in ipairs({ctx.k8s,'
            .. ' ctx.elsewhere[1]}) do note(must(k8s:get("' .. LEASES .. '", "salvor"))'
            .. '.metadata.labels["salvor-run"]) end end'})
        salvor.expect_code(0, small:run())
        local run = small:only_run()
        assert.equal(run .. "\n" .. run .. "\n", small:notes())
        expect_nothing()
        local places = {}
        for index, record in ipairs(small:records_of("lock.acquired")) do
            places[index] = record.place
        end
        table.sort(places)
        local expected = {"namespace " .. namespace .. " of context there",
                          "namespace " .. small.namespace}
        table.sort(expected)
        assert.same(expected, places)
    end)

    it("takes the locks in one order, from whichever cluster it is begun", function()
        local orders = {}
        local other <close> = small_procedure.new(namespace)
        other.kubeconfig = two_clusters.write(fs.join(other.home, "both"), {here = files.there,
                                                                            there = files.here})
        for index, each in ipairs({small, other}) do
            local away = each == small and namespace or small.namespace
            each:steps({'id = "one", run = function() end'}, {elsewhere = 'function() return'
                .. ' {{context = "there", namespace = "' .. away .. '"}} end'})
            salvor.expect_code(0, each:run())
            orders[index] = {}
            for number, record in ipairs(each:records_of("lock.acquired")) do
                orders[index][number] = record.place:match("^namespace (%S+)")
            end
        end
        assert.equal(2, #orders[1])
        assert.same(orders[1], orders[2])
    end)

    local function occupy(client)
        must(client:create({apiVersion = "coordination.k8s.io/v1", kind = "Lease",
            metadata = {name = "salvor"},
            spec = {holderIdentity = "ann@away/20260101-000000-abcdef",
                    leaseDurationSeconds = 3600}}))
    end

    it("is kept out by whoever works on one of them, and keeps no lock of the other", function()
        install({MAKE})
        for client, place in pairs({[small.client] = "namespace " .. small.namespace,
                                    [there] = "namespace " .. namespace .. " of context there"}) do
            occupy(client)
            local plan = small:salvor({"plan", ID})
            salvor.expect_code(0, plan)
            salvor.expect(plan.stdout, "warning: somebody works on " .. place .. " now: ann@away")
            local result = small:run()
            salvor.expect_code(1, result)
            salvor.expect(result.stderr, "somebody works on " .. place .. " already: ann@away",
                "nothing was changed")
            must(client:delete(LEASES, "salvor"))
            expect_nothing()
        end
    end)

    it("takes both by --break-lock", function()
        install({MAKE})
        occupy(small.client)
        occupy(there)
        local result = small:run({ID, "--break-lock"})
        salvor.expect_code(0, result)
        assert.equal(2, select(2, result.stdout:gsub("%-%-break%-lock took it", "")))
    end)

    it("stops when either lock is lost, and goes on when it is resumed", function()
        install({'id = "wait", run = function(ctx) note("waiting") wait_for_go() end', MAKE})
        local ended
        local running = task.spawn(function()
            ended = small:salvor({QUICK_RENEWAL, "run", ID})
        end)
        small:await_note("waiting")
        must(there:delete(LEASES, "salvor"))
        running:join()
        salvor.expect_code(5, ended)
        salvor.expect(ended.stderr, "the lock of namespace " .. namespace .. " of context there"
            .. " was lost: somebody has deleted its Lease")
        expect_nothing()
        small:set("go", true)
        salvor.expect_code(0, small:resume())
        assert.truthy(there:get("cm", "number-2"))
    end)

    it("asks both clusters what this user may do, and says what is needed where", function()
        install({MAKE})
        local here_only = lab.kubeconfig("restricted")
        if not here_only then
            pending("needs a user without rights")
        end
        local admin = small.kubeconfig
        -- May do everything here, and nothing there.
        small.kubeconfig = two_clusters.write(fs.join(small.home, "less"), {here = files.here,
            there = (files.there:gsub("kubeconfig$", "kubeconfig-restricted"))})
        for _, command in ipairs({"plan", "run"}) do
            local result = small:salvor({command, ID})
            salvor.expect_code(4, result)
            salvor.expect(result.stdout, "FAILED      permissions",
                "this user may not create, delete, get and patch configmaps in namespace "
                .. namespace .. " of context there",
                "leases.coordination.k8s.io salvor in namespace " .. namespace
                .. " of context there",
                "let an administrator of context there apply what 'salvor rbac " .. ID .. " -n "
                .. small.namespace .. " --cluster there --user NAME' prints")
            assert.is_nil(result.stdout:find("in namespace " .. small.namespace, 1, true))
        end
        expect_nothing()

        small.kubeconfig = admin
        local here = small:salvor({"rbac", ID, "--user", "restricted"})
        salvor.expect_code(0, here)
        salvor.expect(here.stderr, "the cluster of context there needs objects of its own: add"
            .. " --cluster there")
        assert.is_nil(here.stdout:find(namespace, 1, true))
        local printed = small:salvor({"rbac", ID, "--user", "restricted", "--cluster", "there"})
        salvor.expect_code(0, printed)
        assert.equal("", printed.stderr)
        for _, object in ipairs(must(yaml.load_all(printed.stdout))) do
            assert.equal(namespace, object.metadata.namespace)
            must(there:create(object))
        end
        small.kubeconfig = fs.join(small.home, "less")
        salvor.expect_code(0, small:run())
    end)

    it("needs nothing in another cluster that it does not name", function()
        install({MAKE})
        local result = small:salvor({"rbac", ID, "--cluster", "nowhere"})
        salvor.expect_code(2, result)
        salvor.expect(result.stderr, "nothing is done in a cluster of context 'nowhere'")
    end)

    it("is no other place when it leads to the target", function()
        install({MAKE}, {elsewhere = 'function() return {{context = "there", namespace = "'
            .. small.namespace .. '"}} end'})
        two_clusters.write(small.kubeconfig, {here = files.here, there = files.here})
        local result = small:run()
        salvor.expect_code(2, result)
        salvor.expect(result.stderr, "namespace " .. small.namespace
            .. " of context there is the target itself")
    end)

    it("is not begun when the other cluster, or its namespace, is not there", function()
        install({MAKE})
        two_clusters.write(small.kubeconfig, {here = files.here})
        local result = small:run()
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "there")
        two_clusters.write(small.kubeconfig, files)
        install({MAKE}, {elsewhere = 'function() return {{context = "there",'
            .. ' namespace = "no-such-namespace"}} end'})
        result = small:run()
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "the lock of namespace no-such-namespace of context there"
            .. " cannot be taken: ")
        assert.is_nil((lease_of(small.client)))
    end)

    it("is not resumed, nor run by a saved plan, when a context means another cluster", function()
        install({MAKE, 'id = "fail", run = fail_at_will'})
        local same = {here = files.here, there = files.here}
        -- The same namespace, so that nothing else differs.
        must(small.client:create({apiVersion = "v1", kind = "Namespace",
                                  metadata = {name = namespace}}))
        local saved = fs.join(small.home, "plan.json")
        salvor.expect_code(0, small:salvor({"plan", ID, "--save", saved}))
        two_clusters.write(small.kubeconfig, same)
        local planned = salvor.run({"run", "--plan", saved, "--kubeconfig", small.kubeconfig},
            {home = small.home})
        salvor.expect_code(4, planned)
        salvor.expect(planned.stdout .. planned.stderr, "cluster of context there: was "
            .. there.server)
        two_clusters.write(small.kubeconfig, files)
        small:set("fail", true)
        salvor.expect_code(5, small:run())
        two_clusters.write(small.kubeconfig, same)
        local resumed = small:resume()
        salvor.expect_code(1, resumed)
        salvor.expect(resumed.stderr, "context there is another cluster than when run "
            .. small:only_run() .. " began")
        must(small.client:delete("namespaces", namespace))
    end)

    it("tells what was changed there while it was stopped, and asks", function()
        install({'id = "make", run = function(ctx) must(ctx.elsewhere[1]:create(config_map("two",'
            .. ' {a = "1"}))) end', 'id = "fail", run = fail_at_will'})
        small:set("fail", true)
        salvor.expect_code(5, small:run())
        must(there:patch("cm", "two", {data = {a = "2"}}))
        small:set("fail", false)
        local asked = small:resume()
        salvor.expect_code(6, asked)
        salvor.expect(asked.stdout, "ConfigMap " .. namespace .. "/two of context there was edited:"
            .. " data.a (step make)")
        salvor.expect_code(0, small:resume({"--accept-changes"}))
    end)

    it("undoes what it did there", function()
        install({'id = "make", run = function(ctx) must(ctx.elsewhere[1]:create('
            .. 'config_map("two"))) end, undo = function(ctx) must(ctx.elsewhere[1]:delete("cm",'
            .. ' "two")) end'})
        salvor.expect_code(0, small:run())
        assert.truthy(there:get("cm", "two"))
        salvor.expect_code(0, small:undo())
        assert.is_nil((there:get("cm", "two")))
        expect_nothing()
    end)

    it("waits there by name of the place", function()
        install({'id = "wait", run = function(ctx) must(ctx.elsewhere[1]:wait("cm", "late",'
            .. ' {create = true, timeout = 30})) end'})
        local ended
        local running = task.spawn(function()
            ended = small:run()
        end)
        small:await_record("wait.begin")
        must(there:create({apiVersion = "v1", kind = "ConfigMap", metadata = {name = "late"}}))
        running:join()
        salvor.expect_code(0, ended)
        assert.equal("there: cm late", small:records_of("wait.begin")[1].target)
    end)

    it("cannot be deployed into one of them", function()
        install({MAKE})
        local result = small:salvor({"deploy", ID, "--image", "image"})
        salvor.expect_code(2, result)
        salvor.expect(result.stderr, "the procedure works on the cluster of context there as well")
    end)

    it("is held to the form of what its script says", function()
        for text, problem in pairs({
            ['function() return {"there"} end'] = "gives something else than {context, namespace}",
            ['function() return {{contxt = "there"}} end'] = "gives something else",
            ['function() return "there" end'] = "gives a string, not a table",
            ['function() error("oh") end'] = "oh",
            ['"there"'] = "function expected",
        }) do
            install({MAKE}, {elsewhere = text})
            local result = small:run()
            salvor.expect_code(3, result)
            salvor.expect(result.stderr, "elsewhere", problem)
        end
        assert.same({}, (small:runs()))
    end)

    it("lets one in of two that begin in the two clusters at the same time", function()
        local other <close> = small_procedure.new(namespace)
        other.kubeconfig = two_clusters.write(fs.join(other.home, "both"), {here = files.there,
                                                                            there = files.here})
        local codes, running = {}, {}
        for index, each in ipairs({small, other}) do
            each:steps({'id = "wait", run = wait_for_go'}, {elsewhere = 'function() return'
                .. ' {{context = "there", namespace = "'
                .. (each == small and namespace or small.namespace) .. '"}} end'})
            running[index] = task.spawn(function()
                local result = each:salvor({QUICK_RENEWAL, "run", ID})
                codes[#codes + 1] = result.code
                if result.code ~= 0 then
                    salvor.expect(result.stderr, "somebody works on namespace ")
                end
                -- Whoever was kept out lets the other one end.
                small:set("go", true)
                other:set("go", true)
            end)
        end
        running[1]:join()
        running[2]:join()
        assert.same({1, 0}, codes)
        expect_nothing()
    end)
end)
