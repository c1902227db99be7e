-- kill -9 at every moment of apic-v10/configure-s3-backup, then salvor run --resume: the settings,
-- the Secrets and the stanza of a run that nobody disturbed. Without pods, so pgBackRest is not
-- asked at the end.
local killed = require("support.killed")
local lab = require("support.lab")
local s3_operation = require("support.s3_operation")
local store_lab = require("support.store_lab")

local function words_of(target)
    local words = target:agreed_words()
    return table.move({"--skip", "repository"}, 1, 2, #words + 1, words)
end

--- What must be equal in the end: the bucket alone has another name each time.
local function outcome(target)
    local settings, names = target:settings(), {}
    settings.path = settings.path == target.path and "its own" or settings.path
    local s <close> = target:store()
    for item in s:each() do
        names[#names + 1] = item.path
    end
    return {settings = settings, bucket = names, stanzas = target.world.stanzas,
            state = target.world:management().status.state}
end

local function define(at)
    killed.define({
        start = function()
            local target = s3_operation.start()
            target.outcome = outcome
            return target
        end,
        words = words_of,
        again = function(run)
            return {"run", "--resume", run, "--yes", "-p", "access_key=" .. at.access_key,
                    "-p", "secret_key=" .. at.secret_key}
        end,
    })
end

lab.describe("apic-v10/configure-s3-backup after kill -9", function()
    store_lab.describe("with a bucket", "s3 pgbackrest", define)
end)
