-- What all kinds of backup sets share: which kind it is, options, the command, what is reported.
local cancel = require("support.cancel")
local content = require("salvor.verify.content")
local fs = require("salvor.fs")
local json = require("salvor.json")
local merge = require("salvor.verify.merge")
local salvor = require("support.salvor")
local sets = require("support.backup_sets")
local source = require("salvor.verify.source")
local store = require("salvor.store")
local store_errors = require("salvor.store.errors")
local task = require("salvor.task")
local wal = require("salvor.verify.wal")

local ID = "1587549284406812631"

local folder

before_each(function()
    folder = must(fs.temporary_folder())
end)

after_each(function()
    must(fs.remove_tree(folder))
end)

--- What it raises, which is said to be the fault of this file.
local function raises(fn)
    local ok, problem = pcall(fn)
    assert.is_false(ok)
    assert.is_truthy(problem:find("^tests/spec/verify_spec"), problem)
    return problem
end

local function fails_with(code, options)
    local report, err = store.verify(folder, options)
    assert.is_nil(report)
    assert.are.equal(code, err.code)
    return err.message
end

describe("store.verify", function()
    it("takes an open store too", function()
        sets.v2018(folder .. "/below", ID, 1)
        local s <close> = must(store.open(folder .. "/below"))
        assert.is_true(must(store.verify(s)).restorable)
    end)

    it("says what is there when that is no backup set", function()
        fails_with("NotFound")
        sets.write(folder .. "/readme.txt", "x")
        sets.write(folder .. "/pictures/1.jpg", "x")
        assert.is_truthy(fails_with("Invalid"):find("pictures/, readme.txt", 1, true))
    end)

    it("says that there is nothing", function()
        local report, err = store.verify(folder .. "/none")
        assert.is_nil(report)
        assert.are.equal("NotFound", err.code)
    end)

    it("wants to be told which of several kinds is meant", function()
        sets.v2018(folder, ID, 1)
        sets.tar_gz(folder .. "/_portal_system_backup-20220601.010000.tar.gz", "x")
        local message = fails_with("Invalid")
        assert.is_truthy(message:find("portal, v2018", 1, true))
        assert.are.equal("v2018", must(store.verify(folder, {kind = "v2018"})).kind)
        assert.are.equal("portal", must(store.verify(folder, {kind = "portal"})).kind)
        assert.is_false(must(store.verify(folder, {kind = "medusa"})).restorable)
    end)

    it("names the folder in which the set may be", function()
        local function hint(path)
            local report, err = store.verify(path or folder)
            assert.is_nil(report)
            return err.hint
        end
        local file = sets.v2018(folder .. "/backups", ID, 1)[0]
        assert.are.equal("backups/ has API Connect v2018 management backups: give that", hint())
        assert.are.equal("give the folder in which the set begins", hint(file))
        must(fs.mkdir(folder .. "/empty"))
        assert.are.equal("give the folder in which the set begins", hint(folder .. "/empty"))
        sets.write(folder .. "/kit/latest", "generations/one")
        sets.write(folder .. "/kit/generations/one/manifest.json", "{}")
        assert.are.equal("this is a recovery kit: salvor plan, of the procedure that reads it,"
            .. " looks whether it is whole", hint(folder .. "/kit"))
        sets.medusa(folder .. "/medusa", {name = "daily", nodes = {"node-0"}})
        for path, levels in pairs({["index"] = "1 level", ["node-0/daily"] = "2 levels",
                                   ["node-0/daily/meta"] = "3 levels"}) do
            assert.are.equal("this is a part of a Medusa set: give the folder " .. levels
                .. " above", hint(folder .. "/medusa/" .. path))
        end
        sets.write(folder .. "/repository/db/20200826-154646F/backup.manifest", "x")
        for path, levels in pairs({["db"] = 2, ["db/20200826-154646F"] = 3}) do
            assert.are.equal("this is a part of a pgBackRest repository: give the folder "
                .. levels .. " levels above", hint(folder .. "/repository/" .. path))
        end
        sets.write(folder .. "/cluster/base/20241222T110515/data.tar", "x")
        for path, levels in pairs({["base"] = "1 level", ["base/20241222T110515"] = "2 levels"}) do
            assert.are.equal("this is a part of a database cluster's backups: give the folder "
                .. levels .. " above", hint(folder .. "/cluster/" .. path))
        end
    end)

    it("refuses what it would not look at", function()
        sets.v2018(folder, ID, 1)
        for name, value in pairs({time = "now", management_time = "1654304582", tolerance = 5}) do
            local message = fails_with("Invalid", {[name] = value})
            assert.is_truthy(message:find("option '" .. name .. "' says nothing of API Connect",
                1, true), message)
        end
        must(fs.remove_tree(folder))
        sets.medusa(folder, {name = "daily", nodes = {"node-0"}})
        for name, value in pairs({pods = 3, space = {[0] = {available = 1, database = 1}}}) do
            fails_with("Invalid", {[name] = value})
        end
        assert.is_true(must(store.verify(folder, {backup = "daily"})).restorable)
    end)

    it("says how far it has looked", function()
        sets.v2018(folder, ID, 3)
        for _, case in ipairs({
            {{}, {"names", "sizes"}, ", as far as names and sizes tell"},
            {{sample = 1}, {"names", "sizes", "the content of 1 object"},
             ", as far as names, sizes and the content of 1 object tell"},
            {{full = true}, {"names", "sizes", "all content"}, ""},
        }) do
            local report = must(store.verify(folder, case[1]))
            assert.are.equal("restorable", report.verdict)
            assert.are.same(case[2], report.looked_at)
            assert.are.equal("the backup can be restored" .. case[3], report.summary)
        end
        local message = fails_with("Invalid", {kind = "medusa", pods = 1})
        assert.is_truthy(message:find("Medusa", 1, true))
    end)

    it("tells findings in one order, whichever was found first", function()
        local files = sets.v2018(folder, ID, 9)
        for index = 0, 8 do
            sets.truncate(files[index], index + 1)
        end
        local objects = {}
        for index, finding in ipairs(must(store.verify(folder, {full = true})).findings) do
            objects[index] = finding.object
        end
        assert.are.equal(9, #objects)
        local sorted = table.move(objects, 1, 9, 1, {})
        table.sort(sorted)
        assert.are.same(sorted, objects)
    end)

    it("raises for options that make no sense", function()
        for _, case in ipairs({
            {{ful = true}, "unknown option 'ful'"},
            {{kind = "tar"}, "option 'kind' must be one of"},
            {{full = true, sample = 1}, "exclude each other"},
            {{sample = 0}, "option 'sample'"},
            {{workers = 1.5}, "option 'workers'"},
            {{pods = 0}, "option 'pods'"},
            {{space = {[0] = {available = 1}}}, "option 'space'"},
        }) do
            local problem = raises(function() store.verify(folder, case[1]) end)
            assert.is_truthy(problem:find(case[2], 1, true), problem)
        end
        raises(function() store.verify(1) end)
        assert.has_error(function() store.verify(folder, {open = {region = "x"}}) end)
    end)

    it("tells the first findings of a rule, and how many more there are", function()
        for number = 1, 60 do
            sets.write(string.format("%s/%d-0-1.tar.gz", folder, 1587549284406812631 + number), "")
        end
        local report = must(store.verify(folder))
        assert.are.equal(60, report.counts.errors)
        assert.are.equal(50, #report.findings)
        assert.are.equal(10, report.findings[50].more)
    end)
end)

describe("verification of what does not keep still", function()
    local files

    before_each(function()
        files = sets.v2018(folder, ID, 3)
    end)

    --- The report of a full verification; `before(path)` is called before each `method`, "read"
    --- when nothing is said, and may give what that answers.
    local function verify_with(before, method)
        local s <close> = must(store.open(folder))
        local real = s._backend
        method = method or "read"
        local watched = setmetatable({[method] = function(_, path, ...)
            local answer, err = before(path)
            if answer or err then
                return answer, err
            end
            return real[method](real, path, ...)
        end}, {__index = real})
        return store.verify(setmetatable({_backend = watched}, getmetatable(s)), {full = true})
    end

    it("sees that an object became another one meanwhile", function()
        local changed
        local report = must(verify_with(function(path)
            if path == fs.basename(files[1]) and not changed then
                changed = true
                sets.tar_gz(files[1], "another")
            end
        end))
        assert.is_true(changed)
        assert.are.same({"error damaged " .. fs.basename(files[1])}, sets.findings(report))
        assert.is_truthy(report.findings[1].message:find("changed", 1, true))
    end)

    it("sees that an object went away", function()
        local report = must(verify_with(function(path)
            if path == fs.basename(files[2]) and fs.stat(files[2]) then
                must(fs.remove(files[2]))
            end
        end))
        assert.are.same({"error damaged " .. fs.basename(files[2])}, sets.findings(report))
    end)

    it("gives the error when the store cannot be read any more", function()
        local report, err = verify_with(function(path)
            if path == fs.basename(files[2]) then
                return store_errors.fail("Forbidden", {url = path})
            end
        end)
        assert.is_nil(report)
        assert.are.equal("Forbidden", err.code)
        assert.are.equal("store.verify", err.op)
    end)

    it("does not take for missing what may not be looked at", function()
        must(fs.remove_tree(folder))
        sets.medusa(folder, {name = "daily", nodes = {"node-0"}})
        local report, err = verify_with(function(path)
            return store_errors.fail("Forbidden", {url = path})
        end, "stat")
        assert.is_nil(report)
        assert.are.equal("Forbidden", err.code)
    end)

    it("reads no more of what is damaged at its beginning", function()
        sets.write(files[1], ("x"):rep(8 << 20))
        local reads = 0
        local report = must(verify_with(function(path)
            reads = reads + (path == fs.basename(files[1]) and 1 or 0)
        end))
        assert.are.same({"error damaged " .. fs.basename(files[1])}, sets.findings(report))
        assert.is_true(reads <= 3, reads)
    end)

    it("gives up on names without end", function()
        local pages = 0
        local report, err = verify_with(function()
            pages = pages + 1
            assert(pages < 1000, "it goes on and on")
            local items = {}
            for number = 1, 1000 do
                items[number] = {path = pages .. "-" .. number, size = 1, kind = "file"}
            end
            return {items = items, folders = {}, next = pages}
        end, "list")
        assert.is_nil(report)
        assert.are.equal("TooLarge", err.code)
    end)

    it("can be cancelled at any time", function()
        sets.run({"sh", "-c", 'head -c 256M /dev/zero | gzip -1 > "$1.piece"; for _ in $(seq 100); '
            .. 'do cat "$1.piece"; done > "$1"; rm "$1.piece"', "sh", files[0]})
        local child = task.spawn(store.verify, folder, {full = true})
        task.sleep(0.05) -- somewhere in it
        cancel(child)
    end)
end)

describe("store.is_empty", function()
    it("names the first objects that it finds", function()
        assert.is_true(must(store.is_empty(folder)))
        sets.write(folder .. "/archive/db/archive.info", "x")
        sets.write(folder .. "/readme", "x")
        local empty, names = store.is_empty(folder)
        assert.is_false(empty)
        assert.are.same({"archive/", "readme"}, names)
        local s <close> = must(store.open(folder))
        assert.is_false((store.is_empty(s)))
    end)

    it("knows no place that is not there", function()
        local empty, err = store.is_empty(folder .. "/none")
        assert.is_nil(empty)
        assert.are.equal("NotFound", err.code)
        raises(function() store.is_empty(folder, {x = 1}) end)
        raises(function() store.is_empty() end)
    end)
end)

describe("salvor verify", function()
    local home

    before_each(function()
        home = must(fs.temporary_folder())
    end)

    after_each(function()
        must(fs.remove_tree(home))
    end)

    local function run(...)
        return salvor.run({"verify", ...}, {home = home})
    end

    it("ends with 0 when the set can be restored, else with 1", function()
        local files = sets.v2018(folder, ID, 2)
        local result = run(folder, "--full", "--pods", "2")
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, ID, "restorable: the backup can be restored", "2 of them read")
        must(fs.remove(files[1]))
        result = run(folder)
        salvor.expect_code(1, result)
        salvor.expect(result.stdout, "error file-missing " .. ID .. "-1-2.tar.gz",
            "not restorable: 0 of 1 backup can be restored; 1 error")
    end)

    it("shows no time where there is none that can be", function()
        sets.medusa(folder, {name = "nightly", nodes = {"one"}})
        local index = folder .. "/index/backup_index/nightly/"
        for _, kind in ipairs({"started", "finished"}) do
            local path = index .. kind .. "_one_"
            for _, entry in ipairs(must(fs.list(index))) do
                if entry.name:find(kind, 1, true) then
                    must(fs.rename(index .. entry.name, path .. "9000000000000000000.timestamp"))
                end
            end
        end
        local result = run(folder)
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "nightly", "restorable: the backup can be restored")
    end)

    it("gives JSON", function()
        sets.v2018(folder, ID, 1)
        local result = run("--output", "json", folder)
        salvor.expect_code(0, result)
        local report = must(json.decode(result.stdout))
        assert.is_true(report.restorable)
        assert.are.equal("quick", report.mode)
        assert.are.same({}, report.findings)
    end)

    it("takes what each kind wants to know", function()
        sets.v2018(folder, ID, 1)
        local result = run(folder, "--space", "0=1,1")
        salvor.expect_code(1, result)
        salvor.expect(result.stdout, "error space")
    end)

    it("ends with 2 for wrong usage, and 1 when nothing can be said", function()
        salvor.expect_code(2, run())
        salvor.expect_code(2, run(folder, "--full", "--sample", "3"))
        salvor.expect_code(2, run(folder, "--kind", "tar"))
        salvor.expect_code(2, run(folder, "--kind", "v"))
        salvor.expect_code(2, run(folder, "--pods", "many"))
        salvor.expect_code(2, run(folder, "--space", "0:1"))
        salvor.expect_code(2, run(folder, "--output", "yaml"))
        local result = run(folder .. "/none")
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "does not exist")
    end)

    it("shows what stands in names, and obeys none of it", function()
        sets.v2018(folder, ID, 1)
        must(fs.remove(folder .. "/" .. ID .. "-0-1.tar.gz"))
        sets.write(folder .. "/a\27[31mb@c-20220601.010000.tar.gz", "")
        local result = run(folder)
        assert.is_nil(result.stdout:find("\27", 1, true))
        salvor.expect(result.stdout, "a\\x1b[31mb@c")
        sets.write(folder .. "/\xff@c-20220601.010000.tar.gz", "")
        local report = must(json.decode(run(folder, "--output", "json").stdout))
        assert.are.equal(3, #report.findings)
    end)
end)

describe("looking into objects", function()
    local from, item

    before_each(function()
        sets.write(folder .. "/x", "x")
        local s = must(store.open(folder))
        from = source.new(s._backend)
        from:count({objects = 0, contents = 0, bytes = 0})
        item = must(s:stat("x"))
    end)

    it("does not keep all of them until the end", function()
        local looker, done = content.new(from, "full", 0, 2), 0
        for _ = 1, 300 do
            looker:add({item = item, done = function() done = done + 1 end})
        end
        assert.is_true(done >= 256)
        looker:finish()
        assert.are.equal(300, done)
    end)

    it("gives each the same chance to be in a sample", function()
        local met = {}
        for _ = 1, 100 do
            local looker = content.new(from, "sample", 1, 1)
            for number = 1, 4 do
                looker:add({item = item, done = function() met[number] = true end})
            end
            looker:finish()
        end
        assert.are.same({true, true, true, true}, met)
    end)
end)

describe("a merge of sorted names", function()
    --- suffix(name) is added to each.
    local function order(suffix, names)
        local emitted = {}
        local sorter = merge.suffixed(function(path)
            emitted[#emitted + 1] = path
        end)
        for _, name in ipairs(names) do
            assert.is_true(sorter.add(name, suffix(name)))
        end
        sorter.finish()
        return emitted
    end

    it("gives names in the order that they have with what is added to them", function()
        for _, added in ipairs({"", ".gz", ".lz4", ".zst", ".bz2", "or blocks"}) do
            local function suffix(name)
                return added == "or blocks" and (#name % 2 == 0 and ".pgbi" or ".gz") or added
            end
            local names = {}
            local function make(name, depth)
                names[#names + 1] = name
                for letter in (depth > 0 and " +-.gz0_" or ""):gmatch(".") do
                    make(name .. letter, depth - 1)
                end
            end
            make("a", 4)
            table.sort(names)
            local expected = {}
            for index, name in ipairs(names) do
                expected[index] = name .. suffix(name)
            end
            table.sort(expected)
            assert.are.same(expected, order(suffix, names))
        end
    end)

    it("tells when names are not in order", function()
        local sorter = merge.suffixed(function() end)
        assert.is_true(sorter.add("b", ".gz"))
        assert.is_false(sorter.add("a", ".gz"))
        assert.is_false(sorter.add("b", ".gz"))
    end)
end)

describe("a range of WAL", function()
    local function gaps(start, stop, names, per_log)
        local range = assert(wal.range(start, stop, per_log))
        local found = {}
        local watch = wal.watch({range}, function(of, first, last)
            found[#found + 1] = wal.name(of.timeline, first, per_log) .. "-"
                .. wal.name(of.timeline, last, per_log)
        end)
        for _, name in ipairs(names) do
            watch.met(wal.parse(name, per_log))
        end
        watch.finish()
        return found
    end

    local A, B, C, D = "0000000100000000000000FE", "0000000100000000000000FF",
        "000000010000000100000000", "000000010000000100000001"

    it("goes from one log to the next", function()
        assert.are.same({}, gaps(A, D, {A, B, C, D}))
        assert.are.same({B .. "-" .. C}, gaps(A, D, {A, D}))
        assert.are.same({A .. "-" .. A, D .. "-" .. D}, gaps(A, D, {B, C}))
        assert.are.same({}, gaps(A, D, {"0000000200000000000000FF", A, B, C, D}))
        assert.are.same({A .. "-" .. D}, gaps(A, D, {"0000000100000000000000FD",
                                                     "000000020000000000000000"}))
    end)

    it("knows segments of another size", function()
        assert.are.equal(64, wal.per_log(64 << 20))
        for _, size in ipairs({12345, 3 << 20, 1 << 19, 1 << 31}) do
            assert.are.equal(256, wal.per_log(size))
        end
        local last = "00000001000000000000003F"
        assert.are.same({}, gaps(last, C, {last, C}, 64))
        assert.are.same({"000000010000000000000040-" .. B}, gaps(last, C, {last, C}))
    end)

    it("knows what is within", function()
        local range = assert(wal.range(B, C))
        local last = range.last
        for number, within in pairs({[last - 2] = false, [last - 1] = true, [last] = true,
                                     [last + 1] = false}) do
            assert.are.equal(within, wal.within(range, "00000001", number))
            assert.is_false(wal.within(range, "00000002", number))
        end
    end)

    it("is refused when its ends do not fit", function()
        for _, ends in ipairs({{"x", A}, {A, nil}, {B, A}, {A, "0000000200000000000000FF"}}) do
            assert.is_nil((wal.range(ends[1], ends[2])))
        end
    end)

    it("is looked up in few folders, or everywhere", function()
        assert.are.same({"0000000100000000", "0000000100000001"},
            wal.folders({(wal.range(A, D)), (wal.range(A, B))}))
        assert.is_nil(wal.folders({(wal.range(A, "00000001FFFFFFFF00000000"))}))
    end)
end)
