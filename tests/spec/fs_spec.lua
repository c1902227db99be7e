-- salvor.fs: every call gives nil and an error that names the call, the path and the cause.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local salvor = require("support.salvor")

local function fails(code, op, value, err)
    assert.is_nil(value)
    assert.are.equal(code, err.code)
    assert.are.equal(op, err.op)
    return err
end

describe("salvor.fs", function()
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

    it("writes, reads and replaces bytes", function()
        local bytes = "a\0\xff\n"
        assert.is_true(fs.write(at("f"), "old"))
        assert.is_true(fs.write(at("f"), bytes))
        assert.are.equal(bytes, fs.read(at("f")))
        assert.are.equal(tonumber("600", 8), fs.stat(at("f")).mode)
        assert.is_true(fs.write(at("f"), "", {mode = tonumber("640", 8)}))
        assert.are.equal(tonumber("640", 8), fs.stat(at("f")).mode)
        assert.are.equal(1, #fs.list(folder))
    end)

    it("names call, path and cause", function()
        local err = fails("NotFound", "fs.read", fs.read(at("none")))
        assert.are.equal("fs.read: " .. at("none") .. ": No such file or directory (NotFound)",
            tostring(err))
        err = fails("NotFound", "fs.write", fs.write(at("no/f"), ""))
        salvor.expect(err.hint, "fs.mkdir")
        fails("Invalid", "fs.write", fs.write(folder .. "/", ""))
        must(fs.write(at("f"), ""))
        fails("AlreadyExists", "fs.write", fs.write(at("f"), "", {exclusive = true}))
        fails("Invalid", "fs.read", fs.read(folder))
        fails("TooLarge", "fs.read", fs.read("/proc/self/status", {limit = 10}))
        fails("NotFound", "fs.stat", fs.stat(at("none")))
        fails("NotFound", "fs.list", fs.list(at("none")))
        fails("NotFound", "fs.remove", fs.remove(at("none")))
        fails("NotFound", "fs.remove_tree", fs.remove_tree(at("none")))
        fails("NotFound", "fs.rename", fs.rename(at("none"), at("x")))
        fails("NotFound", "fs.truncate", fs.truncate(at("none"), 0))
        fails("NotFound", "fs.temporary_folder", fs.temporary_folder(at("none")))
    end)

    it("stops at misuse", function()
        assert.has_error(function() fs.write(at("f"), "", {mod = 1}) end,
            "bad argument #3 to 'write' (unknown option 'mod'; known are mode, exclusive)")
        assert.has_error(function() fs.write(at("f"), "", {mode = -1}) end)
        assert.has_error(function() fs.write(at("f"), "", {mode = "600"}) end)
        assert.has_error(function() fs.read("a\0b") end,
            "bad argument #1 to 'read' (path holds a zero byte)")
        assert.has_error(function() fs.read("") end)
        assert.has_error(function() fs.read(at("f"), 5) end)
        assert.has_error(function() fs.read({}) end)
    end)

    it("appends and cuts", function()
        assert.is_true(fs.append(at("j"), "one\n"))
        assert.is_true(fs.append(at("j"), "tw"))
        assert.is_true(fs.truncate(at("j"), 4))
        assert.are.equal("one\n", fs.read(at("j")))
        assert.are.equal(tonumber("600", 8), fs.stat(at("j")).mode)
        fails("Invalid", "fs.truncate", fs.truncate(at("j"), 5))
    end)

    it("makes, lists, renames and removes", function()
        assert.is_true(fs.mkdir(at("a/b/c"), {parents = true}))
        assert.is_true(fs.mkdir(at("a/b/c"), {parents = true}))
        fails("AlreadyExists", "fs.mkdir", fs.mkdir(at("a")))
        assert.are.equal(tonumber("700", 8), fs.stat(at("a/b")).mode)
        must(fs.write(at("z"), "123"))
        must(fs.symlink("z", at("l")))
        assert.are.same({
            {name = "a", type = "folder"}, {name = "l", type = "link"}, {name = "z", type = "file"},
        }, fs.list(folder))
        assert.are.equal(3, fs.stat(at("l")).size)
        assert.are.equal("link", fs.stat(at("l"), {follow = false}).type)
        assert.are.equal("z", fs.readlink(at("l")))
        fails("AlreadyExists", "fs.symlink", fs.symlink("a", at("l")))
        assert.is_true(fs.symlink("a", at("l"), {replace = true}))
        fails("AlreadyExists", "fs.rename", fs.rename(at("z"), at("l"), {exclusive = true}))
        assert.is_true(fs.rename(at("z"), at("a/b/y")))
        assert.is_true(fs.remove(at("l")))
        fails("AlreadyExists", "fs.remove", fs.remove(at("a")))
        assert.is_true(fs.remove_tree(at("a")))
        assert.are.same({}, fs.list(folder))
    end)

    it("takes the longest name that a folder takes", function()
        local path = fs.join(folder, ("n"):rep(255))
        must(fs.write(path, "content"))
        must(fs.rename(path, fs.join(folder, ("m"):rep(255))))
        must(fs.symlink("m", path))
        must(fs.symlink("n", path, {replace = true}))
        assert.are.equal("n", must(fs.readlink(path)))
        assert.are.equal("Invalid", select(2, fs.write(path .. "n", "")).code)
    end)

    it("tells whether files can be made in a folder", function()
        assert.is_true(fs.writable(folder))
        must(fs.write(at("f"), ""))
        fails("NotFound", "fs.writable", fs.writable(at("none")))
        local _, err = fs.writable(at("f"))
        assert.is_truthy(err.message:find("Not a directory", 1, true))
    end)

    it("tells when and whose a file is", function()
        must(fs.write(at("f"), ""))
        local status = fs.stat(at("f"))
        assert.is_true(math.abs(os.time() - status.mtime) < 60)
        assert.are.equal("integer", math.type(status.uid))
    end)

    it("keeps a lock for one process", function()
        local lock = must(fs.lock(at("lock")))
        fails("Conflict", "fs.lock", fs.lock(at("lock")))
        local code = string.format("print(select(2, require('salvor.fs').lock(%q)))", at("lock"))
        local result = salvor.run({"-e", code}, {home = folder})
        salvor.expect(result.stdout, "process " .. proc.pid() .. " holds the lock (Conflict)")
        lock:close()
        lock:close()
        do
            local second <close> = must(fs.lock(at("lock")))
            fails("Conflict", "fs.lock", fs.lock(at("lock")))
            assert.is_truthy(second)
        end
        must(fs.lock(at("lock"))):close()
    end)

    it("computes paths", function()
        assert.are.equal("a/b/c", fs.join("a", "/b", "", "c"))
        assert.are.equal("/a", fs.join("/", "a"))
        assert.are.equal("a/b", fs.join("a/", "b"))
        assert.are.equal("a", fs.dirname("a/b/"))
        assert.are.equal(".", fs.dirname("a"))
        assert.are.equal("b", fs.basename("a/b/"))
        assert.are.equal("/a/../b", fs.absolute("/a/./..//b/"))
    end)

    -- The writer is killed at some moment; what is there is whole, and leftovers are known by name.
    it("never leaves half a file when it is killed", function()
        local code = string.format([[
            local fs = require("salvor.fs")
            for i = 1, 1e9 do
                must(fs.write(%q, string.rep(string.char(65 + i %% 26), 1000000)))
            end]], at("f"))
        for _ = 1, 5 do
            must(proc.run({"timeout", "-s", "KILL", "0.1", salvor.path, "-e", code}))
        end
        local content = fs.read(at("f"))
        if content then
            assert.are.equal(1000000, #content)
            assert.are.equal(content:sub(1, 1):rep(1000000), content)
        end
        for _, entry in ipairs(must(fs.list(folder))) do
            assert.is_truthy(entry.name == "f" or entry.name:match("^%.salvor%-%x+%.tmp$"))
        end
    end)
end)
