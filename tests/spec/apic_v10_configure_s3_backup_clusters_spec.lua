-- apic-v10/configure-s3-backup in two data centres that are two clusters, each with its own API
-- server: both are locked and asked for permission, and have what belongs to them.
local fs = require("salvor.fs")
local killed = require("support.killed")
local lab = require("support.lab")
local multisite = require("salvor.apiconnect.multisite")
local operation = require("support.operation")
local rights = require("support.rights")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")
local two_clusters = require("support.two_clusters")
local world = require("worlds.apic_v10_s3")

local LEASES = "leases.coordination.k8s.io"

--- The active data centre here, the warm standby there, in namespaces of the same name.
local function start()
    local files, history = two_clusters.files(), {}
    local target = s3_operation.start({mode = "active", history = history, kubeconfig = files.here})
    local _, closing <close> = -- luacheck: ignore 211
        two_clusters.namespace_there(target.namespace)
    target.other = s3_operation.start({mode = "passive", history = history, second = true,
                                       kubeconfig = files.there, namespace = target.namespace})
    target.history = history
    target.files = files
    target.kubeconfig = two_clusters.write(fs.join(target.home, "both"), files)
    return target
end

--- Without pods pgBackRest cannot be asked.
local function words_of(target, params, command)
    local words = target:words(command or "run", target:two(params))
    return command and words or table.move({"--yes", "--skip", "repository"}, 1, 3, #words + 1,
        words)
end

local function state_of(target)
    local result = {history = {}}
    for index, each in ipairs({target, target.other}) do
        local object = each.world:management()
        local settings = object.spec.databaseBackup
        settings.path = settings.path == each.path and "its own" or settings.path
        result[index] = {settings = settings, multisite = object.spec.multiSiteHA,
                         kept = multisite.kept(object) ~= nil, stanzas = each.world.stanzas,
                         lease = each.world.client:get(LEASES, "salvor") ~= nil}
    end
    for index, change in ipairs(target.history) do
        result.history[index] = change:match("^%S+")
    end
    return result
end

local function define()
    it("configures both, and each has its own bucket, Secrets and stanza", function()
        local target <close> = start()
        local result = target:salvor(words_of(target))
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "(context there), namespace " .. target.namespace)
        for index, each in ipairs({target, target.other}) do
            local mode = index == 1 and "active" or "passive"
            assert.equal(each.path, each:settings().path)
            assert.same(world.MULTISITE[mode], each.world:management().spec.multiSiteHA)
            assert.is_nil(multisite.kept(each.world:management()))
            assert.truthy(each.world.client:get("secrets", "s3-credentials"))
            assert.truthy(each.world.client:get("secrets", "custom-server-ca"))
            assert.equal(1, each.world.stanzas)
            local s <close> = each:store()
            assert.truthy(s:stat("archive/db/archive.info"))
            assert.is_nil((each.world.client:get(LEASES, "salvor")))
        end
        local name = target.namespace
        assert.same({"none " .. name, "none " .. name, "active " .. name, "passive " .. name},
            target.history)
    end)

    it("plans both, tells which is which, and changes neither", function()
        local target <close> = start()
        local before, beside = target.world:snapshot(), target.other.world:snapshot()
        local host = target.at.tls_endpoint:match("//(.*)$") .. "/another-region"
        local result = target:salvor(words_of(target, {other_host = host}, "plan"))
        salvor.expect_code(0, result)
        local object = "ManagementCluster " .. target.namespace .. "/management"
        salvor.expect(result.stdout, "update " .. object, "update there: " .. object,
            "patch there: " .. object, "host: backup.example.org -> " .. host,
            "host: backup.example.org -> " .. target.host,
            "wait for there: jobs.batch " .. world.JOB,
            "run in a pod of management-82b290a2-postgres of the other data centre: pgbackrest")
        assert.same(before, target.world:snapshot())
        assert.same(beside, target.other.world:snapshot())
    end)

    it("asks for what is lost in each by a name of its own", function()
        local target <close> = start()
        local words = words_of(target)
        local result = target:salvor(table.move(words, 1, #words - 3, 1, {}))
        salvor.expect_code(6, result)
        salvor.expect(result.stderr, "the sessions of " .. target.namespace .. "/management and"
            .. " there/" .. target.namespace .. "/management")
    end)

    it("explains what fails in the other one, and where", function()
        local target <close> = start()
        target.other.world.exit_code = 28
        local result = target:salvor(words_of(target))
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "Job " .. world.JOB .. " of the other data centre has failed:"
            .. " the path holds the backups of another database",
            "kubectl --context there -n " .. target.namespace .. " delete job " .. world.JOB)
        -- Nothing of what was taken out is lost.
        for index, each in ipairs({target, target.other}) do
            assert.same(world.MULTISITE[index == 1 and "active" or "passive"],
                multisite.kept(each.world:management()))
        end
        local undone = target:salvor({"run", "--undo", operation.run_id(result)})
        salvor.expect_code(0, undone)
        assert.same({"none", "none", "active", "passive"}, state_of(target).history)
    end)

    it("refuses data centres of different versions", function()
        local target <close> = start()
        target.other.world:patch_status({versions = {reconciled = "10.0.5.4"}})
        local before, beside = target.world:snapshot(), target.other.world:snapshot()
        local result = target:salvor(words_of(target))
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "different versions: 10.0.5.3 and 10.0.5.4")
        assert.same(before, target.world:snapshot())
        assert.same(beside, target.other.world:snapshot())
    end)

    it("refuses one that does not tell its version", function()
        local target <close> = start()
        target.other.world:patch_status({versions = {reconciled = "unknown"}})
        local result = target:salvor(words_of(target, nil, "plan"))
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "ManagementCluster management of the other data centre does"
            .. " not tell its version")
        assert.is_nil(result.stdout:find("different versions", 1, true))
    end)

    it("is kept out of both by whoever works in the other one", function()
        local target <close> = start()
        must(target.other.world.client:create({apiVersion = "coordination.k8s.io/v1",
            kind = "Lease", metadata = {name = "salvor"},
            spec = {holderIdentity = "ann@london/20260101-000000-abcdef",
                    leaseDurationSeconds = 3600}}))
        local before, beside = target.world:snapshot(), target.other.world:snapshot()
        local result = target:salvor(words_of(target))
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "somebody works on namespace " .. target.namespace
            .. " of context there already: ann@london", "nothing was changed")
        assert.same(before, target.world:snapshot())
        assert.same(beside, target.other.world:snapshot())
    end)

    it("runs to its end with what salvor rbac prints for each, which is the same", function()
        local target <close> = start()
        local params = target:two()
        local here <close> = rights.grant(target, params, {kubeconfig = target.files.here})
        local there <close> = rights.grant(target, params, {kubeconfig = target.files.there,
                                                            cluster = "there"})
        assert.equal(#here.rules, #there.rules)
        target.kubeconfig = two_clusters.write(fs.join(target.home, "robots"),
            {here = here.kubeconfig, there = there.kubeconfig})
        salvor.expect_code(0, target:salvor(words_of(target)))
        assert.equal(target.other.path, target.other:settings().path)
    end)

    describe("after kill -9", function()
        killed.define({
            start = function()
                local target = start()
                target.outcome = state_of
                return target
            end,
            words = words_of,
            again = function(run)
                local at = store_lab.s3()
                return {"run", "--resume", run, "--yes", "-p", "access_key=" .. at.access_key,
                        "-p", "secret_key=" .. at.secret_key}
            end,
            moments = {after = true},
            every = 13,
        })
    end)
end

lab.describe("apic-v10/configure-s3-backup on two clusters", function()
    store_lab.describe("with a bucket", "s3 pgbackrest", define)
end)
