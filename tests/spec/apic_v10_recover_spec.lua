-- apic-v10/recover: management first, the portal immediately afterwards, from backups that belong
-- together.
local apiconnect = require("salvor.apiconnect")
local copy = require("salvor.copy")
local dig = require("salvor").dig
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local lab = require("support.lab")
local lost_installation = require("support.apic_lost")
local json = require("salvor.json")
local merge = require("salvor.copy").merge
local portal_world = require("worlds.apic_v10_portal")
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

local HOUR = 3600

local function the_pair(lost)
    local folder = fs.join(lost.records, "pairs")
    local name = must(fs.list(folder))[1].name
    return must(json.decode(must(fs.read(fs.join(folder, name))))), name
end

lab.describe("apic-v10/recover below one APIConnectCluster", function()
    it("edits its definition for both before it is created", function()
        local lost <close> = lost_installation.lose({top = "apic"})
        local operation <close> = lost_installation.start(lost)
        local world, file = operation.world, fs.join(operation.home, "apic.yaml")
        local left_out = {version = false, license = false, siteName = false}
        local management = world.management:management_spec({bare = true})
        management.version, management.license = nil, nil
        must(fs.write(file, "# of production\n" .. must(yaml.dump({
            apiVersion = "apiconnect.ibm.com/v1beta1", kind = "APIConnectCluster",
            metadata = {name = "apic"}, spec = {
                version = lost.version, license = {accept = true}, management = management,
                portal = world.portal:portal_spec(merge(left_out, {portalBackup = false,
                                                                   adminClientSubjectDN = false})),
            },
        }))))
        local params = {top = "apic", management_resource = file, portal_resource = file}
        local before = must(fs.read(file))
        salvor.expect_code(0, operation:plan(params))
        assert.equal(before, must(fs.read(file)))
        salvor.expect_code(0, operation:recover(params))
        local top = must(world.client:get(apiconnect.TOP, "apic"))
        local edited = must(yaml.load(must(fs.read(file))))
        for _, spec in ipairs({top.spec, edited.spec}) do
            assert.equal("management", spec.management.name)
            assert.equal("backup.example.org", spec.management.databaseBackup.host)
            assert.equal("/backups/portal", spec.portal.portalBackup.path)
            assert.equal("apic-ptl-enc-key", spec.portal.encryptionSecret.secretName)
        end
        assert.equal(1, #world.management.restored)
        assert.truthy(world.portal.restored)
    end)
end)

lab.describe("run of apic-v10/recover", function()
    local lost

    setup(function()
        lost = lost_installation.lose()
    end)

    teardown(function()
        lost:close()
    end)

    it("restores the recorded pair, not what is newer, management before the portal", function()
        local remote = copy.deep(lost.remote)
        table.insert(remote.times, remote.times[#remote.times] + 60)
        local files = table.move(lost.storage.files, 1, #lost.storage.files, 1, {})
        files[#files + 1] = {name = portal_world.SYSTEM, time = portal_world.time(-600)}
        local operation <close> = lost_installation.start(lost, {
            management = {remote = remote},
            portal = {storage = merge(lost.storage, {files = files})},
        })
        local result = operation:recover()
        salvor.expect_code(0, result)
        local pair = the_pair(lost)
        assert.same({{id = pair.management.id, is_readable = true}},
            operation.world.management.restored)
        local client = operation.world.client
        local restored = must(client:list(apiconnect.MANAGEMENT_RESTORE))
        assert.equal(1, #restored)
        local count = 0
        for _, object in ipairs(must(client:list(apiconnect.PORTAL_RESTORE))) do
            count = count + (dig(object, "spec", "dryRun") and 0 or 1)
            assert.is_true(object.metadata.creationTimestamp
                >= restored[1].metadata.creationTimestamp)
        end
        assert.equal(1, count)
        assert.is_true((apiconnect.ready(must(client:get(apiconnect.PORTAL, "portal")))))
        salvor.expect(result.stdout, "pair of ", "seconds apart")
        local order = {}
        for _, step in ipairs({"management-apply-resource", "portal-apply-resource",
                               "management-restore", "portal-restore"}) do
            order[#order + 1] = result.stdout:find("\n  done        " .. step, 1, true)
        end
        assert.equal(4, #order)
        for number = 2, #order do
            assert.is_true(order[number] > order[number - 1])
        end
    end)

    it("takes those nearest in time where nothing is recorded", function()
        local operation <close> = lost_installation.start(lost)
        local result = operation:recover({record = false})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "no record of pairs is given")
        assert.equal(1, #operation.world.management.restored)
    end)

    it("takes no backup that is newer than the run, as the empty portal may make them", function()
        local newer, files = portal_world.time(-HOUR / 2), {}
        table.move(lost.storage.files, 1, #lost.storage.files, 1, files)
        files[#files + 1] = {name = portal_world.SYSTEM, time = newer}
        local operation <close> = lost_installation.start(lost,
            {portal = {storage = merge(lost.storage, {files = files})}})
        local result = operation:recover({record = false})
        salvor.expect_code(0, result)
        assert.truthy(operation.world.portal.restored[portal_world.SYSTEM] < newer)
    end)

    it("plans both, and changes nothing", function()
        local operation <close> = lost_installation.start(lost)
        local before = operation.world:snapshot()
        local result = operation:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "create ManagementCluster", "create PortalCluster",
            "create ManagementRestore", "create PortalRestore", "nothing was changed")
        assert.same(before, operation.world:snapshot())
    end)

    it("restores no pair of other systems, were it ever so new", function()
        local operation <close> = lost_installation.start(lost)
        local pair, records = the_pair(lost), fs.join(operation.home, "records")
        for _, half in ipairs({"management", "portal"}) do
            local other = copy.deep(pair)
            other[half].uid, other.management.id = "another", "20990101-000000F"
            other.management.time = os.time() + 1
            must(fs.mkdir(fs.join(records, "pairs"), {parents = true}))
            must(fs.write(fs.join(records, "pairs", half .. ".json"), must(json.encode(other))))
        end
        must(fs.write(fs.join(records, "pairs", "own.json"), must(json.encode(pair))))
        local older = copy.deep(pair)
        older.management.id = "20200101-000000F"
        older.management.time = pair.management.time - HOUR
        must(fs.write(fs.join(records, "pairs", "older.json"), must(json.encode(older))))
        local result = operation:plan({record = records})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "management " .. pair.management.id .. ", portal ")
    end)

    it("warns of kits of two versions, and refuses those of two installations", function()
        local operation <close> = lost_installation.start(lost)
        operation.kit = lost.portal_kit
        operation:change_manifest(function(manifest)
            manifest.system.version = "10.0.5.2"
        end)
        local result = operation:plan({portal_kit = operation.kit})
        salvor.expect(result.stdout, "the kit of management is of version 10.0.5.3, that of the"
            .. " portal of 10.0.5.2", "make sure that they are of one installation")
        operation.kit = lost.portal_kit
        operation:change_kit("settings.yaml", function(text)
            return text .. "topLevel: {kind: APIConnectCluster, name: apic}\n"
        end, {honest = true})
        result = operation:plan({portal_kit = operation.kit})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "the kit of management is of no APIConnectCluster, that of"
            .. " the portal of APIConnectCluster apic", "give kits of one installation")
    end)

    it("leaves the portal alone when management cannot be restored", function()
        local operation <close> = lost_installation.start(lost,
            {management = {faults = {restore = "no space left"}}})
        local result = operation:recover()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step management-restore", "no space left",
            "-p 'management_pitr_target=")
        assert.same({}, must(operation.world.client:list(apiconnect.PORTAL_RESTORE)))
    end)

    it("restores no portal whose backup is of another time", function()
        -- What was backed up with the management database is gone.
        local older = {}
        for _, file in ipairs(lost.storage.files) do
            older[#older + 1] = file.time < os.date("!%Y%m%d.%H%M%S", os.time() - HOUR) and file
                or nil
        end
        local operation <close> = lost_installation.start(lost,
            {portal = {storage = merge(lost.storage, {files = older})}})
        local result = operation:recover()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step compare", "3600 are allowed",
            "apic-v10/recover-portal")
        assert.same({}, must(operation.world.client:list(apiconnect.PORTAL_RESTORE)))
    end)

    it("says which step may be left out, by the name that it has here", function()
        local operation <close> = lost_installation.start(lost,
            {portal = {faults = {actions = function()
                return "nothing"
            end}}})
        local result = operation:recover()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step portal-dry-run", "it leaves out site",
            "--skip portal-dry-run")
        assert.is_nil(operation.world.portal.restored)
    end)

    local PROBLEMS = {
        {"the kits are exchanged", function()
            return {management_kit = lost.portal_kit, portal_kit = lost.management_kit}
        end, "it is a kit of apic-v10/prepare-portal, not of apic-v10/prepare-management"},
        {"the pair that is named is not recorded", function()
            return {pair = "20200101T000000Z"}
        end, "none of the 1 recorded pairs of these systems is 20200101T000000Z"},
        {"no pair of these systems is recorded", function()
            return {record = lost.home .. "/nowhere"}
        end, "no pair of these two systems is recorded"},
        {"the name is another one", function()
            return {management_name = "other"}
        end, "is the kit of ManagementCluster management, not of other"},
    }
    for _, case in ipairs(PROBLEMS) do
        it("is refused when " .. case[1], function()
            local operation <close> = lost_installation.start(lost)
            operation:expect_refused(case[2](), case[3])
        end)
    end

    it("names parameters by their names here also in what is wrong", function()
        local operation <close> = lost_installation.start(lost)
        local result = operation:plan({management_pitr_target = "soon"})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "-p management_pitr_target=soon is not a moment")
    end)

    it("names the parameter by the name that it has here", function()
        local operation <close> = lost_installation.start(lost)
        must(operation.world.client:create({apiVersion = "apiconnect.ibm.com/v1beta1",
            kind = "APIConnectCluster", metadata = {name = "apic"}, spec = {}}))
        must(operation.world.client:delete(apiconnect.TOP, "apic"))
        local result = operation:recover({top = "apic"})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "give its definition: -p management_resource=FILE",
            "give its definition: -p portal_resource=FILE")
    end)
end)

lab.describe("apic-v10/recover of 10.0.8", function()
    it("says which procedure takes another backup than the one of the kit", function()
        local lost <close> = lost_installation.lose({version = "10.0.8.0"})
        local operation <close> = lost_installation.start(lost)
        local result = operation:plan({record = false})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "storage may hold a newer one: salvor run"
            .. " apic-v10/recover-management -p backup=ID")
    end)

    it("runs as it was planned and saved some time before", function()
        local lost <close> = lost_installation.lose({version = "10.0.8.0"})
        local operation <close> = lost_installation.start(lost)
        local file, second = fs.join(operation.home, "plan.json"), os.time()
        local words = operation:words("plan", {record = false})
        salvor.expect_code(0, operation:salvor(table.move({"--save", file}, 1, 2, #words + 1,
            words)))
        eventually("another second", function()
            return os.time() > second + 1
        end)
        salvor.expect_code(0, salvor.run({"run", "--plan", file, "--yes", "--kubeconfig",
            operation.kubeconfig}, {home = operation.home}))
        assert.truthy(operation.world.portal.restored)
    end)

    it("says what was left out by the name that it has here", function()
        local lost <close> = lost_installation.lose({version = "10.0.8.0"})
        local operation <close> = lost_installation.start(lost)
        local words = operation:words("plan", {record = false})
        local result = operation:salvor(table.move({"--skip", "management-backup"}, 1, 2,
            #words + 1, words))
        salvor.expect(result.stdout .. result.stderr, "backup is not known; begin a new run without"
            .. " --skip management-backup and --skip management-await-backups")
    end)
end)
