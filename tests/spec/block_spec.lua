-- salvor.block: memory that bytes travel in; nobody changes what another operation uses.
local block = require("salvor.block")
local digest = require("salvor.digest")
local task = require("salvor.task")

local LARGE = 32 << 20

describe("a block", function()
    it("holds bytes up to its capacity", function()
        local piece <close> = must(block.new(10))
        assert.are.equal(10, piece:capacity())
        assert.are.equal(0, #piece)
        assert.are.equal("a\0b", piece:set("a\0b"):text())
        assert.are.equal(3, #piece)
        assert.are.equal("\0b", piece:text(1))
        assert.are.equal("\0", piece:text(1, 1))
        assert.are.equal(0, #piece:clear())
        assert.has_error(function() piece:set(("x"):rep(11)) end)
        assert.has_error(function() piece:text(1) end)
        assert.has_error(function() block.new(0) end)
        assert.has_error(function() block.new("x") end)
        local none, err = block.new(1 << 40)
        assert.is_nil(none)
        assert.are.equal("TooLarge", err.code)
    end)

    it("takes over what is in another", function()
        local first <close> = must(block.new(10))
        local second <close> = must(block.new(4))
        first:set("0123456789")
        assert.are.equal("3456", second:copy(first, 3, 4):text())
        assert.are.equal("12", first:copy(first, 1, 2):text())
        assert.has_error(function() second:copy(first, 2, 1) end)
    end)

    it("has digests, also added to running ones", function()
        local piece <close> = must(block.new(LARGE))
        for _, text in ipairs({"abc", "", ("x"):rep(LARGE)}) do
            piece:set(text)
            local sums = piece:digest("md5", "sha256")
            assert.are.equal(digest.md5(text), sums.md5)
            assert.are.equal(digest.sha256(text), sums.sha256)
        end
        local sum = digest.new("sha1")
        sum:update("abc"):update(piece)
        assert.are.equal(digest.sha1("abc" .. piece:text()), sum:hex())
        piece:set("0123456789")
        assert.are.equal(digest.md5("345"), digest.new("md5"):update(piece, 3, 3):hex())
        assert.has_error(function() digest.new("md5"):update(piece, 8, 3) end)
        assert.has_error(function() piece:digest() end)
        assert.has_error(function() piece:digest("md6") end)
        assert.has_error(function() piece:digest("md5", "md5", "md5", "md5", "md5") end)
    end)

    it("is nobody else's while an operation uses it", function()
        local piece <close> = must(block.new(LARGE))
        piece:set(("x"):rep(LARGE))
        local sum = digest.new("md5")
        local tried = 0
        task.all({
            function() sum:update(piece) end,
            function()
                for _, change in ipairs({piece.clear, function() piece:set("") end,
                                         function() sum:update("x") end}) do
                    assert.has_error(function() change(piece) end)
                    tried = tried + 1
                end
                assert.are.equal(LARGE, #piece)
                assert.are.equal("x", piece:text(0, 1))
            end,
        })
        assert.are.equal(3, tried)
        assert.are.equal(digest.md5(("x"):rep(LARGE)), sum:hex())
        piece:clear()
    end)

    it("is free again as soon as the operation was cancelled", function()
        local piece <close> = must(block.new(LARGE * 8))
        piece:set(("x"):rep(LARGE * 8))
        local began = task.now()
        piece:digest("sha512")
        local whole, fastest, tries = task.now() - began, math.huge, 0
        repeat -- a busy machine may stop us for any time, but not each time
            began, tries = task.now(), tries + 1
            local result, err = task.timeout(0.01, function()
                return piece:digest("sha512")
            end)
            assert.is_nil(result)
            assert.are.equal("Timeout", err.code)
            fastest = math.min(fastest, task.now() - began)
        until fastest < whole / 2 or tries == 20
        assert.is_true(fastest < whole / 2)
        piece:clear()
    end)

    it("is released under nobody who still uses it", function()
        local piece = must(block.new(LARGE))
        piece:set(("x"):rep(LARGE))
        local sums = task.all({
            function() return piece:digest("md5") end,
            function() piece:release() end,
        })
        assert.are.equal(digest.md5(("x"):rep(LARGE)), must(sums[1]).md5)
        assert.has_error(function() piece:text() end)
    end)

    it("is of no use once it was released", function()
        local piece = must(block.new(10))
        piece:release()
        piece:release()
        local _, problem = pcall(function() piece:set("x") end)
        assert.is_truthy(problem:find("the block was released", 1, true))
        assert.are.equal(0, #piece)
    end)
end)
