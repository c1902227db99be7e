-- kill -9 at every moment of apic-v10/configure-s3-backup in two data centres: multiSiteHA is never
-- lost, and is back in the end as it was, the original active one first.
local base64 = require("salvor.digest").base64
local fs = require("salvor.fs")
local killed = require("support.killed")
local lab = require("support.lab")
local multisite = require("salvor.apiconnect.multisite")
local operation = require("support.operation")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")
local world = require("worlds.apic_v10_s3")

--- A subsystem of 10.0.8 in the active data centre, with `other` beside it; the Secrets are there.
local function start()
    local history = {}
    local target = s3_operation.start({version = "10.0.8.0", mode = "active", history = history})
    local other = s3_operation.start({version = "10.0.8.0", second = true,
                                      mode = "passive", history = history})
    target.other, target.history = other, history
    for _, each in ipairs({target, other}) do
        for name, data in pairs({
            ["s3-credentials"] = {key = base64(target.at.access_key),
                                  keysecret = base64(target.at.secret_key)},
            authority = {["ca.crt"] = base64(must(fs.read(target.ca)))},
        }) do
            must(each.world.client:create({apiVersion = "v1", kind = "Secret",
                                           metadata = {name = name}, data = data}))
        end
    end
    return target
end

local function words_of(target)
    return target:agreed_words({schedule = "0 0 3 * * *", other_path = target.other.path,
        other_namespace = target.other.namespace, access_key = false, secret_key = false,
        ca = false, ca_secret = "authority"})
end

local function outcome(target)
    local result = {history = {}}
    for index, each in ipairs({target, target.other}) do
        local object = each.world:management()
        local settings = object.spec.databaseBackup
        settings.path = settings.path == each.path and "its own" or settings.path
        result[index] = {settings = settings, multisite = object.spec.multiSiteHA,
                         kept = multisite.kept(object) ~= nil}
    end
    for index, change in ipairs(target.history) do
        local mode, namespace = change:match("^(%S+) (%S+)$")
        result.history[index] = mode .. (namespace == target.namespace and " here" or " there")
    end
    return result
end

local function define()
    killed.define({
        start = function()
            local target = start()
            target.outcome = outcome
            return target
        end,
        words = words_of,
    })

    it("is put back by --undo, too", function()
        local target <close> = start()
        -- The standby does not come up without multiSiteHA, so the run stops there.
        target.other.world.paused = true
        target.other.world:patch_status({state = "17/18"})
        local words = words_of(target)
        for index, word in ipairs(words) do
            words[index] = word:gsub("^timeout=.*", "timeout=1s")
        end
        local stopped = target:salvor(words)
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
