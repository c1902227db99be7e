-- Management backups of API Connect v10 on SFTP: <id>.tgz, and later the layout of barman-cloud.
local fs = require("salvor.fs")
local sets = require("support.backup_sets")
local verify = require("salvor.verify")

local expect = sets.expect

local folder

local function check(options)
    return must(verify.run(folder, options))
end

before_each(function()
    folder = must(fs.temporary_folder())
end)

after_each(function()
    must(fs.remove_tree(folder))
end)

describe("verification of management backups as files", function()
    before_each(function()
        sets.tar_gz(folder .. "/20200826-154646F.tgz", "full")
        sets.tar_gz(folder .. "/20200826-154646F_20200827-030000I.tgz", "incr")
    end)

    it("finds nothing wrong with whole ones", function()
        local report = check({full = true})
        expect(report)
        assert.is_true(report.restorable)
        assert.are.equal("management_sftp", report.kind)
        assert.are.equal("full", report.backups[1].type)
        assert.are.equal("incr", report.backups[2].type)
        assert.are.equal(2, report.checked.contents)
        assert.are.same({"names", "sizes", "all content"}, report.looked_at)
    end)

    it("sees an archive that was cut short, and an empty one", function()
        sets.truncate(folder .. "/20200826-154646F.tgz", 1)
        must(fs.write(folder .. "/20200826-154646F_20200827-030000I.tgz", ""))
        local report = check({full = true})
        expect(report, "error damaged 20200826-154646F.tgz",
            "error empty 20200826-154646F_20200827-030000I.tgz")
        assert.is_false(check({backup = "20200826-154646F", full = true}).restorable)
        assert.is_true(check({backup = "20200826-154646F"}).restorable)
    end)

    it("warns when the one that another is based on is not there", function()
        sets.tar_gz(folder .. "/20200826-154646F_20200828-030000D.tgz", "diff")
        assert.are.equal("diff", check().backups[3].type)
        must(fs.remove(folder .. "/20200826-154646F.tgz"))
        local report = check()
        expect(report, "warning reference-missing 20200826-154646F_20200827-030000I.tgz",
            "warning reference-missing 20200826-154646F_20200828-030000D.tgz")
        assert.is_true(report.restorable)
    end)

    it("knows the time of each by its name", function()
        assert.are.equal(1598456806, check().backups[1].started) -- 2020-08-26 15:46:46 UTC
        must(fs.rename(folder .. "/20200826-154646F.tgz", folder .. "/20209926-154646F.tgz"))
        local report = check()
        expect(report, "note other 20209926-154646F.tgz",
            "warning reference-missing 20200826-154646F_20200827-030000I.tgz")
        assert.are.equal(1, #report.backups)
    end)
end)

describe("verification of management backups of a database cluster", function()
    local CLUSTER = "management-ed88e890-db-2024-11-25T221339Z"
    local BASE = CLUSTER .. "/base/20241222T110515/"

    local function info(change)
        local lines = {"backup_label=None", "begin_wal=0000000100000000000000FE", "status=DONE",
                       "end_wal=000000010000000100000001", "systemid=7440000000000000000"}
        return (table.concat(lines, "\n") .. "\n"):gsub(change and change[1] or "^$",
            change and change[2] or "")
    end

    local function segment(log, number)
        return string.format("%s/wals/00000001%08X/00000001%08X%08X.gz", CLUSTER, log, log, number)
    end

    before_each(function()
        sets.tar_gz(folder .. "/" .. BASE .. "data.tar.gz", "data")
        sets.write(folder .. "/" .. BASE .. "backup.info", info())
        for _, at in ipairs({{0, 0xFD}, {0, 0xFE}, {0, 0xFF}, {1, 0}, {1, 1}, {1, 2}}) do
            sets.gzip(folder .. "/" .. segment(at[1], at[2]), "wal of " .. at[2])
        end
    end)

    it("finds nothing wrong with a whole one", function()
        local report = check({full = true})
        expect(report)
        assert.is_true(report.restorable)
        local backup = report.backups[1]
        assert.are.equal(CLUSTER .. "/20241222T110515", backup.name)
        assert.are.equal(1734865515, backup.started) -- 2024-12-22 11:05:15 UTC
        assert.are.equal(5, report.checked.contents) -- the data and four segments
        assert.are.same({"names", "sizes", "info files", "all content"}, report.looked_at)
    end)

    it("is looked at alone by its id, with its cluster or without", function()
        for _, name in ipairs({"20241222T110515", CLUSTER .. "/20241222T110515"}) do
            assert.are.equal(1, #check({backup = name}).backups)
        end
        expect(check({backup = "20241222T110516"}), "error no-backup ")
    end)

    it("is told from other folders by its id", function()
        for _, name in ipairs({"20241222T110515.old", "20241222-110515", "20241299T110515"}) do
            sets.write(folder .. "/" .. CLUSTER .. "/base/" .. name .. "/x", "")
        end
        expect(check())
    end)

    it("may be given the cluster's folder", function()
        local report = must(verify.run(folder .. "/" .. CLUSTER, {full = true}))
        expect(report)
        assert.are.equal("20241222T110515", report.backups[1].name)
    end)

    it("needs the WAL from its beginning to its end", function()
        must(fs.remove(folder .. "/" .. segment(0, 0xFD)))
        must(fs.remove(folder .. "/" .. segment(1, 2)))
        for _, name in ipairs({"abcdef", "00000001.history", ("0"):rep(40)}) do
            sets.write(folder .. "/" .. CLUSTER .. "/wals/0000000100000000/" .. name, "x")
        end
        expect(check())
        must(fs.rename(folder .. "/" .. segment(1, 1), folder .. "/" .. segment(1, 3)))
        expect(check(), "error wal-missing " .. CLUSTER .. "/wals/")
        must(fs.rename(folder .. "/" .. segment(1, 3), folder .. "/" .. segment(1, 1)))
        must(fs.remove(folder .. "/" .. segment(1, 0)))
        expect(check(), "error wal-missing " .. CLUSTER .. "/wals/")
    end)

    it("has as many segments in a log as their size allows", function()
        must(fs.rename(folder .. "/" .. segment(0, 0xFE), folder .. "/" .. segment(0, 0x3F)))
        must(fs.remove(folder .. "/" .. segment(0, 0xFF)))
        local text = info({"0000FE", "00003F"})
        sets.write(folder .. "/" .. BASE .. "backup.info", text .. "xlog_segment_size=67108864\n")
        expect(check())
        must(fs.remove(folder .. "/" .. segment(1, 0)))
        expect(check(), "error wal-missing " .. CLUSTER .. "/wals/")
    end)

    it("needs WAL that was written to its end", function()
        local name = segment(1, 0)
        for _, suffix in ipairs({".partial", ".gz.tmp"}) do
            must(fs.rename(folder .. "/" .. name, folder .. "/" .. name:gsub("%.gz$", suffix)))
            expect(check(), "error wal-missing " .. CLUSTER .. "/wals/")
            must(fs.rename(folder .. "/" .. name:gsub("%.gz$", suffix), folder .. "/" .. name))
        end
        sets.flip(folder .. "/" .. name)
        expect(check())
        expect(check({full = true}), "error wal-damaged " .. name)
        must(fs.write(folder .. "/" .. name, ""))
        expect(check(), "error wal-damaged " .. name)
        must(fs.write(folder .. "/" .. segment(1, 2), ""))
        expect(check(), "error wal-damaged " .. name)
    end)

    it("says what it cannot look into", function()
        for _, name in ipairs({BASE .. "data.tar.gz", segment(1, 0)}) do
            local path = folder .. "/" .. name
            must(fs.rename(path, (path:gsub("gz$", "snappy"))))
        end
        local report = check({full = true})
        expect(report, "note unseen " .. BASE .. "data.tar.snappy")
        assert.is_true(report.restorable)
        assert.are.equal(2, report.unseen)
        assert.are.same({"names", "sizes", "info files", "all content but that of 2 files"},
            report.looked_at)
    end)

    it("has an info file that says which WAL it needs", function()
        for _, text in ipairs({"", "status=DONE\nbegin_wal=0000000100000000000000FE\n"}) do
            sets.write(folder .. "/" .. BASE .. "backup.info", text)
            local found = table.concat(sets.findings(check()), "\n")
            assert.is_truthy(found:find("error info-damaged " .. BASE .. "backup.info", 1, true))
            assert.is_nil(check().findings[1].message:find("nil", 1, true))
        end
    end)

    it("has an info file of a few lines", function()
        sets.run({"truncate", "-s", "2M", folder .. "/" .. BASE .. "backup.info"})
        local report, err = verify.run(folder)
        assert.is_nil(report)
        assert.are.equal("TooLarge", err.code)
        assert.is_truthy(err.message:find("backup.info", 1, true))
    end)

    it("has backups in each cluster's folder", function()
        must(fs.mkdir(folder .. "/other-db-2025-01-01T000000Z/wals", {parents = true}))
        local report = check()
        expect(report, "error no-backup other-db-2025-01-01T000000Z/base/")
        assert.is_false(report.restorable)
        expect(check({backup = "20241222T110515"}))
    end)

    it("needs to have ended", function()
        sets.write(folder .. "/" .. BASE .. "backup.info", info({"DONE", "FAILED"}))
        expect(check(), "error unfinished " .. BASE .. "backup.info")
        must(fs.remove(folder .. "/" .. BASE .. "backup.info"))
        expect(check(), "error info-missing " .. BASE .. "backup.info")
    end)

    it("needs its data", function()
        sets.flip(folder .. "/" .. BASE .. "data.tar.gz")
        expect(check({full = true}), "error damaged " .. BASE .. "data.tar.gz")
        must(fs.rename(folder .. "/" .. BASE .. "data.tar.gz", folder .. "/" .. BASE
            .. "16387.tar.gz"))
        expect(check(), "error file-missing " .. BASE .. "data.tar")
    end)

    it("may have its data in parts", function()
        for _, name in ipairs({"data_0000", "data_0001"}) do
            sets.tar_gz(folder .. "/" .. BASE .. name .. ".tar.gz", name)
        end
        must(fs.remove(folder .. "/" .. BASE .. "data.tar.gz"))
        expect(check({full = true}))
    end)

    it("needs every part of its data that others come behind", function()
        local function part(number)
            return folder .. "/" .. BASE .. "data_" .. number .. ".tar.gz"
        end
        sets.tar_gz(part("0001"), "1")
        sets.tar_gz(part("0002"), "2")
        expect(check())
        must(fs.rename(part("0001"), part("0003")))
        expect(check(), "error file-missing " .. BASE .. "data_0001.tar")
        must(fs.rename(part("0003"), part("0001")))
        must(fs.remove(folder .. "/" .. BASE .. "data.tar.gz"))
        local report = check({full = true})
        expect(report, "error file-missing " .. BASE .. "data.tar")
        assert.is_false(report.restorable)
    end)

    it("needs the data of each tablespace", function()
        local line = "tablespaces=[('one', 16387, '/fs/one'), ('two', 16400, '/fs/two')]\n"
        sets.write(folder .. "/" .. BASE .. "backup.info", info() .. line)
        sets.tar_gz(folder .. "/" .. BASE .. "16387.tar.gz", "one")
        expect(check(), "error file-missing " .. BASE .. "16400.tar")
        sets.tar_gz(folder .. "/" .. BASE .. "16400.tar.gz", "two")
        expect(check({full = true}))
    end)
end)
