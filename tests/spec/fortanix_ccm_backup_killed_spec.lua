-- kill -9 at any moment of fortanix-ccm/backup, then salvor run --resume: the kit is that of a run
-- that nobody disturbed, and one backup was taken.
local fs = require("salvor.fs")
local killed = require("support.killed")
local lab = require("support.lab")
local read_kit = require("support.read_kit")
local support = require("support.fortanix")
local yaml = require("salvor.yaml")

--- The files of the kit, the settings read, without the run's id and times.
local function outcome(target, run)
    local manifest, files = must(read_kit(target.kit))
    assert.equal(run, manifest.run)
    local settings = must(yaml.load(files["settings.yaml"]))
    assert.equal("medusa-backup-" .. run, settings.backup.name)
    files["settings.yaml"], settings.backup = nil, nil
    return {files = files, settings = settings, kit = #must(fs.list(target.kit))}
end

lab.describe("fortanix-ccm/backup after kill -9", function()
    local fixtures = {}

    setup(function()
        for worker = 1, killed.WORKERS do
            fixtures[worker] = support.start("fortanix-ccm/backup")
        end
    end)

    teardown(function()
        for _, each in ipairs(fixtures) do
            each:close()
        end
    end)

    killed.define({
        shared = true,
        start = function(worker)
            local target = fixtures[worker]:another({outcome = outcome})
            target.kit = fs.join(target.home, "kit")
            return target
        end,
    })
end)
