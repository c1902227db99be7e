-- kill -9 at any moment, then salvor run --resume: the kit is that of a run that nobody disturbed,
-- and nothing was done twice.
local apic = require("support.apic")
local fs = require("salvor.fs")
local json = require("salvor.json")
local keys = require("salvor").keys
local killed = require("support.killed")
local lab = require("support.lab")
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

--- A home and a kit of its own in a world that others share.
local function another(fixture, fields)
    local mine = fixture:another(fields)
    mine.kit = fs.join(mine.home, "kit")
    return mine
end

-- The run before in that world may have been killed for good, and still have the lock.
local function words_of(fixture)
    return {"run", apic.ID, "-p", "kit=" .. fixture.kit, "-p", "take_backup=true", "--break-lock"}
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

lab.describe("apic-v10/prepare-management after kill -9", function()
    local fixtures, fixture = {}, nil

    setup(function()
        for worker = 1, killed.WORKERS do
            fixtures[worker] = apic.start()
        end
        fixture = fixtures[1]
    end)

    teardown(function()
        for _, each in ipairs(fixtures) do
            each:close()
        end
    end)

    --- The kit is like that of any other run, with the one backup that this run took.
    local function outcome(mine, run)
        assert.equal(2, #must(fs.list(mine.kit)))
        assert.equal("management-" .. run,
            must(yaml.load(mine:files()["settings.yaml"])).newestBackup.name)
        return essence(mine)
    end

    describe("at a record of the journal:", function()
        killed.define({
            words = words_of,
            start = function(worker)
                return another(fixtures[worker], {outcome = outcome})
            end,
        })
    end)

    --- Kills at the moment, spoils what is left, and resumes.
    local function check(moment, spoil)
        local undisturbed, mine = another(fixture), another(fixture)
        salvor.expect_code(0, undisturbed:salvor(words_of(undisturbed)))
        killed.kill(mine, moment, words_of(mine))
        local run = mine:only_run()
        if spoil then
            spoil(mine, run)
        end
        salvor.expect_code(0, mine:resume(run))
        assert.same(essence(undisturbed), outcome(mine, run))
    end

    it("between the steps of the publication", function()
        local undisturbed = another(fixture)
        salvor.expect_code(0, undisturbed:salvor(words_of(undisturbed)))
        -- The last to be written are the manifest and the name of its generation.
        local files = #keys(undisturbed:files())
        for _, write in ipairs({files, files + 1}) do
            check({"store.write", write, "before"})
            check({"store.write", write, "after"})
        end
    end)

    it("with a file that the resumed run does not write: it is not published", function()
        check({"store.write", 3, "after"}, function(mine, run)
            must(fs.write(fs.join(mine.kit, "generations", run, "secrets/stranger.yaml"), "a part"))
        end)
    end)

    it("twice: the second time while it is resumed", function()
        local mine = another(fixture)
        killed.kill(mine, {"journal.append", 20, "after"}, words_of(mine))
        local run = mine:only_run()
        killed.kill(mine, {"journal.append", 9, "before"}, {"run", "--resume", run})
        salvor.expect_code(0, mine:resume(run))
        outcome(mine, run)
    end)

    it("and once more when it is done: all is verified, nothing is changed", function()
        local mine = another(fixture)
        salvor.expect_code(0, mine:salvor(words_of(mine)))
        local before, kit = fixture.world:snapshot(), salvor.tree(mine.kit)
        local result = mine:resume(mine:only_run())
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "verified    save-secrets")
        assert.same(before, fixture.world:snapshot())
        assert.same(kit, salvor.tree(mine.kit))
    end)

    it("and its journal lost its beginning: there is nothing to resume", function()
        local function empty(mine)
            must(fs.truncate(mine:journal_path(mine:only_run()), 0))
        end
        for _, spoil in ipairs({empty, killed.cut_last_line}) do
            local mine = another(fixture)
            killed.kill(mine, {"journal.append", 2, "before"}, words_of(mine))
            local run = mine:only_run()
            spoil(mine)
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
                local mine = another(fixture)
                killed.kill(mine, {"journal.append", 30, "after"}, words_of(mine))
                local run = mine:only_run()
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
