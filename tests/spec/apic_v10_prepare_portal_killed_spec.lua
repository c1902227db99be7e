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

local count = 0

--- A home and a kit of its own in a world that others share.
local function another(fixture)
    count = count + 1
    local home = fs.join(fixture.home, tostring(count))
    must(fs.mkdir(home))
    local function close()
        must(fs.remove_tree(home))
    end
    return setmetatable({home = home, kit = fs.join(home, "kit"), close = close,
                         outcome = outcome}, {__index = fixture, __close = close})
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
        start = function(worker)
            return another(fixtures[worker])
        end,
        -- The run before in that world may have been killed for good, and still have the lock.
        words = function(fixture)
            local words = fixture:words("run", {take_backup = "true"})
            words[#words + 1] = "--break-lock"
            return words
        end,
    })
end)
