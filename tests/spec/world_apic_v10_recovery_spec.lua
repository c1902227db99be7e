-- The simulated API Connect v10 on a replacement cluster takes over, and restores, as the real
-- operator does.
local apiconnect = require("salvor.apiconnect")
local base64 = require("salvor.digest").base64
local lab = require("support.lab")
local watching = require("support.phases")
local world = require("worlds.apic_v10")

local ORIGINAL = "447ea4b3-9514-4a84-a34b-ce0b349838da"
local RUNNING_TO_RESTORED = "Running 18/18, Pending 0/18, Running 18/18"

local function remote(database_cluster)
    return {
        host = "backup.example.org", path = "/backups/management",
        database_cluster = database_cluster, server_name = "server-one",
        original_uid = ORIGINAL, key = base64("the old key"), times = {1598456806, 1598543206},
    }
end

local function create_secret(client, name, data)
    must(client:create({apiVersion = "v1", kind = "Secret", metadata = {name = name},
                        data = data}))
end

--- A replacement with the old secrets, up.
local function start(namespace, options)
    local edb = options.version == "10.0.8.0"
    local apic = world.start({
        kubeconfig = lab.kubeconfig(), namespace = namespace, empty = true,
        version = options.version, delays = {restore = 0.1}, faults = options.faults,
        remote = remote("management-82b290a2-" .. (edb and "db" or "postgres")),
    })
    create_secret(apic.client, "old-key", {["encryption_secret.bin"] = base64("the old key")})
    create_secret(apic.client, apic.backup_secret, {username = base64("u"), password = base64("p")})
    apic:add_management("management", {spec = {
        originalUID = options.original or ORIGINAL,
        encryptionSecret = {secretName = "old-key"},
    }})
    return apic
end

--- Creates the restore, waits for its end, gives its phases and those of the subsystem.
local function restore(apic, spec, annotations)
    local restores = watching(apic.namespace, apiconnect.MANAGEMENT_RESTORE)
    local clusters = watching(apic.namespace, apiconnect.MANAGEMENT)
    must(apic.client:create({
        apiVersion = "management.apiconnect.ibm.com/v1beta1", kind = "ManagementRestore",
        metadata = {name = "one", annotations = annotations}, spec = spec,
    }))
    local done = apic.client:wait(apiconnect.MANAGEMENT_RESTORE, "one", {timeout = 60})
    local phase = must(apic.client:get(apiconnect.MANAGEMENT_RESTORE, "one")).status
    local last = phase.phase .. (phase.state and " " .. phase.state or "")
    return done ~= nil, restores("one", last), clusters("management", "Running 18/18")
end

local CRUNCHY_PHASES = "Pending, Running, SFTPBackupDownloadSuccessful, RestoreInProgress Waiting"
    .. " on management services to disable, RestoreSuccessful, Complete"

lab.describe("the simulated API Connect v10, in a recovery,", function()
    local namespace

    before_each(function()
        namespace = lab.namespace()
    end)

    it("uses the secrets that are there, and records what is in storage", function()
        local apic <close> = start(namespace, {})
        local object = apic:management()
        assert.equal("old-key", object.status.encryptionSecret)
        assert.equal(ORIGINAL, object.spec.originalUID)
        assert.equal(base64("the old key"),
            must(apic.client:get("secrets", "old-key")).data["encryption_secret.bin"])
        for number, id in ipairs({"20200826-154646F", "20200827-154646F"}) do
            local name = "management-rec" .. number
            must(apic.client:wait(apiconnect.MANAGEMENT_BACKUP, name, {create = true}))
            assert.equal(id, must(apic.client:get(apiconnect.MANAGEMENT_BACKUP, name)).status.id)
        end
    end)

    it("restores a recorded backup: the phases, the subsystem down and up", function()
        local apic <close> = start(namespace, {})
        must(apic.client:wait(apiconnect.MANAGEMENT_BACKUP, "management-rec1", {create = true}))
        local ok, phases, cluster = restore(apic, {backupName = "management-rec1"})
        assert.is_true(ok)
        assert.equal(CRUNCHY_PHASES, phases)
        assert.equal(RUNNING_TO_RESTORED, cluster)
        assert.same({{id = "20200826-154646F", is_readable = true}}, apic.restored)
        assert.is_nil(apic.client:get("configmaps", "management-oplock"))
    end)

    it("restores from a place in storage (10.0.8)", function()
        local apic <close> = start(namespace, {version = "10.0.8.0"})
        local spec = {subsystemName = "management", backupId = "20200826T154646",
                      backup = {protocol = "sftp", host = "backup.example.org",
                                path = "/backups/management/server-one"}}
        assert.is_true((restore(apic, spec, {["apiconnect-operator/management-db"] = "edb"})))
        assert.equal("20200826T154646", apic.restored[1].id)
    end)

    local FAILURES = {
        {"another originalUID", {original = "another"}, "is not that of the backup"},
        {"a fault", {faults = {restore = "no space left"}}, "no space left"},
    }
    for _, case in ipairs(FAILURES) do
        it("fails on " .. case[1] .. ", and keeps its lock", function()
            local apic <close> = start(namespace, case[2])
            must(apic.client:wait(apiconnect.MANAGEMENT_BACKUP, "management-rec1",
                {create = true}))
            local ok, phases = restore(apic, {backupName = "management-rec1"})
            assert.is_false(ok)
            assert.matches("^Pending, Running, RestoreFailed .*" .. case[3], phases)
            assert.same({}, apic.restored)
            must(apic.client:get("configmaps", "management-oplock"))
        end)
    end

    it("makes the ManagementCluster that an APIConnectCluster describes", function()
        local apic <close> = world.start({kubeconfig = lab.kubeconfig(), namespace = namespace,
                                          empty = true})
        must(apic.client:create({apiVersion = "apiconnect.ibm.com/v1beta1",
            kind = "APIConnectCluster", metadata = {name = "apic"},
            spec = {management = {name = "management", siteName = "one"}}}))
        must(apic.client:wait(apiconnect.MANAGEMENT, "management", {create = true}))
        assert.equal("one", apic:management().spec.siteName)
        must(apic.client:patch(apiconnect.TOP, "apic",
            {spec = {management = {originalUID = ORIGINAL}}}))
        must(apic.client:wait(apiconnect.MANAGEMENT, "management", {ready = function(object)
            return object.spec.originalUID == ORIGINAL
        end}))
    end)
end)
