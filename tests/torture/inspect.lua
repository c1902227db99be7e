local block = require("salvor.block")
local inspect = require("salvor.inspect")
local set_files = require("salvor.set_files")

local function octal(number, digits)
    return string.format("%0" .. digits .. "o\0", number)
end

local function header(name, size)
    local block_of = name .. ("\0"):rep(100 - #name) .. octal(420, 7) .. octal(0, 7) .. octal(0, 7)
        .. octal(size, 11) .. octal(0, 11) .. "        0" .. ("\0"):rep(355)
    local sum = 0
    for index = 1, #block_of do
        sum = sum + block_of:byte(index)
    end
    return block_of:sub(1, 148) .. octal(sum, 6) .. " " .. block_of:sub(157)
end

local bytes <close> = must(block.new(8192))
bytes:set(header("file", 3) .. "abc" .. ("\0"):rep(509) .. ("\0"):rep(1024))
local inspection <close> = must(inspect.new({compression = "none", tar = true, digest = "sha1",
                                             packed_digest = "md5", entries = true}))
inspection:feed(bytes)
local summary = must(inspection:finish())
assert(summary.entries == 1 and summary.digest and #inspection:entries() == 1)

--- What next() gives, unless it fails.
local function take(reader)
    local kind, value, text = reader:next()
    must(kind or not value, value)
    return kind, value, text
end

local info = must(set_files.info())
must(info:add('[db]\ndb-id=1\na={"b":[1,2]}\n'))
local _, key = take(info)
assert(key == "db-id")
take(info)
info:finish()
assert(must(info:checksum()).actual)

local rows = set_files.rows()
must(rows:add('[{"a":[{"b":1}]}]'))
assert(take(rows) == "row")
assert(take(rows) == "object")
assert(not take(rows))
must(rows:finish())
