-- apic-v10/configure-s3-backup in two data centres: multiSiteHA is taken out of both, never lost,
-- and put back with the original active one first.
local dig = require("salvor").dig
local journal = require("salvor.procedure.journal")
local multisite = require("salvor.apiconnect.multisite")
local node = require("support.node")
local operation = require("support.operation")
local pgbackrest_pod = require("support.pgbackrest_pod")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")
local world = require("worlds.apic_v10_s3")

local function define()
    local pods, fixture, other, history

    setup(function()
        pods = pgbackrest_pod.new()
    end)

    teardown(function()
        pods:close()
    end)

    --- This data centre in that mode, and the other in the other mode.
    local function start(mode, top)
        history = {}
        fixture = s3_operation.start({kubeconfig = node.kubeconfig(), pods = pods, mode = mode,
                                      namespace = node.namespace(), history = history, top = top})
        other = s3_operation.start({kubeconfig = node.kubeconfig(), pods = pods,
                                    namespace = node.namespace(), history = history, top = top,
                                    second = true,
                                    mode = mode == "active" and "passive" or "active"})
    end

    after_each(function()
        other:close()
        fixture:close()
    end)

    local function params(more)
        local given = {other_namespace = other.namespace, other_path = other.path}
        for name, value in pairs(more or {}) do
            given[name] = value
        end
        return given
    end

    local function multisite_of(target)
        return target.world:management().spec.multiSiteHA
    end

    for _, mode in ipairs({"active", "passive"}) do
        it("configures both, from the side of the " .. mode .. " one", function()
            start(mode)
            salvor.expect_code(0, fixture:run(params()))
            assert.same(world.MULTISITE[mode], multisite_of(fixture))
            assert.same(world.MULTISITE[mode == "active" and "passive" or "active"],
                multisite_of(other))
            assert.equal(fixture.path, fixture:settings().path)
            assert.equal(other.path, other:settings().path)
            local active = mode == "active" and fixture or other
            local passive = mode == "active" and other or fixture
            assert.same({"none " .. passive.namespace, "none " .. active.namespace,
                         "active " .. active.namespace, "passive " .. passive.namespace}, history)
            for _, target in ipairs({fixture, other}) do
                assert.is_nil(multisite.kept(target.world:management()))
                assert.truthy(target.world.client:get("secrets", "s3-credentials"))
            end
            local s <close> = fixture:store(other.path)
            assert.truthy(s:stat("archive/db/archive.info"))
        end)
    end

    it("keeps what it takes out in the resources and in the journal, when it stops", function()
        start("active", "apic")
        local s <close> = fixture:store()
        fixture.world.before_stanza = function()
            fixture.world.before_stanza = nil
            must(s:write("backup/db/leftover", "x"))
        end
        local result = fixture:run(params())
        salvor.expect_code(5, result)
        local run = operation.run_id(result)
        local top = must(other.world.client:get("apiconnectclusters.apiconnect.ibm.com", "apic"))
        assert.is_nil(dig(top, "spec", "management", "multiSiteHA"))
        assert.same(world.MULTISITE.passive, multisite.kept(top))
        local records, found = must(journal.read(fixture:journal_path(run))), nil
        for _, record in ipairs(records) do
            found = dig(record, "facts", "sites") or found
        end
        assert.same(world.MULTISITE.active, found[1].multisite)
        assert.same(world.MULTISITE.passive, found[2].multisite)

        -- The run is lost: a new one finds what the first has taken out.
        must(s:remove("backup/db/leftover"))
        fixture.world.remakes = true
        must(fixture.world.client:delete("jobs.batch", world.JOB))
        local again = fixture:run(params())
        salvor.expect_code(0, again)
        salvor.expect(again.stdout, "was taken out by an earlier run; this one will put it back")
        assert.same(world.MULTISITE.active, multisite_of(fixture))
        assert.same(world.MULTISITE.passive, multisite_of(other))
    end)

    it("refuses what is not two data centres of one deployment", function()
        start("active")
        local before, beside = fixture.world:snapshot(), other.world:snapshot()
        local function expect_refusal(given, ...)
            local result = fixture:run(given)
            salvor.expect_code(4, result)
            salvor.expect(result.stdout, ...)
            assert.same(before, fixture.world:snapshot())
            assert.same(beside, other.world:snapshot())
        end
        expect_refusal({}, "management is one of two data centres (multiSiteHA)",
            "-p other_context=…")
        expect_refusal(params({other_path = false}), "name the other one's with -p other_path=…")
        expect_refusal(params({other_path = fixture.bucket .. "/warm"}),
            "both data centres would have their backups in bucket " .. fixture.bucket)
        expect_refusal(params({other_name = "none"}),
            "there is no ManagementCluster none in namespace " .. other.namespace)
        other.world:patch({spec = {multiSiteHA = {mode = "active"}}})
        world.settle(other.world)
        beside = other.world:snapshot()
        expect_refusal(params(), "multiSiteHA.mode is 'active' here and 'active'")
        other.world:patch({spec = {multiSiteHA = require("salvor").null}})
        world.settle(other.world)
        beside = other.world:snapshot()
        expect_refusal(params(), "one of the two data centres has multiSiteHA, the other has not")
    end)

    it("plans changes of both, and makes none", function()
        start("active")
        local before, beside = fixture.world:snapshot(), other.world:snapshot()
        local result = fixture:plan(params())
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "- spec.multiSiteHA.mode",
            "patch " .. other.namespace .. ": ManagementCluster")
        assert.same(before, fixture.world:snapshot())
        assert.same(beside, other.world:snapshot())
    end)
end

node.describe("apic-v10/configure-s3-backup in two data centres", function()
    store_lab.describe("with pods", "s3 pgbackrest", define)
end)
