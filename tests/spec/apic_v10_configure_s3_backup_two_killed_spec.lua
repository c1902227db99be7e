-- kill -9 at every moment of apic-v10/configure-s3-backup in two data centres: multiSiteHA is never
-- lost, and is back in the end as it was, the original active one first.
local killed = require("support.killed")
local lab = require("support.lab")
local multisite = require("salvor.apiconnect.multisite")
local operation = require("support.operation")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")
local world = require("worlds.apic_v10_s3")

--- A subsystem of 10.0.8 in the active data centre, with `other` beside it.
local function start()
    local history = {}
    local target = s3_operation.start({version = "10.0.8.0", mode = "active", history = history})
    local other = s3_operation.start({version = "10.0.8.0", second = true, mode = "passive", history = history})
    target.other, target.history = other, history
    return target
end

local function words_of(target)
    local words = s3_operation.words(target, {schedule = "0 0 3 * * *", other_path =
        target.other.path, other_namespace = target.other.namespace})
    words[#words + 1] = "--yes"
    return words
end

local function outcome(target)
    local result = {history = {}}
    for index, each in ipairs({target, target.other}) do
        local object = each.world:management()
        local settings = object.spec.databaseBackup
        settings.path = settings.path == each.path and "its own" or settings.path
        local secret = must(each.world.client:get("secrets", "s3-credentials"))
        result[index] = {settings = settings, multisite = object.spec.multiSiteHA,
                         kept = multisite.kept(object) ~= nil, secret = secret.data}
    end
    for index, change in ipairs(target.history) do
        local mode, namespace = change:match("^(%S+) (%S+)$")
        result.history[index] = mode .. (namespace == target.namespace and " here" or " there")
    end
    return result
end

local function define(at)
    killed.define({
        start = function()
            local target = start()
            target.outcome = outcome
            return target
        end,
        words = words_of,
        again = function(run)
            return {"run", "--resume", run, "--yes", "-p", "access_key=" .. at.access_key,
                    "-p", "secret_key=" .. at.secret_key}
        end,
    })

    it("is put back by --undo, too", function()
        local target <close> = start()
        -- The standby does not come up without multiSiteHA, so the run stops there.
        target.other.world.paused = true
        target.other.world:patch_status({state = "17/18"})
        local words = words_of(target)
        local stopped = target:salvor(table.move({"-p", "timeout=1s"}, 1, 2, #words + 1, words))
        salvor.expect_code(5, stopped)
        assert.is_nil(target.other.world:management().spec.multiSiteHA)
        assert.truthy(target.world:management().spec.multiSiteHA)
        target.other.world.paused = false
        target.other.world:patch_status({state = "18/18"})
        local undone = target:salvor({"run", "--undo", operation.run_id(stopped)})
        salvor.expect_code(0, undone)
        for index, each in ipairs({target, target.other}) do
            local object = each.world:management()
            assert.same(world.MULTISITE[index == 1 and "active" or "passive"],
                object.spec.multiSiteHA)
            assert.is_nil(multisite.kept(object))
            assert.equal("sftp", object.spec.databaseBackup.protocol)
        end
    end)
end

lab.describe("apic-v10/configure-s3-backup in two data centres after kill -9", function()
    store_lab.describe("with a bucket", "s3 pgbackrest", define)
end)
