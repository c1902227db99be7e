-- Backups in real repositories of pgBackRest, damaged in each way that a rule is about.
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local pgbackrest = require("support.pgbackrest")
local sets = require("support.backup_sets")
local store_lab = require("support.store_lab")

local case = pgbackrest.case()
local take, drop = case.take, case.drop
local at, check, expect, verdicts = case.at, case.check, case.expect, case.verdicts
local edit, remove = case.edit, case.remove
local BACKUP, INFO = case.BACKUP, case.INFO
local replace = pgbackrest.replace

store_lab.describe("a backup of pgBackRest", "pgbackrest", function()
    before_each(function() take("gz") end)
    after_each(drop)

    local function file(label, name)
        return BACKUP .. label .. "/" .. name
    end

    it("needs the manifest or its copy", function()
        local path = file(case.labels.full, "backup.manifest")
        remove(path)
        expect(check(), "warning manifest-missing " .. path)
        remove(path .. ".copy")
        local report = check()
        assert.are.same({false, false, false}, verdicts(report))
        expect(report, "error manifest-missing " .. path,
            "error manifest-missing " .. path .. ".copy",
            "error reference-damaged " .. BACKUP .. case.labels.diff,
            "error reference-damaged " .. BACKUP .. case.labels.incr)
    end)

    it("has a manifest with a checksum", function()
        local path = file(case.labels.incr, "backup.manifest")
        sets.flip(at(path))
        sets.truncate(at(path .. ".copy"), 1000)
        local report = check()
        expect(report, "error manifest-damaged " .. path,
            "error manifest-damaged " .. path .. ".copy")
        assert.are.same({true, true, false}, verdicts(report))
    end)

    it("has a manifest of its own", function()
        local path = file(case.labels.diff, "backup.manifest")
        for _, name in ipairs({path, path .. ".copy"}) do
            sets.copy(at(file(case.labels.full, "backup.manifest")), at(name))
        end
        local rules = table.concat(sets.findings(check()), "\n")
        assert.is_truthy(rules:find("error manifest-other " .. path, 1, true))
    end)

    it("is of a database that backup.info knows", function()
        local path = file(case.labels.incr, "backup.manifest")
        local text = must(fs.read(at(path)))
        for _, change in ipairs({replace("db%-system%-id=%d", "db-system-id=1"),
                                 replace("\ndb%-id=1", "\ndb-id=2"),
                                 replace('db%-version="15"', 'db-version="14"')}) do
            edit(path, change)
            expect(check(), "error database " .. path)
            must(fs.write(at(path), text))
        end
    end)

    it("has WAL in the archive of a database that backup.info knows", function()
        edit(INFO, replace('"db%-id":1,', '"db-id":7,'))
        local report = check({backup = case.labels.full})
        expect(report, "error database " .. BACKUP .. case.labels.full)
    end)

    it("has a manifest of objects, in order", function()
        local path = file(case.labels.incr, "backup.manifest")
        local text = must(fs.read(at(path)))
        for _, change in ipairs({pgbackrest.line("pg_data/backup_label", function() return "1" end),
                                 replace("\npg_data/backup_label=", "\nzz/backup_label=")}) do
            edit(path, change)
            local found = table.concat(sets.findings(check()), "\n")
            assert.is_truthy(found:find("error manifest-damaged " .. path, 1, true), found)
            must(fs.write(at(path), text))
        end
    end)

    it("has a manifest that is no more encrypted than backup.info", function()
        local path = file(case.labels.incr, "backup.manifest")
        for _, name in ipairs({path, path .. ".copy"}) do
            must(fs.write(at(name), "Salted__" .. ("x"):rep(100)))
        end
        local report = check()
        expect(report, "error manifest-damaged " .. path)
        assert.are.same({true, true, false}, verdicts(report))
    end)

    it("is compressed as its manifest says, in words of any release", function()
        local path = file(case.labels.full, "backup.manifest")
        edit(path, replace('option%-compress%-type="gz"', "option-compress=true"))
        expect(check({full = true, backup = case.labels.full}))
        edit(path, replace("option%-compress=true", 'option-compress-type="xz"'))
        expect(check({backup = case.labels.full}), "error manifest-damaged " .. path)
    end)

    it("may have its WAL inside", function()
        edit(file(case.labels.diff, "backup.manifest"),
            replace("option%-archive%-copy=false", "option-archive-copy=true"))
        must(fs.remove(pgbackrest.segment(case.repository, case.labels.diff)))
        local report = check()
        expect(report, "warning wal-missing archive/main/15-1/")
        assert.are.same({true, true, true}, verdicts(report))
    end)

    it("has every file of its manifest", function()
        local path = file(case.labels.incr, "pg_data/backup_label.gz")
        remove(path)
        local report = check()
        expect(report, "error file-missing " .. path)
        assert.are.same({true, true, false}, verdicts(report))
    end)

    it("has every file that it needs of other backups", function()
        local path = file(case.labels.full, "pg_data/PG_VERSION.gz")
        remove(path)
        local report = check()
        expect(report, "error file-missing " .. path, "error file-missing " .. path,
            "error file-missing " .. path)
        assert.are.same({false, false, false}, verdicts(report))
    end)

    it("has files of the size that the manifest says", function()
        local path = file(case.labels.full, "pg_data/global/pg_control.gz")
        sets.truncate(at(path), 1)
        local report = check()
        expect(report, "error file-size " .. path,
            "error reference-damaged " .. BACKUP .. case.labels.diff,
            "error reference-damaged " .. BACKUP .. case.labels.incr)
    end)

    it("has files of the size that the manifest says where it says one alone", function()
        local path = file(case.labels.incr, "pg_data/backup_label.gz")
        local size = must(fs.stat(at(path))).size
        edit(file(case.labels.incr, "backup.manifest"), pgbackrest.line("pg_data/backup_label",
            function(line)
                return (line:gsub('"repo%-size":%d+,', ""):gsub('"size":%d+', '"size":' .. size))
            end))
        expect(check())
        sets.truncate(at(path), 1)
        expect(check(), "error file-size " .. path)
        must(fs.append(at(path), "xx"))
        expect(check(), "error file-size " .. path)
    end)

    it("has content of the size that the manifest says", function()
        local path = file(case.labels.incr, "pg_data/backup_label.gz")
        edit(file(case.labels.incr, "backup.manifest"), pgbackrest.line("pg_data/backup_label",
            function(line)
                return (line:gsub('"checksum":"%x+",', ""):gsub('"size":%d+', '"size":1'))
            end))
        expect(check())
        local report = check({full = true})
        expect(report, "error file-damaged " .. path)
        assert.is_truthy(report.findings[1].message:find("and the manifest says 1", 1, true))
    end)

    it("has the content that the manifest says, also of backups that it needs", function()
        local path = file(case.labels.full, "pg_data/base/1/1247.gz")
        sets.flip(at(path))
        local report = check({full = true, backup = case.labels.incr})
        expect(report, "error file-damaged " .. path)
        assert.is_false(report.restorable)
    end)

    it("has the content that the manifest says", function()
        local path = file(case.labels.full, "pg_data/base/1/1247.gz")
        sets.flip(at(path))
        assert.is_true(check().restorable)
        local report = check({full = true})
        expect(report, "error file-damaged " .. path,
            "error reference-damaged " .. BACKUP .. case.labels.diff,
            "error reference-damaged " .. BACKUP .. case.labels.incr)
        assert.are.same({false, false, false}, verdicts(report))
    end)

    it("has the content that the manifest says, up to the last file", function()
        local path = file(case.labels.full, "pg_data/postgresql.conf.gz")
        sets.flip(at(path))
        expect(check({full = true}), "error file-damaged " .. path,
            "error reference-damaged " .. BACKUP .. case.labels.diff,
            "error reference-damaged " .. BACKUP .. case.labels.incr)
    end)

    it("says that a file is there that the manifest does not know", function()
        local path, last = file(case.labels.full, "pg_data/base/stray"), file(case.labels.full, "z")
        must(fs.write(at(path), "x"))
        must(fs.write(at(last), "x"))
        local report = check()
        expect(report, "warning file-extra " .. path, "warning file-extra " .. last)
        assert.is_true(report.restorable)
    end)

    it("needs the backups that it is based on", function()
        edit(INFO, function(text)
            return (text:gsub("\n" .. case.labels.full:gsub("%-", "%%-") .. "=[^\n]*", ""))
        end)
        local report = check()
        assert.are.same({false, false}, verdicts(report))
        local manifests = "error reference-missing " .. BACKUP
        expect(report, "error reference-missing " .. BACKUP .. case.labels.diff,
            "error reference-missing " .. BACKUP .. case.labels.incr,
            manifests .. case.labels.diff .. "/backup.manifest",
            manifests .. case.labels.incr .. "/backup.manifest",
            "warning partial-backup " .. BACKUP .. case.labels.full)
        assert.are.equal("a whole backup that backup.info does not know",
            report.findings[5].message)
    end)

    it("has a name, and none that leads out", function()
        local line = "\n" .. case.labels.incr:gsub("%-", "%%-") .. "="
        edit(INFO, replace(line, "\n../../../outside="))
        local found = table.concat(sets.findings(check()), "\n")
        assert.is_truthy(found:find("error label backup/main/../../../outside", 1, true), found)
        assert.is_truthy(found:find("error manifest-missing backup/main/../../../outside", 1, true))
    end)

    it("says which one it is based on", function()
        edit(INFO, function(text)
            return (text:gsub('"backup%-prior":"[^"]*",', ""))
        end)
        local report = check()
        assert.are.same({true, false, false}, verdicts(report))
        expect(report, "error reference-missing " .. BACKUP .. case.labels.diff,
            "error reference-missing " .. BACKUP .. case.labels.incr)
    end)

    it("is there", function()
        edit(INFO, function(text)
            return (text:gsub("(%[backup:current%]\n).-(\n%[)", "%1%2"))
        end)
        local found = table.concat(sets.findings(check()), "\n")
        assert.is_truthy(found:find("error no-backup " .. BACKUP, 1, true), found)
    end)

    it("has a label of its type", function()
        edit(INFO, replace('"backup%-type":"incr"', '"backup-type":"full"'))
        assert.is_truthy(table.concat(sets.findings(check()), "\n"):find("error label ", 1, true))
    end)

    it("tells of page checksums that were wrong", function()
        edit(INFO, replace('"backup%-error":false', '"backup-error":true'))
        local report = check({backup = case.labels.full})
        expect(report, "warning page-checksums " .. BACKUP .. case.labels.full)
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
        local path = file(case.labels.full, "pg_data/PG_VERSION.gz")
        must(fs.rename(at(path), at(path .. ".moved")))
        must(fs.symlink("PG_VERSION.gz.moved", at(path)))
        expect(check({full = true, backup = case.labels.full}),
            "warning file-extra " .. path .. ".moved")
        must(fs.rename(at(path .. ".moved"), case.repository .. "-outside"))
        remove(path)
        must(fs.symlink(case.repository .. "-outside", at(path)))
        expect(check({backup = case.labels.full}), "error file-missing " .. path)
    end)

    it("can be looked at alone beside a stanza that has none yet", function()
        for _, name in ipairs({"archive/%s/archive.info", "backup/%s/backup.info"}) do
            local text = must(fs.read(at(name:format("main"))))
            sets.write(at(name:format("fresh")), text)
            edit(name:format("fresh"), function(whole)
                return (whole:gsub("(%[backup:current%]\n).-(\n%[)", "%2"))
            end)
        end
        expect(check(), "error no-backup backup/fresh/")
        expect(check({backup = case.labels.full}))
    end)

    it("can be looked at alone", function()
        remove(file(case.labels.incr, "pg_data/backup_label.gz"))
        assert.is_true(check({backup = case.labels.diff}).restorable)
        assert.is_false(check({backup = case.labels.incr}).restorable)
        assert.is_false(check({backup = "20000101-000000F"}).restorable)
    end)
end)

store_lab.describe("files of pgBackRest that are not compressed", "pgbackrest", function()
    before_each(function() take("none") end)
    after_each(drop)

    it("were exchanged", function()
        local root = BACKUP .. case.labels.full .. "/pg_data/base/1/"
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
        return BACKUP .. case.labels.full .. "/bundle/" .. number
    end

    it("have content also when only a backup that needs them is looked at", function()
        sets.flip(at(bundle(1)))
        local report = check({full = true, backup = case.labels.incr})
        assert.are.equal("error file-damaged " .. bundle(1), sets.findings(report)[1])
        assert.is_false(report.restorable)
    end)

    it("are all there", function()
        remove(bundle(1))
        local report = check()
        assert.are.same({false, false, false}, verdicts(report))
        expect(report, "error file-missing " .. bundle(1), "error file-missing " .. bundle(1),
            "error file-missing " .. bundle(1))
    end)

    it("are as long as what is in them", function()
        sets.truncate(at(bundle(2)), 1)
        for _, options in ipairs({{}, {full = true}}) do
            local found = sets.findings(check(options))
            assert.is_truthy(found[1]:find("error file-size " .. bundle(2), 1, true), found[1])
        end
    end)

    it("have files at places that can be", function()
        local manifest = BACKUP .. case.labels.full .. "/backup.manifest"
        local text = must(fs.read(at(manifest)))
        for _, offset in ipairs({"-5", "9223372036854775807", '"1"'}) do
            edit(manifest, pgbackrest.line("pg_data/PG_VERSION", function(line)
                return (line:gsub('"bno":%d+', '"bno":' .. offset))
            end))
            for _, options in ipairs({{}, {full = true}}) do
                options.backup = case.labels.full
                expect(check(options), "error manifest-damaged " .. manifest)
            end
            must(fs.write(at(manifest), text))
        end
    end)

    it("have content with checksums", function()
        sets.flip(at(bundle(1)))
        assert.is_true(check().restorable)
        local found = sets.findings(check({full = true}))
        assert.are.equal("error file-damaged " .. bundle(1), found[1])
    end)
end)

-- What releases since 2.46 write; Debian's does not, so a repository of 2.45 is made to look so.
store_lab.describe("blocks and bundles of newer releases of pgBackRest", "pgbackrest", function()
    local manifest, stored

    before_each(function()
        take("bundle")
        manifest = BACKUP .. case.labels.full .. "/backup.manifest"
        stored = BACKUP .. case.labels.full .. "/pg_data/backup_label"
    end)

    after_each(drop)

    local function look(options)
        options = options or {}
        options.backup = case.labels.full
        return check(options)
    end

    --- backup_label becomes a file of blocks; `keys` are more of its line.
    local function make_blocks(keys, change)
        must(fs.rename(at(stored .. ".gz"), at(stored .. ".pgbi")))
        edit(manifest, pgbackrest.line("pg_data/backup_label", function(line)
            line = line:gsub("^{", '{"bi":1,' .. keys)
            return change and change(line) or line
        end))
    end

    it("have blocks that are compared as they are stored", function()
        make_blocks('"bim":31,')
        for _, options in ipairs({{}, {full = true}}) do
            local report = look(options)
            expect(report, "note blocks " .. manifest)
            assert.is_true(report.restorable)
        end
        sets.flip(at(stored .. ".pgbi"))
        assert.is_true(look().restorable)
        expect(look({full = true}), "note blocks " .. manifest,
            "error file-damaged " .. stored .. ".pgbi")
        sets.truncate(at(stored .. ".pgbi"), 1)
        expect(look(), "note blocks " .. manifest, "error file-size " .. stored .. ".pgbi")
        remove(stored .. ".pgbi")
        expect(look(), "note blocks " .. manifest, "error file-missing " .. stored .. ".pgbi")
    end)

    it("do not claim to have seen what has no checksum", function()
        make_blocks('"bim":31,', function(line) return (line:gsub('"rck":"%x+",', "")) end)
        local report = look({full = true})
        expect(report, "note blocks " .. manifest, "note unseen " .. manifest)
        assert.are.equal(1, report.unseen)
        assert.are.same({"names", "sizes", "info files", "manifests",
                         "all content but that of 1 file"}, report.looked_at)
        assert.are.equal("the backup can be restored, as far as names, sizes, info files, "
            .. "manifests and all content but that of 1 file tell", report.summary)
    end)

    it("have files of one block, which are files as ever", function()
        edit(manifest, pgbackrest.line("pg_data/backup_label", function(line)
            return (line:gsub("^{", '{"bi":1,'))
        end))
        expect(look({full = true}))
        sets.flip(at(stored .. ".gz"))
        expect(look({full = true}), "error file-damaged " .. stored .. ".gz")
    end)

    it("have gzip without its header in bundles", function()
        local text = must(fs.read(at(manifest)))
        local offset, size = text:match('\npg_data/PG_VERSION={.-"bno":(%d+),.-"repo%-size":(%d+)')
        local path = BACKUP .. case.labels.full .. "/bundle/1"
        local data, piece = must(fs.read(at(path))), ("z"):rep(math.tointeger(size))
        must(fs.write(at(path), data:sub(1, offset) .. piece .. data:sub(offset + size + 1)))
        edit(manifest, function(whole)
            return pgbackrest.line("pg_data/PG_VERSION", function(line)
                return (line:gsub('"rck":"%x+"', '"rck":"' .. digest.sha1(piece) .. '"'))
            end)(whole:gsub("\nbackup%-bundle=true", "%0\nbackup-bundle-raw=true"))
        end)
        -- Outside of bundles it has its header, and the manifest need not know what is stored.
        edit(manifest, pgbackrest.line("pg_data/backup_label", function(line)
            return (line:gsub('"rck":"%x+",', ""))
        end))
        expect(look({full = true}))
        must(fs.write(at(path), data))
        expect(look({full = true}), "error file-damaged " .. path)
    end)
end)
