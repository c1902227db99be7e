-- Several writers of one object over SFTP, which knows no locks.
local block = require("salvor.block")
local expect_error = require("support.store_conformance").expect_error
local fs = require("salvor.fs")
local open = require("salvor.store.open").url
local proc = require("salvor.proc")
local store_lab = require("support.store_lab")
local store_writers = require("support.store_writers")
local task = require("salvor.task")

local PART = 1 << 16

store_lab.describe("two who write one object over SFTP", "sftp", function(at)
    local opened = {}

    --- Two who do not know of each other, at the same new place; where that is on this machine.
    local function open_two()
        local there, here = store_lab.folder()
        for number = 1, 2 do
            opened[number] = must(open(string.format("sftp://%s@%s:%d%s", at.user, at.host, at.port,
                there), {key_file = at.ed25519, known_hosts = at.known_hosts, config = "none"},
                "store.open", 2))
        end
        return opened[1], opened[2], here
    end

    after_each(function()
        while opened[1] do
            table.remove(opened):close()
        end
    end)

    local function begin(store, fingerprint)
        return must(store:begin("object", 2 * PART, {part_size = PART, fingerprint = fingerprint}))
    end

    local function send(upload, index, letter)
        local piece <close> = must(block.new(PART))
        piece:set(letter:rep(PART))
        return upload:part(index, piece)
    end

    local function has(upload, index, letter)
        local piece <close> = must(block.new(PART))
        piece:set(letter:rep(PART))
        return upload:has(index, piece)
    end

    it("leave the whole content of one of them, in whatever order they go on", function()
        local there = store_lab.folder()
        local codes = store_writers.check(function()
            return open(string.format("sftp://%s@%s:%d%s", at.user, at.host, at.port, there),
                {key_file = at.ed25519, known_hosts = at.known_hosts, config = "none"},
                "store.open", 2)
        end, 60)
        assert.is_true(codes.Conflict > 0)
        codes.Conflict = nil
        assert.are.same({}, codes)
    end)

    it("of the same content: the later one goes on with it, the earlier one is told", function()
        local one, other, here = open_two()
        local first <close> = begin(one, "same")
        must(send(first, 1, "a"))
        local second <close> = begin(other, "same")
        assert.is_true(has(second, 1, "a"))
        expect_error("Conflict", "/object: somebody else is writing it", send(first, 2, "b"))
        first:abort()
        assert.are.equal(2, #must(fs.list(here))) -- what is the other's stays
        must(send(second, 2, "b"))
        must(second:finish())
        assert.is_true(("a"):rep(PART) .. ("b"):rep(PART) == must(fs.read(fs.join(here, "object"))))
        assert.are.equal(1, #must(fs.list(here)))
    end)

    it("of the same content, both at the end: one of them has finished it", function()
        local one, other, here = open_two()
        local first <close> = begin(one, "same")
        must(send(first, 1, "a"))
        must(send(first, 2, "b"))
        local second <close> = begin(other, "same")
        assert.is_true(has(second, 1, "a") and has(second, 2, "b"))
        must(second:finish())
        expect_error("Conflict", "/object: somebody else is writing it", first:finish())
        assert.are.equal(2 * PART, must(fs.stat(fs.join(here, "object"))).size)
        assert.are.equal(1, #must(fs.list(here)))
    end)

    it("of different content do not meet: the last one to end has the name", function()
        local one, other, here = open_two()
        local first <close> = begin(one, "one")
        local second <close> = begin(other, "other")
        for index = 1, 2 do
            must(send(first, index, "a"))
            must(send(second, index, "b"))
        end
        must(second:finish())
        must(first:finish())
        assert.is_true(("a"):rep(2 * PART) == must(fs.read(fs.join(here, "object"))))
        assert.are.equal(1, #must(fs.list(here)))
    end)

    local function path_of_records(here)
        for _, entry in ipairs(must(fs.list(here))) do
            if #entry.name == #".salvor-.tmp" + 32 then
                return fs.join(here, entry.name)
            end
        end
    end

    it("go on with it after many interruptions", function()
        local one, other = open_two()
        local first = begin(one, "same")
        must(send(first, 1, "a"))
        first:close()
        begin(other, "same"):close()
        begin(one, "same"):close()
        local last <close> = begin(other, "same")
        assert.is_true(has(last, 1, "a"))
        assert.is_false(has(last, 2, "b"))
        last:abort()
    end)

    it("take no record for theirs that is another's, or damaged", function()
        local one, other, here = open_two()
        for _, damage in ipairs({
            function(text) return text:sub(1, 24) .. ("f"):rep(16) .. text:sub(41) end,
            function(text) return text:sub(1, -2) .. string.char(text:byte(-1) ~ 1) end,
            function(text) return text:sub(1, -2) end,
            function(text) return "SALVOR02" .. text:sub(9) end,
            function(text) return text:sub(1, 20) end,
            function() return "" end,
        }) do
            local first = begin(one, "same")
            must(send(first, 1, "a"))
            first:close()
            local path = path_of_records(here)
            must(fs.write(path, damage(must(fs.read(path))), {mode = 438}))
            must(proc.run({"chmod", "666", path}))
            local second = begin(other, "same")
            assert.is_false(has(second, 1, "a"))
            second:abort()
            must(proc.run({"sh", "-c", "rm -f " .. here .. "/.salvor-*"}))
        end
    end)

    it("do not replace what has come meanwhile, when it must be absent", function()
        local one, other, here = open_two()
        local upload <close> = must(one:begin("object", PART, {part_size = PART,
                                                               if_absent = true}))
        must(send(upload, 1, "a"))
        local piece <close> = must(block.new(9))
        piece:set("the other")
        must(other:write("object", piece, {}))
        expect_error("AlreadyExists", "/object", upload:finish())
        upload:abort()
        assert.are.equal("the other", must(fs.read(fs.join(here, "object"))))
        assert.are.equal(1, #must(fs.list(here)))
    end)

    it("make no records anew", function()
        local one, _, here = open_two()
        local upload = begin(one, "same")
        must(fs.remove(path_of_records(here)))
        must(send(upload, 1, "a"))
        upload:close()
        assert.is_nil(path_of_records(here))
    end)

    it("take nothing for sent that was sent into a file that is gone", function()
        local one, other, here = open_two()
        local first <close> = begin(one, "same")
        must(send(first, 1, "a"))
        first:close()
        for _, entry in ipairs(must(fs.list(here))) do
            local path = fs.join(here, entry.name)
            if path ~= path_of_records(here) then
                must(fs.remove(path))
            end
        end
        assert.are.equal(1, #must(fs.list(here)))
        local second <close> = begin(other, "same")
        assert.is_false(has(second, 1, "a"))
        second:abort()
        assert.are.same({}, must(fs.list(here)))
    end)

    it("as processes: what both copy is whole, whoever wins", function()
        local _, _, here = open_two()
        local there = opened[1].url
        local source = fs.join(here, "source")
        must(proc.run({"sh", "-c", "head -c 20000000 /dev/urandom > " .. source}))
        local argv = {"/proc/" .. proc.pid() .. "/exe", "store", "cp", "-q", source,
                      there .. "/object?config=none&key_file=" .. at.ed25519 .. "&host_key="
                          .. at.fingerprint}
        for round = 1, 3 do
            local results = task.map({0, 0.02 * round}, function(pause)
                task.sleep(pause)
                return must(proc.run(argv, {timeout = 60}))
            end)
            local winners = 0
            for _, result in ipairs(results) do
                winners = winners + (result.code == 0 and 1 or 0)
                assert.is_true(result.code == 0
                    or result.stderr:find("somebody else is writing it", 1, true) ~= nil,
                    result.stderr)
            end
            assert.is_true(winners > 0)
            assert.are.equal(0, must(proc.run({"cmp", source, fs.join(here, "object")})).code)
            must(fs.remove(fs.join(here, "object")))
        end
        assert.are.equal(1, #must(fs.list(here)))
    end)
end)
