-- apic-v10/readiness: what is well scores in full; nothing is changed, and nothing secret told.
local apiconnect = require("salvor.apiconnect")
local base64 = require("salvor.digest").base64
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local null = require("salvor").null
local readiness = require("support.apic_readiness")
local rights = require("support.rights")
local salvor = require("support.salvor")
local secret_values = require("support.secret_values")

lab.describe("run of apic-v10/readiness", function()
    local SIX = {databaseBackup = {protocol = "sftp", host = "backup.example.org",
                                   path = "/backups/management", port = 22,
                                   credentials = "mgmt-backup-secret", schedule = "0 0 3 * * *"}}
    for version, spec in pairs({["10.0.5.3"] = {}, ["10.0.8.0"] = SIX}) do
        it("finds a system in order ready (" .. version .. ")", function()
            local operation <close> = readiness.start({
                management = {version = version, spec = spec}, portal = {version = version},
            })
            local result = operation:run()
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "readiness 100 of 100, no gap",
                "the newest backups are ", "management: kit of version " .. version,
                "portal: kit of version " .. version,
                "the score says nothing of storage, which was left out")
        end)
    end

    --- What the journal of a run has in the end as its facts; outcome: what it printed as JSON.
    local function facts_of(operation, outcome)
        local facts
        for _, record in ipairs(operation:journal(outcome.run)) do
            facts = record.facts or facts
        end
        return facts
    end

    it("tells the score as JSON, and in the journal's facts", function()
        local operation <close> = readiness.start()
        local words = operation:words("run")
        local outcome = must(json.decode(operation:salvor(
            table.move({"--output", "json"}, 1, 2, #words + 1, words)).stdout))
        assert.same({"readiness 100 of 100, no gap"}, outcome.next)
        assert.same({score = 100, full = 100, gaps = {}}, facts_of(operation, outcome).readiness)
    end)

    it("tells each gap for programs: what it is in, what it costs, and its cure", function()
        local operation <close> = readiness.start()
        operation.world.portal:patch_status({state = "1/3"})
        operation.world.management:patch({spec = {databaseBackup = {schedule = null}}})
        local words = operation:words("run")
        local result = operation:salvor(table.move({"--output", "json"}, 1, 2, #words + 1, words))
        salvor.expect_code(4, result)
        local facts = facts_of(operation, must(json.decode(result.stdout)))
        local known = facts.readiness
        assert.equal(100 - 15 - 15 - 10, known.score)
        local told = {}
        for index, gap in ipairs(known.gaps) do
            told[index] = string.format("%d %s/%s in %s", gap.cost, gap.check, gap.rule, gap.object)
            assert.is_true(#gap.message > 0 and #gap.cure > 0)
        end
        assert.same({"15 kits/kit-settings in ManagementCluster management",
                     "15 schedule/schedule in ManagementCluster management",
                     "10 health/health in PortalCluster portal"}, told)
        assert.is_nil(facts.gaps)
    end)

    it("changes nothing, as plan and as run, also when there are gaps", function()
        local operation <close> = readiness.start()
        operation.world.portal:patch_status({state = "1/3"})
        local function all_but_runs()
            fs.remove_tree(fs.join(operation.home, "state"))
            return operation:everything()
        end
        local before = all_but_runs()
        salvor.expect_code(4, operation:plan())
        assert.same(before, all_but_runs())
        salvor.expect_code(4, operation:run())
        assert.same(before, all_but_runs())
    end)

    it("needs no right to write", function()
        local operation <close> = readiness.start()
        local params = {record = operation.records}
        salvor.expect_code(0, operation:salvor({"run", "apic-v10/backup",
                                                "-p", "record=" .. operation.records}))
        local robot <close> = rights.grant(operation, params)
        for _, rule in ipairs(robot.rules) do
            for _, verb in ipairs(rule.verbs) do
                assert.is_true(verb == "get" or verb == "list", verb)
            end
        end
        local result = robot:run(params)
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "in the record belong together", "readiness 100 of 100")
    end)

    it("says of what the score tells nothing", function()
        local operation <close> = readiness.start()
        local result = operation:run_without("kits", {portal_kit = false})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "the score says nothing of kits, which was left out")
    end)

    it("says that nothing is judged when it is not known of what", function()
        local operation <close> = readiness.start()
        local result = operation:run_without("subsystems")
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "problem: it is not known what is to be judged; do not leave"
            .. " out the check subsystems", "readiness 0 of 100")
    end)

    it("has nothing to say without a score", function()
        local operation <close> = readiness.start()
        local result = operation:run_without("score")
        salvor.expect_code(0, result)
        assert.is_nil(result.stdout:find("readiness %d"))
    end)

    it("says what it cannot judge without another check", function()
        local operation <close> = readiness.start()
        local result = operation:run_without("backups", {storage = "true"})
        salvor.expect_code(0, result)
        local _, times = result.stdout:gsub("warning: not judged, since backups was left out", "")
        assert.equal(2, times) -- pair and storage
        salvor.expect(result.stdout, "the score says nothing of backups, which was left out")
    end)

    it("judges the other one when one cannot be looked at", function()
        local operation <close> = readiness.start({management = {version = "10.0.7.0"}},
            {"-p", "database=crunchy"})
        readiness.delete_all(operation.world.client, apiconnect.PORTAL_BACKUP)
        local result = operation:run()
        readiness.expect_gaps(result, {["backups (management)"] = 40, ["backups (portal)"] = 40,
                                       ["versions (both)"] = 10})
    end)

    it("tells no secret, also of those that differ", function()
        local operation <close> = readiness.start()
        local client = operation.world.client
        local before = secret_values.of(client)
        must(client:patch("secrets", "management-atm-cred",
            {data = {["credential.json"] = base64("new-secret-value")}}))
        local now = secret_values.of(client)
        local result = operation:run()
        salvor.expect_code(4, result)
        local runs = operation:runs()
        for _, text in ipairs({result.stdout, result.stderr,
                               must(fs.read(operation:journal_path(runs[#runs])))}) do
            secret_values.expect_none(before, "what is told", text)
            secret_values.expect_none(now, "what is told", text)
        end
    end)
end)

lab.describe("apic-v10/readiness with one subsystem", function()
    it("judges it alone, and says so", function()
        local operation <close> = readiness.start()
        must(operation.world.client:delete(apiconnect.PORTAL, "portal"))
        local result = operation:run({portal_kit = false})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "there is no PortalCluster in namespace",
            "it is not judged", "readiness 100 of 100")
    end)

    it("judges the portal where management is elsewhere", function()
        local operation <close> = readiness.start()
        must(operation.world.client:delete(apiconnect.MANAGEMENT, "management"))
        local result = operation:run({management_kit = false})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "there is no ManagementCluster in namespace",
            "portal: newest usable backup", "readiness 100 of 100")
    end)

    it("finds a gap in one that is missing though its kit is named", function()
        local operation <close> = readiness.start()
        must(operation.world.client:delete(apiconnect.PORTAL, "portal"))
        local result = operation:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "there is no PortalCluster", "one is expected",
            "readiness 50 of 100, 1 gap")
    end)

    it("finds nothing to judge where there is neither", function()
        local operation <close> = readiness.start()
        must(operation.world.client:delete(apiconnect.PORTAL, "portal"))
        must(operation.world.client:delete(apiconnect.MANAGEMENT, "management"))
        local result = operation:run({management_kit = false, portal_kit = false})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "readiness 0 of 100, 2 gaps", "name its namespace with -n")
    end)
end)
