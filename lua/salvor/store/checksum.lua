--- Checksums of objects while their bytes pass by.
---
--- A sum is {update = function(self, block), finish = function(self) -> true, or nil and why not};
--- blocks come in the order of the object.
local digest = require("salvor.digest")
local merge = require("salvor.copy").merge

local checksum = {}

local md5_sum = {}
md5_sum.__index = md5_sum

function md5_sum.update(self, block)
    self.digest:update(block)
end

function md5_sum.finish(self)
    local found = self.digest:hex()
    if found ~= self.expected then
        return nil, string.format("its MD5 is %s and not %s", found, self.expected)
    end
    return true
end

--- The item with an MD5 that is one, or with none: what a list has guessed, the object tells.
function checksum.proven(backend, item)
    if not item.md5_guessed then
        return item
    end
    local told = backend:stat(item.path)
    local proven = merge(item, {})
    proven.md5 = told and told.etag == item.etag and told.md5 or nil
    proven.md5_guessed = nil
    return proven
end

--- The sum that an object of that back end is to have, and its name ("md5", "etag"...); nil when
--- nobody knows it.
function checksum.of(backend, item)
    if item.md5 then
        return checksum.md5(item.md5), "md5"
    elseif backend.verifier then
        local sum = backend:verifier(item)
        return sum or nil, sum and (sum.name or "etag")
    end
end

--- The sum of what has this MD5.
function checksum.md5(expected)
    return setmetatable({digest = digest.new("md5"), expected = expected}, md5_sum)
end

--- Whether the object has just this sum: reads it through the block. `if_match` (may be nil): the
--- object that is meant. nil and an error.
function checksum.matches(backend, path, size, sum, block, if_match)
    local offset = 0
    while offset < size do
        local length = math.min(block:capacity(), size - offset)
        local read, err = backend:read(path, block, {offset = offset, length = length,
                                                     if_match = if_match})
        if not read then
            return nil, err
        elseif #block == 0 then
            return false
        end
        sum:update(block)
        offset = offset + #block
    end
    return sum:finish() or false
end

return checksum
