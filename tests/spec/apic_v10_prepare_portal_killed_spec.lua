-- kill -9 at any moment of apic-v10/prepare-portal, then salvor run --resume: it ends as a run that
-- nobody disturbed, and nothing was created twice.
local fs = require("salvor.fs")
local keys = require("salvor").keys
local killed = require("support.killed")
local lab = require("support.lab")
local portal = require("support.portal")
local yaml = require("salvor.yaml")

--- The kit but for what each run has of its own.
local function outcome(fixture)
    local files = fixture:files()
    local settings = must(yaml.load(files["settings.yaml"]))
    settings.newestBackup, settings.sites = nil, nil
    return {files = keys(files), settings = settings,
            generations = #must(fs.list(fs.join(fixture.kit, "generations")))}
end

lab.describe("apic-v10/prepare-portal after kill -9", function()
    local fixtures = {}

    setup(function()
        for worker = 1, killed.WORKERS do
            fixtures[worker] = portal.start()
        end
    end)

    teardown(function()
        for _, fixture in ipairs(fixtures) do
            fixture:close()
        end
    end)

    killed.define({
        shared = true,
        start = function(worker)
            local mine = fixtures[worker]:another({outcome = outcome})
            mine.kit = fs.join(mine.home, "kit")
            return mine
        end,
        words = function(mine)
            return mine:words("run", {take_backup = "true"})
        end,
    })
end)
