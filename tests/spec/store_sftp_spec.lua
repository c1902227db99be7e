-- SFTP servers as stores, against OpenSSH: what is theirs beside what every back end does.
local cancel = require("support.cancel")
local conformance = require("support.store_conformance")
local errors = require("salvor.store.errors")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local open = require("salvor.store.open").url
local proc = require("salvor.proc")
local store = require("salvor.store")
local store_lab = require("support.store_lab")
local task = require("salvor.task")

local put, get, expect_error = conformance.put, conformance.get, conformance.expect_error

store_lab.describe("SFTP", "sftp", function(at)
    local authority = string.format("sftp://%s@%s:%d", at.user, at.host, at.port)

    local function options(more)
        local all = {key_file = at.ed25519, known_hosts = at.known_hosts, config = "none"}
        for name, value in pairs(more or {}) do
            all[name] = value
        end
        return all
    end

    local places = {}
    conformance.run("an SFTP server", function(name)
        places[name] = places[name] or store_lab.folder()
        return open(authority .. places[name], options(), "store.open", 2)
    end)

    local function open_new(more)
        local there, here = store_lab.folder()
        local opened = must(open(authority .. there, options(more), "store.open", 2))
        finally(function() opened:close() end)
        return opened, here, there
    end

    describe("paths", function()
        it("are from the server's root, or from where the user begins", function()
            local _, here, there = open_new()
            must(fs.write(fs.join(here, "object"), "content", {mode = 420}))
            local name = fs.basename(there)
            for _, path in ipairs({there, "/~/" .. name, "//" .. there .. "/", "/~//" .. name}) do
                local opened <close> = must(store.open(authority .. path, options()))
                assert.are.equal("content", opened:read("object"))
            end
        end)

        it("of a root that is not there: NotFound to list, made by the first write", function()
            local there = store_lab.folder()
            local opened = must(open(authority .. there .. "/new/root", options(), "store.open", 2))
            finally(function() opened:close() end)
            expect_error("NotFound", there .. "/new/root does not exist", opened:list("", {}))
            expect_error("NotFound", there .. "/new/root", opened:list("below/", {}))
            must(put(opened, "deep/down/object", "content"))
            assert.are.equal("content", get(opened, "deep/down/object"))
        end)
    end)

    it("is listed whole although the connection is lost between two pages", function()
        local opened, here = open_new({retries = 2})
        must(proc.run({"sh", "-c", [[
            cd "$1" && mkdir a b c d && seq -f a/%04g 1 600 | xargs touch &&
            seq -f b/%04g 1 600 | xargs touch && touch c/1 c/2 d/1]], "sh", here}))
        local server, lost = opened._single, {}
        local use = server._use
        function server._use(self, call, work)
            if call.op == "store.list" and (call.path == "c" or call.path == "d")
                and not lost[call.path] then
                lost[call.path] = true
                return errors.fail("Disconnected", {url = self:_url(call.path)})
            end
            return use(self, call, work)
        end
        local paths = conformance.paths_of(conformance.list_all(opened, ""))
        assert.are.equal(1203, #paths)
        assert.are.same({"b/0600", "c/1", "c/2", "d/1"}, {table.unpack(paths, 1200)})
        assert.are.same({c = true, d = true}, lost)
    end)

    describe("files", function()
        it("have the mode and the time that they are given, and are private otherwise", function()
            local opened, here = open_new()
            must(put(opened, "plain", "x"))
            local item = must(put(opened, "given", "x", {mode = 416, modified = 1000000000.5}))
            assert.are.equal(416, item.mode)
            assert.are.equal(1000000000, item.modified)
            assert.are.equal(1000000000, must(fs.stat(fs.join(here, "given"))).mtime)
            assert.are.equal(384, must(fs.stat(fs.join(here, "plain"))).mode)
            assert.are.equal(416, must(opened:stat("given")).mode)
        end)

        it("are seen whole or not at all", function()
            local opened, here = open_new()
            local text = ("x"):rep(3 << 20)
            local seen = {}
            task.race({function()
                put(opened, "object", text)
            end, function()
                while true do
                    local status = fs.stat(fs.join(here, "object"))
                    seen[#seen + 1] = status and status.size
                    task.sleep(0)
                end
            end})
            for _, size in ipairs(seen) do
                assert.are.equal(#text, size)
            end
            assert.are.equal(#text, must(fs.stat(fs.join(here, "object"))).size)
        end)

        it("that are links are told as what they point to, and listed as links", function()
            local opened, here = open_new()
            must(put(opened, "target", "content"))
            must(fs.symlink("target", fs.join(here, "link")))
            must(fs.symlink("nothing", fs.join(here, "dangling")))
            must(fs.symlink("/", fs.join(here, "root")))
            assert.are.equal("file", must(opened:stat("link")).kind)
            assert.are.equal("link", must(opened:stat("dangling")).kind)
            local kinds = {}
            for _, item in ipairs((conformance.list_all(opened, ""))) do
                kinds[#kinds + 1] = item.path .. " " .. item.kind
            end
            -- A folder behind a link is not entered.
            assert.are.same({"dangling link", "link link", "root link", "target file"}, kinds)
        end)

        it("that are folders cannot be read, written or removed as files", function()
            local opened = open_new()
            must(put(opened, "folder/object", "x"))
            expect_error("Invalid", "/folder is not valid: it is a folder", get(opened, "folder"))
            expect_error("Invalid", "/folder is not valid: it is a folder",
                put(opened, "folder", "x"))
            local failed = must(opened:remove({"folder", "folder/"})).failed
            assert.are.equal(2, #failed)
            assert.are.equal("x", get(opened, "folder/object"))
            must(opened:remove({"folder/object"}))
            assert.are.same({n = 1, failed = {}}, must(opened:remove({"folder/"})))
        end)

        it("are not read when they change meanwhile", function()
            local opened, here = open_new()
            must(put(opened, "object", ("a"):rep(1 << 20)))
            local before = must(opened:stat("object"))
            must(fs.write(fs.join(here, "object"), ("b"):rep(1 << 19), {mode = 420}))
            expect_error("Changed", "/object", get(opened, "object", {if_match = before}))
            -- Of the same size, but at another time.
            must(put(opened, "object", ("a"):rep(1 << 20), {modified = 1000000000}))
            before = must(opened:stat("object"))
            must(put(opened, "object", ("b"):rep(1 << 20), {modified = 1000000001}))
            expect_error("Changed", "/object", get(opened, "object", {if_match = before}))
        end)

        it("leave nothing behind when there is no space", function()
            if not at.full then
                pending("needs root")
            end
            local opened = must(open(authority .. at.full, options(), "store.open", 2))
            finally(function() opened:close() end)
            local err = expect_error("NoSpace", at.full .. "/object: no space left",
                put(opened, "object", ("x"):rep(1200000)))
            assert.is_truthy(err.hint:find("server"))
            assert.are.same({}, (conformance.list_all(opened, "")))
            must(put(opened, "small", "x"))
            must(opened:remove({"small"}))
        end)

        it("that may not be read or written are Forbidden, with nothing half done", function()
            local opened, here = open_new()
            must(put(opened, "object", "old"))
            must(put(opened, "folder/object", "old"))
            must(proc.run({"chown", "-R", "0:0", here}))
            must(proc.run({"chmod", "755", here}))
            if at.password then
                local err = expect_error("Forbidden", "/folder/object: permission denied",
                    get(opened, "folder/object"))
                assert.is_false(err.retryable)
                expect_error("Forbidden", "/new: permission denied", put(opened, "new", "x"))
                expect_error("Forbidden", "/new/deep/x: permission denied",
                    put(opened, "new/deep/x", "x"))
                local file = fs.join(must(fs.temporary_folder()), "file")
                must(fs.write(file, "x"))
                expect_error("Forbidden", "/new/file: permission denied",
                    store.copy(file, opened.url .. "/new/file", {to = options()}))
                expect_error("Forbidden", "/folder: permission denied", opened:list("", {}))
                local failed = must(opened:remove({"object"})).failed
                assert.are.equal("Forbidden", failed[1].err.code)
            end
        end)
    end)

    describe("uploads", function()
        it("are made durable and leave no record behind", function()
            local opened, here = open_new()
            local source = fs.join(must(fs.temporary_folder()), "source")
            local text = ("0123456789abcdef"):rep(1 << 16) .. "end"
            must(fs.write(source, text, {mode = 416}))
            must(proc.run({"touch", "-d", "@1000000000", source}))
            local to <close> = must(store.open(opened.url, options()))
            must(to:upload(source, "large"))
            assert.are.equal(#text, must(fs.stat(fs.join(here, "large"))).size)
            assert.is_true(text == must(fs.read(fs.join(here, "large"))))
            local upload <close> = must(opened:begin("parts", 1, {mode = 416,
                                                                  modified = 1000000000}))
            local piece <close> = must(require("salvor.block").new(1))
            piece:set("x")
            must(upload:part(1, piece))
            assert.are.equal(416, must(upload:finish()).mode)
            for _, name in ipairs({"large", "parts"}) do
                local status = must(fs.stat(fs.join(here, name)))
                assert.are.equal(416, status.mode)
                assert.are.equal(1000000000, status.mtime)
            end
            must(opened:remove({"parts"}))
            assert.are.equal(1, #must(fs.list(here)))
            must(fs.remove_tree(fs.dirname(source)))
        end)

        it("of nothing, in one part, are an empty file", function()
            local block <close> = must(require("salvor.block").new(1))
            local opened, here = open_new()
            local upload <close> = must(opened:begin("empty", 0, {}))
            must(upload:part(1, block))
            assert.are.equal(0, must(upload:finish()).size)
            assert.are.equal(0, must(fs.stat(fs.join(here, "empty"))).size)
        end)
    end)

    describe("errors", function()
        --- What calls on a store say that fail, with "URL" for its own.
        local function said_by(opened)
            local block <close> = must(require("salvor.block").new(16))
            block:set("0123456789abcdef")
            local said = {}
            for index, call in ipairs({
                function() return opened:list("none/", {after = nil}) end,
                function() return opened:stat("none") end,
                function() return opened:stat("folder/none") end,
                function() return opened:read("none", block, {}) end,
                function() return opened:read("folder", block, {}) end,
                function() return opened:read("long", block, {}) end,
                function() return opened:write("folder", block, {}) end,
                function() return opened:write("long", block, {if_absent = true}) end,
                function() return opened:begin("long", 99, {if_absent = true}) end,
                function()
                    local meant = must(opened:stat("long"))
                    meant.size, meant.etag = 1, "another"
                    return opened:read("long", block, {length = 1, if_match = meant})
                end,
                function() return nil, must(opened:remove({"folder/"})).failed[1].err end,
            }) do
                local done, err = call()
                local text = done and "no error" or tostring(err)
                for place in text:gmatch("()" .. opened.url:gsub("%p", "%%%0")) do
                    said[#said + 1] = index .. ": URL at " .. place
                end
                said[#said + 1] = index .. ": " .. text:gsub(opened.url:gsub("%p", "%%%0"), "URL")
            end
            return said
        end

        it("are those of a folder: the call, the URL, the reason", function()
            local opened, here = open_new()
            must(put(opened, "long", ("x"):rep(100)))
            must(put(opened, "folder/object", "x"))
            local folder = must(open(here, nil, "store.open"))
            finally(function() folder:close() end)
            assert.are.same(said_by(folder), said_by(opened))
        end)

        it("of a server that cannot be reached name the call and the object, too", function()
            local url = "sftp://keeper@127.0.0.1:1/srv"
            local opened = must(open(url, options({retries = 0}), "store.open", 2))
            finally(function() opened:close() end)
            local block <close> = must(require("salvor.block").new(16))
            local function check(op, where, done, err)
                assert.is_nil(done)
                local expected = string.format("%s: %s cannot be reached: cannot reach 127.0.0.1:1",
                    op, where)
                assert.are.equal(expected, tostring(err):sub(1, #expected))
                assert.are.equal(where, err.url)
            end
            check("store.list", url, opened:list("", {}))
            check("store.list", url .. "/a/b", opened:list("a/b/", {}))
            check("store.stat", url .. "/a", opened:stat("a"))
            check("store.read", url .. "/a", opened:read("a", block, {}))
            check("store.write", url .. "/a", opened:write("a", block, {}))
            check("store.write", url .. "/a", opened:begin("a", 99, {}))
            check("store.remove", url .. "/a", opened:remove({"a"}))
        end)

        it("of a command name the URL that it was given", function()
            local function run(...)
                return must(proc.run({"/proc/" .. proc.pid() .. "/exe", "store", ...},
                    {env = {HOME = "/nowhere"}, timeout = 60})).stderr
            end
            local query = "?config=none&retries=0&key_file=" .. at.ed25519
            local url = "sftp://keeper@127.0.0.1:1/srv/object"
            local expected = "salvor: store.stat: " .. url .. " cannot be reached: "
            assert.are.equal(expected, run("cat", url .. query):sub(1, #expected))
            expected = "salvor: store.open: " .. url .. ": the credentials were refused: "
            assert.are.equal(expected, run("cat", url):sub(1, #expected))
        end)
    end)

    describe("files of runs that were killed", function()
        local function interrupt(opened, path)
            local piece <close> = must(require("salvor.block").new(1 << 16))
            piece:set(("x"):rep(1 << 16))
            local upload <close> = must(opened:begin(path, 1 << 17, {part_size = 1 << 16}))
            must(upload:part(1, piece))
        end

        it("have names that no object may have", function()
            local opened = open_new()
            assert.is_string(opened.features.refuses("a/.salvor-00ff00ff00ff00ff.tmp"))
            assert.is_nil(opened.features.refuses("a/.salvor-x.tmp"))
        end)

        it("are not listed, but found and removed when asked", function()
            local opened, here = open_new()
            interrupt(opened, "deep/object")
            must(fs.write(fs.join(here, ".salvor-not-ours.tmp"), "x", {mode = 420}))
            assert.are.same({".salvor-not-ours.tmp"},
                conformance.paths_of((conformance.list_all(opened, ""))))
            assert.are.same({}, must(opened:leftovers("", {older_than = 60})))
            local found = must(opened:leftovers("", {older_than = 0}))
            -- The object and its records.
            assert.are.equal(2, #found)
            for _, file in ipairs(found) do
                assert.is_truthy(file.path:find("^deep/%.salvor%-%x+%.tmp$"), file.path)
                assert.is_false(file.removed)
            end
            for _, file in ipairs(must(opened:leftovers("", {older_than = 0, remove = true}))) do
                assert.is_true(file.removed)
            end
            assert.are.same({}, must(opened:leftovers("", {older_than = 0})))
        end)
    end)

    describe("many names", function()
        it("are listed in order, with little memory", function()
            local opened, here = open_new()
            local make = "cd \"$0\" && seq -f 'name-%06g' 1 20000 | xargs touch"
            must(proc.run({"sh", "-c", make, here}))
            local last, count, pages, sorted, after = "", 0, 0, true, nil
            repeat
                local page = must(opened:list("", {after = after}))
                for _, item in ipairs(page.items) do
                    sorted = sorted and last < item.path
                    last, count = item.path, count + 1
                end
                pages, after = pages + 1, page.next
            until not after
            assert.is_true(sorted)
            assert.are.equal(20000, count)
            assert.is_true(pages >= 20)
        end)
    end)

    describe("cancelling", function()
        it("is at once, and leaves nothing under the final name", function()
            local opened, here = open_new()
            local text = ("x"):rep(64 << 20)
            local piece <close> = must(require("salvor.block").new(#text))
            piece:set(text)
            must(opened:stat(""))
            local child = task.spawn(function()
                return opened:write("object", piece, {})
            end)
            eventually("the beginning of a file", function()
                return #must(fs.list(here)) > 0
            end)
            cancel(child)
            -- The block is ours again, and the connection goes on.
            piece:set("y")
            must(opened:write("other", piece, {}))
            assert.are.same({"other"}, (function()
                local names = {}
                for _, entry in ipairs(must(fs.list(here))) do
                    names[#names + 1] = entry.name
                end
                return names
            end)())
        end)
    end)
end)
