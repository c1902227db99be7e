-- fortanix-ccm/restore that goes wrong half-way: each failure is recognised and explained, and once
-- its cause is gone the run goes on.
local fortanix = require("worlds.fortanix")
local fs = require("salvor.fs")
local journal = require("salvor.procedure.journal")
local lab = require("support.lab")
local list = require("salvor").list
local null = require("salvor").null
local operation = require("support.operation")
local operator = require("worlds.operator")
local salvor = require("support.salvor")
local support = require("support.fortanix")
local task = require("salvor.task")

local RESTORES = "medusarestorejobs.medusa.k8ssandra.io"

local function start(options)
    local fixture = support.start("fortanix-ccm/restore", options)
    fixture:back_up()
    return fixture
end

--- A pod that nobody runs.
local function add_pod(name)
    return {apiVersion = "v1", kind = "Pod", metadata = {name = name},
            spec = {schedulerName = "nobody", containers = {{name = "main", image = "main:1"}}}}
end

--- A run that stops, saying these things; its id.
local function stops(fixture, params, ...)
    local result = fixture:run(params)
    salvor.expect_code(5, result)
    salvor.expect(result.stderr, "go on with: salvor run --resume", ...)
    return operation.run_id(result)
end

lab.describe("fortanix-ccm/restore stops when", function()
    it("the operator does not heed the pause: deployments come back, data stay", function()
        local fixture <close> = start()
        fixture.world.faults.ignores_pause = true
        local run = stops(fixture, nil, "stopped at step delete-deployments",
            "deleted deployments came back: alhambra", "the operator is not paused",
            "No data were touched")
        assert.equal(0, #must(fixture.world.client:list(RESTORES)))
        assert.is_nil(fixture.world.medusa.restored)
        fixture.world.faults.ignores_pause = nil
        salvor.expect_code(0, fixture:resume(run))
        assert.truthy(fixture.world.medusa.restored)
    end)

    for left_out, case in pairs({
        ["kit"] = {4, "settings is not known; begin a new run without --skip kit"},
        ["resource"] = {5, "cr is not known; begin a new run without --skip resource"},
        ["deployments"] = {5, "selectors is not known; begin a new run without --skip deployments"},
        ["cassandra"] = {4, "datacenter is not known; begin a new run without --skip cassandra"},
        ["cassandra backup"] = {1, "datacenter is not known; begin a new run without"},
    }) do
        it("what others rest on was left out, which touches nothing: " .. left_out, function()
            local fixture <close> = start()
            local before = fixture.world:snapshot()
            local result = fixture:run_without(left_out)
            salvor.expect_code(case[1], result)
            salvor.expect(result.stdout .. result.stderr, case[2])
            assert.same(before, fixture.world:snapshot())
            salvor.expect_code(0, fixture:salvor({"run", "--undo", operation.run_id(result),
                                                  "--yes"}))
            assert.same(before, fixture.world:snapshot())
        end)
    end

    it("the microservices are deployed again though their prerequisites were not looked at",
        function()
            local fixture <close> = start()
            salvor.expect_code(0, fixture:run_without("prerequisites"))
            assert.is_false(fixture.world:platform().spec.paused)
        end)

    it("the operator is paused already and the deployments are not known: they stay", function()
        local fixture <close> = start()
        must(fixture.world.client:patch(fortanix.PLATFORMS, "ccm", {spec = {paused = true}}))
        local before = fixture.world:snapshot()
        local result = fixture:run_without("deployments")
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "selectors is not known")
        assert.same(before, fixture.world:snapshot())
    end)

    it("the microservices run when the restore is to begin", function()
        local fixture <close> = start()
        local result = fixture:run_without("delete-deployments")
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step restore", "pod alhambra-",
            "of the microservices runs, and would write to the database", "No data were touched")
        assert.equal(0, #must(fixture.world.client:list(RESTORES)))
    end)

    it("a backup of the schedule has begun since the checks; it goes on when that has ended",
        function()
            local fixture <close> = start()
            local client = fixture.world.client
            local run = operation.run_id(fixture:run_with({"--until", "delete-deployments"}))
            must(client:create({
                apiVersion = "medusa.k8ssandra.io/v1alpha1", kind = "MedusaBackupJob",
                metadata = {name = "hourly", labels = {["salvor-test-seeded"] = "true"}},
                spec = {cassandraDatacenter = "dc1", backupType = "differential"}}))
            local result = fixture:resume(run)
            salvor.expect_code(5, result)
            salvor.expect(result.stderr, "stopped at step restore",
                "MedusaBackupJob hourly is about to begin", "Cassandra would be stopped below it")
            assert.equal(0, #must(client:list(RESTORES)))
            must(client:delete("medusabackupjobs", "hourly"))
            salvor.expect_code(0, fixture:resume(run))
            assert.truthy(fixture.world.medusa.restored)
        end)

    for what, case in pairs({
        ["its status names a pod that failed"] = {{failed = list({"main-dc1-rack1-sts-1"})},
            "failed on main-dc1-rack1-sts-1"},
        ["it never stopped the datacenter"] = {{datacenterStopped = null},
            "it finished without stopping the datacenter: nothing was restored"},
        ["it ends before it has begun"] = {"refused", "target backup has not finished"},
    }) do
        it("the restore has finished, but " .. what, function()
            local fixture <close> = start()
            fixture.world.medusa.faults.restore = case[1]
            stops(fixture, {begin_timeout = "30s", restore_timeout = "30s"},
                "stopped at step restore", case[2])
            assert.is_true(fixture.world:platform().spec.paused)
        end)
    end

    it("the restore finishes with a message; a resume makes a new job", function()
        local fixture <close> = start()
        fixture.world.medusa.faults.restore = {message = "no luck"}
        local run = stops(fixture, nil, "stopped at step restore",
            "no luck; the logs of the k8ssandra operator, and of the init container medusa-restore")
        assert.is_true(fixture.world:platform().spec.paused)
        fixture.world.medusa.faults.restore = nil
        salvor.expect_code(0, fixture:resume(run))
        local name = "medusa-restore-" .. run
        local names = {}
        for index, job in ipairs(must(fixture.world.client:list(RESTORES))) do
            names[index] = job.metadata.name
        end
        assert.same({name, name .. "-2"}, names)
    end)

    it("the restore stays where it is", function()
        local fixture <close> = start()
        fixture.world.medusa.faults.restore = "stuck"
        stops(fixture, {restore_timeout = "5s"}, "stopped at step restore",
            "was waited for 5 s to finish; last: ", "the datacenter is being restored and started")
    end)

    it("the backup has gone from the cluster: the job never begins, a sync lets it", function()
        local fixture <close> = start()
        local world = fixture.world.medusa
        world.faults.restore = "forgotten"
        local run = stops(fixture, {begin_timeout = "5s"}, "stopped at step restore",
            "does not begin: MedusaBackup medusa-backup-", "is not in the cluster",
            "a MedusaTask with operation sync brings what is in storage")
        must(world.client:create({apiVersion = "medusa.k8ssandra.io/v1alpha1", kind = "MedusaTask",
                                  metadata = {name = "sync"},
                                  spec = {cassandraDatacenter = "dc1", operation = "sync"}}))
        must(world.client:wait("medusatasks", "sync", {timeout = 60}))
        salvor.expect_code(0, fixture:resume(run))
        assert.equal(1, #must(world.client:list(RESTORES)))
        assert.matches("^medusa%-backup%-", world.restored)
    end)

    it("nobody takes up the restore job", function()
        local fixture <close> = start()
        fixture.world.medusa.faults.restore = "ignored"
        stops(fixture, {begin_timeout = "5s"}, "does not begin: its status stays empty",
            "is the k8ssandra operator running?")
    end)

    it("a Cassandra pod does not start again", function()
        local fixture <close> = start()
        fixture.world.medusa.faults.pod = "main-dc1-rack1-sts-1"
        stops(fixture, {platform_timeout = "5s"}, "stopped at step await-cassandra",
            "pods \"main-dc1-rack1-sts-1\"", "node-state is Starting")
        assert.is_true(fixture.world:platform().spec.paused)
    end)

    it("a pod of the platform does not run", function()
        local fixture <close> = start()
        fixture.world.faults.pending = "malbork"
        stops(fixture, nil, "stopped at step await-platform", "deployments \"malbork\" has failed")
        assert.truthy(fixture.world.medusa.restored)
        assert.is_false(fixture.world:platform().spec.paused)
    end)

    it("a pod that no deployment of the backup has does not run; what runs stays", function()
        local fixture <close> = start()
        local client = fixture.world.client
        must(client:create(add_pod("queue-0")))
        must(client:patch("pods", "queue-0", {status = {containerStatuses = {{
            name = "main", image = "main:1", imageID = "", ready = false, restartCount = 0,
            state = {waiting = {reason = "InvalidImageName"}},
        }}}}, {subresource = "status"}))
        local run = stops(fixture, nil, "stopped at step await-platform",
            "pods \"queue-0\" has failed: container main: InvalidImageName")
        must(client:delete("pods", "queue-0"))
        local before = fixture.world:platform()
        local uid = must(client:get("deployments.apps", "malbork")).metadata.uid
        salvor.expect_code(0, fixture:resume(run))
        assert.equal(uid, must(client:get("deployments.apps", "malbork")).metadata.uid)
        assert.same(before, fixture.world:platform())
    end)

    it("a deleted deployment is held by a finalizer", function()
        local fixture <close> = start()
        local client = fixture.world.client
        must(client:patch("deployments.apps", "malbork",
            {metadata = {finalizers = {"example.org/held"}}}))
        stops(fixture, {stop_timeout = "1s"}, "deployments are not gone after 1 s: malbork",
            "look at their finalizers")
        must(client:patch("deployments.apps", "malbork", {metadata = {finalizers = list({})}}))
    end)
end)

--- Publishes another generation with another ConfigMap, as a backup in the meantime would.
local function add_generation(fixture)
    local other = fs.join(fixture.kit, "generations/other")
    salvor.make_tree(other, salvor.tree(fixture:generation()))
    must(fs.write(fs.join(fixture.kit, "latest"), "generations/other\n"))
    fixture:edit_manifest(function(manifest)
        manifest.run = "other"
    end)
    fixture:forge("configmap.yaml", function(part)
        part.data = {["config.json"] = "{}"}
    end)
end

lab.describe("fortanix-ccm/restore, waiting for the platform,", function()
    local function has_begun(fixture, step)
        for _, run in ipairs((fixture:runs())) do
            for _, record in ipairs(journal.read(fixture:journal_path(run)) or {}) do
                if record.type == "step.begin" and record.step == step then
                    return true
                end
            end
        end
    end

    it("does not miss pods that have done their work", function()
        local fixture <close> = start()
        local client, pods = fixture.world.client, 5
        for number = 1, pods do
            must(client:create(add_pod("job-" .. number)))
        end
        local run = task.spawn(function()
            return fixture:run()
        end)
        operator.eventually("the last step", function()
            return has_begun(fixture, "await-platform")
        end)
        -- One after the other, so that some of them end while they are waited for.
        for number = 1, pods do
            must(client:patch("pods", "job-" .. number, {status = {phase = "Succeeded"}},
                {subresource = "status"}))
            task.sleep(0.2)
        end
        salvor.expect_code(0, run:join())
    end)
end)

lab.describe("a stopped fortanix-ccm/restore", function()
    it("goes by the generation that it began with", function()
        local fixture <close> = start()
        local world = fixture.world
        local before = must(world.client:get("configmaps", fortanix.CONFIG_MAP)).data
        must(world.client:delete("configmaps", fortanix.CONFIG_MAP))
        world.medusa.faults.restore = {message = "no luck"}
        local run = stops(fixture, nil, "no luck")
        world.medusa.faults.restore = nil
        add_generation(fixture)
        salvor.expect_code(0, fixture:resume(run))
        assert.same(before, must(world.client:get("configmaps", fortanix.CONFIG_MAP)).data)
    end)

    it("deletes what has come back in the meantime", function()
        local fixture <close> = start()
        local world = fixture.world
        world.medusa.faults.restore = {message = "no luck"}
        local run = stops(fixture, nil, "no luck")
        world.medusa.faults.restore = nil
        must(world.client:patch(fortanix.PLATFORMS, "ccm", {spec = {paused = false}}))
        must(world.client:wait("deployments.apps", "methoni", {create = true, timeout = 60}))
        local uid = must(world.client:get("deployments.apps", "methoni")).metadata.uid
        local result = fixture:resume(run)
        salvor.expect_code(6, result)
        salvor.expect(result.stderr, "ccm was edited: spec.paused (step pause)")
        salvor.expect_code(0, fixture:salvor({"run", "--resume", run, "--yes", "--accept-changes"}))
        assert.not_equal(uid, must(world.client:get("deployments.apps", "methoni")).metadata.uid)
        assert.matches("^medusa%-backup%-", world.medusa.restored)
    end)

    it("can be undone: the operator is at work again, the platform as before", function()
        local fixture <close> = start()
        fixture.world.faults.ignores_pause = true
        local run = stops(fixture, nil, "the operator is not paused")
        fixture.world.faults.ignores_pause = nil
        local result = fixture:salvor({"run", "--undo", run, "--yes"})
        salvor.expect_code(0, result)
        assert.is_false(fixture.world:platform().spec.paused)
        operator.eventually("all deployments", function()
            return #fixture.world:deployments() == #fortanix.DEPLOYMENTS + 1
        end)
        salvor.expect_code(0, fixture:run())
        assert.is_truthy(fixture.world.medusa.restored)
    end)

    it("ends with the platform up where Cassandra, not looked at, is not restored", function()
        local fixture <close> = start()
        salvor.expect_code(0, fixture:run_without("cassandra backup restore"))
        assert.is_false(fixture.world:platform().spec.paused)
        assert.equal(#fortanix.DEPLOYMENTS + 1, #fixture.world:deployments())
        assert.is_nil(fixture.world.medusa.restored)
    end)

    it("can be undone though nobody has looked at Cassandra", function()
        local fixture <close> = start()
        fixture.world.faults.ignores_pause = true
        local result = fixture:run_without("cassandra backup restore await-cassandra")
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "the operator is not paused")
        salvor.expect_code(0, fixture:salvor({"run", "--undo", operation.run_id(result), "--yes"}))
        assert.is_false(fixture.world:platform().spec.paused)
    end)

    it("is not undone below a restore that has not ended", function()
        local fixture <close> = start()
        local client = fixture.world.client
        fixture.world.medusa.faults.restore = "forgotten"
        local run = stops(fixture, {begin_timeout = "5s"}, "is not in the cluster")
        local undo = {"run", "--undo", run, "--yes"}
        local result = fixture:salvor(undo)
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "step pause cannot be undone: MedusaRestoreJob medusa-restore-"
            .. run .. " has not begun, but will as soon as MedusaBackup", "delete it first")
        assert.is_true(fixture.world:platform().spec.paused)
        must(client:delete(RESTORES, "medusa-restore-" .. run))
        salvor.expect_code(0, fixture:salvor(undo))
        assert.is_false(fixture.world:platform().spec.paused)
    end)
end)
