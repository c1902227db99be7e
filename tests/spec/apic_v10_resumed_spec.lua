-- Runs of API Connect v10's preparations and backups that ended after a step, as was asked, and are
-- resumed when something that the step had made is gone: it is made again.
local apic = require("support.apic")
local apiconnect = require("salvor.apiconnect")
local both = require("support.apic_both")
local fs = require("salvor.fs")
local lab = require("support.lab")
local portal = require("support.portal")
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

--- Runs it up to that step; its id.
local function run_until(operation, step, params)
    local words = operation:words("run", params)
    salvor.expect_code(0, operation:salvor(table.move({"--until", step}, 1, 2, #words + 1, words)))
    return operation:only_run()
end

local function go_on(operation, run)
    local result = operation:salvor({"run", "--resume", run, "--accept-changes"})
    salvor.expect_code(0, result)
    return result
end

local PREPARED = {
    ["prepare-management"] = {start = apic.start, secret = "management-enc-key",
                              backups = apiconnect.MANAGEMENT_BACKUP},
    ["prepare-portal"] = {start = portal.start, secret = "portal-enc-key",
                          backups = apiconnect.PORTAL_BACKUP},
}

for id, one in pairs(PREPARED) do
    lab.describe("apic-v10/" .. id .. ", when it is resumed,", function()
        for _, path in ipairs({"secrets/" .. one.secret .. ".yaml", "recreate.yaml"}) do
            it("saves " .. path .. " again when it is gone", function()
                local operation <close> = one.start()
                local run = run_until(operation, "save-resource")
                must(fs.remove(fs.join(operation.kit, "generations", run, path)))
                go_on(operation, run)
                assert.is_truthy(operation:files()[path])
            end)
        end

        it("publishes the kit again when nothing names it any more", function()
            local operation <close> = one.start()
            salvor.expect_code(0, operation:run())
            local latest = fs.join(operation.kit, "latest")
            local text = must(fs.read(latest))
            must(fs.remove(latest))
            salvor.expect(go_on(operation, operation:only_run()).stdout, "done        publish")
            assert.equal(text, must(fs.read(latest)))
        end)

        it("takes the backup again when it is gone", function()
            local operation <close> = one.start({backups = {}})
            local run = run_until(operation, "take-backup", {take_backup = "true"})
            local name = must(operation.world.client:list(one.backups))[1].metadata.name
            must(operation.world.client:delete(one.backups, name))
            go_on(operation, run)
            local settings = must(yaml.load(operation:files()["settings.yaml"]))
            assert.is_truthy(operation.world.client:get(one.backups, settings.newestBackup.name))
        end)

        it("verifies what is there, and does nothing twice", function()
            local operation <close> = one.start()
            local run = run_until(operation, "save-resource")
            salvor.expect(go_on(operation, run).stdout, "verified    save-secrets",
                "verified    save-resource")
        end)
    end)
end

lab.describe("apic-v10/backup, when it is resumed,", function()
    for _, kind in ipairs({apiconnect.MANAGEMENT_BACKUP, apiconnect.PORTAL_BACKUP}) do
        it("takes one of " .. kind .. " again when it is gone", function()
            local operation <close> = both.start("apic-v10/backup")
            local client = operation.world.client
            local run = run_until(operation, "take")
            for _, object in ipairs(must(client:list(kind,
                {label_selector = {["salvor-run"] = run}}))) do
                must(client:delete(kind, object.metadata.name))
            end
            go_on(operation, run)
            local known = operation:pairs()[1]
            assert.is_truthy(client:get(apiconnect.MANAGEMENT_BACKUP, known.management.name))
            assert.is_truthy(client:get(apiconnect.PORTAL_BACKUP, known.portal.name))
        end)
    end

    it("writes the record again when it is gone, and not when it is there", function()
        local operation <close> = both.start("apic-v10/backup")
        local run = run_until(operation, "write-record")
        local folder = fs.join(operation.records, "pairs")
        local file = fs.join(folder, must(fs.list(folder))[1].name)
        local text = must(fs.read(file))
        must(fs.remove(file))
        salvor.expect(go_on(operation, run).stdout, "done        write-record")
        assert.equal(text, must(fs.read(file)))
        salvor.expect(go_on(operation, run).stdout, "verified    write-record")
    end)
end)
