-- What every back end of storage does alike (lua/salvor/store/backend.lua): the specs of each call
-- conformance.run with a way to open it.
local assert = require("luassert")
local backend = require("salvor.store.backend")
local block = require("salvor.block")
local busted = require("busted")
local digest = require("salvor.digest")
local errors = require("salvor.error")
local task = require("salvor.task")

local describe, it = busted.describe, busted.it
local setup, teardown = busted.setup, busted.teardown
local before_each, after_each = busted.before_each, busted.after_each

local conformance = {}

local MiB = 1 << 20

local function expect_error(code, url, value, err)
    assert.is_nil(value)
    assert.is_true(errors.is(err), "an error object expected, got " .. tostring(err))
    assert.are.equal(code, err.code, err.message)
    assert.is_truthy(err.message:find(url, 1, true), err.message)
    return err
end

local function put(store, path, text, options)
    local piece <close> = must(block.new(math.max(#text, 1)))
    piece:set(text)
    return store:write(path, piece, options or {})
end

local function get(store, path, options)
    local piece <close> = must(block.new(MiB))
    local item, err = store:read(path, piece, options or {})
    if not item then
        return nil, err
    end
    return piece:text(), item
end

--- Every item below a prefix, through pages, and how many pages there were.
local function list_all(store, prefix, options)
    local items, folders, pages, after = {}, {}, 0, nil
    repeat
        local page = must(store:list(prefix, {delimiter = options and options.delimiter,
                                              after = after}))
        table.move(page.items, 1, #page.items, #items + 1, items)
        table.move(page.folders, 1, #page.folders, #folders + 1, folders)
        pages, after = pages + 1, page.next
    until not after
    return items, folders, pages
end

local function paths_of(items)
    local paths = {}
    for index, item in ipairs(items) do
        paths[index] = item.path
    end
    return paths
end

-- Names that no back end may stumble over: they need encoding in URLs, queries, XML or shells.
local NAMES = {"plain", "with space", "plus+plus", "per%cent", "per%20cent", "ämsel/日本",
               "a&b<c>'\"", "q?mark#hash", "semi;colon,comma", "=equals", "back\\slash",
               "~tilde", "-dash", "*star", "{brace}[bracket]", "tab\there", "dots.../..."}
local ANY_NAMES = {"double//slash", "./dot", "a/../b"}

local function whole_objects(open)
    local store

    before_each(function()
        store = must(open("whole"))
    end)

    after_each(function()
        must(store:remove(paths_of((list_all(store, "")))))
        store:close()
    end)

    it("is a back end", function()
        backend.check(store)
    end)

    it("writes, reads and tells of an object", function()
        local before = os.time()
        local item = must(put(store, "a/b/object", "content"))
        assert.are.equal(7, item.size)
        local text, read = get(store, "a/b/object")
        assert.are.equal("content", text)
        assert.are.equal(7, read.size)
        local status = must(store:stat("a/b/object"))
        assert.are.equal("a/b/object", status.path)
        assert.are.equal("file", status.kind)
        assert.are.equal(7, status.size)
        assert.is_true(math.abs(status.modified - before) < 60, "modified is in seconds")
        if store.features.checksum == "md5" then
            assert.are.equal(digest.md5("content"), status.md5)
        end
    end)

    it("replaces an object, and makes an empty one", function()
        must(put(store, "object", "a longer first content"))
        must(put(store, "object", "second"))
        assert.are.equal("second", (get(store, "object")))
        must(put(store, "object", ""))
        assert.are.equal("", (get(store, "object")))
        assert.are.equal(0, must(store:stat("object")).size)
    end)

    it("keeps every byte", function()
        local bytes = {}
        for byte = 0, 255 do
            bytes[#bytes + 1] = string.char(byte)
        end
        local text = table.concat(bytes):rep(100)
        must(put(store, "bytes", text))
        assert.is_true(text == get(store, "bytes"))
    end)

    it("reads a range, also at and beyond the end", function()
        must(put(store, "object", "0123456789"))
        local function range(offset, length)
            local text, item = get(store, "object", {offset = offset, length = length})
            assert.are.equal(10, must(item).size)
            return text
        end
        assert.are.equal("234", range(2, 3))
        assert.are.equal("0", range(0, 1))
        assert.are.equal("89", range(8, 100))
        assert.are.equal("789", range(7))
        assert.are.equal("", range(10, 5))
        assert.are.equal("", range(11, 5))
        assert.are.equal("", range(3, 0))
    end)

    it("says TooLarge when a block is too small", function()
        must(put(store, "object", "0123456789"))
        local small <close> = must(block.new(4))
        expect_error("TooLarge", store.url .. "/object", store:read("object", small, {}))
        assert.are.equal("4567", must(store:read("object", small, {offset = 4, length = 4}))
            and small:text())
    end)

    it("reads only the object that was meant", function()
        must(put(store, "object", "one"))
        local first = must(store:stat("object"))
        assert.are.equal("one", (get(store, "object", {if_match = first})))
        must(put(store, "object", "other"))
        expect_error("Changed", store.url .. "/object", get(store, "object", {if_match = first}))
    end)

    it("writes only what is absent when asked", function()
        must(put(store, "object", "one", {if_absent = true}))
        expect_error("AlreadyExists", store.url .. "/object",
            put(store, "object", "two", {if_absent = true}))
        assert.are.equal("one", (get(store, "object")))
    end)

    it("says what does not exist", function()
        local where = store.url .. "/not/there"
        local err = expect_error("NotFound", where, store:stat("not/there"))
        assert.is_truthy(err.message:find(where .. " does not exist", 1, true), err.message)
        assert.is_false(err.retryable)
        expect_error("NotFound", where, get(store, "not/there"))
    end)

    it("removes, and does not mind what is not there", function()
        must(put(store, "one", "1"))
        must(put(store, "two", "2"))
        must(put(store, "three", "3"))
        local result = must(store:remove({"one", "two", "not there"}))
        assert.are.same({}, result.failed)
        assert.are.same({"three"}, paths_of((list_all(store, ""))))
        assert.are.same({}, must(store:remove({})).failed)
    end)

    it("takes every name", function()
        local names = {table.unpack(NAMES)}
        if store.features.any_key then
            table.move(ANY_NAMES, 1, #ANY_NAMES, #names + 1, names)
        end
        local refuses = store.features.refuses or function() end
        for index = #names, 1, -1 do
            if refuses(names[index]) then
                expect_error("Invalid", store.url, put(store, names[index], "x"))
                table.remove(names, index)
            else
                must(put(store, names[index], "of " .. names[index]))
            end
        end
        table.sort(names)
        assert.are.same(names, paths_of((list_all(store, ""))))
        for _, name in ipairs(names) do
            assert.are.equal("of " .. name, (get(store, name)))
            assert.are.equal(name, must(store:stat(name)).path)
        end
        assert.are.same({}, must(store:remove(names)).failed)
        assert.are.same({}, (list_all(store, "")))
    end)

    it("copies on the server where it can", function()
        if not store.features.copies then
            return
        end
        must(put(store, "from + here", "content"))
        local item = must(store:copy("from + here", "to/there", {}))
        assert.are.equal(7, item.size)
        assert.are.equal("content", (get(store, "to/there")))
        expect_error("NotFound", store.url .. "/none", store:copy("none", "x", {}))
    end)
end

local function listing(open)
    local store

    setup(function()
        store = must(open("listing"))
        task.map({"a/x", "a/y/z", "a.txt", "a-b", "a0", "b", "c/d/e/f"}, function(path)
            must(put(store, path, path))
        end, {workers = 4})
    end)

    teardown(function()
        must(store:remove(paths_of((list_all(store, "")))))
        store:close()
    end)

    it("lists everything below in the order of the bytes of the paths", function()
        assert.are.same({"a-b", "a.txt", "a/x", "a/y/z", "a0", "b", "c/d/e/f"},
            paths_of((list_all(store, ""))))
        local items, folders = list_all(store, "a/")
        assert.are.same({"a/x", "a/y/z"}, paths_of(items))
        assert.are.same({}, folders)
        assert.are.equal(3, items[1].size)
        assert.are.equal("file", items[1].kind)
        assert.is_number(items[1].modified)
    end)

    it("lists one level", function()
        local items, folders = list_all(store, "", {delimiter = "/"})
        assert.are.same({"a-b", "a.txt", "a0", "b"}, paths_of(items))
        assert.are.same({"a/", "c/"}, folders)
        items, folders = list_all(store, "a/", {delimiter = "/"})
        assert.are.same({"a/x"}, paths_of(items))
        assert.are.same({"a/y/"}, folders)
    end)

    it("has an empty list for what is not there", function()
        assert.are.same({}, (list_all(store, "nothing/here/")))
        assert.are.same({}, (list_all(store, "nothing/", {delimiter = "/"})))
    end)

    it("gives pages", function()
        local many, names = must(open("pages")), {}
        for number = 1, 1100 do
            names[number] = string.format("dir%d/%04d", number % 3, number)
        end
        task.map(names, function(name)
            must(put(many, name, "x"))
        end, {workers = 16})
        table.sort(names)
        local items, _, pages = list_all(many, "")
        assert.are.same(names, paths_of(items))
        assert.is_true(pages >= 2, "a page holds at most a thousand items")
        assert.are.equal(366, #(list_all(many, "dir0/")))
        assert.are.same({}, must(many:remove(names)).failed)
        many:close()
    end)
end

local function in_parts(open)
    local store

    before_each(function()
        store = must(open("parts"))
    end)

    after_each(function()
        must(store:remove(paths_of((list_all(store, "")))))
        store:close()
    end)

    --- A content of `count` parts and a bit, each part different.
    local function make(part_size, count)
        local parts = {}
        for index = 1, count do
            parts[index] = string.char(64 + index):rep(part_size)
        end
        parts[count + 1] = "the end"
        return parts, part_size * count + 7
    end

    local function begin(size, fingerprint, options)
        local asked = {part_size = store.features.part.smallest, fingerprint = fingerprint}
        for name, value in pairs(options or {}) do
            asked[name] = value
        end
        return store:begin("folder/large", size, asked)
    end

    local function with_block(text, work)
        local piece <close> = must(block.new(math.max(#text, 1)))
        piece:set(text)
        return work(piece)
    end

    --- What a run has sent that was interrupted after the first part.
    local function send_first(parts, size, fingerprint)
        local upload <close> = must(begin(size, fingerprint))
        with_block(parts[1], function(piece)
            must(upload:part(1, piece))
        end)
    end

    local function digest_of_object(path, part_size)
        local sum, offset = digest.new("md5"), 0
        local piece <close> = must(block.new(part_size))
        repeat
            must(store:read(path, piece, {offset = offset, length = part_size}))
            sum:update(piece)
            offset = offset + #piece
        until #piece == 0
        return sum:hex(), offset
    end

    it("puts a large object together", function()
        local smallest = store.features.part.smallest
        local parts, size = make(smallest, 2)
        local upload <close> = must(begin(size, "whole"))
        assert.are.equal(smallest, upload.part_size)
        local order = store.features.part.in_order and {1, 2, 3} or {2, 3, 1}
        for _, index in ipairs(order) do
            with_block(parts[index], function(piece)
                assert.is_false(upload:has(index, piece))
                must(upload:part(index, piece))
            end)
        end
        expect_error("NotFound", store.url .. "/folder/large", store:stat("folder/large"))
        assert.are.same({}, (list_all(store, "")))
        local item = must(upload:finish())
        assert.are.equal(size, item.size)
        assert.are.same({"folder/large"}, paths_of((list_all(store, ""))))
        local sum, length = digest_of_object("folder/large", smallest)
        assert.are.equal(size, length)
        assert.are.equal(digest.md5(table.concat(parts)), sum)
    end)

    it("goes on where an interrupted run was, and knows bytes that have changed", function()
        local parts, size = make(store.features.part.smallest, 1)
        send_first(parts, size, "resume")
        local second <close> = must(begin(size, "resume"))
        with_block(parts[1]:sub(2) .. "x", function(piece)
            assert.is_false(second:has(1, piece))
        end)
        with_block(parts[1], function(piece)
            assert.is_true(second:has(1, piece))
        end)
        with_block(parts[2], function(piece)
            assert.is_false(second:has(2, piece))
            must(second:part(2, piece))
        end)
        must(second:finish())
        local sum = digest_of_object("folder/large", store.features.part.smallest)
        assert.are.equal(digest.md5(table.concat(parts)), sum)
    end)

    it("gives back what an interrupted run has sent, where it can", function()
        local parts, size = make(store.features.part.smallest, 1)
        send_first(parts, size, "recall")
        local second <close> = must(begin(size, "recall"))
        if second.recall then
            with_block(("?"):rep(second.part_size), function(piece)
                assert.is_true(second:recall(1, piece))
                assert.is_true(piece:text() == parts[1])
                assert.is_false(second:recall(2, piece))
            end)
        end
        second:abort()
    end)

    it("takes nothing of an upload of something else", function()
        local parts, size = make(store.features.part.smallest, 1)
        send_first(parts, size, "one source")
        local second <close> = must(begin(size, "another source"))
        with_block(parts[1], function(piece)
            assert.is_false(second:has(1, piece))
        end)
        second:abort()
    end)

    it("leaves nothing of an aborted upload, and the old object as it was", function()
        must(put(store, "folder/large", "old"))
        local parts, size = make(store.features.part.smallest, 1)
        local upload <close> = must(begin(size, "aborted"))
        with_block(parts[1], function(piece)
            must(upload:part(1, piece))
        end)
        assert.are.equal("old", (get(store, "folder/large")))
        upload:abort()
        upload:abort()
        assert.are.same({"folder/large"}, paths_of((list_all(store, ""))))
        assert.are.equal("old", (get(store, "folder/large")))
        local again <close> = must(begin(size, "aborted"))
        with_block(parts[1], function(piece)
            assert.is_false(again:has(1, piece))
        end)
        again:abort()
    end)

    it("sends parts at the same time", function()
        local parts, size = make(store.features.part.smallest, 4)
        local upload <close> = must(begin(size, "parallel"))
        task.map(parts, function(text, index)
            with_block(text, function(piece)
                must(upload:part(index, piece))
            end)
        end, {workers = store.features.part.in_order and 1 or 3})
        must(upload:finish())
        local sum = digest_of_object("folder/large", store.features.part.smallest)
        assert.are.equal(digest.md5(table.concat(parts)), sum)
    end)

    it("does not replace what must be absent", function()
        must(put(store, "folder/large", "old"))
        local parts, size = make(store.features.part.smallest, 1)
        local upload <close>, err = begin(size, "absent", {if_absent = true})
        if upload then
            for index, text in ipairs(parts) do
                with_block(text, function(piece)
                    must(upload:part(index, piece))
                end)
            end
            local item
            item, err = upload:finish()
            assert.is_nil(item)
            upload:abort()
        end
        expect_error("AlreadyExists", store.url .. "/folder/large", nil, err)
        assert.are.equal("old", (get(store, "folder/large")))
    end)
end

--- open(name) -> a back end (features.part.smallest as small as it can be) whose root is the same
--- place for the same name, empty at first, and writable.
function conformance.run(name, open)
    describe(name .. " is a back end:", function()
        describe("whole objects", function()
            whole_objects(open)
        end)
        describe("lists", function()
            listing(open)
        end)
        describe("objects in parts", function()
            in_parts(open)
        end)
    end)
end

conformance.put, conformance.get, conformance.list_all = put, get, list_all
conformance.paths_of, conformance.expect_error = paths_of, expect_error

return conformance
