-- fortanix-ccm/backup against a simulated platform: what is in the kit, and what is refused.
local eventually = require("support.eventually")
local fortanix = require("worlds.fortanix")
local fs = require("salvor.fs")
local lab = require("support.lab")
local null = require("salvor").null
local operation = require("support.operation")
local read_kit = require("support.read_kit")
local salvor = require("support.salvor")
local support = require("support.fortanix")
local yaml = require("salvor.yaml")

local function start(options)
    return support.start("fortanix-ccm/backup", options)
end

lab.describe("run of fortanix-ccm/backup", function()
    local fixture, result, files

    setup(function()
        fixture = start()
        result = fixture:run()
        salvor.expect_code(0, result)
        files = select(2, read_kit(fixture.kit))
    end)

    teardown(function()
        fixture:close()
    end)

    local function saved(path)
        return must(yaml.load(files[path]))
    end

    it("takes a full Medusa backup and waits for it", function()
        local name = saved("settings.yaml").backup.name
        local backup = must(fixture.world.client:get("medusabackups", name))
        assert.equal("full", backup.spec.backupType)
        assert.equal(backup.status.finishTime, saved("settings.yaml").backup.finished)
        local job = must(fixture.world.client:get("medusabackupjobs", name))
        assert.same({"main", "dc1"}, {job.metadata.labels["cassandra.datastax.com/cluster"],
                                      job.metadata.labels["cassandra.datastax.com/datacenter"]})
    end)

    it("saves ConfigMap, Secret and resource with the very data of the cluster", function()
        local client = fixture.world.client
        local config_map = must(client:get("configmaps", fortanix.CONFIG_MAP))
        local secret = must(client:get("secrets", fortanix.SECRET))
        assert.same(config_map.data, saved("configmap.yaml").data)
        assert.same(secret.data, saved("secret.yaml").data)
        assert.same(fixture.world:platform().spec, saved("cr.yaml").spec)
        assert.is_nil(saved("cr.yaml").metadata.uid)
        assert.is_nil(saved("cr.yaml").metadata.namespace)
    end)

    it("notes what a restore must find the same", function()
        local prerequisites = saved("prerequisites.yaml")
        assert.equal("v1.20.2", prerequisites.kubernetes)
        assert.equal(3, #prerequisites.nodes)
        local node = must(fixture.world.client:get("nodes", fixture.namespace .. "-1"))
        assert.same({
            name = fixture.namespace .. "-1", cpu = "4", memory = "32880456Ki",
            architecture = "amd64", kubelet = "v1.20.2", containerRuntime = "containerd://1.6",
            osImage = "Ubuntu", instanceType = "Standard_DC4s_v3", zone = "westeurope-1",
            pool = "ccm", internalIP = "10.0.0.1", podCIDR = "10.244.1.0/24",
            network = {["kubernetes.azure.com/network-subnet"] = "aks"},
            providerID = "azure:///1", systemUUID = node.status.nodeInfo.systemUUID,
        }, prerequisites.nodes[1])
        assert.same({"images.example.org/malbork:4.36.2101"}, prerequisites.images.malbork)
        assert.truthy(prerequisites.images[fortanix.OPERATOR])
    end)

    it("tells what it found and did", function()
        salvor.expect(result.stdout, "cassandra-1777881600: 3 of 3 nodes, 21.69 MB",
            "took backup medusa-backup-", "complete: database (")
    end)
end)

lab.describe("plan of fortanix-ccm/backup", function()
    it("changes nothing and tells what would be done", function()
        local fixture <close> = start()
        local before = fixture.world:snapshot()
        local result = fixture:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "create MedusaBackupJob", "write " .. fixture.kit
            .. "/secret.yaml", "publish " .. fixture.kit, "nothing was changed")
        assert.same(before, fixture.world:snapshot())
        assert.is_nil(fs.stat(fixture.kit))
    end)
end)

lab.describe("fortanix-ccm/backup without a new backup", function()
    it("goes by the newest that can be restored", function()
        local fixture <close> = start({medusa = {backups = {
            {"old", 90000}, {"good", 7200}, {"half", 60, {finishedNodes = 1}}}}})
        local result = fixture:run({take_backup = "false", max_age = "1h"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "half: 1 of 3 nodes", "cannot be restored: 1 of 3 nodes",
            "the newest backup, good, is 2.0 hours old, 1.0 are allowed",
            "complete: database (good)")
    end)

    it("goes by none of another number of nodes than the datacenter has", function()
        local fixture <close> = start({medusa = {backups = {
            {"good", 7200}, {"small", 60, {finishedNodes = 2, totalNodes = 2}}}}})
        local result = fixture:run({take_backup = "false"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "complete: database (good)")
    end)

    it("lists those that a sync has brought, as little as is known of them", function()
        local fixture <close> = start({medusa = {backups = {{"cassandra-1777460400", 60, {
            totalNodes = 1, totalFiles = null, totalSize = null, nodes = null}}}}})
        local result = fixture:plan()
        salvor.expect(result.stdout, "cassandra-1777460400: 3 of 1 nodes, finished ",
            "; it cannot be restored: 3 of 1 nodes have finished")
    end)

    it("is refused when none can be restored", function()
        local fixture <close> = start({medusa = {backups = {{"half", 60, {finishedNodes = 1}}}}})
        local result = fixture:run({take_backup = "false"})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout,
            "none of the 1 MedusaBackups of datacenter dc1 can be restored",
            "take one: -p take_backup=true")
    end)
end)

local PROBLEMS = {
    {"the resource is not there", params = {cr = fortanix.PLATFORMS .. "/other"},
     says = {"there is no " .. fortanix.PLATFORMS .. " other in namespace"}},
    {"the operator is paused", spoil = function(fixture)
        must(fixture.world.client:patch(fortanix.PLATFORMS, "ccm", {spec = {paused = true}}))
    end, says = {"spec.paused is true: the operator does nothing", "half a restore"}},
    {"the schedule is none", spoil = function(fixture)
        must(fixture.world.client:patch(fortanix.PLATFORMS, "ccm",
            {spec = {backup = {schedule = "0 * * *"}}}))
    end, says = {"spec.backup.schedule of the resource, '0 * * *', is no schedule",
                 "five fields"}},
    {"the kind of the resource is unknown", params = {cr = "armorplatform.armor.example.com/ccm"},
     says = {"the server has no kind 'armorplatform.armor.example.com'",
             "kubectl api-resources lists the kinds"}},
    {"the resource has no schedule", spoil = function(fixture)
        must(fixture.world.client:patch(fortanix.PLATFORMS, "ccm",
            {spec = {backup = {schedule = null}}}))
    end, says = {"spec.backup.schedule of the resource is not set"}},
    {"the storage's secret is gone", spoil = function(fixture)
        must(fixture.world.client:delete("secrets", fixture.world.storage_secret))
    end, says = {"secret medusa-azure-key-test, which backups are stored with, does not exist"}},
    {"the storage's secret lacks its key", spoil = function(fixture)
        must(fixture.world.client:patch("secrets", fixture.world.storage_secret,
            {data = {credentials = null, other = "b3RoZXI="}}))
    end, says = {"has no credentials", "-p storage_key=…"}},
    {"the bootstrapping data are empty", spoil = function(fixture)
        must(fixture.world.client:patch("configmaps", fortanix.CONFIG_MAP, {data = null}))
    end, says = {"ConfigMap malbork-bootstrapping-data is empty"}},
    {"there is no deployment, as when the operator is down", spoil = function(fixture)
        local client = fixture.world.client
        must(client:patch(fortanix.PLATFORMS, "ccm", {spec = {paused = true}}))
        for _, object in ipairs(must(client:list("deployments.apps"))) do
            must(client:delete("deployments.apps", object.metadata.name))
        end
        -- Nobody here removes the pod of the operator's own.
        eventually("the end of their pods", function()
            return #must(client:list("pods")) <= #fixture.world.medusa:pod_names() + 1
        end)
    end, says = {"there is no deployment in namespace ", "versions of the microservices"}},
    {"no node has the labels", params = {nodes = "agentpool=none"},
     says = {"no node has the labels agentpool=none"}},
    {"there is no datacenter of that name", params = {datacenter = "dc2"}, says = {"dc2"}},
    {"there are two datacenters", spoil = function(fixture)
        must(fixture.world.client:create({
            apiVersion = "cassandra.datastax.com/v1beta1", kind = "CassandraDatacenter",
            metadata = {name = "dc2"},
            spec = {clusterName = "main", size = 1, serverType = "cassandra",
                    serverVersion = "4.0.11"}}))
    end, says = {"there are 2 CassandraDatacenters in namespace",
                 "choose one with -p datacenter=…"}},
    {"the bootstrapping data are gone", spoil = function(fixture)
        must(fixture.world.client:delete("configmaps", fortanix.CONFIG_MAP))
        must(fixture.world.client:delete("secrets", fortanix.SECRET))
    end, says = {"there is no ConfigMap malbork-bootstrapping-data",
                 "there is no Secret malbork-bootstrapping-secret-data"}},
    {"the datacenter is stopped", spoil = function(fixture)
        local client = fixture.world.client
        must(client:patch("cassandradatacenters", "dc1", {spec = {stopped = true}}))
        must(client:wait("cassandradatacenters", "dc1", {timeout = 60}))
    end, says = {"CassandraDatacenter dc1 is not ready: it is stopped (spec.stopped)"}},
    {"the datacenter is not ready", spoil = function(fixture)
        local client = fixture.world.client
        must(client:patch("cassandradatacenters", "dc1",
            {status = {cassandraOperatorProgress = "Updating"}}, {subresource = "status"}))
    end, says = {"CassandraDatacenter dc1 is not ready: operator progress: Updating"}},
}

lab.describe("fortanix-ccm/backup refuses when", function()
    for _, case in ipairs(PROBLEMS) do
        it(case[1], function()
            local fixture <close> = start()
            if case.spoil then
                case.spoil(fixture)
            end
            fixture:expect_refused(case.params, table.unpack(case.says))
            assert.is_nil(fs.stat(fixture.kit))
        end)
    end

    it("cr is neither a name nor a file", function()
        local fixture <close> = start()
        for cr, problem in pairs({
            ccm = "'ccm' is neither plural.group/name nor a path from the root",
            ["/nowhere.yaml"] = "'/nowhere.yaml' cannot be read",
            [fixture.kubeconfig] = "is not the manifest of one resource",
        }) do
            local result = fixture:run({cr = cr})
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, problem)
        end
        assert.is_nil(fs.stat(fixture.kit))
    end)

    it("medusa is no API", function()
        local fixture <close> = start()
        for _, api in ipairs({"medusa.k8ssandra.io", "v1alpha1", "Medusa/v1", "a/b/v1"}) do
            local result = fixture:plan({medusa = api})
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, "-p medusa: '" .. api .. "' is no API",
                "give group/version, such as medusa.k8ssandra.io/v1alpha1")
        end
    end)
end)

lab.describe("plan of fortanix-ccm/backup", function()
    it("lists the last ten backups", function()
        local backups = {}
        for number = 1, 11 do
            backups[number] = {"backup-" .. number, 100 * (20 - number)}
        end
        local fixture <close> = start({medusa = {backups = backups}})
        local result = fixture:plan()
        salvor.expect(result.stdout, "backup-2: 3 of 3 nodes", "backup-11: 3 of 3 nodes")
        assert.is_nil(result.stdout:find("backup-1: ", 1, true))
    end)

    it("takes a schedule by its name", function()
        local fixture <close> = start()
        must(fixture.world.client:patch(fortanix.PLATFORMS, "ccm",
            {spec = {backup = {schedule = "@hourly"}}}))
        salvor.expect_code(0, fixture:plan())
    end)
end)

lab.describe("fortanix-ccm/backup", function()
    it("takes the resource's kind with its version", function()
        local fixture <close> = start()
        local params = {cr = "armorplatforms.v1.armor.example.org/ccm"}
        salvor.expect_code(0, fixture:plan(params))
        local printed = fixture:salvor(fixture:words("rbac", params))
        salvor.expect_code(0, printed)
        salvor.expect(printed.stdout, "- armor.example.org\n", "- armorplatforms\n",
            "resourceNames:\n  - ccm\n")
    end)

    it("works with Medusa's kinds of another API", function()
        local api = "medusa.missioncontrol.datastax.com/v1beta2"
        local fixture <close> = start({medusa = {api = api}})
        salvor.expect_code(0, fixture:run({medusa = api}))
        local _, files = must(read_kit(fixture.kit))
        local name = must(yaml.load(files["settings.yaml"])).backup.name
        must(fixture.world.client:get(api .. "/MedusaBackup", name))
        assert.is_nil((fixture.world.client:get("medusa.k8ssandra.io/v1alpha1/MedusaBackup", name)))
    end)
end)

lab.describe("fortanix-ccm/backup that leaves out a step", function()
    local function expect_unpublished(fixture, step, ...)
        local result = fixture:run_without(step)
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, ...)
        assert.is_nil(read_kit(fixture.kit))
    end

    for _, step in ipairs({"save-prerequisites", "save-objects"}) do
        it("is not published: " .. step, function()
            local fixture <close> = start()
            expect_unpublished(fixture, step, "stopped at step publish",
                "not all four parts of the backup have been captured")
        end)
    end

    it("is not published when data have been lost meanwhile", function()
        local fixture <close> = start()
        local first = fixture:run_with({"--until", "take-backup"})
        salvor.expect_code(0, first)
        must(fixture.world.client:patch("secrets", fortanix.SECRET, {data = null}))
        local result = fixture:resume(operation.run_id(first))
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step save-objects",
            "Secret malbork-bootstrapping-secret-data has become empty")
        assert.is_nil(read_kit(fixture.kit))
    end)

    it("is whole without the check of the storage, which another release may keep elsewhere",
        function()
            local fixture <close> = start()
            must(fixture.world.client:patch(fortanix.PLATFORMS, "ccm", {spec = {backup = null}}))
            local refused = fixture:run()
            salvor.expect_code(4, refused)
            salvor.expect(refused.stdout, "spec.backup.secret of the resource is not set",
                "--skip storage")
            salvor.expect_code(0, fixture:run_without("storage"))
            fixture.id = "fortanix-ccm/restore"
            local plan = fixture:plan()
            salvor.expect_code(0, plan)
            salvor.expect(plan.stdout, "the kit does not say where the backups are stored")
        end)

    it("has no database: take-backup", function()
        local fixture <close> = start({medusa = {backups = {}}})
        expect_unpublished(fixture, "take-backup", "stopped at step save-objects",
            "there is no database backup", "do not leave out the step take-backup")
    end)
end)

lab.describe("fortanix-ccm/backup and its kit", function()
    it("is refused for the kit of another platform", function()
        local one <close> = start()
        local other <close> = start()
        salvor.expect_code(0, one:run())
        local kit_before = salvor.tree(one.kit)
        local result = other:run({kit = one.kit})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "is the kit of another system")
        assert.same(kit_before, salvor.tree(one.kit))
    end)

    it("reads back its own generation, whatever came after it", function()
        local fixture <close> = start()
        local first = fixture:run_with({"--until", "publish"})
        salvor.expect_code(0, first)
        must(fs.write(fs.join(fixture.kit, "latest"), "generations/gone\n"))
        salvor.expect_code(0, fixture:resume(operation.run_id(first)))
    end)

    it("keeps older generations", function()
        local fixture <close> = start()
        salvor.expect_code(0, fixture:run())
        local first = fixture:generation()
        salvor.expect_code(0, fixture:run({take_backup = "false"}))
        assert.not_equal(first, fixture:generation())
        assert.truthy(read_kit(first))
    end)
end)

lab.describe("fortanix-ccm/backup warns when", function()
    it("another run has left an unfinished generation", function()
        local fixture <close> = start()
        salvor.make_tree(fixture.kit, {["generations/20260101-1-ab/secret.yaml"] = "kind: Secret"})
        local result = fixture:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: run 20260101-1-ab has not finished its generation",
            "salvor run --resume 20260101-1-ab")
    end)

    it("the schedule seems not to be at work", function()
        local fixture <close> = start({medusa = {backups = {{"old", 200000}}}})
        salvor.expect(fixture:plan().stdout, "warning: the newest backup, old, is 55.6 hours old",
            "is the schedule at work?")
    end)

    it("there is no backup yet", function()
        local fixture <close> = start({medusa = {backups = {}}})
        local result = fixture:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: there is no MedusaBackup of datacenter dc1")
    end)

    it("the storage's key is not what Medusa reads for Azure", function()
        local fixture <close> = start()
        must(fixture.world.client:patch("secrets", fixture.world.storage_secret,
            {data = {credentials = "bm90IEpTT04="}}))
        salvor.expect(fixture:plan().stdout,
            "warning: credentials of secret medusa-azure-key-test is not the JSON")
    end)
end)

lab.describe("fortanix-ccm/backup stops when", function()
    it("the backup fails on a pod: nothing is published", function()
        local fixture <close> = start({medusa = {faults = {backup = "main-dc1-rack1-sts-1"}}})
        local result = fixture:run()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step take-backup",
            "failed on main-dc1-rack1-sts-1", "go on with: salvor run --resume")
        assert.same({}, salvor.tree(fixture.kit))
        fixture.world.medusa.faults.backup = nil
        local run = operation.run_id(result)
        salvor.expect_code(0, fixture:resume(run))
        local _, files = must(read_kit(fixture.kit))
        assert.equal("medusa-backup-" .. run .. "-2",
            must(yaml.load(files["settings.yaml"])).backup.name)
    end)
end)
