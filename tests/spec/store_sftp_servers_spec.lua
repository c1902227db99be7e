-- SFTP servers that are not OpenSSH, or go wrong.
local conformance = require("support.store_conformance")
local fs = require("salvor.fs")
local open = require("salvor.store.open").url
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

    local count = 0

    --- A store in a new folder; it is listed, so that only what follows meets a server's faults.
    local function open_new(modes, more)
        count = count + 1
        local name = "store-" .. count
        must(fs.mkdir(fs.join(server.files, name), {mode = 511}))
        must(require("salvor.proc").run({"chmod", "777", fs.join(server.files, name)}))
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

    describe("a hostile server", function()
        -- What it does, in answer to what, and what is said of it.
        local FAULTS = {
            {"no-version", "Unsupported", "older than 3"},
            {"die-READ", "Disconnected", "lost"},
            {"garbage-READ", "Corrupt", "does not keep to SFTP"},
            {"huge-READ", "Corrupt", "impossible size"},
            {"stranger-READ", "Corrupt", "an answer to nothing that was asked"},
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
            local began = task.now()
            local err = expect_error("Timeout", "sftp://", get(opened, "object"))
            assert.is_true(err.retryable)
            assert.is_true(task.now() - began < 5)
        end)

        it("that is silent can be left at once", function()
            local opened, here = open_new("silent-READ")
            must(fs.write(fs.join(here, "object"), "x", {mode = 420}))
            must(opened:stat("object"))
            local child = task.spawn(function()
                return get(opened, "object")
            end)
            task.sleep(0.2)
            local began = task.now()
            child:cancel()
            assert.is_false(pcall(child.join, child))
            opened:close()
            assert.is_true(task.now() - began < 0.1, "leaving took " .. task.now() - began)
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
        local block = require("salvor.block")

        local function begin(opened)
            return opened:begin("object", 131072, {part_size = 65536, fingerprint = "same"})
        end

        it("loses nothing of it, and leaves nothing behind", function()
            local opened, here = open_new("lose-RENAME")
            local piece <close> = must(block.new(65536))
            piece:set(("x"):rep(65536))
            do
                local killed <close> = must(begin(opened))
                must(killed:part(1, piece))
            end
            expect_error("Disconnected", "/object", begin(opened))
            server:mode("")
            local upload <close> = must(begin(opened))
            assert.is_true(upload:has(1, piece))
            must(upload:part(2, piece))
            must(upload:finish())
            assert.are.same({"object"}, names_in(here))
        end)
    end)

    describe("a user without SFTP", function()
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
