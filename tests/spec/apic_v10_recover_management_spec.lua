-- salvor run apic-v10/recover-management: a lost subsystem comes back with its secrets, identity
-- and data, from a kit and what is in storage.
local apiconnect = require("salvor.apiconnect")
local fs = require("salvor.fs")
local dig = require("salvor").dig
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local recovery = require("support.apic_recovery")
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

--- The restored subsystem is the old one: identity, settings, each secret, and the key of its data.
local function assert_recovered(lost, operation, id)
    assert.same({{id = id, is_readable = true}}, operation:restored())
    local object = operation.world:management()
    assert.is_true((apiconnect.ready(object)))
    assert.equal(recovery.ORIGINAL, object.spec.originalUID)
    assert.equal(lost.spec.siteName, object.spec.siteName)
    assert.equal(lost.secrets.encryptionSecret.name, object.status.encryptionSecret)
    for field, value in pairs(lost.spec.databaseBackup) do
        assert.equal(value, object.spec.databaseBackup[field], field)
    end
    for _, secret in pairs(lost.secrets) do
        local found = must(operation.world.client:get("secrets", secret.name))
        assert.same(secret.data, found.data)
        assert.is_nil(found.metadata.ownerReferences)
    end
end

--- A new installation's file, with comments, as an operator has it.
local function definition(spec)
    local text = must(yaml.dump({
        apiVersion = "management.apiconnect.ibm.com/v1beta1",
        kind = "ManagementCluster",
        metadata = {name = "management"},
        spec = spec,
    }))
    return "# our installation, do not lose\n" .. text:gsub("spec:\n", "spec: # see the runbook\n")
end

local function new_spec(lost)
    local spec = {}
    for field, value in pairs(lost.spec) do
        spec[field] = value
    end
    spec.siteName, spec.originalUID = nil, nil
    spec.databaseBackup = {protocol = "sftp", host = "other.example.org", path = "/new"}
    spec.customApplicationCredentials = {{name = "atm-cred", secretName = "an-other"}}
    return spec
end

lab.describe("run of apic-v10/recover-management", function()
    local lost

    setup(function()
        lost = recovery.lose()
    end)

    teardown(function()
        lost:close()
    end)

    it("creates the old resource and restores the newest backup, whichever comes first", function()
        local operation <close> = recovery.start(lost, {delays = {records = 0.3}})
        local result = operation:recover()
        salvor.expect_code(0, result)
        assert_recovered(lost, operation, recovery.ids(lost)[2])
        salvor.expect(result.stdout, "nobody may log in", "DNS names must point to the new",
            "developer portal must be restored immediately",
            "backups of ManagementCluster management: 2 so far",
            "phase Running, state 18/18", "restored: " .. recovery.ids(lost)[2])
    end)

    it("restores the backup that is named, to the moment that is named", function()
        local operation <close> = recovery.start(lost)
        salvor.expect_code(0, operation:recover({
            backup = recovery.ids(lost)[1], pitr_target = "2026-01-02 03:04:05+00",
        }))
        assert_recovered(lost, operation, recovery.ids(lost)[1])
        local restore = must(operation.world.client:list(apiconnect.MANAGEMENT_RESTORE))[1]
        assert.equal("2026-01-02 03:04:05+00", restore.spec.pitrTarget)
    end)

    it("edits the operator's file in place, and creates what it then says", function()
        local operation <close> = recovery.start(lost)
        local file = fs.join(operation.home, "management_cr.yaml")
        must(fs.write(file, "kind: Other\n---\n" .. definition(new_spec(lost)), {mode = 420}))
        salvor.expect_code(0, operation:recover({resource = file}))
        assert_recovered(lost, operation, recovery.ids(lost)[2])
        local text = must(fs.read(file))
        salvor.expect(text, "kind: Other\n---\n# our installation, do not lose\n",
            "spec: # see the runbook\n")
        assert.equal(420, must(fs.stat(file)).mode)
        local spec = must(yaml.load_all(text))[2].spec
        assert.equal(recovery.ORIGINAL, spec.originalUID)
        assert.equal("backup.example.org", spec.databaseBackup.host)
        assert.same({name = "atm-cred", secretName = "management-atm-cred"},
            spec.customApplicationCredentials[1])
        local live = operation.world:management()
        assert.equal("nonproduction", live.spec.license.use)
        assert.same(spec.customApplicationCredentials, live.spec.customApplicationCredentials)
    end)

    it("changes a resource that is there, into which nothing was restored, and says so", function()
        local operation <close> = recovery.start(lost)
        recovery.create_secrets(operation)
        operation.world:add_management("management", {spec = {originalUID = "a-new-one"}})
        local result = operation:recover()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "spec.originalUID: a-new-one -> " .. recovery.ORIGINAL
            .. ", which is changed: nothing was restored into it yet")
        assert_recovered(lost, operation, recovery.ids(lost)[2])
    end)

    it("leaves newer credentials of the backup server as they are", function()
        local operation <close> = recovery.start(lost)
        local client = operation.world.client
        must(client:create({apiVersion = "v1", kind = "Secret",
            metadata = {name = "mgmt-backup-secret"},
            stringData = {username = "apicbackup", password = "changed since then"}}))
        local result = operation:recover()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "secret mgmt-backup-secret is there with other data")
        assert.not_equal(lost.secrets["databaseBackup.credentials"].data.password,
            must(client:get("secrets", "mgmt-backup-secret")).data.password)
        assert.equal(1, #operation:restored())
    end)

    it("can be done once more, and says what that means", function()
        local operation <close> = recovery.start(lost)
        salvor.expect_code(0, operation:recover())
        local result = operation:recover()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "the subsystem was restored before",
            "what has been changed since then is lost",
            "already so  apply-resource")
        assert.equal(2, #operation:restored())
    end)

    it("asks before the database is replaced", function()
        local operation <close> = recovery.start(lost)
        local before = operation.world:snapshot()
        local result = operation:run()
        salvor.expect_code(6, result)
        assert.same(before, operation.world:snapshot())
    end)

    it("brings back one whose database has once been allowed to restart", function()
        local restarted <close> = recovery.lose({spec = {databaseBackup = merge(
            lost.spec.databaseBackup, {restartDB = {accept = true}})}})
        local operation <close> = recovery.start(restarted)
        salvor.expect_code(0, operation:recover())
        assert.same(recovery.ids(restarted)[2], operation:restored()[1].id)
    end)
end)

lab.describe("run of apic-v10/recover-management", function()
    it("edits the APIConnectCluster, not the ManagementCluster below it", function()
        local lost <close> = recovery.lose({owner = "apic"})
        local operation <close> = recovery.start(lost)
        local client = operation.world.client
        local file = fs.join(operation.home, "apic.yaml")
        must(fs.write(file, [[
apiVersion: apiconnect.ibm.com/v1beta1
kind: APIConnectCluster
metadata:
  name: apic
spec:
  version: 10.0.5.3 # the old one
  management:
    apiManagerEndpoint: {hosts: [{name: manager.example.org}]}
]]))
        salvor.expect_code(0, operation:recover({top = "apic", resource = file}))
        assert_recovered(lost, operation, recovery.ids(lost)[2])
        local top = must(client:get(apiconnect.TOP, "apic"))
        assert.equal(recovery.ORIGINAL, top.spec.management.originalUID)
        assert.equal("management", top.spec.management.name)
        salvor.expect(must(fs.read(file)), "version: 10.0.5.3 # the old one",
            "manager.example.org}]}")
        local journal = must(fs.read(operation:journal_path(operation:only_run())))
        assert.is_nil(journal:find('"target":"ManagementCluster', 1, true))
    end)

    it("waits until the operator of the APIConnectCluster has passed the values on", function()
        local lost <close> = recovery.lose({owner = "apic", version = "10.0.8.0"})
        local operation <close> = recovery.start(lost, {delays = {top = 1}})
        recovery.add_top(operation, "apic")
        salvor.expect_code(0, operation:recover({top = "apic"}))
        assert_recovered(lost, operation, recovery.ids(lost, "edb")[2])
    end)

    it("restores EDB's database by id and place in storage", function()
        local lost <close> = recovery.lose({version = "10.0.8.0"})
        local operation <close> = recovery.start(lost)
        local ids = recovery.ids(lost, "edb")
        salvor.expect_code(0, operation:recover({backup = ids[1]}))
        assert_recovered(lost, operation, ids[1])
        local restore = must(operation.world.client:list(apiconnect.MANAGEMENT_RESTORE))[1]
        assert.same({subsystemName = "management", backupId = ids[1], backup = {
            protocol = "sftp", host = "backup.example.org", port = 22,
            credentials = "mgmt-backup-secret",
            path = "/backups/management/" .. lost.remote.server_name,
        }}, restore.spec)
        assert.equal("edb", dig(restore, "metadata", "annotations",
            "apiconnect-operator/management-db"))
    end)
end)
