-- Real repositories of pgBackRest, whole and with damaged info files and WAL.
local fs = require("salvor.fs")
local json = require("salvor.json")
local pgbackrest = require("support.pgbackrest")
local salvor = require("support.salvor")
local sets = require("support.backup_sets")
local store_lab = require("support.store_lab")

local case = pgbackrest.case()
local take, drop = case.take, case.drop
local at, check, expect, verdicts = case.at, case.check, case.expect, case.verdicts
local edit, remove = case.edit, case.remove
local BACKUP, INFO = case.BACKUP, case.INFO
local replace = pgbackrest.replace

store_lab.describe("verification of a pgBackRest repository", "pgbackrest", function()
    after_each(drop)

    for _, kind in ipairs({"gz", "none", "zst", "lz4", "bz2", "bundle"}) do
        it("finds nothing wrong with a whole one: " .. kind, function()
            take(kind)
            for _, options in ipairs({{}, {sample = 20}, {full = true}}) do
                local report = check(options)
                expect(report)
                assert.are.equal("pgbackrest", report.kind)
                assert.is_true(report.restorable)
                assert.are.same({true, true, true}, verdicts(report))
                assert.are.equal("full", report.backups[1].type)
                assert.are.equal(case.labels.incr, report.backups[3].name)
                assert.are.same({case.labels.full, case.labels.diff}, report.backups[3].references)
            end
            assert.are.equal(20, check({sample = 20}).checked.contents)
        end)
    end

    it("says of an encrypted one no more than its names tell", function()
        take("encrypted")
        for _, options in ipairs({{}, {sample = 5}, {full = true}}) do
            local report = check(options)
            expect(report, "note encrypted backup/main")
            assert.are.equal("unknown", report.verdict)
            assert.is_nil(report.restorable)
            assert.is_true(report.encrypted)
            assert.are.same({"names"}, report.looked_at)
            assert.are.equal(0, report.checked.contents)
            assert.are.equal("nothing is wrong with the names, and all 3 backups are encrypted",
                report.summary)
            for _, backup in ipairs(report.backups) do
                assert.is_nil(backup.restorable)
                assert.is_true(backup.encrypted)
            end
        end
    end)

    it("tells apart stanzas that are encrypted and others", function()
        local other = pgbackrest.copy("encrypted")
        take("gz")
        for _, kind in ipairs({"archive", "backup"}) do
            sets.run({"mv", other .. "/" .. kind .. "/main", at(kind .. "/secret")})
        end
        must(fs.remove_tree(other:match("^(.*)/repo$")))
        local report = check({full = true})
        expect(report, "note encrypted backup/secret")
        assert.are.equal("unknown", report.verdict)
        assert.are.equal(true, report.backups[1].restorable)
        assert.is_nil(report.backups[6].restorable)
        assert.are.same({"names", "sizes", "info files", "manifests", "all content",
                         "the names of encrypted backups"}, report.looked_at)
        assert.are.equal("nothing is wrong with the names, and 3 of 6 backups are encrypted",
            report.summary)
    end)

    it("has an exit code of its own for what cannot be told", function()
        take("encrypted")
        local home = {home = case.repository}
        local result = salvor.run({"verify", "--full", case.repository}, home)
        salvor.expect_code(7, result)
        salvor.expect(result.stdout, "looked at: names; ", "unknown: nothing is wrong")
        assert.is_truthy(result.stdout:find("F +full +unknown\n"), result.stdout)
        assert.is_truthy(result.stdout:find("I +incr +unknown\n"), result.stdout)
        assert.is_nil(result.stdout:find("can be restored", 1, true))
        result = salvor.run({"verify", "--output", "json", case.repository}, home)
        salvor.expect_code(7, result)
        local report = must(json.decode(result.stdout))
        assert.are.equal("unknown", report.verdict)
        assert.is_nil(report.restorable)
        assert.is_nil(report.backups[1].restorable)
        remove(BACKUP .. case.labels.incr .. "/backup.manifest",
            BACKUP .. case.labels.incr .. "/backup.manifest.copy")
        salvor.expect_code(1, salvor.run({"verify", case.repository}, home))
    end)

    it("misses copies of encrypted info files", function()
        take("encrypted")
        remove(INFO, "archive/main/archive.info.copy")
        expect(check(), "note encrypted backup/main", "warning info-missing " .. INFO,
            "warning info-missing archive/main/archive.info.copy")
        remove(INFO .. ".copy")
        local report = check()
        assert.are.equal("not restorable", report.verdict)
        assert.is_false(report.restorable)
        for _, backup in ipairs(report.backups) do
            assert.is_false(backup.restorable)
        end
    end)

    it("misses names in an encrypted one, and sees those that are there twice", function()
        take("encrypted")
        local folder = at("archive/main/15-1/0000000100000000/")
        local name = must(fs.list(folder))[1].name
        local path = folder .. name:gsub("%x%x%x%x(%.?%w*)$", "0000%1")
        sets.copy(folder .. name, path)
        assert.is_truthy(sets.findings(check())[1]:find("error wal-duplicate", 1, true))
        must(fs.remove(path))
        must(fs.remove_tree(at(BACKUP .. case.labels.full)))
        local report = check()
        expect(report, "note encrypted backup/main",
            "error reference-missing " .. BACKUP .. case.labels.diff,
            "error reference-missing " .. BACKUP .. case.labels.incr)
        assert.are.equal("not restorable", report.verdict)
        assert.are.same({"names"}, report.looked_at)
        remove(BACKUP .. case.labels.diff .. "/backup.manifest")
        remove(BACKUP .. case.labels.diff .. "/backup.manifest.copy")
        local found = table.concat(sets.findings(check()), "\n")
        assert.is_truthy(found:find("manifest-missing", 1, true))
    end)
end)

store_lab.describe("info files of pgBackRest", "pgbackrest", function()
    before_each(function() take("gz") end)
    after_each(drop)

    for _, kind in ipairs({"backup", "archive"}) do
        local info = kind .. "/main/" .. kind .. ".info"

        it("have a copy that serves: " .. kind, function()
            remove(info)
            local report = check()
            expect(report, "warning info-missing " .. info)
            assert.is_true(report.restorable)
        end)

        it("are both missing: " .. kind, function()
            remove(info, info .. ".copy")
            local report = check()
            expect(report, "error info-missing " .. info, "error info-missing " .. info .. ".copy")
            assert.is_false(report.restorable)
            for _, backup in ipairs(report.backups) do
                assert.is_false(backup.restorable)
            end
        end)

        it("have a checksum that tells of damage: " .. kind, function()
            sets.flip(at(info))
            expect(check(), "warning info-damaged " .. info)
            sets.flip(at(info .. ".copy"))
            local report = check()
            expect(report, "error info-damaged " .. info, "error info-damaged " .. info .. ".copy")
            assert.is_false(report.restorable)
        end)

        it("are cut short: " .. kind, function()
            sets.truncate(at(info), 20)
            sets.truncate(at(info .. ".copy"), 62)
            local report = check()
            expect(report, "error info-damaged " .. info, "error info-damaged " .. info .. ".copy")
            assert.are.equal("it has no checksum, so it was cut short", report.findings[2].message)
        end)

        it("have a format: " .. kind, function()
            edit(info, replace("backrest%-format=5", "backrest-format=6"))
            expect(check(), "error info-damaged " .. info, "error info-damaged " .. info .. ".copy")
        end)
    end

    it("do not have keys without end", function()
        local lines = {}
        for number = 1, 100001 do
            lines[number] = "key" .. number .. "=1\n"
        end
        edit(INFO, function(text)
            return (text:gsub("\n%[db%]", function(db)
                return "\n[many]\n" .. table.concat(lines) .. db
            end))
        end)
        local report = check()
        expect(report, "error info-damaged " .. INFO, "error info-damaged " .. INFO .. ".copy")
        assert.are.equal("it has more than 100000 keys", report.findings[1].message)
    end)

    it("agree on the database", function()
        for _, change in ipairs({
            replace("\ndb%-id=1", "\ndb-id=2"),
            replace("db%-system%-id=%d", "db-system-id=1"),
            replace('db%-version="15"', 'db-version="14"'),
        }) do
            drop()
            take("gz")
            edit("archive/main/archive.info", change)
            local report = check()
            expect(report, "error info-disagree " .. INFO)
            assert.is_false(report.restorable)
        end
    end)

    it("are the same as their copies", function()
        local text = must(fs.read(at(INFO)))
        edit(INFO, replace('"backup%-error":false', '"backup-error":true'))
        must(fs.write(at(INFO), text))
        expect(check(), "warning info-differs " .. INFO)
    end)
end)

store_lab.describe("the WAL of pgBackRest", "pgbackrest", function()
    before_each(function() take("gz") end)
    after_each(drop)

    it("is there from the beginning of each backup to its end", function()
        must(fs.remove(pgbackrest.segment(case.repository, case.labels.diff)))
        local report = check()
        expect(report, "error wal-missing archive/main/15-1/")
        assert.are.same({true, false, true}, verdicts(report))
    end)

    it("has no gap within a backup", function()
        -- The incremental backup ends further on than it really did.
        local first = pgbackrest.segment(case.repository, case.labels.full):match("/(%x+)%-[^/]*$")
        edit(INFO, replace('("backup%-archive%-start":)"' .. ("%x"):rep(24) .. '"',
            '%1"' .. first .. '"'))
        assert.is_true(check().restorable)
        must(fs.remove((pgbackrest.segment(case.repository, case.labels.diff))))
        local report = check()
        assert.are.same({true, false, false}, verdicts(report))
    end)

    it("has a name for each segment only once", function()
        local path = pgbackrest.segment(case.repository, case.labels.full)
        local other = path:gsub("%-%x+%.gz$", "-" .. ("0"):rep(40) .. ".gz")
        sets.copy(path, other)
        local found = sets.findings(check())
        assert.is_truthy(found[1]:find("error wal-duplicate", 1, true))
    end)

    it("has its SHA-1 in its name", function()
        local path = pgbackrest.segment(case.repository, case.labels.full)
        sets.flip(path)
        assert.is_true(check().restorable)
        local report = check({full = true})
        expect(report, "error wal-damaged " .. path:sub(#case.repository + 2))
        assert.are.same({false, true, true}, verdicts(report))
    end)

    it("may have strangers and history files beside it", function()
        for _, name in ipairs({"00000002.history", "abc-def.gz", "0000000100000000/abc-def.gz",
                               "0000000100000000/" .. ("0"):rep(24) .. "-abc.gz"}) do
            sets.write(at("archive/main/15-1/" .. name), "x")
        end
        expect(check({full = true}))
    end)

    it("is not empty", function()
        local path = pgbackrest.segment(case.repository, case.labels.full)
        must(fs.write(path, ""))
        local report = check()
        expect(report, "error wal-damaged " .. path:sub(#case.repository + 2))
        assert.are.same({false, true, true}, verdicts(report))
    end)

    it("may be damaged in the archive of a database that has no backup any more", function()
        local old = "archive/main/14-2/0000000100000000/" .. ("0"):rep(24) .. "-" .. ("0"):rep(40)
        sets.write(at(old), "x")
        assert.are.same({}, sets.findings(check()))
        expect(check({full = true}), "warning wal-damaged " .. old)
    end)

    it("may be damaged where no backup needs it", function()
        local folder = at("archive/main/15-1/0000000100000000")
        local first = folder .. "/" .. must(fs.list(folder))[1].name
        sets.flip(first)
        local report = check({full = true})
        expect(report, "warning wal-damaged " .. first:sub(#case.repository + 2))
        assert.is_true(report.restorable)
    end)
end)

store_lab.describe("WAL in segments of another size", "pgbackrest", function()
    after_each(drop)

    -- Of 64 MiB there are 64 in a log, so 3F is followed by 00 of the next one.
    for kind, program in pairs({gz = "gzip", lz4 = "lz4", none = "cat"}) do
        it("has no gap between two logs: " .. kind, function()
            take(kind)
            local suffix = kind ~= "none" and "." .. kind or ""
            must(fs.remove_tree(at("archive/main/15-1")))
            local first, last = "00000001000000000000003F", "000000010000000100000000"
            for _, name in ipairs({first, last}) do
                local path = string.format("%s/%s-%s%s", at("archive/main/15-1/"
                    .. name:sub(1, 16)), name, ("0"):rep(40), suffix)
                sets.write(path, "")
                sets.run({"sh", "-c", 'head -c 64M /dev/zero | "$1" > "$2"', "sh", program, path})
            end
            edit(INFO, function(text)
                return text:gsub('(archive%-start":)"%x+"', '%1"' .. first .. '"')
                    :gsub('(archive%-stop":)"%x+"', '%1"' .. last .. '"')
            end)
            expect(check())
        end)
    end
end)

store_lab.describe("a backup of 100,000 files", "pgbackrest", function()
    after_each(drop)

    it("is looked at in little memory", function()
        take("none")
        local root = at(BACKUP .. case.labels.full)
        must(fs.remove_tree(root .. "/pg_data"))
        sets.run({"sh", "-c", [[
            mkdir -p "$1/pg_data/base/1" && cd "$1/pg_data/base/1" && seq 100000 | xargs touch
            seq 100000 | LC_ALL=C sort | sed 's|.*|pg_data/base/1/&={"size":0}|' > "$1/../lines"
        ]], "sh", root})
        local lines = must(fs.read(at(BACKUP .. "lines")))
        remove(BACKUP .. "lines")
        edit(BACKUP .. case.labels.full .. "/backup.manifest", function(text)
            local first, last = text:match("^(.-%[target:file%]\n).-(\n%[target:file:default%].*)$")
            return first .. lines .. last
        end)
        local script = string.format([[
            local report = must(require("salvor.store").verify(%q, {backup = %q}))
            for _, finding in ipairs(report.findings) do print(finding.message) end
            print(report.restorable, report.checked.objects)
            print(io.open("/proc/self/status"):read("a"):match("VmHWM:%%s*(%%d+)"))
        ]], case.repository, case.labels.full)
        local found = sets.run({salvor.path, "-e", script})
        local objects, peak = found:match("^true\t(%d+)\n(%d+)\n$")
        assert.is_truthy(objects, found)
        assert.is_true(tonumber(objects) > 100000)
        -- In KiB; AddressSanitizer keeps what is freed.
        assert.is_true(tonumber(peak) < 32 << 10 or salvor.path:find("asan", 1, true) ~= nil, peak)
    end)
end)
