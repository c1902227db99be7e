-- Backups of the Developer Portal: one of the system, one of each site, and a time to restore.
local fs = require("salvor.fs")
local sets = require("support.backup_sets")
local verify = require("salvor.verify")

local SHOP = "portal.example.com@shop@main"
local CUT = "a-very-long-portal-hostname.example.com@cata" -- the portal cuts long names

local expect = sets.expect

local folder

local function system(time)
    return "_portal_system_backup-" .. time .. ".tar.gz"
end

local function site(name, time)
    return name .. "-" .. time .. ".tar.gz"
end

local function make(...)
    for _, name in ipairs({...}) do
        sets.tar_gz(folder .. "/" .. name, name)
    end
end

local function check(options)
    return must(verify.run(folder, options))
end

describe("verification of a portal set", function()
    before_each(function()
        folder = must(fs.temporary_folder())
        make(system("20220601.010000"), system("20220604.010302"), site(SHOP, "20220601.010500"),
            site(SHOP, "20220604.010302"), site(CUT, "20220603.020000"))
    end)

    after_each(function()
        must(fs.remove_tree(folder))
    end)

    it("takes the newest backups", function()
        for _, options in ipairs({{}, {time = "now"}, {full = true}}) do
            local report = check(options)
            expect(report)
            assert.is_true(report.restorable)
            assert.are.equal("portal", report.kind)
            assert.are.equal(3, report.backups[1].files)
            assert.are.equal(1654304582, report.backups[1].finished) -- 2022-06-04 01:03:02 UTC
        end
        assert.are.equal(3, check({full = true}).checked.contents)
    end)

    it("takes the newest ones of a time", function()
        local report = check({time = "20220602.000000"})
        expect(report, "warning site-missing " .. CUT)
        assert.is_true(report.restorable)
        assert.are.equal(2, report.backups[1].files)
        assert.are.same({system("20220604.010302"), site(CUT, "20220603.020000"),
                         site(SHOP, "20220604.010302")},
            check({time = "20220604.010302"}).backups[1].objects)
        -- What is not of the set may be damaged.
        sets.truncate(folder .. "/" .. site(SHOP, "20220604.010302"), 1)
        assert.is_true(check({time = "20220602.000000", full = true}).restorable)
        expect(check({full = true}), "error damaged " .. site(SHOP, "20220604.010302"))
    end)

    it("needs one of the system", function()
        expect(check({time = "20220531.000000"}),
            "error system-missing _portal_system_backup-*.tar.gz", "warning no-site ",
            "warning site-missing " .. CUT, "warning site-missing " .. SHOP)
        must(fs.remove(folder .. "/" .. system("20220601.010000")))
        must(fs.remove(folder .. "/" .. system("20220604.010302")))
        local report = check()
        expect(report, "error system-missing _portal_system_backup-*.tar.gz")
        must(fs.remove(folder .. "/" .. site(CUT, "20220603.020000")))
        expect(check(), "error system-missing _portal_system_backup-*.tar.gz")
    end)

    it("warns when there is no site", function()
        for _, entry in ipairs(must(fs.list(folder))) do
            if entry.name:find("@", 1, true) then
                must(fs.remove(folder .. "/" .. entry.name))
            end
        end
        local report = check()
        expect(report, "warning no-site ")
        assert.is_true(report.restorable)
    end)

    it("sees damage in what it reads, and empty files without", function()
        local path = folder .. "/" .. system("20220604.010302")
        sets.flip(path)
        assert.is_true(check().restorable)
        expect(check({full = true}), "error damaged " .. system("20220604.010302"))
        must(fs.write(path, ""))
        expect(check(), "error empty " .. system("20220604.010302"))
    end)

    it("is to be of the time of the management backup", function()
        local old = "warning times " .. site(CUT, "20220603.020000")
        expect(check({management_time = "20220604-013302F"}), old)
        expect(check({management_time = "1654304582"}), old)
        expect(check({management_time = "20220603-020000F"}),
            "warning times " .. system("20220604.010302"),
            "warning times " .. site(SHOP, "20220604.010302"))
        -- An hour is what the clocks may be apart when nothing is said.
        expect(check({management_time = "20220604-020302F"}), old)
        expect(check({management_time = "20220604-020303F"}), old,
            "warning times " .. system("20220604.010302"),
            "warning times " .. site(SHOP, "20220604.010302"))
        expect(check({management_time = "20220604-013302F", tolerance = 86400}))
        local report = check({management_time = "20220604-013302F", tolerance = 1800})
        expect(report, old)
        assert.is_true(report.restorable)
        expect(check({management_time = "20220604-013303F", tolerance = 1800}),
            "warning times " .. system("20220604.010302"), old,
            "warning times " .. site(SHOP, "20220604.010302"))
    end)

    it("names the files that are taken", function()
        assert.are.same({system("20220601.010000"), site(SHOP, "20220601.010500")},
            check({time = "20220602.000000"}).backups[1].objects)
    end)

    it("leaves out names of times that are none, or to come", function()
        local tomorrow = os.date("!%Y%m%d.%H%M%S", os.time() + 80000)
        local later = os.date("!%Y%m%d.%H%M%S", os.time() + 90000)
        make(site(SHOP, "20229904.010302"), site(CUT, tomorrow), site(CUT, later))
        local report = check()
        expect(report, "warning time " .. site(CUT, later),
            "warning time " .. site(SHOP, "20229904.010302"))
        assert.are.same({system("20220604.010302"), site(CUT, tomorrow),
                         site(SHOP, "20220604.010302")}, report.backups[1].objects)
    end)

    it("tells of files that are of no backup", function()
        make("portal_system_backup-20220606.010302.tar.gz")
        must(fs.symlink("/nowhere", folder .. "/" .. system("20220607.010302")))
        expect(check(), "note other portal_system_backup-20220606.010302.tar.gz",
            "warning link " .. system("20220607.010302"))
    end)

    it("refuses times that are none", function()
        for _, options in ipairs({{time = "yesterday"}, {time = "20220632.000000"},
                                  {time = "20220601-010000"}, {time = "20220601.0100001"},
                                  {management_time = "soon"},
                                  {management_time = "20221301-000000F"}}) do
            local report, err = verify.run(folder, options)
            assert.is_nil(report)
            assert.are.equal("Invalid", err.code)
        end
    end)
end)
