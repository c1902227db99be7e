local digest = require("salvor.digest")

-- The algorithms are checked against their published vectors in tests/unit/test_digest.c.
describe("digest", function()
    local ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    it("takes data in one piece, in several, or from a file", function()
        local path = os.tmpname()
        finally(function() os.remove(path) end)
        local file = assert(io.open(path, "wb"))
        file:write("abc")
        file:close()
        assert.are.equal(ABC, digest.sha256("abc"))
        assert.are.equal(ABC, digest.new("sha256"):update("a"):update("bc"):hex())
        assert.are.equal(ABC, digest.file("sha256", path))
    end)

    it("gives the same answer when asked again, and takes no more data then", function()
        local object = digest.new("md5")
        assert.are.equal(object:hex(), object:hex())
        assert.has_error(function() object:update("x") end, "update after hex")
    end)

    it("names the file that is missing", function()
        local hex, err = digest.file("sha256", "/nonexistent/file")
        assert.is_nil(hex)
        assert.are.equal("NotFound", err.code)
        assert.truthy(err.message:find("/nonexistent/file", 1, true))
    end)

    it("raises for an algorithm that is none", function()
        assert.has_error(function() digest.new("crc32") end)
    end)

    it("encodes any bytes and returns an error for what it cannot decode", function()
        local bytes = {}
        for i = 0, 255 do
            bytes[i + 1] = string.char(i)
        end
        local data = table.concat(bytes)
        assert.are.equal(data, digest.unbase64(digest.base64(data)))
        local decoded, err = digest.unbase64("abc")
        assert.is_nil(decoded)
        assert.are.equal("Invalid", err.code)
    end)
end)
