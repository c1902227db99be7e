-- Archives and compressed files, checked to their end: what tar and the compressors make, damaged
-- files, and archives that were made to harm.
local archive = require("salvor.archive")
local cancel = require("support.cancel")
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local memory = require("support.memory")
local salvor = require("support.salvor")
local sets = require("support.backup_sets")
local store = require("salvor.store")
local task = require("salvor.task")

local COMPRESSORS = {gz = "gzip", zst = "zstd", lz4 = "lz4", bz2 = "bzip2"}

local folder

local function at(name)
    return folder .. "/" .. name
end

setup(function()
    folder = must(fs.temporary_folder())
    local lines = {}
    for number = 1, 50000 do
        lines[number] = number .. digest.md5(tostring(number))
    end
    must(fs.write(at("plain"), table.concat(lines, "\n")))
    for suffix, program in pairs(COMPRESSORS) do
        sets.run({"sh", "-c", program .. ' -c < "$1" > "$2"', "sh", at("plain"),
                  at("whole." .. suffix)})
    end
end)

teardown(function()
    must(fs.remove_tree(folder))
end)

local function fails(path, options)
    local result, err = archive.check(path, options)
    assert.is_nil(result)
    assert.are.equal("Corrupt", err.code)
    assert.is_truthy(err.message:find(path, 1, true))
    return err.message
end

describe("archive.check of compressed files", function()
    for suffix, program in pairs(COMPRESSORS) do
        local path

        before_each(function()
            path = at("x." .. suffix)
            sets.run({"cp", at("whole." .. suffix), path})
        end)

        it("tells what is in one: " .. program, function()
            local plain = must(fs.read(at("plain")))
            local found = must(archive.check(path, {digest = "sha256"}))
            assert.are.equal(program, found.compression)
            assert.are.equal(#plain, found.size)
            assert.are.equal(must(fs.stat(path)).size, found.packed)
            assert.are.equal(digest.sha256(plain), found.digest)
            assert.is_nil(found.entries)
        end)

        it("sees where one ends too early: " .. program, function()
            local data = must(fs.read(path))
            for _, size in ipairs({#data - 1, #data // 2, 100, 5, 1}) do
                must(fs.write(path, data:sub(1, size)))
                fails(path, {compression = program})
            end
        end)

        it("sees a bit that changed: " .. program, function()
            local size = must(fs.stat(path)).size
            for _, place in ipairs({size // 3, size // 2, -2}) do
                sets.run({"cp", at("whole." .. suffix), path})
                sets.flip(path, place)
                fails(path)
            end
        end)

        it("reads several that follow each other: " .. program, function()
            local data = must(fs.read(path))
            must(fs.write(path, data .. data))
            assert.are.equal(2 * must(fs.stat(at("plain"))).size, must(archive.check(path)).size)
        end)

        it("refuses what is something else: " .. program, function()
            for _, data in ipairs({"", "x", ("hello\n"):rep(1000)}) do
                must(fs.write(path, data))
                fails(path, {compression = program})
            end
        end)
    end

    it("says that something follows the end", function()
        for suffix in pairs(COMPRESSORS) do
            for _, rubbish in ipairs({"x", "rubbish", ("rubbish"):rep(1 << 19)}) do
                must(fs.write(at("x"), must(fs.read(at("whole." .. suffix))) .. rubbish))
                assert.is_truthy(fails(at("x")):find(suffix == "zst" and "" or "behind its end", 1,
                    true))
            end
        end
    end)

    it("takes zeros behind gzip for what fills up a tape, on which nothing follows", function()
        local whole = must(fs.read(at("whole.gz")))
        must(fs.write(at("x"), whole .. ("\0"):rep(3000)))
        assert.is_truthy(archive.check(at("x")))
        for _, size in ipairs({#whole + 1, 1 << 22}) do -- in one read, and between two
            must(fs.write(at("x"), whole .. ("\0"):rep(size - #whole) .. whole))
            assert.is_truthy(fails(at("x")):find("behind its end", 1, true))
        end
    end)

    it("takes a file for what it is when nothing says that it is compressed", function()
        local found = must(archive.check(at("plain"), {digest = "md5"}))
        assert.are.equal("none", found.compression)
        assert.are.equal(digest.md5(must(fs.read(at("plain")))), found.digest)
        must(fs.write(at("empty"), ""))
        assert.are.equal(0, must(archive.check(at("empty"))).size)
    end)

    it("reads objects of stores", function()
        local s <close> = must(store.open(folder))
        assert.are.equal("gzip", must(archive.check("whole.gz", {store = s})).compression)
        local found, err = archive.check("none", {store = s})
        assert.is_nil(found)
        assert.are.equal("NotFound", err.code)
        assert.is_nil((archive.check(folder)))
    end)

    it("raises for options that make no sense", function()
        for _, options in ipairs({{digest = "crc"}, {compression = "zip"}, {ta = 1}, {tar = 1}}) do
            assert.has_error(function() archive.check("x", options) end)
        end
        assert.has_error(function() archive.check() end)
        assert.has_error(function() archive.each("") end)
        local closed = must(store.open("."))
        closed:close()
        for _, option in ipairs({closed, {}}) do
            salvor.expect(select(2, pcall(archive.check, "x", {store = option})),
                "archive.check: option 'store' is no open store")
        end
    end)

    it("takes the path in a store for what it is", function()
        local s <close> = must(store.open("."))
        for _, path in ipairs({"../x", "a\0b"}) do
            local found, err = archive.check(path, {store = s})
            assert.is_nil(found)
            assert.are.equal("Invalid", err.code)
        end
    end)
end)

local function names(path, options)
    local found = {}
    for entry in archive.each(path, options) do
        found[#found + 1] = entry.name
    end
    return found
end

describe("archive.each", function()
    local tree

    setup(function()
        tree = at("tree")
        for _, name in ipairs({"file", "empty", "folder/below", "with blank", "unïcode",
                               ("long/"):rep(30) .. "name", ("n"):rep(120), "q\"uote"}) do
            sets.write(tree .. "/" .. name, name:rep(100))
        end
        must(fs.write(tree .. "/empty", ""))
        must(fs.symlink(("t"):rep(130), tree .. "/link"))
        sets.run({"ln", tree .. "/file", tree .. "/second"})
        sets.run({"truncate", "-s", "10M", tree .. "/holes"})
        must(fs.append(tree .. "/holes", "end"))
        sets.run({"mkfifo", tree .. "/pipe"})
    end)

    for _, format in ipairs({"gnu", "oldgnu", "pax", "ustar", "v7"}) do
        it("gives the names that tar gives: " .. format, function()
            local path = at(format .. ".tar")
            local argv = {"tar", "--format=" .. format, "-cf", path, "-C", tree}
            if format == "ustar" or format == "v7" then -- no long names, no pipes
                table.move({"--exclude=n*", "--exclude=l*", "--exclude=pipe", "."}, 1, 4, 7, argv)
            else
                table.move({"--sparse", "."}, 1, 2, 7, argv)
            end
            sets.run(argv)
            local listed = sets.run({"tar", "--quoting-style=literal", "-tf", path})
            local expected = {}
            for line in listed:gmatch("[^\n]+") do
                expected[#expected + 1] = line
            end
            assert.are.same(expected, names(path))
            assert.are.equal(#expected, must(archive.check(path)).entries)
        end)
    end

    it("tells the kinds and sizes of entries", function()
        local path = at("kinds.tar.gz")
        sets.run({"tar", "--format=pax", "--sparse", "-czf", path, "-C", tree, "."})
        local kinds, sizes = {}, {}
        for entry in archive.each(path) do
            kinds[entry.name], sizes[entry.name] = entry.type, entry.size
        end
        assert.are.equal("folder", kinds["./"])
        assert.are.equal("file", kinds["./with blank"])
        assert.are.equal("link", kinds["./link"])
        assert.are.equal("other", kinds["./pipe"])
        local hard = (kinds["./file"] == "hard link" and 1 or 0)
            + (kinds["./second"] == "hard link" and 1 or 0)
        assert.are.equal(1, hard)
        assert.are.equal(10 * 1048576 + 3, sizes["./holes"])
        assert.are.equal(1000, sizes["./with blank"])
    end)

    it("may be left in the middle", function()
        sets.run({"tar", "-czf", at("x.tgz"), "-C", tree, "."})
        local count = 0
        for entry in archive.each(at("x.tgz")) do
            count = count + 1
            if entry.name ~= "./" then
                break
            end
        end
        assert.are.equal(2, count)
    end)

    it("gives all of very many", function()
        local path = at("many.tar")
        sets.run({"sh", "-c", 'mkdir "$1" && cd "$1" && seq 5000 | xargs touch && tar -cf "$2" .',
                  "sh", at("many"), path})
        assert.are.equal(5001, #names(path))
        sets.run({"gzip", "-k", path})
        assert.are.equal(5001, #names(path .. ".gz"))
    end)

    it("raises where an archive is damaged", function()
        sets.run({"tar", "-cf", at("x.tar"), "-C", tree, "."})
        local data = must(fs.read(at("x.tar")))
        for _, broken in ipairs({data:sub(1, 512), data:sub(1, 3000), data:sub(1, #data // 2), "",
                                 data:sub(1, 1024) .. ("x"):rep(512) .. data:sub(1025),
                                 data .. ("x"):rep(512)}) do
            must(fs.write(at("x.tar"), broken))
            local ok, err = pcall(names, at("x.tar"))
            assert.is_false(ok)
            assert.are.equal("Corrupt", err.code)
            fails(at("x.tar"))
        end
        assert.has_error(function() names(at("nothing.tar")) end)
    end)
end)

--- A header of ustar with its checksum.
local function header(name, size, kind)
    local number = type(size) == "string" and size or string.format("%011o\0", size)
    local block = name .. ("\0"):rep(100 - #name) .. "0000644\0" .. "0000000\0" .. "0000000\0"
        .. number .. ("0"):rep(11) .. "\0" .. "        " .. (kind or "0") .. ("\0"):rep(100)
        .. "ustar\0" .. "00" .. ("\0"):rep(247)
    local sum = 0
    for index = 1, #block do
        sum = sum + block:byte(index)
    end
    return block:sub(1, 148) .. string.format("%06o\0 ", sum) .. block:sub(157)
end

local END = ("\0"):rep(1024)

local function pax(...)
    local records = {}
    for _, text in ipairs({...}) do
        local length = #text + 2
        while #tostring(length) + #text + 2 > length do
            length = length + 1
        end
        records[#records + 1] = length .. " " .. text .. "\n"
    end
    local body = table.concat(records)
    return header("pax", #body, "x") .. body .. ("\0"):rep(-#body % 512)
end

describe("an archive that was made to harm", function()
    local function refused(data)
        must(fs.write(at("x.tar"), data))
        return fails(at("x.tar"))
    end

    it("cannot claim what it does not have", function()
        for _, data in ipairs({
            header("a", 0x1FFFFFFFF) .. END,
            header("a", "\x80" .. ("\xff"):rep(11)) .. END,
            header("a", "\xff" .. ("\xff"):rep(11)) .. END,
            header("a", "99999999999\0") .. END,
            pax("size=99999999999999999999") .. header("a", 0) .. END,
            pax("size=-1") .. header("a", 0) .. END,
            header("x", 0x7fffffff, "x") .. END,
            header("x", 1 << 21, "L") .. ("a"):rep(1 << 21) .. header("a", 0) .. END,
            header("x", 512, "x") .. ("9"):rep(512) .. header("a", 0) .. END,
            header("x", 512, "x") .. "20 path=abc\n" .. ("\0"):rep(500) .. header("a", 0) .. END,
            header("x", 0, "x"),
            header("a", 0) .. ("\0"):rep(512),
        }) do
            refused(data)
        end
    end)

    it("cannot move the cursor by what it is called", function()
        local message = refused(header("a\27[2Jb", 0) .. ("x"):rep(512))
        assert.is_nil(message:find("\27", 1, true))
    end)

    it("may have names of any bytes", function()
        must(fs.write(at("x.tar"), pax("path=../../etc/\xff\n\27") .. header("a", 0) .. END))
        assert.are.same({"../../etc/\xff\n\27"}, names(at("x.tar")))
    end)

    it("may have a hard link with or without a body", function()
        for _, body in ipairs({"", ("x"):rep(1024)}) do
            must(fs.write(at("x.tar"), header("a", 0) .. header("b", 600, "1") .. body
                .. header("c", 0) .. END))
            assert.are.same({"a", "b", "c"}, names(at("x.tar")))
            must(fs.write(at("x.tar"), header("a", 0) .. header("b", 600, "1") .. body .. END))
            assert.are.same({"a", "b"}, names(at("x.tar")))
        end
    end)

    --- Writes a gzip of `count` times the data, between a beginning and an end.
    local function bomb(path, first, data, count, last)
        must(fs.write(at("first"), first))
        must(fs.write(at("data"), data))
        must(fs.write(at("last"), last))
        sets.run({"sh", "-c", 'cd "$1"; (cat first; for i in $(seq "$2"); do cat data; done; '
            .. 'cat last) | gzip -1 > "$3"', "sh", folder, tostring(count), path})
    end

    it("needs no memory for what it unpacks to", function()
        local size = 96 << 20
        bomb(at("bomb.tar.gz"), header("zeros", size), ("\0"):rep(1 << 20), 96, END)
        local entry_of_1024 = header("x", 1024, "L") .. ("n"):rep(1024) .. header("a", 0)
        bomb(at("names.tar.gz"), "", entry_of_1024:rep(300), 100, END)
        bomb(at("map.tar.gz"), pax("GNU.sparse.major=1", "GNU.sparse.minor=0",
            "GNU.sparse.realsize=1") .. header("sparse", 8 << 20), ("1\n1\n"):rep(1 << 18), 8, END)
        must(archive.check(at("whole.gz"))) -- what is loaded at first use
        collectgarbage()
        local before = memory.resident()
        assert.are.equal(1, must(archive.check(at("bomb.tar.gz"))).entries)
        assert.are.equal(30000, must(archive.check(at("names.tar.gz"))).entries)
        assert.are.equal(1, must(archive.check(at("map.tar.gz"))).entries)
        local count = 0
        for entry in archive.each(at("names.tar.gz")) do
            count = count + 1
            assert.are.equal(1024, #entry.name)
        end
        assert.are.equal(30000, count)
        memory.expect_at_most(24 << 20, memory.resident() - before)
    end)

    it("can be left at any time", function()
        local entry_of_1024 = header("x", 1024, "L") .. ("n"):rep(1024) .. header("a", 0)
        local path = at("long.tar.gz")
        for data, first in pairs({
            [("\0"):rep(1 << 20)] = header("zeros", "\x80" .. ("\0"):rep(4) .. ("\1"):rep(7)),
            [entry_of_1024:rep(300)] = "",
        }) do
            bomb(at("piece"), "", data, 100, "")
            bomb(path, first, "", 1, "")
            sets.run({"sh", "-c", 'for _ in $(seq 300); do cat "$1"; done >> "$2"', "sh",
                      at("piece"), path})
            local child = task.spawn(archive.check, path)
            task.sleep(0.02) -- somewhere in it
            cancel(child)
        end
    end)
end)
