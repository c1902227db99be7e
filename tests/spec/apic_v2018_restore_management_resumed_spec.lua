-- apic-v2018/restore-management, ended after a step, as was asked, and resumed: what that step made
-- is made again when it is gone, and nothing is done that is so already.
local apic = require("support.apic_v2018")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")
local task = require("salvor.task")

--- Runs it, or goes on with the only run, up to that step.
local function run_until(fixture, step, params)
    local run = fixture:runs()[1]
    local words = run and {"run", "--resume", run, "--yes"} or fixture:agreed_words(params)
    local result = fixture:salvor(table.move({"--until", step}, 1, 2, #words + 1, words))
    salvor.expect_code(0, result)
    return result
end

lab.describe("apic-v2018/restore-management after a disaster, when it is resumed,", function()
    local fixture

    before_each(function()
        fixture = apic.start({disaster = true})
    end)

    after_each(function()
        fixture:close()
    end)

    it("copies the project again when the copy is gone", function()
        run_until(fixture, "copy-project")
        local copied = salvor.tree(fixture.workspace)
        must(fs.remove_tree(fixture.workspace))
        run_until(fixture, "copy-project")
        assert.same(copied, salvor.tree(fixture.workspace))
    end)

    it("sets the registry where it is not so any more, and nowhere else", function()
        run_until(fixture, "set-registry", {registry = "new.example.org"})
        assert.equal(4, #fixture:calls())
        fixture:change_project(function(subsystems)
            subsystems.gwy.CloudProperties.registry = "old.example.org"
        end, fixture.workspace)
        run_until(fixture, "set-registry")
        assert.same({"subsys set gwy registry new.example.org"},
            table.move(fixture:calls(), 5, 9, 1, {}))
    end)

    it("has nothing to set where the registry is the old one", function()
        local result = run_until(fixture, "set-registry", {registry = "old.example.org"})
        salvor.expect(result.stdout, "already so  set-registry")
        assert.same({}, fixture:calls())
    end)
end)

lab.describe("apic-v2018/restore-management, when it is resumed,", function()
    it("waits for the database again when it is not restored any more", function()
        local fixture <close> = apic.start({})
        run_until(fixture, "watch")
        local path = fixture:journal_path(fixture:only_run())
        local before = #must(fs.read(path))
        fixture.world:set_status(fixture.world:cassandra(), {ClusterRestoreStatus = "Running x"})
        local completes = task.spawn(function()
            eventually("it is waited for", function()
                return must(fs.read(path)):find('"step":"watch"', before, true) ~= nil
            end)
            fixture.world:set_status(fixture.world:cassandra(),
                {ClusterRestoreStatus = "completed"})
        end)
        salvor.expect(run_until(fixture, "watch").stdout, "done        watch")
        completes:join()
        assert.same({apic.BACKUP}, fixture.world.restores)
    end)
end)
