-- apic-v10/readiness: each gap in the backups that the cluster knows, and in their schedules: what
-- it costs, and its cure.
local apiconnect = require("salvor.apiconnect")
local lab = require("support.lab")
local null = require("salvor").null
local portal_world = require("worlds.apic_v10_portal")
local readiness = require("support.apic_readiness")
local salvor = require("support.salvor")

local HOUR = 3600

--- Each: what support.apic_readiness.test_gap() takes.
local GAPS = {
    {
        "no management backup can be used",
        spoil = function(world)
            readiness.delete_all(world.client, apiconnect.MANAGEMENT_BACKUP)
            world.management:add_backup("broken", HOUR, "Failed")
        end,
        says = {"none of the 1 backups of this system can be used",
                "take both with apic-v10/backup"},
        costs = {["backups (management)"] = 40},
    },
    {
        "the portal has no backup",
        spoil = function(world)
            readiness.delete_all(world.client, apiconnect.PORTAL_BACKUP)
        end,
        says = {"portal: there is no backup of this system (PortalBackup",
                "not judged: no backup of the portal is known"},
        costs = {["backups (portal)"] = 40},
    },
    {
        "the kind of backup is not known",
        start = {management = {version = "10.0.7.0"}, portal = {version = "10.0.7.0"}},
        words = {"-p", "database=crunchy"},
        says = {"version 10.0.7.0 may have the database of", "-p database=crunchy or edb"},
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
        "management has no schedule",
        spoil = function(world)
            world.management:patch({spec = {databaseBackup = {schedule = null}}})
        end,
        says = {"databaseBackup.schedule is not set: nobody takes the next backup",
                "for both at the same time"},
        costs = {["schedule (management)"] = 15, ["kit-settings (management)"] = 15},
    },
    {
        "the portal's backups by the operator's own schedule have not come",
        start = {management = {backups = {{27 * HOUR}}}, portal = {backups = {27 * HOUR}}},
        spoil = function(world, operation)
            world.management:patch({spec = {databaseBackup = {schedule = "0 3 * * 1"}}})
            world.portal:patch({spec = {portalBackup = {schedule = null}}})
            readiness.prepare(operation, "management")
            readiness.prepare(operation, "portal")
        end,
        params = {max_age = "30h"},
        says = {"portal: the newest backup is 27.0 hours old, and the schedule takes one every"
                .. " 24.0 hours"},
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
        says = {"databaseBackup.schedule: the schedule '0 3 * * *' has 5 fields, 10.0.8.0 takes 6"},
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

lab.describe("apic-v10/readiness finds a gap when", function()
    for _, case in ipairs(GAPS) do
        readiness.test_gap(case)
    end
end)

lab.describe("apic-v10/readiness", function()
    it("adds up several gaps, and never goes below 0", function()
        local operation <close> = readiness.start()
        local world = operation.world
        readiness.delete_all(world.client, apiconnect.MANAGEMENT_BACKUP)
        readiness.delete_all(world.client, apiconnect.PORTAL_BACKUP)
        world.portal:patch_status({state = "1/3"})
        local result = operation:run({portal_kit = false})
        readiness.expect_gaps(result, {["backups (management)"] = 40, ["backups (portal)"] = 40,
                                     ["kit (portal)"] = 40, ["health (portal)"] = 10})
        salvor.expect(result.stdout, "readiness 0 of 100, 4 gaps")
    end)

    it("only warns of a portal without a schedule, for which its operator has one", function()
        local operation <close> = readiness.start()
        operation.world.portal:patch({spec = {portalBackup = {schedule = null}}})
        readiness.prepare(operation, "portal")
        local result = operation:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: portal: portalBackup.schedule is not set: the"
            .. " operator chooses the time of the backups", "for both at the same time",
            "readiness 100 of 100")
    end)

    it("warns of a site whose backups have ended", function()
        local operation <close> = readiness.start()
        operation.world.portal:add_file("portal.example.org@acme@old", portal_world.time(400000))
        operation.world.portal:await_records()
        local result = operation:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: portal: the newest backup of site"
            .. " portal.example.org@acme@old is 110.1 hours older", "was the site deleted?")
    end)

    it("does not judge a schedule with names", function()
        local operation <close> = readiness.start()
        operation.world.management:patch({spec = {databaseBackup = {schedule = "@daily"}}})
        readiness.prepare(operation, "management")
        local result = operation:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: management: databaseBackup.schedule: the schedule"
            .. " '@daily' has 1 field, 10.0.5.3 takes 5; it is not judged")
    end)

    it("takes a recorded pair where the newest backups do not fit", function()
        local operation <close> = readiness.start()
        local record = {record = operation.records, max_skew = "10m"}
        salvor.expect_code(0, operation:salvor({"run", "apic-v10/backup",
                                                "-p", "record=" .. operation.records}))
        operation.world.management:add_backup("newer", -3000)
        local result = operation:run(record)
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "in the record belong together", "readiness 100 of 100")
        must(operation.world.client:delete(apiconnect.PORTAL_BACKUP,
            operation:pairs()[1].portal.name))
        result = operation:run(record)
        readiness.expect_gaps(result, {["pair (both)"] = 10})
        salvor.expect(result.stdout, "no pair in " .. operation.records .. " can be used")
    end)
end)
