-- Management backups of API Connect v10 on SFTP: <id>.tgz, and later the layout of barman-cloud.
local fs = require("salvor.fs")
local sets = require("support.backup_sets")
local verify = require("salvor.verify")

local folder

local function check(options)
    return must(verify.run(folder, options))
end

local function expect(report, ...)
    local expected = {...}
    table.sort(expected)
    assert.are.same(expected, sets.findings(report))
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
    end)

    it("sees an archive that was cut short, and an empty one", function()
        sets.truncate(folder .. "/20200826-154646F.tgz", 1)
        must(fs.write(folder .. "/20200826-154646F_20200827-030000I.tgz", ""))
        local report = check({full = true})
        expect(report, "error damaged 20200826-154646F.tgz",
            "error empty 20200826-154646F_20200827-030000I.tgz")
        assert.is_true(check({backup = "20200826-154646F"}).restorable)
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
            sets.write(folder .. "/" .. segment(at[1], at[2]), "wal")
        end
    end)

    it("finds nothing wrong with a whole one", function()
        local report = check({full = true})
        expect(report)
        assert.is_true(report.restorable)
        assert.are.equal(CLUSTER .. "/20241222T110515", report.backups[1].name)
    end)

    it("may be given the cluster's folder", function()
        local report = must(verify.run(folder .. "/" .. CLUSTER, {full = true}))
        expect(report)
        assert.are.equal("20241222T110515", report.backups[1].name)
    end)

    it("needs the WAL from its beginning to its end", function()
        must(fs.remove(folder .. "/" .. segment(0, 0xFD)))
        must(fs.remove(folder .. "/" .. segment(1, 2)))
        expect(check())
        must(fs.remove(folder .. "/" .. segment(1, 0)))
        expect(check(), "error wal-missing " .. CLUSTER .. "/wals/")
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
        must(fs.remove(folder .. "/" .. BASE .. "data.tar.gz"))
        expect(check(), "error file-missing " .. BASE .. "data.tar")
    end)
end)
