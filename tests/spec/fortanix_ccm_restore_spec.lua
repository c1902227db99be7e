-- fortanix-ccm/restore against a simulated platform: the end state, which backup is restored, and
-- when ConfigMap and Secret are applied.
local fortanix = require("worlds.fortanix")
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")
local support = require("support.fortanix")

local RESTORES = "medusarestorejobs.medusa.k8ssandra.io"

local function start(options)
    local fixture = support.start("fortanix-ccm/restore", options)
    fixture:back_up()
    return fixture
end

lab.describe("run of fortanix-ccm/restore", function()
    local fixture, client, before, result

    local function uids()
        local found = {}
        for _, name in ipairs(fixture.world:deployments()) do
            found[name] = must(client:get("deployments.apps", name)).metadata.uid
        end
        return found
    end

    setup(function()
        fixture = start()
        client = fixture.world.client
        before = uids()
        before.pod = must(client:get("pods", "main-dc1-rack1-sts-0")).metadata.uid
        result = fixture:run()
        salvor.expect_code(0, result)
    end)

    teardown(function()
        fixture:close()
    end)

    it("restores the kit's backup with one job", function()
        local jobs = must(client:list(RESTORES))
        assert.equal(1, #jobs)
        assert.equal("dc1", jobs[1].spec.cassandraDatacenter)
        assert.matches("^medusa%-backup%-", jobs[1].spec.backup)
        assert.equal(fixture.world.medusa.restored, jobs[1].spec.backup)
        assert.not_equal(before.pod, must(client:get("pods", "main-dc1-rack1-sts-0")).metadata.uid)
    end)

    it("leaves the operator at work, with each microservice deployed anew", function()
        assert.is_false(fixture.world:platform().spec.paused)
        local now = uids()
        for _, name in ipairs(fortanix.DEPLOYMENTS) do
            assert.truthy(now[name])
            assert.not_equal(before[name], now[name])
        end
        assert.equal(before[fortanix.OPERATOR], now[fortanix.OPERATOR])
    end)

    it("does not touch ConfigMap and Secret where the cluster was not recreated", function()
        salvor.expect(result.stdout, "not needed  apply-bootstrapping ")
    end)
end)

lab.describe("plan of fortanix-ccm/restore", function()
    it("changes nothing and tells what would be done", function()
        local fixture <close> = start()
        local before, kit = fixture.world:snapshot(), salvor.tree(fixture.kit)
        local result = fixture:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "~ spec.paused: false -> true",
            "delete Deployment " .. fixture.namespace .. "/malbork",
            "delete Deployment " .. fixture.namespace .. "/ccm-frontend-4-36-2101",
            "wait for pods with app=malbork to be gone, at most 5m",
            "MedusaRestoreJob medusa-restore-plan to begin, at most 5m",
            "MedusaRestoreJob medusa-restore-plan to finish, at most 4h",
            "create MedusaRestoreJob", "~ spec.paused: true -> false", "nothing was changed")
        assert.is_nil(result.stdout:find("delete Deployment " .. fixture.namespace .. "/"
            .. fortanix.OPERATOR, 1, true))
        assert.same(before, fixture.world:snapshot())
        assert.same(kit, salvor.tree(fixture.kit))
    end)
end)

lab.describe("fortanix-ccm/restore restores", function()
    local BACKUPS = {{"old", 90000}, {"good", -600}, {"half", -900, {finishedNodes = 1}}}

    local function restored(params)
        local fixture <close> = start({medusa = {backups = BACKUPS}})
        salvor.expect_code(0, fixture:run(params))
        return fixture.world.medusa.restored
    end

    it("the newest backup that can be", function()
        assert.equal("good", restored({backup = "newest"}))
    end)

    it("the kit's, where nobody knows the resource but by the kit", function()
        local fixture <close> = start()
        local refused = fixture:run({cr = false})
        salvor.expect_code(2, refused)
        salvor.expect(refused.stderr, "parameter 'cr' is missing", "such as cr.yaml of the kit")
        salvor.expect_code(0, fixture:run({cr = fs.join(fixture:generation(), "cr.yaml")}))
        assert.matches("^medusa%-backup%-", fixture.world.medusa.restored)
    end)

    it("a backup by its name", function()
        assert.equal("old", restored({backup = "old"}))
    end)

    it("again, after one that has ended", function()
        local fixture <close> = start({medusa = {backups = BACKUPS}})
        salvor.expect_code(0, fixture:run())
        salvor.expect_code(0, fixture:run({backup = "old"}))
        assert.equal("old", fixture.world.medusa.restored)
    end)

    it("from an older generation of the kit", function()
        local fixture <close> = start()
        local older = fixture:generation()
        fixture:back_up()
        salvor.expect_code(0, fixture:run({kit = older}))
        assert.equal("medusa-backup-" .. fs.basename(older), fixture.world.medusa.restored)
    end)
end)

lab.describe("ConfigMap and Secret of fortanix-ccm/restore", function()
    local function data(fixture)
        local client = fixture.world.client
        return {must(client:get("configmaps", fortanix.CONFIG_MAP)).data,
                must(client:get("secrets", fortanix.SECRET)).data}
    end

    local function lose(fixture)
        must(fixture.world.client:delete("configmaps", fortanix.CONFIG_MAP))
        must(fixture.world.client:delete("secrets", fortanix.SECRET))
    end

    local function change(fixture)
        must(fixture.world.client:patch("configmaps", fortanix.CONFIG_MAP,
            {data = {["config.json"] = "{}"}}))
    end

    it("are applied when they are missing", function()
        local fixture <close> = start()
        local before = data(fixture)
        lose(fixture)
        local result = fixture:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "ConfigMap malbork-bootstrapping-data is missing: it is taken"
            .. " from the kit", "Secret malbork-bootstrapping-secret-data is missing")
        assert.same(before, data(fixture))
    end)

    it("are shown by a plan, the Secret without its values", function()
        local fixture <close> = start()
        local values = must(fixture.world.client:get("secrets", fortanix.SECRET)).data
        lose(fixture)
        local result = fixture:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "apply Secret " .. fixture.namespace .. "/" .. fortanix.SECRET)
        for _, value in pairs(values) do
            assert.is_nil(result.stdout:find(value, 1, true))
        end
    end)

    it("are asked about when they are others than the kit's", function()
        local fixture <close> = start()
        change(fixture)
        local before = fixture.world:snapshot()
        local result = fixture:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "ConfigMap malbork-bootstrapping-data is not what the kit has",
            "-p recreated=yes applies the kit's, -p recreated=no leaves it")
        assert.same(before, fixture.world:snapshot())
    end)

    it("are asked about when they have more than the kit's", function()
        local fixture <close> = start()
        must(fixture.world.client:patch("secrets", fortanix.SECRET, {data = {more = "bW9yZQ=="}}))
        local result = fixture:plan()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "Secret malbork-bootstrapping-secret-data is not what the kit")
    end)

    it("are those of the kit with recreated=yes", function()
        local fixture <close> = start()
        local before = data(fixture)
        change(fixture)
        local result = fixture:run({recreated = "yes"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: this very cluster is the one that the kit was made")
        assert.same(before, data(fixture))
    end)

    it("stay as they are with recreated=no", function()
        local fixture <close> = start()
        change(fixture)
        local before = data(fixture)
        salvor.expect_code(0, fixture:run({recreated = "no"}))
        assert.same(before, data(fixture))
    end)

    it("must be there with recreated=no", function()
        local fixture <close> = start()
        lose(fixture)
        local result = fixture:run({recreated = "no"})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "Secret malbork-bootstrapping-secret-data is missing",
            "leave out -p recreated=no")
    end)

    it("go to the target's namespace, whatever the kit says", function()
        local fixture <close> = start()
        local before = data(fixture)
        lose(fixture)
        fixture:forge("secret.yaml", function(part)
            part.metadata.namespace = "kube-system"
        end)
        salvor.expect_code(0, fixture:run())
        assert.same(before, data(fixture))
        assert.is_nil((fixture.world.client:get("secrets", fortanix.SECRET,
            {namespace = "kube-system"})))
    end)
end)
