-- Real repositories of pgBackRest, whole and damaged in each way that a rule is about.
local fs = require("salvor.fs")
local pgbackrest = require("support.pgbackrest")
local salvor = require("support.salvor")
local sets = require("support.backup_sets")
local store_lab = require("support.store_lab")
local verify = require("salvor.verify")

local BACKUP = "backup/main/"
local INFO = "backup/main/backup.info"

local repository, labels

local function at(path)
    return repository .. "/" .. path
end

local function check(options)
    return must(verify.run(repository, options))
end

local function verdicts(report)
    local can = {}
    for _, backup in ipairs(report.backups) do
        can[#can + 1] = backup.restorable
    end
    return can
end

local function remove(...)
    for _, path in ipairs({...}) do
        must(fs.remove(at(path)))
    end
end

--- Exactly these findings, as "level rule object".
local function expect(report, ...)
    local expected = {...}
    table.sort(expected)
    assert.are.same(expected, sets.findings(report))
end

local function edit(path, change)
    pgbackrest.edit(at(path), change)
end

local function replace(from, to)
    return function(text)
        local changed, count = text:gsub(from, to)
        assert.is_true(count > 0, "nothing to replace: " .. from)
        return changed
    end
end

local function take(kind)
    repository = pgbackrest.copy(kind)
    labels = pgbackrest.labels(repository)
end

local function drop()
    must(fs.remove_tree(repository:match("^(.*)/repo$")))
end

store_lab.describe("verification of a pgBackRest repository", "pgbackrest", function()
    after_each(drop)

    for _, kind in ipairs({"gz", "none", "zst", "lz4", "bundle"}) do
        it("finds nothing wrong with a whole one: " .. kind, function()
            take(kind)
            for _, options in ipairs({{}, {sample = 20}, {full = true}}) do
                local report = check(options)
                expect(report)
                assert.are.equal("pgbackrest", report.kind)
                assert.is_true(report.restorable)
                assert.are.same({true, true, true}, verdicts(report))
                assert.are.equal("full", report.backups[1].type)
                assert.are.equal(labels.incr, report.backups[3].name)
                assert.are.same({labels.full, labels.diff}, report.backups[3].references)
            end
            assert.are.equal(20, check({sample = 20}).checked.contents)
        end)
    end

    it("looks at the names alone when everything is encrypted", function()
        take("encrypted")
        local report = check({full = true})
        expect(report, "note encrypted backup/main")
        assert.is_true(report.restorable)
        assert.is_true(report.encrypted)
        assert.are.equal(0, report.checked.contents)
        must(fs.remove_tree(at(BACKUP .. labels.full)))
        report = check()
        expect(report, "note encrypted backup/main",
            "error reference-missing " .. BACKUP .. labels.diff,
            "error reference-missing " .. BACKUP .. labels.incr)
        remove(BACKUP .. labels.diff .. "/backup.manifest")
        remove(BACKUP .. labels.diff .. "/backup.manifest.copy")
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
            sets.truncate(at(info .. ".copy"), 60)
            expect(check(), "error info-damaged " .. info, "error info-damaged " .. info .. ".copy")
        end)

        it("have a format: " .. kind, function()
            edit(info, replace("backrest%-format=5", "backrest-format=6"))
            expect(check(), "error info-damaged " .. info, "error info-damaged " .. info .. ".copy")
        end)
    end

    it("agree on the database", function()
        for _, change in ipairs({
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

store_lab.describe("a backup of pgBackRest", "pgbackrest", function()
    before_each(function() take("gz") end)
    after_each(drop)

    local function file(label, name)
        return BACKUP .. label .. "/" .. name
    end

    it("needs the manifest or its copy", function()
        local path = file(labels.full, "backup.manifest")
        remove(path)
        expect(check(), "warning manifest-missing " .. path)
        remove(path .. ".copy")
        local report = check()
        assert.are.same({false, false, false}, verdicts(report))
        expect(report, "error manifest-missing " .. path,
            "error manifest-missing " .. path .. ".copy",
            "error reference-damaged " .. BACKUP .. labels.diff,
            "error reference-damaged " .. BACKUP .. labels.incr)
    end)

    it("has a manifest with a checksum", function()
        local path = file(labels.incr, "backup.manifest")
        sets.flip(at(path))
        sets.truncate(at(path .. ".copy"), 1000)
        local report = check()
        expect(report, "error manifest-damaged " .. path,
            "error manifest-damaged " .. path .. ".copy")
        assert.are.same({true, true, false}, verdicts(report))
    end)

    it("has a manifest of its own", function()
        local path = file(labels.diff, "backup.manifest")
        for _, name in ipairs({path, path .. ".copy"}) do
            sets.copy(at(file(labels.full, "backup.manifest")), at(name))
        end
        local rules = table.concat(sets.findings(check()), "\n")
        assert.is_truthy(rules:find("error manifest-other " .. path, 1, true))
    end)

    it("is of a database that backup.info knows", function()
        local path = file(labels.incr, "backup.manifest")
        edit(path, replace("db%-system%-id=%d", "db-system-id=1"))
        expect(check(), "error database " .. path)
    end)

    it("has every file of its manifest", function()
        local path = file(labels.incr, "pg_data/backup_label.gz")
        remove(path)
        local report = check()
        expect(report, "error file-missing " .. path)
        assert.are.same({true, true, false}, verdicts(report))
    end)

    it("has every file that it needs of other backups", function()
        local path = file(labels.full, "pg_data/PG_VERSION.gz")
        remove(path)
        local report = check()
        expect(report, "error file-missing " .. path, "error file-missing " .. path,
            "error file-missing " .. path)
        assert.are.same({false, false, false}, verdicts(report))
    end)

    it("has files of the size that the manifest says", function()
        local path = file(labels.full, "pg_data/global/pg_control.gz")
        sets.truncate(at(path), 1)
        local report = check()
        expect(report, "error file-size " .. path,
            "error reference-damaged " .. BACKUP .. labels.diff,
            "error reference-damaged " .. BACKUP .. labels.incr)
    end)

    it("has the content that the manifest says", function()
        local path = file(labels.full, "pg_data/base/1/1247.gz")
        sets.flip(at(path))
        assert.is_true(check().restorable)
        local report = check({full = true})
        expect(report, "error file-damaged " .. path,
            "error reference-damaged " .. BACKUP .. labels.diff,
            "error reference-damaged " .. BACKUP .. labels.incr)
        assert.are.same({false, false, false}, verdicts(report))
    end)

    it("says that a file is there that the manifest does not know", function()
        local path = file(labels.full, "pg_data/base/stray")
        must(fs.write(at(path), "x"))
        local report = check()
        expect(report, "warning file-extra " .. path)
        assert.is_true(report.restorable)
    end)

    it("needs the backups that it is based on", function()
        edit(INFO, function(text)
            return (text:gsub("\n" .. labels.full:gsub("%-", "%%-") .. "=[^\n]*", ""))
        end)
        local report = check()
        assert.are.same({false, false}, verdicts(report))
        local found = table.concat(sets.findings(report), "\n")
        assert.is_truthy(found:find("error reference-missing " .. BACKUP .. labels.diff, 1, true))
        assert.is_truthy(found:find("error reference-missing " .. BACKUP .. labels.incr, 1, true))
        assert.is_truthy(found:find("warning partial-backup " .. BACKUP .. labels.full, 1, true))
    end)

    it("has a name, and none that leads out", function()
        edit(INFO, replace("\n" .. labels.incr:gsub("%-", "%%-") .. "=", "\n../../../outside="))
        local found = table.concat(sets.findings(check()), "\n")
        assert.is_truthy(found:find("error label backup/main/../../../outside", 1, true), found)
        assert.is_truthy(found:find("error manifest-missing backup/main/../../../outside", 1, true))
    end)

    it("has a label of its type", function()
        edit(INFO, replace('"backup%-type":"incr"', '"backup-type":"full"'))
        assert.is_truthy(table.concat(sets.findings(check()), "\n"):find("error label ", 1, true))
    end)

    it("tells of page checksums that were wrong", function()
        edit(INFO, replace('"backup%-error":false', '"backup-error":true'))
        local report = check({backup = labels.full})
        expect(report, "warning page-checksums " .. BACKUP .. labels.full)
        assert.is_true(report.restorable)
    end)

    it("may be running, or was interrupted", function()
        local label = "20300101-000000F"
        must(fs.mkdir(at(BACKUP .. label .. "/pg_data"), {parents = true}))
        must(fs.write(at(BACKUP .. label .. "/backup.manifest.copy"), "x"))
        local report = check()
        expect(report, "warning partial-backup " .. BACKUP .. label)
        assert.is_true(report.restorable)
    end)

    it("is not the latest one when it is gone", function()
        must(fs.symlink("20300101-000000F", at(BACKUP .. "new")))
        must(fs.rename(at(BACKUP .. "new"), at(BACKUP .. "latest")))
        local report = check()
        expect(report, "warning latest " .. BACKUP .. "latest")
        assert.is_true(report.restorable)
    end)

    it("has files that are links within the repository, and none that lead out", function()
        local path = file(labels.full, "pg_data/PG_VERSION.gz")
        must(fs.rename(at(path), at(path .. ".moved")))
        must(fs.symlink("PG_VERSION.gz.moved", at(path)))
        expect(check({full = true, backup = labels.full}),
            "warning file-extra " .. path .. ".moved")
        must(fs.rename(at(path .. ".moved"), repository .. "-outside"))
        remove(path)
        must(fs.symlink(repository .. "-outside", at(path)))
        expect(check({backup = labels.full}), "error file-missing " .. path)
    end)

    it("can be looked at alone", function()
        remove(file(labels.incr, "pg_data/backup_label.gz"))
        assert.is_true(check({backup = labels.diff}).restorable)
        assert.is_false(check({backup = labels.incr}).restorable)
        assert.is_false(check({backup = "20000101-000000F"}).restorable)
    end)
end)

store_lab.describe("files of pgBackRest that are not compressed", "pgbackrest", function()
    before_each(function() take("none") end)
    after_each(drop)

    it("were exchanged", function()
        local root = BACKUP .. labels.full .. "/pg_data/base/1/"
        sets.swap(at(root .. "112"), at(root .. "113"))
        assert.is_true(check().restorable)
        local found = sets.findings(check({full = true}))
        assert.are.equal("error file-damaged " .. root .. "112", found[1])
        assert.are.equal("error file-damaged " .. root .. "113", found[2])
    end)
end)

store_lab.describe("bundles of pgBackRest", "pgbackrest", function()
    before_each(function() take("bundle") end)
    after_each(drop)

    local function bundle(number)
        return BACKUP .. labels.full .. "/bundle/" .. number
    end

    it("are all there", function()
        remove(bundle(1))
        local report = check()
        assert.are.same({false, false, false}, verdicts(report))
        expect(report, "error file-missing " .. bundle(1), "error file-missing " .. bundle(1),
            "error file-missing " .. bundle(1))
    end)

    it("are as long as what is in them", function()
        sets.truncate(at(bundle(2)), 1)
        assert.is_truthy(sets.findings(check())[1]:find("error file-size " .. bundle(2), 1, true))
    end)

    it("have content with checksums", function()
        sets.flip(at(bundle(1)))
        assert.is_true(check().restorable)
        local found = sets.findings(check({full = true}))
        assert.are.equal("error file-damaged " .. bundle(1), found[1])
    end)
end)

store_lab.describe("the WAL of pgBackRest", "pgbackrest", function()
    before_each(function() take("gz") end)
    after_each(drop)

    it("is there from the beginning of each backup to its end", function()
        must(fs.remove(pgbackrest.segment(repository, labels.diff)))
        local report = check()
        expect(report, "error wal-missing archive/main/15-1/")
        assert.are.same({true, false, true}, verdicts(report))
    end)

    it("has no gap within a backup", function()
        -- The incremental backup ends further on than it really did.
        local first = pgbackrest.segment(repository, labels.full):match("/(%x+)%-[^/]*$")
        edit(INFO, replace('("backup%-archive%-start":)"' .. ("%x"):rep(24) .. '"',
            '%1"' .. first .. '"'))
        assert.is_true(check().restorable)
        must(fs.remove((pgbackrest.segment(repository, labels.diff))))
        local report = check()
        assert.are.same({true, false, false}, verdicts(report))
    end)

    it("has a name for each segment only once", function()
        local path = pgbackrest.segment(repository, labels.full)
        local other = path:gsub("%-%x+%.gz$", "-" .. ("0"):rep(40) .. ".gz")
        sets.copy(path, other)
        local found = sets.findings(check())
        assert.is_truthy(found[1]:find("error wal-duplicate", 1, true))
    end)

    it("has its SHA-1 in its name", function()
        local path = pgbackrest.segment(repository, labels.full)
        sets.flip(path)
        assert.is_true(check().restorable)
        local report = check({full = true})
        expect(report, "error wal-damaged " .. path:sub(#repository + 2))
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
        expect(report, "warning wal-damaged " .. first:sub(#repository + 2))
        assert.is_true(report.restorable)
    end)
end)

store_lab.describe("a backup of 100,000 files", "pgbackrest", function()
    after_each(drop)

    it("is looked at in little memory", function()
        take("none")
        local root = at(BACKUP .. labels.full)
        must(fs.remove_tree(root .. "/pg_data"))
        sets.run({"sh", "-c", [[
            mkdir -p "$1/pg_data/base/1" && cd "$1/pg_data/base/1" && seq 100000 | xargs touch
            seq 100000 | LC_ALL=C sort | sed 's|.*|pg_data/base/1/&={"size":0}|' > "$1/../lines"
        ]], "sh", root})
        local lines = must(fs.read(at(BACKUP .. "lines")))
        remove(BACKUP .. "lines")
        edit(BACKUP .. labels.full .. "/backup.manifest", function(text)
            local first, last = text:match("^(.-%[target:file%]\n).-(\n%[target:file:default%].*)$")
            return first .. lines .. last
        end)
        local script = string.format([[
            local report = must(require("salvor.store").verify(%q, {backup = %q}))
            for _, finding in ipairs(report.findings) do print(finding.message) end
            print(report.restorable, report.checked.objects)
            print(io.open("/proc/self/status"):read("a"):match("VmHWM:%%s*(%%d+)"))
        ]], repository, labels.full)
        local found = sets.run({salvor.path, "-e", script})
        local objects, peak = found:match("^true\t(%d+)\n(%d+)\n$")
        assert.is_truthy(objects, found)
        assert.is_true(tonumber(objects) > 100000)
        -- In KiB; AddressSanitizer keeps what is freed.
        assert.is_true(tonumber(peak) < 32 << 10 or salvor.path:find("asan", 1, true) ~= nil, peak)
    end)
end)
