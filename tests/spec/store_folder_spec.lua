-- Folders as stores: what every back end does, and what is theirs.
local conformance = require("support.store_conformance")
local folder_backend = require("salvor.store.folder.open")
local fs = require("salvor.fs")
local open = require("salvor.store.open").url
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local store = require("salvor.store")
local store_writers = require("support.store_writers")
local url = require("salvor.store.url")

local top = must(fs.temporary_folder())

conformance.run("a folder", function(name)
    must(fs.mkdir(fs.join(top, name), {parents = true}))
    return open(fs.join(top, name), nil, "store.open")
end)

describe("a folder as a store", function()
    local folder, backend

    before_each(function()
        folder = must(fs.temporary_folder(top))
        backend = must(open(folder, nil, "store.open"))
    end)

    after_each(function()
        backend:close()
    end)

    local function at(name)
        return fs.join(folder, name)
    end

    it("is not found from a working folder that is gone", function()
        for _, words in ipairs({{"ls", "x"}, {"stat", "x"}, {"cp", "x", "y"}, {"rm", "x"}}) do
            local gone = must(fs.temporary_folder(top))
            local result = salvor.run({"store", table.unpack(words)}, {home = folder, prefix = {
                "sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', gone}})
            assert.are.equal(1, result.code, result.stderr)
            salvor.expect(result.stderr, "salvor: ", "x does not exist: the working folder")
        end
    end)

    it("has parts of the size that was asked for", function()
        local opened <close> = must(store.open(folder .. "/store", {part_size = 1 << 16}))
        assert.are.equal(1 << 16, opened._backend.features.part.default)
        for _, size in ipairs({1, (1 << 16) - 1, (1 << 30) + 1, 70000.5}) do
            local none, err = store.open(folder, {part_size = size})
            assert.is_nil(none)
            salvor.expect(tostring(err), "part_size is from 65536 to 1073741824 bytes")
        end
    end)

    it("may be named by a path or a URL", function()
        must(fs.mkdir(at("a b")))
        must(fs.write(at("a b/file"), "x"))
        for _, name in ipairs({at("a b"), at("a b") .. "/", "file://" .. folder .. "/a%20b",
                               "file://localhost" .. folder .. "/a%20b/"}) do
            local opened = must(open(name, nil, "store.open"))
            assert.are.equal(1, must(opened:stat("file")).size)
            assert.is_nil(opened.url:find("/$"))
        end
    end)

    it("is made when something is written, and is not there before", function()
        local new = must(open(at("new/deep"), nil, "store.open"))
        local page, err = new:list("", {})
        assert.is_nil(page)
        assert.are.equal("store.list: " .. at("new/deep") .. " does not exist (NotFound)",
            tostring(err))
        must(conformance.put(new, "file", "x"))
        assert.are.equal("x", fs.read(at("new/deep/file")))
    end)

    it("follows links that stay inside and no others", function()
        must(fs.mkdir(at("in")))
        must(fs.write(at("in/file"), "inside"))
        must(fs.symlink("in/file", at("link")))
        must(fs.symlink("/etc/hostname", at("out")))
        must(fs.symlink("..", at("above")))
        assert.are.equal("inside", (conformance.get(backend, "link")))
        for _, path in ipairs({"out", "above/" .. fs.basename(folder) .. "/in/file"}) do
            conformance.expect_error("Forbidden", at(path), conformance.get(backend, path))
            conformance.expect_error("Forbidden", at(path), backend:stat(path))
        end
        conformance.expect_error("Forbidden", at("above/x"),
            conformance.put(backend, "above/x", "x"))
        must(conformance.put(backend, "out", "mine"))
        assert.are.equal("file", fs.stat(at("out"), {follow = false}).type)
    end)

    it("reads only files", function()
        must(fs.mkdir(at("folder")))
        must(proc.run({"mkfifo", at("pipe")}))
        conformance.expect_error("Invalid", at("folder"), conformance.get(backend, "folder"))
        conformance.expect_error("Invalid", at("pipe"), conformance.get(backend, "pipe"))
        conformance.expect_error("Invalid", at("folder"),
            conformance.put(backend, "folder", "x"))
        assert.are.equal("folder", must(backend:stat("folder")).kind)
    end)

    it("does not show what is being written, and takes no such names", function()
        must(fs.write(at(".salvor-00ff00ff00ff00ff.tmp"), "left by a writer that was killed"))
        must(conformance.put(backend, "file", "x"))
        assert.are.same({"file"}, conformance.paths_of((conformance.list_all(backend, ""))))
        assert.is_string(backend.features.refuses("a/.salvor-00ff00ff00ff00ff.tmp"))
        assert.is_nil(backend.features.refuses("a/.salvor-x.tmp"))
    end)

    it("uses up what a killed writer has left, and nothing of it stays", function()
        local name <close> = must(require("salvor.block").new(4))
        name:set("file")
        local hex = require("salvor.sftp").sum(name):gsub(".", function(byte)
            return string.format("%02x", byte:byte())
        end)
        must(fs.write(at(".salvor-" .. hex .. ".tmp"), ("left"):rep(1000)))
        must(conformance.put(backend, "file", "new"))
        assert.are.equal("new", must(fs.read(at("file"))))
        assert.are.equal(1, #must(fs.list(folder)))
    end)

    it("keeps nothing of an upload whose source has changed since", function()
        local piece <close> = must(require("salvor.block").new(65536))
        piece:set(("x"):rep(65536))
        for _, fingerprint in ipairs({"before", "after"}) do
            local upload <close> = must(backend:begin("file", 131072, {part_size = 65536,
                                                                       fingerprint = fingerprint}))
            must(upload:part(1, piece))
        end
        assert.are.equal(1, #must(fs.list(folder)))
    end)

    it("has the whole content of one of two writers, in whatever order they go on", function()
        local codes = store_writers.check(function()
            local opened = must(folder_backend.open(url.parse(folder), {}))
            opened._patience = 0 -- for the other one, who goes on only after us
            return opened
        end, 200)
        assert.is_true(codes.Conflict > 0)
        codes.Conflict = nil
        assert.are.same({}, codes)
    end)

    it("removes as many objects as a list has, whatever it says of itself", function()
        local root = must(require("salvor.local").open(folder))
        local names = {}
        for number = 1, 100 do
            names[number] = "object" .. number
            must(fs.write(at(names[number]), ""))
        end
        local list = setmetatable({table.unpack(names)}, {__len = function() return -1 end})
        assert.are.same({}, must(root:remove(list)))
        assert.are.same({}, must(fs.list(folder)))
        root:close()
    end)

    it("computes with no size that is too large to compute with", function()
        local root = must(require("salvor.local").open(folder))
        local block = require("salvor.block").new(1)
        local function begin(size, part_size)
            return function() return root:begin("file", size, part_size, "abc", {}) end
        end
        assert.has_error(begin(math.maxinteger, 5))
        assert.has_error(begin(math.maxinteger // 2, 1))
        local upload = must(begin(5, 5)())
        for _, offset in ipairs({-1, 6, math.maxinteger}) do
            assert.has_error(function() upload:part(offset, block) end)
        end
        upload:abort()
        root:close()
    end)

    it("removes folders that are empty, when asked by name", function()
        must(fs.mkdir(at("full/empty"), {parents = true}))
        must(fs.write(at("full/file"), "x"))
        local done = must(backend:remove({"full/", "full/empty/"}))
        assert.are.equal(1, done.n)
        assert.are.equal("full/", done.failed[1].path)
        assert.is_nil(fs.stat(at("full/empty")))
        assert.is_table(fs.stat(at("full")))
    end)

    it("names the folder below that it may not read", function()
        must(fs.mkdir(at("open/closed"), {parents = true}))
        must(proc.run({"chmod", "0", at("open/closed")}))
        local result = salvor.run({"store", "ls", "-r", at("open")}, {home = folder,
            prefix = salvor.UNPRIVILEGED})
        if result.stderr:find("setpriv:", 1, true) then
            pending("setpriv is not permitted: " .. result.stderr)
            return
        end
        assert.are.equal(1, result.code)
        assert.are.equal("salvor: store.list: " .. at("open/closed") .. ": permission denied\n",
            result.stderr)
    end)

    teardown(function()
        must(fs.remove_tree(top))
    end)
end)
