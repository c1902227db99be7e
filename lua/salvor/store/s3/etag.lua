--- The ETag of an object that was sent in parts: the MD5 of the parts' MD5s, and "-" and their
--- number. Whoever knows the size of the parts can tell by it whether all bytes are right.
---
--- Uploads of Salvor's note it at the object, and AWS tells the size of the first part. Otherwise
--- it is guessed: of the sizes that programs use few fit a size and a number of parts, and all of
--- them are tried at once. When none of the guessed ones is right nobody knows anything.
local answer = require("salvor.store.s3.answer")
local digest = require("salvor.digest")
local md5_forms = require("salvor.store.http.md5")

local MiB = 1 << 20
local USUAL = {5, 6, 7, 8, 10, 12, 15, 16, 20, 24, 25, 30, 32, 40, 48, 50, 60, 64, 80, 96, 100, 128,
               150, 160, 200, 250, 256, 300, 320, 400, 500, 512, 600, 640, 700, 768, 800, 900, 1000,
               1024, 1280, 1536, 1792, 2048, 2560, 3072, 4096, 5120}
local GUESSES = 4

local methods, sum = {}, {}
sum.__index = sum

local function fits(part_size, size, count)
    return part_size > 0 and (size + part_size - 1) // part_size == count
end

--- The sizes of parts that are possible, the most likely first.
local function guess(size, count)
    local found, seen = {}, {}
    local function try(part_size)
        if not seen[part_size] and #found < GUESSES and fits(part_size, size, count) then
            seen[part_size] = true
            found[#found + 1] = part_size
        end
    end
    try(8 * MiB)
    try(16 * MiB)
    local even = (size + count - 1) // count
    try((even + MiB - 1) // MiB * MiB)
    for _, number in ipairs(USUAL) do
        try(number * MiB)
    end
    try(even)
    return found
end

--- One size of parts: a digest of the part that comes, and those of the parts before.
local function new_try(part_size)
    return {part_size = part_size, left = part_size, digest = digest.new("md5"), parts = {}}
end

local function end_part(try)
    try.parts[#try.parts + 1] = md5_forms.bytes(try.digest:hex())
    try.digest, try.left = digest.new("md5"), try.part_size
end

local function add(try, block)
    local offset, size = 0, #block
    while offset < size do
        local length = math.min(try.left, size - offset)
        try.digest:update(block, offset, length)
        offset, try.left = offset + length, try.left - length
        if try.left == 0 then
            end_part(try)
        end
    end
end

local function result_of(try)
    if try.left < try.part_size then
        end_part(try)
    end
    return digest.md5(table.concat(try.parts)) .. "-" .. #try.parts
end

function sum:update(block)
    for _, try in ipairs(self.tries) do
        add(try, block)
    end
end

--- A part that is one of the object's too, instead of update(): side by side with the others.
function sum:add_part(index, block)
    self.tries[1].parts[index] = md5_forms.bytes(block:digest("md5").md5)
end

function sum:finish()
    local found
    for _, try in ipairs(self.tries) do
        found = result_of(try)
        if found == self.expected then
            return true
        end
    end
    if self.guessed then
        return nil
    end
    return nil, string.format("its ETag is %s and not %s", found, self.expected)
end

--- The size of the first part, where it is noted or the server tells it; false when the ETag is of
--- no MD5s.
local function ask_part_size(self, item, count)
    local got = self:_head(item.path, "store.read", {partNumber = 1})
    if not got then
        return nil
    elseif not answer.has_md5(got.headers) then
        return false
    end
    local noted = got.headers[answer.PART_SIZE]
    local told = tonumber(got.headers["x-amz-mp-parts-count"]) == count
        and got.headers["content-length"]
    for _, text in ipairs({noted or "", told or ""}) do
        local size = math.tointeger(tonumber(text))
        if size and fits(size, item.size, count) then
            return size
        end
    end
end

--- The sum of an object that was sent in parts; false when its ETag says nothing of its bytes.
function methods:verifier(item)
    local count = (item.etag or ""):match("^%x+%-(%d+)$")
    count = count and math.tointeger(tonumber(count))
    if not count or #item.etag ~= 33 + #tostring(count) or count < 1 then
        return false
    end
    local told = ask_part_size(self, item, count)
    if told == false then
        return false
    end
    local tries = {}
    for index, part_size in ipairs(told and {told} or guess(item.size, count)) do
        tries[index] = new_try(part_size)
    end
    if #tries == 0 then
        return false
    end
    return setmetatable({name = "etag", expected = item.etag:lower(), guessed = not told,
                         part_size = told, tries = tries}, sum)
end

return methods
