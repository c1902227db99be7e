-- Backups of API Connect v2018: one tar.gz for each Cassandra pod, <id>-<pod>-<pods>.tar.gz.
local fs = require("salvor.fs")
local sets = require("support.backup_sets")
local verify = require("salvor.verify")

local ID = "1587549284406812631" -- 2020-04-22 09:54:44 UTC

local expect = sets.expect

local folder

local function check(options)
    return must(verify.run(folder, options))
end

describe("verification of a v2018 set", function()
    local files

    before_each(function()
        folder = must(fs.temporary_folder())
        files = sets.v2018(folder, ID, 3)
    end)

    after_each(function()
        must(fs.remove_tree(folder))
    end)

    it("knows a whole one, by names and by content", function()
        for _, options in ipairs({{}, {full = true}, {sample = 2}, {pods = 3}}) do
            local report = check(options)
            expect(report)
            assert.are.equal("v2018", report.kind)
            assert.are.equal(ID, report.backups[1].name)
            assert.are.equal(1587549284, report.backups[1].started)
            assert.are.equal(3, report.backups[1].files)
            assert.are.equal(must(fs.stat(files[0])).size + must(fs.stat(files[1])).size
                + must(fs.stat(files[2])).size, report.backups[1].bytes)
        end
        assert.are.equal(3, check({full = true}).checked.contents)
        assert.are.equal(2, check({sample = 2}).checked.contents)
        assert.are.equal(0, check({}).checked.contents)
    end)

    it("misses the file of a pod", function()
        must(fs.remove(files[1]))
        expect(check(), "error file-missing " .. ID .. "-1-3.tar.gz")
    end)

    it("needs as many pods as were backed up", function()
        expect(check({pods = 5}), "error pods ")
    end)

    it("sees files of a set with another number of pods", function()
        must(fs.rename(files[2], folder .. "/" .. ID .. "-2-4.tar.gz"))
        expect(check(), "error pod-count " .. ID .. "-2-4.tar.gz")
    end)

    it("counts pods from 0", function()
        must(fs.rename(files[2], folder .. "/" .. ID .. "-3-3.tar.gz"))
        expect(check(), "error file-missing " .. ID .. "-2-3.tar.gz",
            "error pod-index " .. ID .. "-3-3.tar.gz")
        must(fs.rename(folder .. "/" .. ID .. "-3-3.tar.gz", folder .. "/" .. ID .. "-7-3.tar.gz"))
        assert.are.equal("the backup of this pod is not there", check().findings[1].message)
    end)

    it("may have many pods", function()
        must(fs.remove_tree(folder))
        for index = 0, 11 do
            sets.write(string.format("%s/%s-%d-12.tar.gz", folder, ID, index), "x")
        end
        expect(check())
    end)

    it("doubts an id that is no time", function()
        must(fs.remove_tree(folder))
        for _, id in ipairs({"1234", "1420070399999999999", "9000000000000000000"}) do
            sets.v2018(folder, id, 1)
            local report = check({backup = id})
            expect(report, "warning id ")
            assert.are.equal("; 1 warning", report.summary:match(";.*$"))
        end
    end)

    it("sees each kind of damage when it reads the files", function()
        for name, damage in pairs({
            ["cut short"] = function(path) sets.truncate(path, 100) end,
            ["without its last byte"] = function(path) sets.truncate(path, 1) end,
            ["a bit in the middle"] = function(path) sets.flip(path) end,
            ["a bit of the checksum"] = function(path) sets.flip(path, -6) end,
            ["a bit of the length"] = function(path) sets.flip(path, -1) end,
            ["something behind its end"] = function(path) must(fs.append(path, "rubbish")) end,
            ["an archive of nothing"] = function(path)
                sets.run({"tar", "-czf", path, "-T", "/dev/null"})
            end,
            ["no gzip"] = function(path) must(fs.write(path, ("x"):rep(1000))) end,
        }) do
            sets.v2018(folder, ID, 3)
            damage(files[1])
            assert.is_true(check().restorable, name)
            expect(check({full = true}), "error damaged " .. ID .. "-1-3.tar.gz")
        end
    end)

    it("sees an archive that was cut before it was compressed", function()
        local tar = folder .. "/cut.tar"
        sets.run({"sh", "-c", 'gzip -dc "$1" | head -c 20480 > "$2"; gzip -c "$2" > "$1"; rm "$2"',
                  "sh", files[0], tar})
        expect(check({full = true}), "error damaged " .. ID .. "-0-3.tar.gz")
    end)

    it("sees an empty file without reading it", function()
        must(fs.write(files[1], ""))
        expect(check(), "error empty " .. ID .. "-1-3.tar.gz")
    end)

    it("calculates whether each pod has space, as the vendor's script does", function()
        -- 4 x size must not exceed 85 % of what is free and what the database takes now.
        local size = must(fs.stat(files[0])).size
        local usable = 4 * size
        local kib = (usable * 100 + 85 * 1024 - 1) // (85 * 1024)
        local enough = {available = kib - 1, database = 1}
        local short = {available = kib - 2, database = 1}
        local plenty = {available = 1 << 30, database = 0}
        expect(check({space = {[0] = enough, plenty, plenty}}))
        expect(check({space = {[0] = short, plenty, plenty}}),
            "error space " .. ID .. "-0-3.tar.gz")
        -- 85 % of 5 KiB are 4 x 1088 bytes.
        must(fs.write(files[0], ("x"):rep(1088)))
        expect(check({space = {[0] = {available = 4, database = 1}, plenty, plenty}}))
        must(fs.write(files[0], ("x"):rep(1089)))
        expect(check({space = {[0] = {available = 4, database = 1}, plenty, plenty}}),
            "error space " .. ID .. "-0-3.tar.gz")
    end)

    it("says of which pods it was not told the space", function()
        local plenty = {available = 1 << 30, database = 0}
        expect(check({space = {[1] = plenty, [3] = plenty}}),
            "note space " .. ID .. "-0-3.tar.gz", "note space " .. ID .. "-2-3.tar.gz",
            "warning space ")
    end)

    it("tells missing files that follow each other at once", function()
        for index = 0, 2 do
            must(fs.rename(files[index], string.format("%s/%s-%d-999999999.tar.gz", folder, ID,
                2 * index)))
        end
        local report = check()
        expect(report, "error file-missing " .. ID .. "-1-999999999.tar.gz",
            "error file-missing " .. ID .. "-3-999999999.tar.gz",
            "error file-missing " .. ID .. "-5-999999999.tar.gz")
        assert.are.equal("the backups of pods 5 to 999999998 are not there",
            report.findings[3].message)
    end)

    it("tells of links that lead out of the folder", function()
        local outside = folder .. "-outside"
        must(fs.rename(files[1], outside))
        finally(function() must(fs.remove(outside)) end)
        must(fs.symlink(outside, files[1]))
        must(fs.symlink("nowhere", folder .. "/latest"))
        local name = ID .. "-1-3.tar.gz"
        expect(check(), "error file-missing " .. name, "warning link " .. name)
    end)

    it("tells several backups apart, and looks at one alone", function()
        local other = "1587635684406812631"
        sets.v2018(folder, other, 2)
        must(fs.remove(folder .. "/" .. other .. "-0-2.tar.gz"))
        local report = check()
        expect(report, "error file-missing " .. other .. "-0-2.tar.gz")
        assert.is_true(report.backups[1].restorable)
        assert.is_false(report.backups[2].restorable)
        assert.is_true(check({backup = ID}).restorable)
        report = check({backup = "15"})
        expect(report, "error no-backup ")
        assert.are.equal("there is no backup '15'", report.findings[1].message)
    end)

    it("is not confused by names that are nearly right", function()
        for _, name in ipairs({"a-0-1.tar.gz", ID .. "-0.tar.gz", ID .. "-0-3.tar",
                               "1-2-3.tar.gz.tmp", ("9"):rep(30) .. "-0-1.tar.gz",
                               "1-" .. ("9"):rep(20) .. "-1.tar.gz"}) do
            sets.write(folder .. "/" .. name, "x")
        end
        local report = check()
        expect(report, "note other 1-2-3.tar.gz.tmp")
        assert.are.equal("6 files like this are of no backup, by their names",
            report.findings[1].message)
    end)

    it("wants pods as the backup writes them", function()
        must(fs.rename(files[0], folder .. "/" .. ID .. "-00-3.tar.gz"))
        expect(check(), "error file-missing " .. ID .. "-0-3.tar.gz",
            "note other " .. ID .. "-00-3.tar.gz")
    end)
end)
