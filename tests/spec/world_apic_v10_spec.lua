-- The simulated API Connect v10 moves its objects as the real operator does.
local apiconnect = require("salvor.apiconnect")
local lab = require("support.lab")
local watch_phases = require("support.phases")
local world = require("worlds.apic_v10")

lab.describe("the simulated API Connect v10", function()
    local namespace

    before_each(function()
        namespace = lab.namespace()
        local client <close> = lab.client()
        world.install(client)
    end)

    it("installs a ManagementCluster: phase, state, originalUID, and secrets it owns", function()
        local phases = watch_phases(namespace, apiconnect.MANAGEMENT)
        local apic <close> = world.start({kubeconfig = lab.kubeconfig(), namespace = namespace,
                                          delays = {install = 0.2}})
        local object = apic:management()
        assert.equal(object.metadata.uid, object.spec.originalUID)
        local secret = must(apic.client:get("secrets", object.status.encryptionSecret))
        assert.equal(object.metadata.uid, secret.metadata.ownerReferences[1].uid)
        assert.equal("Pending 0/18, Running 18/18", phases("management", "Running 18/18"))
    end)

    local BACKUPS = {
        {"10.0.5.3", apiconnect.MANAGEMENT_BACKUP, "Pending, Running, Ready",
         "Pending, Running, Failed the server is full"},
        {"10.0.8.0", apiconnect.EDB_BACKUP, "pending, running, completed",
         "pending, running, failed"},
    }
    for _, case in ipairs(BACKUPS) do
        local version, kind, success, failure = table.unpack(case)
        for _, fault in ipairs({false, "the server is full"}) do
            it("takes a backup (" .. version .. (fault and "), which fails" or ")"), function()
                local apic <close> = world.start({kubeconfig = lab.kubeconfig(),
                    namespace = namespace, version = version, backups = {},
                    delays = {backup = 0.2}, faults = {backup = fault or nil}})
                local phases = watch_phases(namespace, kind)
                local created = must(apic.client:create(kind == apiconnect.EDB_BACKUP and {
                    apiVersion = "postgresql.k8s.enterprisedb.io/v1", kind = "Backup",
                    metadata = {name = "one"}, spec = {cluster = {name = apic.database_cluster}},
                } or {
                    apiVersion = "management.apiconnect.ibm.com/v1beta1",
                    kind = "ManagementBackup", metadata = {name = "one"},
                    spec = {type = "full", crType = "create", clusterName = "management"},
                }))
                must(apic.client:wait(kind, created.metadata.name, {ready = function(object)
                    local phase = (object.status or {}).phase or ""
                    return ({Ready = true, Failed = true, completed = true, failed = true})[phase]
                end}))
                local expected = fault and failure or success
                assert.equal(expected, phases("one", expected:match("[^,]*$"):sub(2)))
            end)
        end
    end
end)
