-- kill -9 at any moment of apic-v2018/restore-management, then salvor run --resume: the database is
-- restored once, and the new installation is that of a run that nobody disturbed.
local apic = require("support.apic_v2018")
local killed = require("support.killed")
local lab = require("support.lab")
local salvor = require("support.salvor")

local PARAMS = {job_timeout = "5s", walk = "false", registry = "new.example.org"}

--- What apicup was asked for, each once: what was under way when the run was killed is done again,
--- but for the restore.
local function asked(fixture)
    local calls, restores, seen = {}, 0, {}
    for _, line in ipairs(fixture:calls()) do
        restores = restores + (line:find(" restore ", 1, true) and 1 or 0)
        calls[#calls + 1] = not seen[line] and line or nil
        seen[line] = true
    end
    return calls, restores
end

local function project_of(fixture)
    local files = salvor.tree(fixture.workspace)
    for path, data in pairs(files) do
        files[path] = data:gsub((fixture.namespace:gsub("%-", "%%-")), "NAMESPACE")
    end
    return files
end

local function start()
    local fixture = apic.start({disaster = true, pods = 1, subsystems = 1,
                                delays = {restore = 0.01, late = 0.01}})
    function fixture:outcome()
        local calls, restores = asked(self)
        return {
            calls = calls, restores_asked_for = restores, restores = self.world.restores,
            jobs = #self.world:jobs(),
            status = self.world:cassandra().status.ClusterRestoreStatus,
            project = project_of(self),
        }
    end
    return fixture
end

lab.describe("apic-v2018/restore-management after kill -9", function()
    killed.define({
        start = start,
        words = function(fixture)
            return fixture:agreed_words(PARAMS)
        end,
        again = function(run)
            -- Where the journal has lost who has the lock, nobody waits for its end here.
            return {"run", "--resume", run, "--yes", "--break-lock"}
        end,
    })
end)
