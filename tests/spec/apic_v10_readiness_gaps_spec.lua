-- apic-v10/readiness: each gap in what the subsystems say of themselves: what it costs, and its
-- cure.
local lab = require("support.lab")
local list = require("salvor").list
local null = require("salvor").null
local operator = require("worlds.operator")
local readiness = require("support.apic_readiness")

--- An object whose status is the test's.
local function seed(world, object, status)
    object.metadata.labels = {[operator.SEEDED] = "true"}
    world:set_status(must(world.client:create(object)), status)
end

--- Each: what support.apic_readiness.test_gap() takes.
local GAPS = {
    {
        "there are two ManagementClusters",
        spoil = function(world)
            world.management:add_management("second")
        end,
        says = {"there are 2 ManagementClusters", "choose one with -p management=…"},
        costs = {["resource (management)"] = 50},
    },
    {
        "management is not healthy",
        spoil = function(world)
            world.management:patch_status({state = "17/18"})
        end,
        says = {"management: ManagementCluster management is not healthy", "mend it first"},
        costs = {["health (management)"] = 10},
    },
    {
        "the portal is not healthy",
        spoil = function(world)
            world.portal:patch_status({phase = "Pending"})
        end,
        says = {"portal: PortalCluster portal is not healthy", "mend it first"},
        costs = {["health (portal)"] = 10},
    },
    {
        "the versions differ",
        spoil = function(world)
            world.portal:patch_status({versions = {reconciled = "10.0.5.4"}})
        end,
        says = {"management has version 10.0.5.3, the portal 10.0.5.4", "upgrade both",
                "the kit is of version 10.0.5.3, it has 10.0.5.4 now"},
        costs = {["versions (both)"] = 10},
    },
    {
        "a name is too long for a version without originalUID",
        start = {management = {version = "10.0.2.0", name = "management-frankfurt"},
                 portal = {version = "10.0.2.0"}},
        says = {"the name management-frankfurt is longer than 15 characters, and 10.0.2.0 has no"
                .. " originalUID", "upgrade to 10.0.3.0 or later"},
        costs = {["names (management)"] = 15},
    },
    {
        "the name of the APIConnectCluster is long and originalUID is not set",
        start = {management = {owner = "apiconnect-x"}},
        spoil = function(world)
            world.management:patch({spec = {originalUID = null}})
        end,
        says = {"originalUID is not set, and the name apiconnect-x is longer than 10 characters",
                "set it to metadata.uid", "in APIConnectCluster apiconnect-x"},
        costs = {["names (management)"] = 15},
    },
    {
        "a ManagementRestore is in flight",
        spoil = function(world)
            seed(world.management, {
                apiVersion = "management.apiconnect.ibm.com/v1beta1", kind = "ManagementRestore",
                metadata = {name = "restore-1"}, spec = {backupName = "x"},
            }, {phase = "RestoreInProgress", clusterName = "management", enableAutoFail = false,
                subsysName = "management", conditions = list({})})
            -- The lock is the operator's then, and no gap of its own.
            must(world.client:create({apiVersion = "v1", kind = "ConfigMap",
                                      metadata = {name = "management-oplock"}}))
        end,
        says = {"management: ManagementRestore restore-1 is in flight", "wait until it has ended"},
        costs = {["restores (management)"] = 10},
    },
    {
        "a restore that failed has left its lock",
        spoil = function(world)
            must(world.client:create({apiVersion = "v1", kind = "ConfigMap",
                                      metadata = {name = "management-oplock"}}))
        end,
        says = {"ConfigMap management-oplock is there", "scale the deployment"},
        costs = {["restores (management)"] = 10},
    },
    {
        "a PortalRestore is in flight",
        spoil = function(world)
            seed(world.portal, {
                apiVersion = "portal.apiconnect.ibm.com/v1beta1", kind = "PortalRestore",
                metadata = {name = "restore-2"}, spec = {type = "all", portalCluster = "portal"},
            }, {phase = "Running", backupId = "n/a", commentLeft = "n/a", fullBackupName = "n/a",
                id = "n/a", message = "n/a", conditions = list({})})
        end,
        says = {"portal: PortalRestore restore-2 is in flight"},
        costs = {["restores (portal)"] = 10},
    },
    {
        "management backups stay in the cluster",
        spoil = function(world)
            world.management:patch({spec = {databaseBackup = {protocol = "local"}}})
        end,
        says = {"databaseBackup.protocol is local: backups stay inside the cluster",
                "set it to an SFTP server or an S3 bucket, in the "},
        costs = {["backup-settings (management)"] = 40, ["kit-settings (management)"] = 15},
    },
    {
        "the place of the portal's backups is not whole",
        spoil = function(world)
            world.portal:patch({spec = {portalBackup = {host = null, port = 70000}}})
        end,
        params = {storage = "true"},
        says = {"portalBackup.host is not set", "portalBackup.port is 70000"},
        costs = {["backup-settings (portal, 2 gaps)"] = 40,
                 ["kit-settings (portal, 2 gaps)"] = 15},
    },
}

lab.describe("apic-v10/readiness finds a gap when", function()
    for _, case in ipairs(GAPS) do
        readiness.test_gap(case)
    end
end)
