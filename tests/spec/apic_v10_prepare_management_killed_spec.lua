-- kill -9 at any moment, then salvor run --resume: the kit is that of a run that nobody disturbed,
-- and nothing was done twice.
local apic = require("support.apic")
local fs = require("salvor.fs")
local json = require("salvor.json")
local journal = require("salvor.procedure.journal")
local keys = require("salvor").keys
local lab = require("support.lab")
local salvor = require("support.salvor")
local task = require("salvor.task")
local yaml = require("salvor.yaml")

local WORKERS = 4
local KILL_AFTER = fs.absolute("tests/support/kill_after.lua")

--- A home and a kit of its own in the one world that all share.
local function another(fixture, name)
    local home = fs.join(fixture.home, name)
    must(fs.mkdir(home))
    return setmetatable({home = home, kit = fs.join(home, "kit")},
        {__index = function(_, field)
            return fixture[field]
        end})
end

--- Starts a run that is killed at the moment {function, number, before|after}; its id.
local function run_until_killed(fixture, moment)
    local words = {KILL_AFTER, moment[1], tostring(moment[2]), moment[3], "run", apic.ID,
                   "-p", "kit=" .. fixture.kit, "-p", "take_backup=true"}
    local result = fixture:salvor(words)
    if result.signal ~= 9 then
        error("it was not killed:\n" .. result.stdout .. result.stderr)
    end
    return fixture:only_run()
end

--- What must be equal in any two kits of one system: all but times, the run, and its backup.
local function essence(fixture)
    local files = fixture:files()
    local manifest = must(json.decode(files["manifest.json"]))
    manifest.run, manifest.created = nil, nil
    for path, entry in pairs(manifest.files) do
        entry.time = nil
        if path == "settings.yaml" then
            entry.sha256, entry.size = nil, nil
        end
    end
    local settings = must(yaml.load(files["settings.yaml"]))
    settings.newestBackup = nil
    files["manifest.json"], files["settings.yaml"] = nil, nil
    return {files = files, manifest = manifest, settings = settings}
end

local function cut_last_line(path)
    local text = must(fs.read(path))
    local last = text:match("[^\n]*\n$")
    must(fs.truncate(path, #text - #last // 2))
end

lab.describe("apic-v10/prepare-management after kill -9", function()
    local fixture, expected, records

    setup(function()
        fixture = apic.start()
        local undisturbed = another(fixture, "undisturbed")
        salvor.expect_code(0, undisturbed:run({take_backup = "true"}))
        expected = essence(undisturbed)
        records = #must(journal.read(undisturbed:journal_path(undisturbed:only_run())))
    end)

    teardown(function()
        fixture:close()
    end)

    local function backups_of(run)
        local names = {}
        for _, backup in ipairs(fixture.world:backups()) do
            if (backup.metadata.labels or {})["salvor-run"] == run then
                names[#names + 1] = backup.metadata.name
            end
        end
        return names
    end

    --- Kills at the moment, spoils what is left as asked, resumes and looks at the outcome.
    local function check(moment, spoil)
        local name = table.concat(moment, "-") .. (spoil and "-spoilt" or "")
        local mine = another(fixture, name)
        local run = run_until_killed(mine, moment)
        if spoil then
            spoil(mine, run)
        end
        local resumed = mine:resume(run)
        salvor.expect_code(0, resumed)
        assert.same({run}, (mine:runs()), name)
        assert.same(expected, essence(mine), name)
        assert.equal(2, #must(fs.list(mine.kit)), name)
        assert.same({"management-" .. run}, backups_of(run), name)
        assert.equal("management-" .. run,
            must(yaml.load(mine:files()["settings.yaml"])).newestBackup.name)
        assert.truthy(journal.read(mine:journal_path(run)))
        must(fs.remove_tree(mine.home))
    end

    local function check_each(moments, spoil)
        task.map(moments, function(moment)
            check(moment, spoil)
        end, {workers = WORKERS})
    end

    it("after each record of the journal", function()
        local moments = {}
        for number = 1, records - 1 do
            moments[number] = {"journal.append", number, "after"}
        end
        check_each(moments)
    end)

    it("before each record of the journal: what it tells of is done already", function()
        local moments = {}
        for number = 2, records do
            moments[#moments + 1] = {"journal.append", number, "before"}
        end
        check_each(moments)
    end)

    it("while a record was written: its line is torn", function()
        local moments = {}
        for number = 2, records do
            moments[#moments + 1] = {"journal.append", number, "after"}
        end
        check_each(moments, function(mine, run)
            cut_last_line(mine:journal_path(run))
        end)
    end)

    it("between the steps of the publication", function()
        -- After the files (and the settings) come the manifest and the name of its generation.
        local manifest = #keys(expected.files) + 2
        check_each({
            {"store.write", manifest, "before"}, {"store.write", manifest, "after"},
            {"store.write", manifest + 1, "before"}, {"store.write", manifest + 1, "after"},
        })
    end)

    it("with a file that the resumed run does not write: it is not published", function()
        check({"store.write", 3, "after"}, function(mine, run)
            must(fs.write(fs.join(mine.kit, "generations", run, "secrets/stranger.yaml"), "a part"))
        end)
    end)

    it("twice: the second time while it is resumed", function()
        local mine = another(fixture, "twice")
        local run = run_until_killed(mine, {"journal.append", 20, "after"})
        local again = mine:salvor({KILL_AFTER, "journal.append", "9", "before", "run", "--resume",
                                   run})
        assert.equal(9, again.signal)
        salvor.expect_code(0, mine:resume(run))
        assert.same(expected, essence(mine))
        assert.same({"management-" .. run}, backups_of(run))
    end)

    it("and once more when it is done: all is verified, nothing is changed", function()
        local mine = another(fixture, "done")
        salvor.expect_code(0, mine:run())
        local before, kit = fixture.world:snapshot(), salvor.tree(mine.kit)
        local result = mine:resume(mine:only_run())
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "verified    save-secrets")
        assert.same(before, fixture.world:snapshot())
        assert.same(kit, salvor.tree(mine.kit))
    end)

    it("before it had done anything: there is nothing to resume", function()
        for _, spoil in ipairs({false, cut_last_line}) do
            local mine = another(fixture, spoil and "nothing-torn" or "nothing")
            local run = run_until_killed(mine, {"journal.append", 1, spoil and "after" or "before"})
            if spoil then
                spoil(mine:journal_path(run))
            end
            local result = mine:resume(run)
            salvor.expect_code(1, result)
            salvor.expect(result.stderr, "run " .. run .. " ended before it did anything",
                "start a new run")
            assert.is_nil(fs.stat(mine.kit))
        end
    end)

    describe("refuses a journal that was changed:", function()
        local function change_line(number, change)
            return function(text)
                local lines = salvor.lines(text)
                lines[number] = change(lines[number])
                return table.concat(lines, "\n") .. "\n"
            end
        end
        local DAMAGES = {
            ["a changed value"] = change_line(5, function(line)
                return (line:gsub("ok", "no"))
            end),
            ["a missing line"] = function(text)
                return (text:gsub("^([^\n]*\n[^\n]*\n)[^\n]*\n", "%1"))
            end,
            ["a line twice"] = function(text)
                return (text:gsub("^([^\n]*\n)", "%1%1"))
            end,
            ["something behind"] = function(text)
                return text .. "{}\n"
            end,
            ["zero bytes in a line"] = change_line(3, function(line)
                return string.rep("\0", #line)
            end),
            ["the first line torn"] = function(text)
                return text:sub(100)
            end,
        }
        for damage, apply in pairs(DAMAGES) do
            it(damage, function()
                local mine = another(fixture, (damage:gsub(" ", "-")))
                local run = run_until_killed(mine, {"journal.append", 30, "after"})
                local path = mine:journal_path(run)
                must(fs.write(path, apply(must(fs.read(path)))))
                local before, kit = fixture.world:snapshot(), salvor.tree(mine.kit)
                local text = must(fs.read(path))
                local result = mine:resume(run)
                salvor.expect_code(1, result)
                salvor.expect(result.stderr, path .. ", record ", "start a new run")
                assert.equal(1, #salvor.lines(result.stderr))
                assert.same(before, fixture.world:snapshot())
                assert.same(kit, salvor.tree(mine.kit))
                assert.equal(text, must(fs.read(path)))
            end)
        end
    end)
end)
