-- store.copy: trees and single objects between stores, here folders; nothing is lost, whatever
-- stops it, and nothing half-written has its final name.
local cancel = require("support.cancel")
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local killed_copy = require("support.killed_copy")
local lanes = require("salvor.store.lanes")
local memory = require("support.memory")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local store = require("salvor.store")
local task = require("salvor.task")
local transfer = require("salvor.store.transfer")

local MiB = 1 << 20

describe("store.copy", function()
    local folder

    before_each(function()
        folder = must(fs.temporary_folder())
    end)

    after_each(function()
        must(fs.remove_tree(folder))
    end)

    local function at(name)
        return fs.join(folder, name)
    end

    local function make(name, files)
        salvor.make_tree(at(name), files)
    end

    local FILES = {["a/one"] = "1", ["a/b/two"] = "22", ["a.txt"] = "text", ["z"] = ""}

    it("copies a tree, then only what differs", function()
        make("from", FILES)
        local summary = must(store.copy(at("from"), at("to/deep")))
        assert.are.equal(4, summary.copied)
        assert.are.equal(7, summary.bytes)
        assert.are.same(FILES, salvor.tree(at("to/deep")))
        assert.are.equal(4, must(store.copy(at("from"), at("to/deep"))).skipped)
        must(fs.write(at("from/a.txt"), "changed"))
        must(fs.write(at("from/new"), "n"))
        summary = must(store.copy(at("from"), at("to/deep")))
        assert.are.equal(2, summary.copied)
        assert.are.equal(3, summary.skipped)
        assert.are.same(salvor.tree(at("from")), salvor.tree(at("to/deep")))
    end)

    it("notices another content of the same size", function()
        make("from", {file = "one"})
        must(store.copy(at("from"), at("to")))
        must(proc.run({"touch", "-d", "2001-01-01", at("to/file")}))
        must(fs.write(at("from/file"), "two"))
        assert.are.equal(1, must(store.copy(at("from"), at("to"), {skip = "size"})).skipped)
        assert.are.equal(1, must(store.copy(at("from"), at("to"))).copied)
        assert.are.equal("two", fs.read(at("to/file")))
        assert.are.equal(1, must(store.copy(at("from"), at("to"), {skip = "never"})).copied)
        assert.are.equal(1, must(store.copy(at("from"), at("to"), {skip = false})).copied)
        assert.are.equal(1, must(store.copy(at("from"), at("to"), {skip = true})).skipped)
    end)

    it("verifies by size where nobody knows a checksum, by content when asked", function()
        make("from", {file = "one", large = ("x"):rep(20 * MiB)})
        assert.are.same({checksum = 0, size = 2}, must(store.copy(at("from"), at("to"))).verified)
        assert.are.same({checksum = 2, size = 0}, must(store.copy(at("from"), at("to2"),
            {verify = "content"})).verified)
    end)

    it("has as many under way as it was told", function()
        local files, busy, most, whole = {}, 0, 0, transfer.whole
        for number = 1, 30 do
            files["file" .. number] = "x"
        end
        make("from", files)
        finally(function()
            transfer.whole = whole
        end)
        transfer.whole = function(...)
            busy = busy + 1
            most = math.max(most, busy)
            task.sleep(0.01)
            busy = busy - 1
            return whole(...)
        end
        for workers, expected in pairs({[1] = 1, [3] = 3, [20] = 20}) do
            most = 0
            must(store.copy(at("from"), at("to"), {workers = workers, skip = "never"}))
            assert.are.equal(expected, most)
        end
    end)

    it("makes nothing of an empty folder", function()
        must(fs.mkdir(at("empty")))
        assert.are.equal(0, must(store.copy(at("empty"), at("to"))).copied)
        assert.is_nil(fs.stat(at("to")))
    end)

    it("keeps times and modes", function()
        make("from", {file = "x", script = "y"})
        must(proc.run({"chmod", "750", at("from/script")}))
        must(proc.run({"touch", "-d", "2020-02-03 04:05:06 UTC", at("from/file")}))
        must(store.copy(at("from"), at("to")))
        assert.are.equal(tonumber("750", 8), fs.stat(at("to/script")).mode)
        assert.are.equal(1580702706, math.floor(fs.stat(at("to/file")).mtime))
    end)

    it("removes at the destination only when asked, and the folders that become empty", function()
        make("from", {["a/one"] = "1"})
        make("to", {["a/one"] = "1", ["a/two"] = "2", ["old/x/y"] = "3", ["old/z"] = "4"})
        assert.are.equal(0, must(store.copy(at("from"), at("to"))).removed)
        assert.are.equal("2", fs.read(at("to/a/two")))
        assert.are.equal(3, must(store.copy(at("from"), at("to"), {delete = true})).removed)
        assert.are.same({["a/one"] = "1"}, salvor.tree(at("to")))
        assert.are.same({{name = "a", type = "folder"}}, must(fs.list(at("to"))))
    end)

    it("leaves alone at the destination what has the name of a link", function()
        make("from", {file = "x"})
        make("to", {link = "kept", other = "gone"})
        must(fs.symlink("/etc/hostname", at("from/link")))
        assert.are.equal(1, must(store.copy(at("from"), at("to"), {delete = true})).removed)
        assert.are.same({file = "x", link = "kept"}, salvor.tree(at("to")))
    end)

    it("refuses to remove what it copies", function()
        make("to/from", {["a/one"] = "1"})
        make("to", {other = "o"})
        local none, err = store.copy(at("to/from"), at("to"), {delete = true})
        assert.is_nil(none)
        salvor.expect(tostring(err), at("to"), "'delete' would remove " .. at("to/from"))
        assert.are.same({["from/a/one"] = "1", other = "o"}, salvor.tree(at("to")))
        assert.are.equal(1, must(store.copy(at("to/from"), at("to"))).copied)
    end)

    it("removes first what is in the way, a folder of a file or a file of a folder", function()
        local files = {file = "x", large = ("x"):rep(20 * MiB), empty = "", ["y/a"] = "1",
                       ["y/b/c"] = "2", ["y/d"] = "3", ["same/z"] = "z"}
        make("from", files)
        make("to", {["file/in/deep"] = "1", ["file/in the way"] = "2", ["large/in"] = "3",
                    y = "file", ["same/z/z"] = "4", other = "gone"})
        must(fs.mkdir(at("to/empty/very/empty"), {parents = true}))
        local summary = must(store.copy(at("from"), at("to")))
        assert.are.equal(7, summary.failures)
        assert.are.equal(0, summary.removed)
        for _, workers in ipairs({1, 8}) do
            must(proc.run({"cp", "-a", at("to"), at("to") .. workers}))
            summary = must(store.copy(at("from"), at("to") .. workers,
                {delete = true, workers = workers}))
            assert.are.equal(0, summary.failures, tostring((summary.failed[1] or {}).err))
            assert.are.equal(6, summary.removed)
            assert.are.same(files, salvor.tree(at("to") .. workers))
        end
    end)

    it("removes what is in the way of a large file when that is whole, and not before", function()
        make("from", {large = ("a"):rep(40 * MiB)})
        make("to", {["large/in the way"] = "1"})
        local send = transfer.send
        finally(function()
            transfer.send = send
        end)
        transfer.send = function(...)
            must(fs.append(at("from/large"), "more"))
            return send(...)
        end
        local summary = must(store.copy(at("from"), at("to"), {delete = true}))
        salvor.expect(tostring(summary.failed[1].err), "was changed meanwhile")
        assert.are.same({["large/in the way"] = "1"}, salvor.tree(at("to")))
        assert.are.equal(0, summary.removed)
    end)

    it("removes nothing in the way that it would not remove elsewhere, nor around it", function()
        make("from", {file = "x", ["sub/y"] = "y", ["linked/z"] = "z"})
        make("to", {other = "o", ["file/in the way"] = "1", ["real/z/inside"] = "2"})
        must(fs.symlink("/etc/hostname", at("to/file/link")))
        must(fs.symlink("real", at("to/linked")))
        must(fs.symlink("/etc/hostname", at("to/sub")))
        local summary = must(store.copy(at("from"), at("to"), {delete = true}))
        assert.are.equal(3, summary.failures)
        assert.are.equal(0, summary.removed)
        table.sort(summary.failed, function(a, b) return a.path < b.path end)
        assert.are.equal("file", summary.failed[1].path)
        salvor.expect(tostring(summary.failed[1].err), at("to/file"), "it is a folder",
            "'delete' does not remove " .. at("to/file/link"))
        assert.are.same({"linked/z", "sub/y"}, {summary.failed[2].path, summary.failed[3].path})
        assert.are.same({other = "o", ["file/in the way"] = "1", ["file/link"] = "-> /etc/hostname",
                         ["real/z/inside"] = "2", linked = "-> real", sub = "-> /etc/hostname"},
            salvor.tree(at("to")))
    end)

    it("does not remove of two things that cannot both be there what was copied first", function()
        make("both", {["x/y"] = "below"})
        make("to", {["x/y"] = "below", other = "o"})
        local source <close> = must(store.open(at("both")))
        -- As S3 may have it.
        local list, stat, read = source._backend.list, source._backend.stat, source._backend.read
        local item = {path = "x", size = 1, kind = "file", modified = 1}
        function source._backend.list(self, prefix, options)
            local page, err = list(self, prefix, options)
            if prefix == "" then
                table.insert(page.items, 1, item)
            end
            return page, err
        end
        function source._backend.stat(self, path)
            if path == "x" then
                return item
            end
            return stat(self, path)
        end
        function source._backend.read(self, path, piece, options)
            if path == "x" then
                piece:set("1")
                return item
            end
            return read(self, path, piece, options)
        end
        for _, files in ipairs({{["x/y"] = "below", other = "o"}, {x = "1", other = "o"}}) do
            must(fs.remove_tree(at("to")))
            make("to", files)
            local summary = must(store.copy(source, at("to"), {delete = true, skip = "size"}))
            assert.are.equal(1, summary.failures)
            assert.are.same(files, salvor.tree(at("to")))
        end
    end)

    it("copies one object, to a name or into a folder", function()
        make("from", {file = "x"})
        must(fs.mkdir(at("there")))
        must(store.copy(at("from/file"), at("name")))
        must(store.copy(at("from/file"), at("there")))
        must(store.copy(at("from/file"), at("new") .. "/"))
        must(store.copy("file://" .. at("from/file"), "file://" .. at("url%20escaped")))
        assert.are.equal("x", fs.read(at("name")))
        assert.are.equal("x", fs.read(at("there/file")))
        assert.are.equal("x", fs.read(at("new/file")))
        must(store.copy(at("from/file"), at("there/..")))
        must(store.copy(at("from/file"), at("new/.")))
        assert.are.equal("x", fs.read(at("file")))
        assert.are.equal("x", fs.read(at("url escaped")))
    end)

    it("copies the file that a link names", function()
        make("from", {file = "x"})
        make("else/where", {real = "content"})
        must(fs.symlink("../else/where/real", at("from/link")))
        must(fs.symlink("link", at("from/again")))
        must(fs.symlink("else", at("folder")))
        must(store.copy(at("from/again"), at("copy")))
        assert.are.equal("content", fs.read(at("copy")))
        must(store.copy(at("folder"), at("tree")))
        assert.are.same({["where/real"] = "content"}, salvor.tree(at("tree")))
    end)

    it("keeps nothing open but the stores that it was given", function()
        make("from", FILES)
        local to <close> = must(store.open(at("to")))
        local function count()
            return #must(fs.list("/proc/self/fd"))
        end
        must(store.copy(at("from"), to))
        collectgarbage()
        local before = count()
        collectgarbage("stop")
        finally(function()
            collectgarbage("restart")
        end)
        for _ = 1, 5 do
            must(store.copy(at("from"), to))
            must(store.copy(to, at("other")))
            must(store.copy(at("from/z"), at("other")))
            assert.is_nil((store.copy(at("from"), at("from/a"))))
        end
        assert.are.equal(before, count())
    end)

    it("says what can be no source: a link to itself, what is neither file nor folder", function()
        must(fs.symlink("second", at("first")))
        must(fs.symlink("first", at("second")))
        local none, err = task.timeout(60, function()
            return store.copy(at("first"), at("to"))
        end)
        assert.is_nil(none)
        salvor.expect(tostring(err), at("first"), "or to nowhere")
        must(proc.run({"mkfifo", at("pipe")}))
        none, err = store.copy(at("pipe"), at("to"))
        assert.is_nil(none)
        salvor.expect(tostring(err), at("pipe"), "it is neither a file nor a folder")
        assert.is_nil(fs.stat(at("to")))
    end)

    it("takes open stores", function()
        make("from", FILES)
        local from <close> = must(store.open(at("from")))
        local to <close> = must(store.open(at("to")))
        assert.are.equal(4, must(store.copy(from, to)).copied)
        assert.are.equal("1", to:read("a/one"))
        assert.are.equal(4, must(store.copy(from, at("to"))).skipped)
    end)

    it("refuses what is not there, and a tree into itself", function()
        local none, err = store.copy(at("none"), at("to"))
        assert.is_nil(none)
        salvor.expect(tostring(err), "store.copy: " .. at("none") .. " does not exist (NotFound)")
        make("from", FILES)
        for _, target in ipairs({at("from"), at("from/a/b"), at("from") .. "/new"}) do
            none, err = store.copy(at("from"), target)
            assert.is_nil(none)
            salvor.expect(tostring(err), "lies in what is to be copied", "(Invalid)")
        end
        assert.are.same(FILES, salvor.tree(at("from")))
        assert.are.equal(4, must(store.copy(at("from"), at("from2"))).copied)
        must(fs.symlink("from", at("link")))
        local same = {from = "link/x", link = "from/x", ["from/a/.."] = "from/a/x"}
        for source, target in pairs(same) do
            none, err = store.copy(at(source), at(target))
            assert.is_nil(none)
            salvor.expect(tostring(err), "lies in what is to be copied")
        end
        none, err = store.copy("/", at("to"))
        assert.is_nil(none)
        salvor.expect(tostring(err), "lies in what is to be copied, / (Invalid)")
    end)

    it("stops at misuse", function()
        local function misuse(part, ...)
            local ok, problem = pcall(store.copy, ...)
            assert.is_false(ok)
            salvor.expect(tostring(problem), part)
        end
        misuse("unknown option 'detele'", "a", "b", {detele = true})
        misuse("'from' must be a URL, a path or a store, got nil", nil, "b")
        misuse("'to' must be a URL", "a", {})
        misuse("'workers' is an integer", "a", "b", {workers = 1.5})
        misuse("unknown option 'x'", at(""), at("b"), {from = {x = 1}})
    end)

    it("leaves links and special files out, and says so; a link to a file below is that file",
        function()
            make("from", {file = "x", ["sub/y"] = "y"})
            must(fs.write(at("outside"), "secret"))
            must(fs.symlink("sub/y", at("from/inside")))
            must(fs.symlink("../outside", at("from/out")))
            must(fs.symlink(at("outside"), at("from/absolute")))
            must(fs.symlink("sub", at("from/folder")))
            must(fs.symlink("none", at("from/dangling")))
            must(proc.run({"mkfifo", at("from/pipe")}))
            local summary = must(store.copy(at("from"), at("to")))
            assert.are.same({"absolute", "dangling", "folder", "out", "pipe"}, summary.left_out)
            assert.are.same({file = "x", ["sub/y"] = "y", inside = "y"}, salvor.tree(at("to")))
        end)

    it("tells how far it is", function()
        make("from", {a = ("x"):rep(3 * MiB), b = "y"})
        local states = {}
        must(store.copy(at("from"), at("to"), {progress = function(state)
            states[#states + 1] = state
        end}))
        local last = states[#states]
        assert.are.equal(3 * MiB + 1, last.bytes)
        assert.are.equal(2, last.objects)
        assert.are.equal(3 * MiB + 1, last.total)
        assert.are.equal(2, last.total_objects)
        assert.is_true(last.rate > 0)
        must(store.copy(at("from"), at("to"), {progress = function(state)
            last = state
        end}))
        assert.are.equal(3 * MiB + 1, last.bytes)
        assert.are.equal(2, last.objects)
        assert.is_nil(last.rate)
    end)

    it("names a thousand failures and counts the others; ends when nothing else comes", function()
        must(proc.run({"sh", "-c", [[
            mkdir "$1/from" "$1/to" && cd "$1/from" && seq -f %04g 1 1100 | xargs touch &&
            cd "$1/to" && seq -f %04g 1 1100 | xargs mkdir]], "sh", folder}))
        local summary, err = store.copy(at("from"), at("to"))
        assert.is_nil(summary)
        salvor.expect(tostring(err), "it is a folder")
        must(fs.remove(at("to/0001")))
        summary = must(store.copy(at("from"), at("to")))
        assert.are.equal(1, summary.copied)
        assert.are.equal(1099, summary.failures)
        assert.are.equal(1000, #summary.failed)
    end)

    it("ends when the server answers nothing any more, and not for an object here and there",
        function()
            local files = {}
            for number = 1, 100 do
                files[string.format("%03d", number)] = "x"
            end
            make("from", files)
            local source <close> = must(store.open(at("from")))
            local read, asked, answers, failure = source._backend.read, 0, nil, nil
            function source._backend.read(self, path, ...)
                asked = asked + 1
                if answers(path) then
                    return read(self, path, ...)
                end
                return errors.fail(failure[1], {url = path, status = failure[2]})
            end
            answers = function(path) return path <= "050" end
            -- The last one is a balancer's, which finds no server behind it.
            for number, one in ipairs({{"Timeout"}, {"Disconnected"}, {"IO", 502}}) do
                failure, asked = one, 0
                local summary, err = store.copy(source, at("to") .. number)
                assert.is_nil(summary)
                assert.are.equal(failure[1], err.code)
                assert.is_true(asked < 80, asked .. " were asked for")
                assert.are.equal("x", fs.read(at("to") .. number .. "/050"))
            end
            failure = {"IO", 500}
            assert.are.equal(50, must(store.copy(source, at("broken"))).failures)
            failure = {"Timeout"}
            answers = function(path) return tonumber(path) % 5 == 0 end
            assert.are.equal(80, must(store.copy(source, at("others"), {workers = 1})).failures)
        end)

    it("asks for no more names of the destination than it compares", function()
        make("from", {a = "1", c = "2"})
        local target <close> = must(store.open(at("to")))
        local pages, listed = {{"a", "b"}, {"d", "e"}, {"f"}}, 0
        function target._backend.list(_, _, options)
            listed = options.after or 1
            local items = {}
            for index, name in ipairs(pages[listed]) do
                items[index] = {path = name, kind = "file", size = 0}
            end
            return {items = items, folders = {}, next = pages[listed + 1] and listed + 1}
        end
        assert.are.equal(2, must(store.copy(at("from"), target)).copied)
        assert.are.equal(2, listed)
    end)

    it("with delete removes nothing where the source holds nothing any more", function()
        must(fs.mkdir(at("from")))
        assert.are.equal(0, must(store.copy(at("from"), at("to"), {delete = true})).removed)
        make("to", FILES)
        local summary, err = store.copy(at("from"), at("to"), {delete = true})
        assert.is_nil(summary)
        salvor.expect(tostring(err), at("from"), "it holds nothing", "(Invalid)")
        assert.are.same(FILES, salvor.tree(at("to")))
        -- Also when somebody takes it away while it is copied.
        make("from", FILES)
        local whole = transfer.whole
        finally(function()
            transfer.whole = whole
        end)
        transfer.whole = function(...)
            local done, problem = whole(...)
            must(fs.remove_tree(at("from")))
            must(fs.mkdir(at("from")))
            return done, problem
        end
        must(fs.write(at("from/a.txt"), "changed"))
        summary, err = store.copy(at("from"), at("to"), {delete = true})
        assert.is_nil(summary)
        salvor.expect(tostring(err), "(Invalid)")
        assert.are.equal("changed", fs.read(at("to/a.txt")))
        assert.are.equal("22", fs.read(at("to/a/b/two")))
    end)

    it("tells how far it is while nothing arrives, and ends when nobody can be told", function()
        make("from", {a = "x"})
        local read_whole = transfer.read_whole
        finally(function()
            transfer.read_whole = read_whole
        end)
        transfer.read_whole = function(...)
            task.sleep(1)
            return read_whole(...)
        end
        local told = 0
        must(store.copy(at("from"), at("to"), {progress = function()
            told = told + 1
        end}))
        assert.is_true(told >= 3, told .. " times in a second")
        assert.has_error(function()
            store.copy(at("from"), at("other"), {progress = function() error("no more", 0) end})
        end, "no more")
        assert.is_nil(fs.stat(at("other/a")))
    end)

    it("carries a large file in bounded memory", function()
        must(proc.run({"truncate", "-s", "512M", at("large")}))
        local code = string.format([[
            local store = require("salvor.store")
            must(store.copy(%q, %q))
            for line in io.lines("/proc/self/status") do
                if line:find("^VmHWM") then print(line:match("%%d+")) end
            end]], at("large"), at("copy"))
        local result = salvor.run({"-e", code}, {home = folder})
        assert.are.equal("", result.stderr)
        memory.expect_at_most(64 * MiB, tonumber(result.stdout) * 1024)
        assert.are.equal(512 * MiB, fs.stat(at("copy")).size)
    end)

    it("has large parts under way as far as there is memory, and never none", function()
        local held, most, done = 0, 0, 0

        --- An object that is sent in three parts.
        local function object(part_size)
            return {
                size = 3 * part_size, part_size = part_size, count = 3,
                next_part = 1, under_way = 0, done = 0,
                begin = function() return true end,
                part = function(_, _, piece)
                    held = held + piece:capacity()
                    most = math.max(most, held)
                    task.sleep(0.01)
                    held = held - piece:capacity()
                    return true
                end,
                finish = function() return true end,
            }
        end
        local sizes = {40 * MiB, 8 * MiB, 12 * MiB, 500 * MiB, 8 * MiB, 40 * MiB}
        local given = 0
        must(lanes.run(function()
            given = given + 1
            return sizes[given] and object(sizes[given])
        end, {workers = 8, parts = 4, part_size = 8 * MiB, on_end = function(_, ok)
            done = done + (ok and 1 or 0)
        end}))
        assert.are.equal(#sizes, done)
        assert.is_true(most <= (500 + 32) * MiB, most // MiB .. " MiB")
    end)

    it("goes on after kill -9 where it was, and leaves nothing over", function()
        local parts = {}
        for number = 1, 50 do
            parts[number] = string.char(number + 40):rep(MiB)
        end
        make("from", {large = table.concat(parts), small = "s"})
        killed_copy(at("from"), at("to"), {}, folder)
        assert.is_nil(fs.stat(at("to/large")))
        local opened <close> = must(store.open(at("to")))
        for item in opened:each() do
            assert.are.equal("small", item.path)
        end
        local summary = must(store.copy(at("from"), at("to")))
        assert.is_true(summary.resumed >= 2 * 8 * MiB, summary.resumed .. " bytes were found")
        assert.are.equal(digest.file("md5", at("from/large")), digest.file("md5", at("to/large")))
        assert.are.same({{name = "large", type = "file"}, {name = "small", type = "file"}},
            must(fs.list(at("to"))))
    end)

    it("takes nothing over from a run with another content", function()
        make("from", {large = ("a"):rep(50 * MiB)})
        killed_copy(at("from"), at("to"), {}, folder)
        must(fs.write(at("from/large"), ("b"):rep(50 * MiB)))
        local summary = must(store.copy(at("from"), at("to")))
        assert.are.equal(0, summary.resumed)
        assert.are.equal(digest.file("md5", at("from/large")), digest.file("md5", at("to/large")))
        assert.are.equal(1, #must(fs.list(at("to"))), "what the first run has left is still there")
        -- Also when it has the same size and time.
        killed_copy(at("from"), at("other"), {}, folder)
        must(fs.write(at("new"), ("c"):rep(50 * MiB)))
        must(proc.run({"touch", "-r", at("from/large"), at("new")}))
        must(fs.rename(at("new"), at("from/large")))
        assert.are.equal(0, must(store.copy(at("from"), at("other"))).resumed)
        assert.are.equal(digest.file("md5", at("from/large")),
            digest.file("md5", at("other/large")))
    end)

    it("fails when an object changes while it is read, and keeps what was there", function()
        make("from", {large = ("a"):rep(40 * MiB)})
        make("to", {large = "old"})
        local send = transfer.send
        local changed = false
        finally(function()
            transfer.send = send
        end)
        transfer.send = function(...)
            if not changed then
                changed = true
                must(fs.append(at("from/large"), "more"))
            end
            return send(...)
        end
        local summary = must(store.copy(at("from"), at("to")))
        assert.are.equal(1, summary.failures)
        salvor.expect(tostring(summary.failed[1].err), at("from/large"), "was changed meanwhile")
        assert.are.same({large = "old"}, salvor.tree(at("to")))
        assert.are.equal(1, #must(fs.list(at("to"))))
    end)

    it("leaves nothing behind when it is cancelled", function()
        make("from", {large = ("a"):rep(200 * MiB), other = "x"})
        local copying = task.spawn(store.copy, at("from"), at("to"))
        task.sleep(0.05) -- somewhere in it
        cancel(copying)
        -- Its removal is not waited for where the kernel takes long.
        eventually("the removal of what was written", function()
            local entries = fs.list(at("to")) or {}
            return #entries == 0 or #entries == 1 and entries[1].name == "other"
        end)
    end)

    --- Waits until something of the large file has been written.
    local function await_beginning()
        eventually("the beginning of the copy", function()
            return #must(fs.list(folder)) > 1
        end)
    end

    -- Freeing what was written of a large file takes the kernel long.
    it("is given up at once, however much was written", function()
        must(proc.run({"truncate", "-s", "8G", at("large")}))
        local copying = task.spawn(store.copy, at("large"), at("copy"))
        await_beginning()
        cancel(copying)
        eventually("the removal of what was written", function()
            return #must(fs.list(folder)) == 1
        end)
        assert.are.equal(8 << 30, fs.stat(at("large")).size)
    end)

    it("leaves nothing behind after a Ctrl-C", function()
        must(proc.run({"truncate", "-s", "8G", at("large")}))
        local home = must(fs.temporary_folder())
        local copying = task.spawn(salvor.run,
            {"store", "cp", "--quiet", at("large"), at("copy")},
            {home = home, prefix = {"sh", "-c", 'echo $$ > "$HOME/pid"; exec "$0" "$@"'}})
        await_beginning()
        must(proc.run({"kill", "-INT", (must(fs.read(home .. "/pid")):gsub("%s", ""))}))
        assert.are.equal(130, copying:join().code)
        assert.are.same({{name = "large", type = "file"}}, must(fs.list(folder)))
        must(fs.remove_tree(home))
    end)

    it("never has two writers of one large file", function()
        make("from", {large = ("a"):rep(40 * MiB)})
        local results = task.map({1, 2}, function()
            local summary, err = store.copy(at("from"), at("to"))
            return {summary = summary, err = err}
        end)
        for _, result in ipairs(results) do
            local summary = must(result.summary, result.err)
            assert.is_true(summary.failures == 0
                or summary.failed[1].err.code == "Conflict", tostring(summary.failed[1]))
        end
        assert.are.equal(digest.file("md5", at("from/large")), digest.file("md5", at("to/large")))
        assert.are.equal(1, #must(fs.list(at("to"))))
    end)
end)

-- A mount namespace of its own holds a small file system; what is on it is gone with it.
local FULL_DISK = [[
mount -t tmpfs -o size=12m none "$1/small" || exit 99
echo old > "$1/small/large"
"$SALVOR" store cp --quiet "$1/from" "$1/small" > "$1/stdout" 2> "$1/stderr"
echo $? > "$1/code"
find "$1/small" -type f > "$1/files"
cat "$1/small/large" > "$1/large"
]]

describe("a copy onto a full disk", function()
    it("stops with the reason, keeps what was there and leaves nothing half-written", function()
        local allowed = proc.run({"unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"})
        if not allowed or allowed.code ~= 0 then
            pending("a file system cannot be mounted here")
            return
        end
        local folder = must(fs.temporary_folder())
        must(fs.mkdir(folder .. "/small"))
        must(fs.mkdir(folder .. "/from"))
        must(fs.write(folder .. "/from/large", ("x"):rep(20 * MiB)))
        must(proc.run({"unshare", "--mount", "sh", "-c", FULL_DISK, "sh", folder},
            {env = {SALVOR = salvor.path, HOME = folder}, timeout = 60}))
        assert.are.equal("1\n", fs.read(folder .. "/code"))
        salvor.expect(must(fs.read(folder .. "/stderr")), folder .. "/small/large: no space left",
            "free some space")
        assert.are.equal(folder .. "/small/large\n", fs.read(folder .. "/files"))
        assert.are.equal("old\n", fs.read(folder .. "/large"))
        must(fs.remove_tree(folder))
    end)
end)

describe("a copy without permission", function()
    it("names what it could not read or write, and does the rest", function()
        local folder = must(fs.temporary_folder())
        must(proc.run({"sh", "-c", [[
            cd "$1" && mkdir from from/closed to && echo x > from/a && echo y > from/b &&
            echo z > from/c && chmod 0 from/b]], "sh", folder}))
        local result = salvor.run({"store", "cp", "--quiet", folder .. "/from", folder .. "/to"}, {
            home = folder,
            prefix = salvor.UNPRIVILEGED,
        })
        if result.stderr:find("setpriv:", 1, true) then
            pending("setpriv is not permitted: " .. result.stderr)
            return
        end
        assert.are.equal(1, result.code, result.stderr)
        salvor.expect(result.stderr, folder .. "/from/b: permission denied")
        salvor.expect(result.stdout, "2 files copied (4 B), 1 failure")
        assert.are.same({a = "x\n", c = "z\n"}, salvor.tree(folder .. "/to"))
        must(fs.remove_tree(folder))
    end)
end)
