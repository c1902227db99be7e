-- What fortanix-ccm/restore refuses: each with the reason and what to do, before anything changes.
local fortanix = require("worlds.fortanix")
local fs = require("salvor.fs")
local lab = require("support.lab")
local null = require("salvor").null
local salvor = require("support.salvor")
local support = require("support.fortanix")

local BACKUP = "cassandra-1777881600"
local DATACENTERS = "cassandradatacenters.cassandra.datastax.com"

local function start(options)
    local fixture = support.start("fortanix-ccm/restore", options)
    fixture:back_up()
    return fixture
end

--- Runs it with the problem; it must be told, and nothing be changed.
local function refuses(fixture, case)
    if case.spoil then
        case.spoil(fixture, fixture.world.client)
    end
    fixture:expect_refused(case.params, table.unpack(case.says))
end

local function forge(name, change)
    return function(fixture)
        fixture:forge(name, change)
    end
end

local function edit_manifest(change)
    return function(fixture)
        fixture:edit_manifest(change)
    end
end

--- What is wrong with the kit: its files alone differ, so that one world is enough for all.
local KITS = {
    {"a file was tampered with", spoil = function(fixture)
        local path = fs.join(fixture:generation(), "secret.yaml")
        must(fs.write(path, (must(fs.read(path)):gsub("kind: Secret", "kind: secret"))))
    end, says = {"secret.yaml does not have the SHA-256 of the manifest"}},
    {"a part is missing", spoil = edit_manifest(function(manifest)
        manifest.files["configmap.yaml"] = nil
    end), says = {"the kit lacks the ConfigMap (configmap.yaml)",
                  "complete only with all four parts"}},
    {"it is a kit of another procedure", spoil = edit_manifest(function(manifest)
        manifest.procedure = "apic-v10/prepare-management"
    end), says = {"is a kit of apic-v10/prepare-management", "give one of fortanix-ccm/backup"}},
    {"it was made of another cluster", spoil = edit_manifest(function(manifest)
        manifest.cluster.uid = "another"
    end), says = {"this is not the cluster that the kit was made of",
                  "if this one was rebuilt on the same nodes, say so with -p recreated=yes"}},
    {"it was made of another namespace", spoil = forge("settings.yaml", function(settings)
        settings.namespace = "elsewhere"
    end), says = {"the kit is of namespace elsewhere, not of", "name the platform's namespace with"
                  .. " -n; restoring to another one is not supported"}},
    {"its ConfigMap is empty", spoil = forge("configmap.yaml", function(part)
        part.data = {}
    end), says = {"the kit's configmap.yaml is not the ConfigMap of a backup"}},
    {"a saved object is something else", spoil = forge("secret.yaml", function()
        return {apiVersion = "rbac.authorization.k8s.io/v1", kind = "ClusterRoleBinding",
                metadata = {name = "cluster-admins"}, subjects = {}}
    end), says = {"the kit's secret.yaml is not the Secret of a backup"}},
    {"a saved object is of another kind", spoil = forge("secret.yaml", function(part)
        part.kind = "ConfigMap"
    end), says = {"the kit's secret.yaml is not the Secret of a backup"}},
    {"a saved object is of another API", spoil = forge("secret.yaml", function(part)
        part.apiVersion = "example.org/v1"
    end), says = {"the kit's secret.yaml is not the Secret of a backup"}},
    {"its settings do not say of which namespace", spoil = forge("settings.yaml", function(settings)
        settings.namespace = nil
    end), says = {"the kit's settings.yaml is not the settings of a backup"}},
    {"its settings do not say how many nodes", spoil = forge("settings.yaml", function(settings)
        settings.datacenter.size = "3"
    end), says = {"the kit's settings.yaml is not the settings of a backup"}},
    {"its settings name no nodes", spoil = forge("settings.yaml", function(settings)
        settings.nodes = {"a", "b"}
    end), says = {"the kit's settings.yaml is not the settings of a backup"}},
    {"its settings are damaged", spoil = forge("settings.yaml", function(settings)
        settings.datacenter = "dc1"
    end), says = {"the kit's settings.yaml is not the settings of a backup"}},
    {"its prerequisites are damaged", spoil = forge("prerequisites.yaml", function(before)
        before.images.malbork = {{}}
    end), says = {"the kit's prerequisites.yaml is not the prerequisites of a backup"}},
    {"it is of another platform", spoil = forge("cr.yaml", function(cr)
        cr.metadata.name = "other"
    end), says = {"the kit is of ArmorPlatform other of armor.example.org, not of ArmorPlatform"
                  .. " ccm of armor.example.org"}},
    {"its resource is of another operator", spoil = forge("cr.yaml", function(cr)
        cr.apiVersion = "other.example.org/v1"
    end), says = {"the kit is of ArmorPlatform ccm of other.example.org, not of ArmorPlatform ccm"
                  .. " of armor.example.org"}},
    {"the storage's secret has another key", spoil = forge("settings.yaml", function(settings)
        settings.storage_key = "azure"
    end), says = {"secret medusa-azure-key-test, which backups are stored with, has no azure",
                 "it had when the backup was made: mend it"}},
    {"Kubernetes had another version", spoil = forge("prerequisites.yaml", function(before)
        before.kubernetes = "v1.31.4"
    end), says = {"Kubernetes is v1.20.2, it was v1.31.4 when the backup was made"}},
    {"an image had another version", spoil = forge("prerequisites.yaml", function(before)
        before.images.malbork = {"images.example.org/malbork:4.35"}
    end), says = {"deployment malbork runs images.example.org/malbork:4.36.2101, it was"
                  .. " images.example.org/malbork:4.35", "deploy the same versions first"}},
    {"the operator had another version", spoil = forge("prerequisites.yaml", function(before)
        before.images[fortanix.OPERATOR] = {"operator:1"}
    end), says = {"deployment " .. fortanix.OPERATOR .. " runs", "it was operator:1"}},
    {"there were more nodes", spoil = forge("prerequisites.yaml", function(before)
        before.nodes[4] = before.nodes[3]
    end), says = {"there are 3 nodes, there were 4 when the backup was made",
                  "the same physical nodes only"}},
    {"the nodes had other CPUs", spoil = forge("prerequisites.yaml", function(before)
        before.nodes[1].cpu, before.nodes[2].instanceType = "8", "Standard_DC8s_v3"
    end), says = {"the nodes' cpu is 4, 4, 4, it was 4, 4, 8",
                  "the nodes' instanceType is Standard_DC4s_v3, Standard_DC4s_v3, Standard_DC4s_v3,"
                  .. " it was Standard_DC4s_v3, Standard_DC4s_v3, Standard_DC8s_v3"}},
    {"the nodes had another architecture", spoil = forge("prerequisites.yaml", function(before)
        before.nodes[3].architecture = "arm64"
    end), says = {"the nodes' architecture is amd64, amd64, amd64, it was amd64, amd64, arm64"}},
    {"Cassandra had more nodes", spoil = forge("settings.yaml", function(settings)
        settings.datacenter.size = 5
    end), says = {"CassandraDatacenter dc1 has 3 nodes, it had 5 when the backup was made",
                  "CassandraDatacenter dc1 has 3 pods, not 5"}},
    {"backups were in another bucket", spoil = forge("settings.yaml", function(settings)
        settings.storage.bucketName, settings.storage.prefix = "elsewhere", nil
    end), says = {"spec.backup.bucketName of the resource is medusa, it was elsewhere",
                  "spec.backup.prefix of the resource is platform, it was not set",
                  "never run a Medusa sync like this"}},
    {"backups went to another provider", spoil = forge("settings.yaml", function(settings)
        settings.storage["storageProvider.mode"] = "s3"
    end), says = {"spec.backup.storageProvider.mode of the resource is azureBlobs, it was s3"}},
    {"there is no kit", params = {kit = "/nowhere"}, says = {"/nowhere"}},
    {"the resource is not there", params = {cr = fortanix.PLATFORMS .. "/other"},
     says = {"there is no " .. fortanix.PLATFORMS .. " other in namespace", "apply cr.yaml of"}},
    {"there is no such backup", params = {backup = "none"},
     says = {"there is no MedusaBackup none", "a MedusaTask with operation sync"}},
    {"none of the deployments is there", params = {deployments = "no-such-thing-*,other"},
     says = {"problem: there is no deployment no-such-thing-* to delete",
             "problem: there is no deployment other to delete", "with -p deployments=…"}},
}

lab.describe("fortanix-ccm/restore refuses a kit when", function()
    local fixture, original

    setup(function()
        fixture = start()
        original = salvor.tree(fixture.kit)
    end)

    before_each(function()
        must(fs.remove_tree(fixture.kit))
        salvor.make_tree(fixture.kit, original)
    end)

    teardown(function()
        fixture:close()
    end)

    for _, case in ipairs(KITS) do
        it(case[1], function()
            refuses(fixture, case)
        end)
    end

    it("but takes it when the cluster was rebuilt, whatever that and its namespace were", function()
        fixture:edit_manifest(function(manifest)
            manifest.cluster.uid = "another"
        end)
        fixture:forge("settings.yaml", function(settings)
            settings.namespace = "elsewhere"
        end)
        salvor.expect_code(0, fixture:plan({recreated = "yes"}))
        salvor.expect_code(4, fixture:plan({recreated = "no"}))
    end)

    it("but only warns when the machines alone are others", function()
        fixture:forge("prerequisites.yaml", function(before)
            before.nodes[1].systemUUID = "another"
        end)
        local result = fixture:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: the nodes are not the very machines of then")
    end)
end)

local function patch_backup(status)
    return function(_, client)
        must(client:patch("medusabackups", BACKUP, {status = status}, {subresource = "status"}))
    end
end

local CHOSEN = {backup = BACKUP}

local CLUSTERS = {
    {"a deployment is missing", spoil = function(_, client)
        must(client:delete("deployments.apps", fortanix.OPERATOR))
    end, says = {"deployment " .. fortanix.OPERATOR .. " is not there",
                 "must be deployed before its data are restored"}},
    {"the operator does not run", spoil = function(_, client)
        must(client:patch("deployments.apps", fortanix.OPERATOR,
            {status = {availableReplicas = 0, readyReplicas = 0, unavailableReplicas = 1}},
            {subresource = "status"}))
    end, says = {"deployment " .. fortanix.OPERATOR .. " is not ready", "must run before"}},
    {"a Cassandra pod has not started", spoil = function(_, client)
        must(client:patch("pods", "main-dc1-rack1-sts-1",
            {metadata = {labels = {["cassandra.datastax.com/node-state"] = "Starting"}}}))
    end, says = {"pod main-dc1-rack1-sts-1 does not serve: node-state is Starting"}},
    {"a Cassandra pod is missing", spoil = function(_, client)
        must(client:delete("pods", "main-dc1-rack1-sts-2"))
    end, says = {"CassandraDatacenter dc1 has 2 pods, not 3"}},
    {"the storage's secret is gone", spoil = function(fixture, client)
        must(client:delete("secrets", fixture.world.storage_secret))
    end, says = {"secret medusa-azure-key-test, which backups are stored with, does not exist",
                 "create it again with the keys of the storage account"}},
    {"the datacenter is stopped", spoil = function(_, client)
        must(client:patch(DATACENTERS, "dc1", {spec = {stopped = true}}))
        must(client:wait(DATACENTERS, "dc1", {timeout = 60}))
    end, says = {"CassandraDatacenter dc1 is not ready: it is stopped (spec.stopped), as by a"
                 .. " restore that has not ended", "CassandraDatacenter dc1 has 0 pods, not 3"}},
    {"the datacenter is not ready", spoil = function(_, client)
        must(client:patch(DATACENTERS, "dc1", {status = {cassandraOperatorProgress = "Updating"}},
            {subresource = "status"}))
    end, says = {"CassandraDatacenter dc1 is not ready: operator progress: Updating"}},
    {"not all nodes have finished the backup", params = CHOSEN,
     spoil = patch_backup({finishedNodes = 2}),
     says = {"MedusaBackup " .. BACKUP .. " is not one to restore: it cannot be restored: 2 of 3",
             "choose another one with -p backup=…"}},
    {"the backup has failed", params = CHOSEN, spoil = patch_backup({status = "FAILED"}),
     says = {"is not one to restore: status FAILED"}},
    {"the backup is under way", params = CHOSEN,
     spoil = patch_backup({status = "IN_PROGRESS", finishTime = null}),
     says = {"is not one to restore: status IN_PROGRESS"}},
    {"the backup has another number of nodes", params = CHOSEN,
     spoil = patch_backup({finishedNodes = 4, totalNodes = 4}),
     says = {"it has 4 nodes, the datacenter 3"}},
    {"the backup has other racks", params = CHOSEN, spoil = patch_backup({nodes = {
        {host = "a", datacenter = "dc1", rack = "rack1"},
        {host = "b", datacenter = "dc1", rack = "rack2"},
        {host = "c", datacenter = "dc1", rack = "rack2"}}}),
     says = {"its racks are rack1 (1), rack2 (2), those of the datacenter rack1 (3)"}},
    {"the backup is of another datacenter", params = CHOSEN, spoil = function(_, client)
        must(client:patch("medusabackups", BACKUP, {spec = {cassandraDatacenter = "dc2"}}))
    end, says = {"it is of datacenter dc2, not of dc1"}},
    {"no backup can be restored", params = {backup = "newest"}, spoil = function(_, client)
        for _, backup in ipairs(must(client:list("medusabackups"))) do
            must(client:patch("medusabackups", backup.metadata.name,
                {status = {finishedNodes = 1}}, {subresource = "status"}))
        end
    end, says = {"no MedusaBackup of datacenter dc1 can be restored"}},
    {"another restore has not begun, and the backup is not there", params = {backup = "none"},
     spoil = function(_, client)
        must(client:create({apiVersion = "medusa.k8ssandra.io/v1alpha1", kind = "MedusaRestoreJob",
                            metadata = {name = "forgotten"},
                            spec = {cassandraDatacenter = "dc1", backup = "long-gone"}}))
    end, says = {"there is no MedusaBackup none", "MedusaRestoreJob forgotten has not begun"}},
    {"another restore has not begun", spoil = function(_, client)
        must(client:create({apiVersion = "medusa.k8ssandra.io/v1alpha1", kind = "MedusaRestoreJob",
                            metadata = {name = "forgotten"},
                            spec = {cassandraDatacenter = "dc1", backup = "long-gone"}}))
    end, says = {"MedusaRestoreJob forgotten has not begun, but will as soon as MedusaBackup"
                 .. " long-gone appears", "delete it first"}},
}

--- A backup job that somebody else has made, as the world's operator leaves it.
local function add_backup_job(client, datacenter, status)
    local job = must(client:create({
        apiVersion = "medusa.k8ssandra.io/v1alpha1", kind = "MedusaBackupJob",
        metadata = {name = "nightly-" .. datacenter, labels = {["salvor-test-seeded"] = "true"}},
        spec = {cassandraDatacenter = datacenter, backupType = "differential"}}))
    if status then
        must(client:patch("medusabackupjobs", job.metadata.name, {status = status},
            {subresource = "status"}))
    end
end

lab.describe("fortanix-ccm/restore refuses when", function()
    for _, case in ipairs(CLUSTERS) do
        it(case[1], function()
            local fixture <close> = start()
            refuses(fixture, case)
        end)
    end

    it("another restore is under way", function()
        local fixture <close> = start()
        local client = fixture.world.client
        fixture.world.medusa.faults.restore = "stuck"
        must(client:create({apiVersion = "medusa.k8ssandra.io/v1alpha1", kind = "MedusaRestoreJob",
                            metadata = {name = "other"},
                            spec = {cassandraDatacenter = "dc1", backup = BACKUP}}))
        must(client:wait("medusarestorejobs", "other", {timeout = 60, ready = function(job)
            return job.status and job.status.datacenterStopped ~= nil
        end}))
        must(client:patch(DATACENTERS, "dc1", {spec = {stopped = false}}))
        must(client:wait(DATACENTERS, "dc1", {timeout = 60}))
        refuses(fixture, {says = {"MedusaRestoreJob other is under way", "wait until it has"}})
    end)

    it("a backup is about to begin, and while it is under way", function()
        local fixture <close> = start()
        local client = fixture.world.client
        add_backup_job(client, "dc1")
        refuses(fixture, {says = {"MedusaBackupJob nightly-dc1 is about to begin"}})
        must(client:delete("medusabackupjobs", "nightly-dc1"))
        add_backup_job(client, "dc1", {startTime = "2026-01-01T03:00:00Z",
                                       inProgress = fixture.world.medusa:pod_names()})
        refuses(fixture, {says = {"MedusaBackupJob nightly-dc1 is under way",
                                  "wait until it has ended; delete it if it never will"}})
    end)

    it("but not for a backup that has ended, though on one pod it has failed", function()
        local fixture <close> = start()
        add_backup_job(fixture.world.client, "dc1", {startTime = "2026-01-01T03:00:00Z",
            finishTime = "2026-01-01T03:10:00Z", failed = {"main-dc1-rack1-sts-1"}})
        salvor.expect_code(0, fixture:plan())
    end)

    it("but not for a restore of another datacenter, nor for a backup of that", function()
        local fixture <close> = start()
        add_backup_job(fixture.world.client, "dc2", {startTime = "2026-01-01T03:00:00Z"})
        must(fixture.world.client:create({
            apiVersion = "medusa.k8ssandra.io/v1alpha1", kind = "MedusaRestoreJob",
            metadata = {name = "other"},
            spec = {cassandraDatacenter = "dc2", backup = "long-gone"}}))
        salvor.expect_code(0, fixture:plan())
    end)

    it("nobody says yes", function()
        local fixture <close> = start()
        local before = fixture.world:snapshot()
        local result = fixture:salvor(fixture:words("run"))
        salvor.expect_code(6, result)
        salvor.expect(result.stderr, "this destroys", "CCM is not accessible until the end")
        assert.same(before, fixture.world:snapshot())
    end)

    it("a parameter is unknown, or none of its values", function()
        local fixture <close> = start()
        for _, params in ipairs({{recreated = "maybe"}, {settle = "soon"}, {other = "1"},
                                  {cr = "ccm"}}) do
            salvor.expect_code(2, fixture:run(params))
        end
    end)
end)

lab.describe("fortanix-ccm/restore tells", function()
    it("which deployments it does not find, and which are not ready anyway", function()
        local fixture <close> = start()
        must(fixture.world.client:patch("deployments.apps", "malbork",
            {status = {availableReplicas = 0, readyReplicas = 0, unavailableReplicas = 1}},
            {subresource = "status"}))
        local result = fixture:plan({deployments = "malbork,no-such-thing-*,mal*"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: there is no deployment no-such-thing-* to delete",
            "warning: deployment malbork is not ready")
        assert.is_nil(result.stdout:find("there is no deployment mal", 1, true))
    end)

    it("that its resource is paused already", function()
        local fixture <close> = start()
        must(fixture.world.client:patch(fortanix.PLATFORMS, "ccm", {spec = {paused = true}}))
        local result = fixture:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "spec.paused is true already", "already")
        assert.is_false(fixture.world:platform().spec.paused)
    end)

    it("that its resource was made up anew, with other values than that of the kit", function()
        local fixture <close> = start()
        assert.is_nil(fixture:plan().stdout:find("of the kit has", 1, true))
        must(fixture.world.client:patch(fortanix.PLATFORMS, "ccm",
            {spec = {replicas = 3, paused = true, backup = {schedule = "0 5 * * *"}}}))
        local result = fixture:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: the resource has another spec.backup and"
            .. " spec.replicas than cr.yaml of the kit has")
    end)

    it("the resource may be named by its manifest", function()
        local fixture <close> = start()
        local path = fs.join(fixture:generation(), "cr.yaml")
        salvor.expect_code(0, fixture:plan({cr = path}))
    end)
end)
