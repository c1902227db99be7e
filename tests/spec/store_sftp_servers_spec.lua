-- SFTP servers that are not OpenSSH, or go wrong.
local block = require("salvor.block")
local cancel = require("support.cancel")
local conformance = require("support.store_conformance")
local fs = require("salvor.fs")
local native = require("salvor.sftp")
local open = require("salvor.store.open").url
local proc = require("salvor.proc")
local sftp_server = require("support.sftp_server")
local store = require("salvor.store")
local store_lab = require("support.store_lab")
local task = require("salvor.task")

local put, get, expect_error = conformance.put, conformance.get, conformance.expect_error

store_lab.describe("SFTP", "sftp", function(at)
    local server

    setup(function()
        server = sftp_server.start({})
    end)

    teardown(function()
        server:stop()
    end)

    local stores = 0

    --- A store in a new folder; it is listed, so that only what follows meets a server's faults.
    local function open_new(modes, more)
        stores = stores + 1
        local name = "store-" .. stores
        must(fs.mkdir(fs.join(server.files, name), {mode = 511}))
        must(proc.run({"chmod", "777", fs.join(server.files, name)}))
        local options = {key_file = at.ed25519, host_key = at.fingerprint, config = "none",
                         retries = 0}
        for key, value in pairs(more or {}) do
            options[key] = value
        end
        server:mode(modes)
        local url = string.format("sftp://%s@%s:%d%s/%s", at.user, at.host, server.port,
            server.folder, name)
        local opened = must(open(url, options, "store.open", 2))
        finally(function() opened:close() end)
        return opened, fs.join(server.files, name)
    end

    local function connect(to)
        local connection = must(native.new())
        must(connection:connect({host = at.host, port = to.port}))
        must(connection:login("key", at.user, {secret = must(fs.read(at.ed25519))}))
        return connection
    end

    local function names_in(folder)
        local names = {}
        for _, entry in ipairs(must(fs.list(folder))) do
            names[#names + 1] = entry.name
        end
        return names
    end

    describe("a server without extensions", function()
        it("is a store like any other", function()
            local opened, here = open_new("")
            must(put(opened, "deep/object", "content"))
            assert.are.equal("content", get(opened, "deep/object"))
            local items = conformance.list_all(opened, "")
            assert.are.same({"deep/object"}, conformance.paths_of(items))
            must(opened:remove({"deep/object", "deep/"}))
            assert.are.same({}, names_in(here))
        end)

        it("sends less than was asked for, and everything arrives", function()
            local opened = open_new("")
            local text = {}
            for number = 1, 30000 do
                text[number] = string.format("%07d\n", number)
            end
            text = table.concat(text)
            must(put(opened, "object", text))
            assert.is_true(text == get(opened, "object"))
            assert.are.equal(text:sub(100001, 150000),
                (get(opened, "object", {offset = 100000, length = 50000})))
        end)

        it("sends less than was asked for while more is written than it takes", function()
            local narrow = sftp_server.start({more = "MaxSessions 1"})
            finally(function() narrow:stop() end)
            local text = ("0123456789abcde\n"):rep(1 << 19)
            must(fs.write(fs.join(narrow.files, "object"), text, {mode = 420}))
            must(fs.mkdir(fs.join(narrow.files, "new"), {mode = 511}))
            must(proc.run({"chmod", "777", fs.join(narrow.files, "new")}))
            local connection <close> = connect(narrow)
            must(task.map({1, 2, 3, 4}, function(number)
                local piece <close> = must(block.new(#text))
                if number % 2 == 0 then
                    must(connection:read(narrow.folder .. "/object", piece, 0, #text, #text))
                    assert.is_true(text == piece:text())
                else
                    must(connection:write(narrow.folder .. "/new/" .. number, text,
                        {create = true, mode = 420}))
                end
                return number
            end))
        end)

        it("replaces a file although renaming does not", function()
            local opened, here = open_new("")
            must(put(opened, "object", "old"))
            must(put(opened, "object", "new"))
            assert.are.equal("new", get(opened, "object"))
            assert.are.same({"object"}, names_in(here))
            expect_error("AlreadyExists", "/object", put(opened, "object", "x", {if_absent = true}))
            assert.are.same({"object"}, names_in(here))
        end)
    end)

    it("without extensions keeps a folder where a file is to be", function()
        local opened, here = open_new("")
        must(put(opened, "name/inside", "kept"))
        expect_error("Invalid", "/name is not valid: it is a folder", put(opened, "name", "x"))
        local piece <close> = must(block.new(1 << 16))
        local upload = must(opened:begin("name", 1, {part_size = 1 << 16}))
        must(upload:part(1, piece:set("x")))
        assert.is_nil((upload:finish()))
        upload:abort()
        assert.are.equal("kept", get(opened, "name/inside"))
        assert.are.same({"name"}, names_in(here))
    end)

    it("may send packets of 256 KiB", function()
        server:mode("large-READDIR")
        local connection <close> = connect(server)
        local listing = must(connection:list(server.folder))
        local longest = 0
        for index = 1, #listing do
            longest = math.max(longest, #listing:get(index))
        end
        assert.are.equal((256 << 10) - 21, longest)
    end)

    describe("a server that renames no new file", function()
        it("keeps the old one", function()
            local opened, here = open_new("")
            must(put(opened, "object", "old"))
            opened:close()
            opened = must(open(opened.url, {key_file = at.ed25519, host_key = at.fingerprint,
                                            config = "none"}, "store.open", 2))
            server:mode("jam-RENAME")
            expect_error("IO", "/object", put(opened, "object", "new"))
            opened:close()
            assert.are.same({"object"}, names_in(here))
            assert.are.equal("old", must(fs.read(fs.join(here, "object"))))
        end)
    end)

    describe("a server that cannot set modes and times", function()
        it("still takes files", function()
            local opened = open_new("fail-FSETSTAT")
            must(put(opened, "object", "x", {mode = 416, modified = 1}))
            assert.are.equal("x", get(opened, "object"))
        end)
    end)

    describe("a server that fails to write", function()
        it("is told, and nothing is left", function()
            local opened, here = open_new("fail-WRITE")
            local err = expect_error("IO", "/object", put(opened, "object", ("x"):rep(1 << 20)))
            assert.is_truthy(err.message:find("as the server says (SFTP status 4)", 1, true),
                err.message)
            assert.are.same({}, names_in(here))
        end)
    end)

    describe("a server that cannot make things durable", function()
        it("is told, of small files and of parts", function()
            local opened, here = open_new("fail-FSYNC")
            expect_error("IO", "/object", put(opened, "object", "x"))
            assert.are.same({}, names_in(here))
            local piece <close> = must(block.new(16))
            piece:set("x")
            local upload <close> = must(opened:begin("object", 1, {}))
            expect_error("IO", "/object", upload:part(1, piece))
            upload:abort()
            assert.are.same({}, names_in(here))
        end)
    end)

    describe("a hostile server", function()
        -- What it does, in answer to what, and what is said of it.
        local FAULTS = {
            {"no-version", "Unsupported", "older than 3"},
            {"die-READ", "Disconnected", "lost"},
            {"garbage-READ", "Corrupt", "does not keep to SFTP"},
            {"huge-READ", "Corrupt", "impossible size"},
            {"stranger-READ", "Corrupt", "an answer to nothing that was asked"},
            {"other-READ", "Corrupt", "an answer to nothing that was asked"},
            {"more-READ", "Corrupt", "were asked for"},
            {"handle-OPEN", "Corrupt", "a handle of impossible size"},
            {"status-OPEN", "Corrupt", "what was not asked"},
        }
        for _, case in ipairs(FAULTS) do
            it("(" .. case[1] .. ") ends with an error", function()
                local opened, here = open_new(case[1])
                must(fs.write(fs.join(here, "object"), ("x"):rep(100000), {mode = 420}))
                local err = expect_error(case[2], "sftp://", get(opened, "object"))
                assert.is_truthy(err.message:find(case[3], 1, true), err.message)
                -- The next session is another one.
                server:mode("")
                assert.are.equal(100000, #must(get(opened, "object")))
            end)
        end

        it("lists names that no file can have, or a list cut short", function()
            for _, mode in ipairs({"slash-READDIR", "cut-READDIR"}) do
                local opened = open_new(mode)
                expect_error("Corrupt", "sftp://", opened:list("", {}))
            end
        end)

        it("that is silent is waited for as long as was said", function()
            local opened, here = open_new("silent-READ", {timeout = 1})
            must(fs.write(fs.join(here, "object"), "x", {mode = 420}))
            local err = expect_error("Timeout", "sftp://", get(opened, "object"))
            assert.is_true(err.retryable)
        end)

        it("that is silent can be left at once", function()
            local opened, here = open_new("silent-READ")
            must(fs.write(fs.join(here, "object"), "x", {mode = 420}))
            must(opened:stat("object"))
            local child = task.spawn(function()
                return get(opened, "object")
            end)
            task.sleep(0.2) -- somewhere in it
            cancel(child)
            opened:close()
        end)
    end)

    describe("a file that changes while it is read", function()
        it("is told so, whatever the server makes of it", function()
            for _, mode in ipairs({"touch-READ", "end-READ"}) do
                local opened, here = open_new(mode)
                must(proc.run({"sh", "-c", "head -c 100000 /dev/zero > " .. here .. "/object; "
                    .. "chmod 666 " .. here .. "/object"}))
                if at.password then
                    must(proc.run({"chown", "64001", here .. "/object"}))
                end
                expect_error("Changed", "/object", get(opened, "object"))
            end
        end)
    end)

    describe("the folder where a user begins", function()
        it("is one that a server need not be told", function()
            local opened = must(open(string.format("sftp://%s@%s:%d/~", at.user, at.host,
                server.port), {key_file = at.ed25519, host_key = at.fingerprint, config = "none",
                retries = 0}, "store.open", 2))
            finally(function() opened:close() end)
            server:mode("")
            local page = must(opened:list("", {delimiter = "/"}))
            assert.is_true(#page.items + #page.folders >= 0)
            assert.are.equal("folder", must(opened:stat("")).kind)
            assert.are.equal("folder", must(opened:stat(fs.basename(server.folder))).kind)
        end)
    end)

    describe("connections that died", function()
        it("are closed", function()
            local opened, here = open_new("die-READ")
            must(fs.write(fs.join(here, "object"), "x", {mode = 420}))
            expect_error("Disconnected", "/object", get(opened, "object"))
            local before = store_lab.count_open_files()
            collectgarbage("stop")
            finally(function() collectgarbage("restart") end)
            for _ = 1, 4 do
                expect_error("Disconnected", "/object", get(opened, "object"))
            end
            assert.are.equal(before, store_lab.count_open_files(before))
        end)
    end)

    describe("a session that dies", function()
        it("is replaced by another one when calls are repeated", function()
            local opened, here = open_new("die-READ", {retries = 3})
            must(fs.write(fs.join(here, "object"), "x", {mode = 420}))
            task.all({function()
                task.sleep(0.3)
                server:mode("")
            end, function()
                assert.are.equal("x", get(opened, "object"))
            end})
        end)
    end)

    describe("a session that dies when an upload has been taken over", function()
        local piece

        before_each(function()
            piece = must(block.new(65536))
            piece:set(("x"):rep(65536))
        end)

        after_each(function()
            piece:release()
        end)

        local function begin(opened)
            return opened:begin("object", 131072, {part_size = 65536, fingerprint = "same"})
        end

        --- A store that was not told that it has an upload's first part.
        local function open_lost(more)
            local opened, here = open_new("lose-RENAME", more)
            do
                local killed <close> = must(begin(opened))
                must(killed:part(1, piece))
            end
            expect_error("Disconnected", "/object", begin(opened))
            server:mode("")
            return opened, here
        end

        it("loses nothing of it, and leaves nothing behind", function()
            local opened, here = open_lost()
            local upload <close> = must(begin(opened))
            assert.is_true(upload:has(1, piece))
            must(upload:part(2, piece))
            must(upload:finish())
            assert.are.same({"object"}, names_in(here))
        end)

        it("takes the records of somebody else for nobody's", function()
            local opened, here = open_lost()
            local before = {}
            for _, name in ipairs(names_in(here)) do
                before[name] = true
            end
            -- He begins anew, sends the other part, and loses his file.
            local other = must(open(opened.url, {key_file = at.ed25519, host_key = at.fingerprint,
                                                 config = "none"}, "store.open", 2))
            local upload = must(begin(other))
            must(upload:part(2, piece))
            upload:close()
            other:close()
            for _, name in ipairs(names_in(here)) do
                if not before[name] then
                    must(fs.remove(fs.join(here, name)))
                end
            end
            upload = must(begin(opened))
            assert.is_false(upload:has(2, piece))
            upload:abort()
        end)

        it("is done when it dies after the last step, and nobody else has done it", function()
            local opened, here = open_new("lose-RENAME", {retries = 2})
            local upload <close> = must(begin(opened))
            must(upload:part(1, piece))
            must(upload:part(2, piece))
            assert.are.equal(131072, must(upload:finish()).size)
            assert.are.same({"object"}, names_in(here))
            opened = open_new("lose-RENAME")
            local second <close> = must(begin(opened))
            must(second:part(1, piece))
            must(second:part(2, piece))
            expect_error("Disconnected", "/object", second:finish())
            server:mode("")
            must(put(opened, "object", "of somebody else"))
            expect_error("Conflict", "/object", second:finish())
        end)
    end)

    describe("a small file whose session dies", function()
        it("leaves something that the next one removes", function()
            local opened, here = open_new("die-FSETSTAT")
            expect_error("Disconnected", "/object", put(opened, "object", "x", {mode = 416}))
            assert.are.equal(1, #names_in(here))
            server:mode("")
            must(put(opened, "another", "x"))
            assert.are.same({"another"}, names_in(here))
        end)
    end)

    describe("a user without SFTP", function()
        it("is told what the server lacks", function()
            local other = sftp_server.start({none = true})
            local opened = must(open(string.format("sftp://%s@%s:%d/", at.user, at.host,
                other.port), {key_file = at.ed25519, host_key = at.fingerprint, config = "none",
                retries = 0}, "store.open", 2))
            finally(function()
                opened:close()
                other:stop()
            end)
            local listed, err = opened:list("", {})
            expect_error("Unsupported", "has no SFTP for this user", listed, err)
            assert.is_truthy(err.hint:find("Subsystem sftp internal-sftp", 1, true), err.hint)
        end)

        it("is told so", function()
            local other = sftp_server.start({openssh = true, more = "ForceCommand exit 1"})
            finally(function() other:stop() end)
            local opened = must(store.open(string.format("sftp://%s@%s:%d/", at.user, at.host,
                other.port), {key_file = at.ed25519, host_key = at.fingerprint, retries = 0}))
            local listed, err = opened:list("")
            opened:close()
            assert.is_nil(listed)
            assert.is_truthy(err.message:find("sftp://", 1, true), err.message)
        end)
    end)
end)
