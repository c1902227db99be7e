-- salvor.store's verbs, on folders; what back ends do is in the specs of each of them.
local cancel = require("support.cancel")
local fs = require("salvor.fs")
local path_problem = require("salvor.store.backend").path_problem
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local store = require("salvor.store")
local task = require("salvor.task")

local MiB = 1 << 20

local function fails(code, part, value, err)
    assert.is_nil(value)
    assert.are.equal(code, err.code, tostring(err))
    assert.is_truthy(tostring(err):find(part, 1, true), tostring(err))
    return err
end

describe("a store", function()
    local folder, opened

    before_each(function()
        folder = must(fs.temporary_folder())
        opened = must(store.open(fs.join(folder, "store")))
    end)

    after_each(function()
        opened:close()
        must(fs.remove_tree(folder))
    end)

    local function at(name)
        return fs.join(folder, name)
    end

    it("writes, reads, tells of and removes objects", function()
        local item = must(opened:write("a/b", "content"))
        assert.are.equal(7, item.size)
        assert.are.equal("content", opened:read("a/b"))
        assert.are.equal("nte", opened:read("a/b", {offset = 2, length = 3}))
        assert.are.equal("", opened:read("a/b", {offset = 9}))
        assert.are.equal("", opened:read("a/b", {length = 0}))
        assert.are.equal(7, must(opened:stat("a/b")).size)
        fails("AlreadyExists", "store/a/b exists already",
            opened:write("a/b", "", {if_absent = true}))
        assert.are.equal(2, opened:remove({"a/b", "none"}))
        fails("NotFound", "store.stat: " .. at("store/a/b") .. " does not exist",
            opened:stat("a/b"))
        fails("NotFound", "store.read: ", opened:read("a/b"))
    end)

    it("has files that only their owner reads, or as asked", function()
        must(opened:write("a/b", ""))
        must(opened:write("c", "", {mode = tonumber("644", 8)}))
        assert.are.equal(tonumber("600", 8), fs.stat(at("store/a/b")).mode)
        assert.are.equal(tonumber("700", 8), fs.stat(at("store/a")).mode)
        assert.are.equal(tonumber("644", 8), fs.stat(at("store/c")).mode)
    end)

    it("lists one level by name, and everything below as it comes", function()
        for _, path in ipairs({"b", "a/x", "a/y/z", "a.txt"}) do
            must(opened:write(path, path))
        end
        local function shown(list)
            local paths = {}
            for _, item in ipairs(list) do
                paths[#paths + 1] = item.kind .. " " .. item.path
            end
            return paths
        end
        assert.are.same({"file a.txt", "folder a/", "file b"}, shown(must(opened:list())))
        assert.are.same({"file a/x", "folder a/y/"}, shown(must(opened:list("a"))))
        assert.are.same({"file a/x", "folder a/y/"}, shown(must(opened:list("a/"))))
        assert.are.same({}, must(opened:list("none")))
        local all = {}
        for item in opened:each() do
            all[#all + 1] = item
        end
        assert.are.same({"file a.txt", "file a/x", "file a/y/z", "file b"}, shown(all))
        for item in opened:each("a/y") do
            assert.are.equal("a/y/z", item.path)
        end
    end)

    it("lists a level that has more names than a page", function()
        must(opened:write("a/x", ""))
        must(proc.run({"sh", "-c", 'cd "$1" && seq -f %05g 1 2500 | xargs touch', "sh",
                       at("store/a")}))
        local found = must(opened:list("a"))
        assert.are.equal(2501, #found)
        assert.are.equal("a/00001", found[1].path)
        assert.are.equal("a/x", found[2501].path)
    end)

    it("says what could not be removed, and removes the rest", function()
        must(opened:write("a/x", ""))
        must(opened:write("b/y", ""))
        must(opened:write("c", ""))
        local err = fails("Invalid", "store.remove: " .. at("store/a"), opened:remove({"a", "c"}))
        assert.is_nil(err.message:find("more", 1, true))
        fails("NotFound", "store.stat", opened:stat("c"))
        fails("Invalid", "; and 1 more could not be removed", opened:remove({"a", "b"}))
        assert.are.equal(0, opened:remove({}))
        assert.are.equal("", opened:read("a/x"))
    end)

    it("has no leftovers that are hidden; where there are such they are a day old", function()
        fails("Unsupported", "a file beside its object", opened:leftovers())
        local asked = {}
        opened._backend.leftovers = function(_, prefix, options)
            table.insert(asked, {prefix, options.older_than, options.remove})
            return {}
        end
        must(opened:leftovers())
        must(opened:leftovers("a", {older_than = 5, remove = true}))
        assert.are.same({{"", 86400}, {"a/", 5, true}}, asked)
    end)

    it("ends its connections once, and is of no use then", function()
        local closed, close = 0, opened._backend.close
        opened._backend.close = function(...)
            closed = closed + 1
            close(...)
        end
        opened:close()
        opened:close()
        assert.are.equal(1, closed)
        for _, verb in ipairs({"list", "each", "stat", "read", "remove", "leftovers"}) do
            assert.has_error(function() opened[verb](opened, "a") end,
                "store." .. verb .. ": the store was closed")
        end
        assert.has_error(function() opened:list() end, "store.list: the store was closed")
        assert.has_error(function() opened:write("a", "") end, "store.write: the store was closed")
        assert.has_error(function() opened:upload(at("x"), "a") end,
            "store.upload: the store was closed")
        assert.has_error(function() opened:download("a", at("x")) end,
            "store.download: the store was closed")
    end)

    it("says what is not there, also in a loop", function()
        local none = must(store.open(at("none")))
        fails("NotFound", at("none") .. " does not exist", none:list())
        local ok, err = pcall(function()
            for _ in none:each() do
                error("an item of nothing")
            end
        end)
        assert.is_false(ok)
        fails("NotFound", "store.each", nil, err)
    end)

    it("reads large objects in pieces, and not beyond a limit", function()
        local text = ("0123456789abcdef"):rep(MiB + 1)
        must(opened:write("large", text))
        assert.is_true(text == opened:read("large"))
        assert.is_true(text:sub(11, 10 * MiB) == opened:read("large", {offset = 10,
                                                                       length = 10 * MiB - 10}))
        fails("TooLarge", "more than 100", opened:read("large", {limit = 100}))
        assert.are.equal("45", opened:read("large", {limit = 2, offset = 4, length = 2}))
        assert.is_true(text:sub(11) == opened:read("large", {offset = 10,
                                                            length = math.maxinteger}))
        local reads, read = 0, opened._backend.read
        opened._backend.read = function(...)
            reads = reads + 1
            if reads == 2 then
                must(fs.append(at("store/large"), "x"))
            end
            return read(...)
        end
        fails("Changed", "store/large was changed meanwhile", opened:read("large"))
    end)

    it("gives no end of a large object that has none any more", function()
        must(opened:write("large", ("x"):rep(9 * MiB)))
        local backend, reads = opened._backend, 0
        opened._backend = setmetatable({read = function(_, path, piece, options)
            local item, err = backend:read(path, piece, options)
            reads = reads + 1
            if reads > 1 then
                piece:clear() -- as of a server that tells no ETag
            end
            return item, err
        end}, {__index = backend})
        fails("Changed", "store/large was changed meanwhile: it has become shorter",
            task.timeout(20, function()
                return opened:read("large")
            end))
        opened._backend = backend
    end)

    it("takes a path for what it is, and refuses one that leads out", function()
        for _, path in ipairs({"../x", "a/../../x", "/etc/passwd", "", "a//b", "./a", "a/", "a\0b",
                               ".."}) do
            for _, verb in ipairs({"read", "stat", "remove"}) do
                fails("Invalid", "store." .. verb, opened[verb](opened, path))
            end
            fails("Invalid", "store.write", opened:write(path, ""))
            fails("Invalid", "store.upload", opened:upload("/etc/hostname", path))
        end
        assert.is_nil(fs.stat(at("store")))
        fails("Invalid", "does not begin with '/'", opened:read("/etc"))
        for _, path in ipairs({"/", "a//b", "../a", "./a"}) do
            assert.is_nil(path_problem(path, true))
        end
        assert.are.equal("a path is not empty", path_problem("", true))
        assert.are.equal("a path holds no zero byte", path_problem("a\0", true))
    end)

    it("stops at misuse", function()
        local function misuse(part, work)
            local ok, problem = pcall(work)
            assert.is_false(ok)
            assert.is_truthy(tostring(problem):find(part, 1, true), tostring(problem))
        end
        misuse("store.stat: a path expected, got nil", function() opened:stat() end)
        misuse("unknown option 'ofset'", function() opened:read("a", {ofset = 1}) end)
        for _, count in ipairs({-1, 1.5}) do
            misuse("'offset' is a number of bytes", function()
                opened:read("a", {offset = count})
            end)
        end
        misuse("data must be a string", function() opened:write("a", {}) end)
        misuse("unknown option 'x'", function() opened:write("a", "", {x = 1}) end)
        local function upload(options)
            return function() opened:upload("a", "b", options) end
        end
        for _, workers in ipairs({0, 257, 1.5}) do
            misuse("'workers' is an integer from 1 to 256", upload({workers = workers}))
        end
        misuse("'skip' must be", upload({skip = "maybe"}))
        misuse("'progress' must be", upload({progress = 5}))
        misuse("the path of a file expected", function() opened:upload("", "b") end)
    end)

    it("brings an object to a file and back", function()
        local text = ("x"):rep(20 * MiB) .. "end"
        must(opened:write("large", text))
        local summary = must(opened:download("large", at("file")))
        assert.are.equal(#text, summary.bytes)
        assert.is_true(text == fs.read(at("file")))
        assert.are.equal(1, must(opened:upload(at("file"), "again/large")).copied)
        assert.is_true(text == opened:read("again/large"))
        assert.are.equal(1, must(opened:upload(at("file"), "again/large")).skipped)
        must(fs.mkdir(at("folder")))
        must(opened:download("large", at("folder")))
        assert.is_true(text == fs.read(at("folder/large")))
        fails("NotFound", "store.download: ", opened:download("none", at("file2")))
        fails("NotFound", "store.upload: ", opened:upload(at("none"), "x"))
        fails("Invalid", "it is a folder", opened:upload(at("folder"), "x"))
        must(opened:write("below/x", ""))
        must(fs.write(at("file"), ("x"):rep(must(opened:stat("below")).size)))
        fails("Invalid", "it is a folder", opened:upload(at("file"), "below", {skip = "size"}))
        assert.is_nil(fs.stat(at("file2")))
    end)

    -- Memory must not grow with the number of names.
    it("goes over very many names in little memory", function()
        local many = at("many")
        must(fs.mkdir(many))
        local list = string.format([[
            local fs, store = require("salvor.fs"), require("salvor.store")
            for folder = 1, 20 do
                must(fs.mkdir(string.format("%%s/%%03d", %q, folder)))
            end
            io.popen("cd %s && for d in */; do seq -f $d%%05g 1 1000 | xargs touch; done"):close()
            local s = must(store.open(%q))
            collectgarbage()
            local before, count, most = collectgarbage("count"), 0, 0
            for _ in s:each() do
                count = count + 1
                most = math.max(most, collectgarbage("count") - before)
            end
            print(count, most < 4096)]], many, many, many)
        local result = salvor.run({"-e", list}, {home = folder})
        assert.are.equal("20000\ttrue\n", result.stdout, result.stderr)
    end)

    it("ends soon when it is cancelled", function()
        must(opened:write("large", ("x"):rep(200 * MiB)))
        local loading = task.spawn(opened.download, opened, "large", at("file"))
        task.sleep(0.05) -- somewhere in it
        cancel(loading)
        assert.is_nil(fs.stat(at("file")))
        assert.are.same({{name = "store", type = "folder"}}, must(fs.list(folder)))
    end)
end)
