-- apic-v10/backup: both subsystems together, and a record that the two belong together.
local apiconnect = require("salvor.apiconnect")
local both = require("support.apic_both")
local dates = require("salvor.dates")
local fs = require("salvor.fs")
local lab = require("support.lab")
local null = require("salvor").null
local operator = require("worlds.operator")
local salvor = require("support.salvor")

local ID = "apic-v10/backup"

local function created(world, kind)
    local found = {}
    for _, object in ipairs(must(world.client:list(kind))) do
        if (object.metadata.labels or {})["salvor-run"] then
            found[#found + 1] = object
        end
    end
    return found
end

--- The management backup does not end before that of the portal has begun, in a second before.
local function hold_management(operation)
    local world = operation.world
    world.management.hold_backups = function()
        operator.eventually("a backup of the portal", function()
            local object = created(world, apiconnect.PORTAL_BACKUP)[1]
            return object and os.time() > dates.iso(object.metadata.creationTimestamp)
        end)
    end
end

lab.describe("run of apic-v10/backup", function()
    for version, kind in pairs({["10.0.5.3"] = apiconnect.MANAGEMENT_BACKUP,
                                ["10.0.8.0"] = apiconnect.EDB_BACKUP}) do
        it("takes one backup of each and records the pair (" .. version .. ")", function()
            local operation <close> = both.start(ID, {
                management = {version = version}, portal = {version = version},
            })
            local result = operation:run()
            salvor.expect_code(0, result)
            local of_management = created(operation.world, kind)
            local of_portal = created(operation.world, apiconnect.PORTAL_BACKUP)
            assert.equal(1, #of_management)
            assert.equal(1, #of_portal)
            assert.equal("all", of_portal[1].spec.type)
            local recorded = operation:pairs()
            assert.equal(1, #recorded)
            local status = of_management[1].status
            assert.equal(status.id or status.backupId, recorded[1].management.id)
            assert.equal(of_management[1].metadata.name, recorded[1].management.name)
            assert.equal(status.serverName, recorded[1].management.server)
            assert.equal(of_portal[1].metadata.name, recorded[1].portal.name)
            assert.is_true(recorded[1].portal.ended >= recorded[1].portal.time)
            assert.equal(operation.namespace, recorded[1].namespace)
            assert.equal(math.abs(recorded[1].management.time - recorded[1].portal.time),
                recorded[1].apart)
            salvor.expect(result.stdout, "seconds apart", "recorded in ")
        end)
    end

    it("begins both before it waits for either", function()
        local operation <close> = both.start(ID)
        hold_management(operation)
        salvor.expect_code(0, operation:run())
        local recorded = operation:pairs()[1]
        assert.is_true(recorded.management.time > recorded.portal.time)
    end)

    it("plans both, and changes nothing", function()
        local operation <close> = both.start(ID)
        local before = operation.world:snapshot()
        local result = operation:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "create ManagementBackup", "create PortalBackup",
            "write " .. operation.records .. "/pairs/TIME.json", "nothing was changed")
        assert.same(before, operation.world:snapshot())
        assert.is_nil(fs.stat(operation.records))
    end)
end)

lab.describe("apic-v10/backup stops", function()
    it("when one backup fails, with the operator's reason, and takes that anew", function()
        local operation <close> = both.start(ID,
            {management = {faults = {backup = "no space left on device"}}})
        local result = operation:run()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "no space left on device", "--resume")
        assert.same({}, operation:pairs())
        operation.world.management.faults = {}
        salvor.expect_code(0, operation:resume(operation:only_run()))
        assert.equal(1, #operation:pairs())
        assert.equal(2, #created(operation.world, apiconnect.MANAGEMENT_BACKUP))
        assert.equal(1, #created(operation.world, apiconnect.PORTAL_BACKUP))
    end)

    it("when the two are too far apart", function()
        local operation <close> = both.start(ID)
        hold_management(operation)
        local result = operation:run({max_skew = "0s"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "seconds apart, 0 are allowed", "max_skew")
        assert.same({}, operation:pairs())
    end)
end)

--- Each: what is wrong, how it comes, what the output must say.
local PROBLEMS = {
    {
        "the portal is missing",
        spoil = function(world)
            must(world.client:delete(apiconnect.PORTAL, "portal"))
        end,
        says = {"there is no PortalCluster in namespace"},
    },
    {
        "there are two ManagementClusters",
        spoil = function(world)
            world.management:add_management("second")
        end,
        says = {"there are 2 ManagementClusters", "choose one with -p management=…"},
    },
    {
        "the management subsystem is not healthy",
        spoil = function(world)
            world.management:patch_status({state = "17/18"})
        end,
        says = {"ManagementCluster management is not healthy"},
    },
    {
        "the management backups stay in the cluster",
        spoil = function(world)
            world.management:patch({spec = {databaseBackup = {protocol = "local"}}})
        end,
        says = {"databaseBackup.protocol is local"},
    },
    {
        "the portal's backups are not set up",
        spoil = function(world)
            world.portal:patch({spec = {portalBackup = null}})
        end,
        says = {"portalBackup is not set up"},
    },
    {
        "a restore is in flight",
        spoil = function(world)
            must(world.client:create({apiVersion = "management.apiconnect.ibm.com/v1beta1",
                kind = "ManagementRestore", spec = {}, metadata = {name = "earlier",
                labels = {["salvor-test-seeded"] = "true"}}}))
        end,
        says = {"ManagementRestore earlier is in flight"},
    },
    {
        "a restore of the portal is in flight",
        spoil = function(world)
            must(world.client:create({apiVersion = "portal.apiconnect.ibm.com/v1beta1",
                kind = "PortalRestore", spec = {type = "all", portalCluster = "portal"},
                metadata = {name = "earlier", labels = {["salvor-test-seeded"] = "true"}}}))
        end,
        says = {"PortalRestore earlier is in flight", "wait until it has ended"},
    },
    {
        "a restore that failed has left the operator's lock",
        spoil = function(world)
            must(world.client:create({apiVersion = "v1", kind = "ConfigMap",
                                      metadata = {name = "management-oplock"}}))
        end,
        says = {"ConfigMap management-oplock is there", "scale the deployment"},
    },
    {
        "the portal is not healthy and the place of its backups is not whole",
        spoil = function(world)
            world.portal:patch_status({state = "5/6"})
            world.portal:patch({spec = {portalBackup = {path = null}}})
        end,
        says = {"PortalCluster portal is not healthy", "portalBackup.path is not set"},
    },
    {
        "the kind of backup is not known",
        options = {management = {version = "10.0.7.0"}, portal = {version = "10.0.7.0"}},
        says = {"version 10.0.7.0 may have the database of", "-p database=crunchy or edb"},
    },
    {
        "the place of the record is none",
        params = {record = "/etc/hostname"},
        says = {"/etc/hostname is not a folder", "name another place with -p record="},
    },
}

lab.describe("checks of apic-v10/backup", function()
    for _, case in ipairs(PROBLEMS) do
        it("say that " .. case[1], function()
            local operation <close> = both.start(ID, case.options)
            if case.spoil then
                case.spoil(operation.world)
            end
            operation:expect_refused(case.params, table.unpack(case.says))
            assert.same({}, operation:pairs())
        end)
    end

    it("may be left out, but for those that find the two", function()
        local operation <close> = both.start(ID)
        operation.world.management:patch_status({state = "17/18"})
        operation.world.portal:patch_status({state = "5/6"})
        local result = operation:run_without("portal")
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "ManagementCluster management is not healthy",
            "it is not known which PortalCluster is meant")
        salvor.expect_code(0, operation:run_without("management-state portal-state"
            .. " database versions restores record"))
        assert.equal(1, #operation:pairs())
    end)

    it("warn of what is no record of a pair, beside which one is written", function()
        local operation <close> = both.start(ID)
        must(fs.mkdir(fs.join(operation.records, "pairs"), {parents = true}))
        must(fs.write(fs.join(operation.records, "pairs/notes.json"), "{}"))
        local result = operation:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "warning: pairs/notes.json in ", "is no record of a pair",
            "recorded in ")
    end)

    it("warn of versions that differ", function()
        local operation <close> = both.start(ID, {portal = {version = "10.0.5.2"}})
        local result = operation:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "management has version 10.0.5.3, the portal 10.0.5.2")
    end)
end)
