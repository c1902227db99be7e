-- apic-v10/readiness: each gap in what the cluster says, by itself: what it costs, and its cure.
local apiconnect = require("salvor.apiconnect")
local lab = require("support.lab")
local list = require("salvor").list
local null = require("salvor").null
local operator = require("worlds.operator")
local readiness = require("support.apic_readiness")
local salvor = require("support.salvor")

local HOUR = 3600

--- An object whose status is the test's.
local function seed(world, object, status)
    object.metadata.labels = {[operator.SEEDED] = "true"}
    world:set_status(must(world.client:create(object)), status)
end

local function delete_all(client, kind)
    for _, object in ipairs(must(client:list(kind))) do
        must(client:delete(kind, object.metadata.name))
    end
end

--- Each: what is wrong; `start`: options of the worlds; `spoil(world, operation)`; `params`;
--- `says`: what is told; `costs`: {rule and subsystem = what is taken}, of 100.
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
                "set it to metadata.uid"},
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
        end,
        says = {"management: restore-1 is being restored", "wait until it has ended"},
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
        says = {"portal: restore-2 is being restored"},
        costs = {["restores (portal)"] = 10},
    },
    {
        "management backups stay in the cluster",
        spoil = function(world)
            world.management:patch({spec = {databaseBackup = {protocol = "local"}}})
        end,
        says = {"databaseBackup.protocol is local: backups stay inside the cluster",
                "set spec.databaseBackup to an SFTP server or an S3 bucket"},
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
    {
        "no management backup can be used",
        spoil = function(world)
            delete_all(world.client, apiconnect.MANAGEMENT_BACKUP)
            world.management:add_backup("broken", HOUR, "Failed")
        end,
        says = {"none of the 1 backups can be used", "take both with apic-v10/backup"},
        costs = {["backups (management)"] = 40},
    },
    {
        "the portal has no backup",
        spoil = function(world)
            delete_all(world.client, apiconnect.PORTAL_BACKUP)
        end,
        says = {"portal: there is no backup (PortalBackup"},
        costs = {["backups (portal)"] = 40},
    },
    {
        "the kind of backup is not known",
        start = {management = {version = "10.0.7.0"}, portal = {version = "10.0.7.0"}},
        prepare = {"-p", "database=crunchy"},
        says = {"version 10.0.7.0 may keep its backups as", "-p database=crunchy or edb"},
        costs = {["backups (management)"] = 40},
    },
    {
        "the newest backup is too old",
        start = {management = {backups = {{2 * HOUR}}}},
        params = {max_age = "90m", max_skew = "2h"},
        says = {"management: the newest usable backup is 2.0 hours old, 1.5 are allowed",
                "take both with apic-v10/backup"},
        costs = {["age (management)"] = 15},
    },
    {
        "the backups are of different times",
        start = {management = {backups = {{3 * HOUR}}}},
        says = {"the newest backups are 2.0 hours apart, 1.0 are allowed",
                "give both schedules the same time"},
        costs = {["pair (both)"] = 10},
    },
    {
        "the portal has no schedule",
        spoil = function(world, operation)
            world.portal:patch({spec = {portalBackup = {schedule = null}}})
            readiness.prepare(operation, "portal")
        end,
        says = {"portalBackup.schedule is not set", "for both at the same time"},
        costs = {["schedule (portal)"] = 15},
    },
    {
        "a schedule has fields that the version does not know",
        spoil = function(world, operation)
            world.management:patch({spec = {databaseBackup = {schedule = "0 0 3 * * *"}}})
            readiness.prepare(operation, "management")
        end,
        says = {"has 6 fields, 10.0.5.3 takes 5", "'0 3 * * *' is every day at 3:00"},
        costs = {["schedule (management)"] = 15},
    },
    {
        "from 10.0.8 on a schedule lacks the seconds",
        start = {management = {version = "10.0.8.0"}, portal = {version = "10.0.8.0"}},
        says = {"databaseBackup: the schedule '0 3 * * *' has 5 fields, 10.0.8.0 takes 6"},
        costs = {["schedule (management)"] = 15},
    },
    {
        "the last scheduled backup did not come",
        start = {management = {backups = {{5 * HOUR}}}, portal = {backups = {5 * HOUR}}},
        spoil = function(world, operation)
            world.management:patch({spec = {databaseBackup = {schedule = "15 * * * *"}}})
            readiness.prepare(operation, "management")
        end,
        says = {"the newest backup is 5.0 hours old, and the schedule takes one every 1.0 hours",
                "look at the backups that failed"},
        costs = {["schedule (management)"] = 15},
    },
}

local function expect_score(text, costs)
    local score = 100
    for what, cost in pairs(costs) do
        salvor.expect(text, string.format("-%d %s: ", cost, what))
        score = score - cost
    end
    salvor.expect(text, string.format("readiness %d of 100", math.max(score, 0)))
end

lab.describe("apic-v10/readiness finds a gap when", function()
    for _, case in ipairs(GAPS) do
        it(case[1], function()
            local operation <close> = readiness.start(case.start, case.prepare)
            if case.spoil then
                case.spoil(operation.world, operation)
            end
            local result = operation:run(case.params)
            salvor.expect_code(4, result)
            salvor.expect(result.stdout, table.unpack(case.says))
            expect_score(result.stdout, case.costs)
        end)
    end
end)

lab.describe("apic-v10/readiness", function()
    it("adds up several gaps, and never goes below 0", function()
        local operation <close> = readiness.start()
        local world = operation.world
        delete_all(world.client, apiconnect.MANAGEMENT_BACKUP)
        delete_all(world.client, apiconnect.PORTAL_BACKUP)
        world.portal:patch_status({state = "1/3"})
        local result = operation:run({portal_kit = false})
        salvor.expect_code(4, result)
        expect_score(result.stdout, {["backups (management)"] = 40, ["backups (portal)"] = 40,
                                     ["kit (portal)"] = 40, ["health (portal)"] = 10})
        salvor.expect(result.stdout, "readiness 0 of 100, 4 gaps")
    end)

    it("takes a recorded pair where the newest backups do not fit", function()
        local operation <close> = readiness.start()
        local record = {record = operation.records, max_skew = "10s"}
        salvor.expect_code(0, operation:salvor({"run", "apic-v10/backup",
                                                "-p", "record=" .. operation.records}))
        operation.world.management:add_backup("newer", -100)
        local result = operation:run(record)
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "in the record belong together", "readiness 100 of 100")
        must(operation.world.client:delete(apiconnect.PORTAL_BACKUP,
            operation:pairs()[1].portal.name))
        result = operation:run(record)
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "no pair in " .. operation.records .. " can be used")
        expect_score(result.stdout, {["pair (both)"] = 10})
    end)
end)
