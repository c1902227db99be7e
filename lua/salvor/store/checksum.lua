--- Checksums of objects while their bytes pass by.
---
--- A sum is {update = function(self, block), finish = function(self) -> true, or nil and why not};
--- blocks come in the order of the object.
local digest = require("salvor.digest")

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

--- The sum that an object of that back end is to have, and its name ("md5", "etag"...); nil when
--- nobody knows it.
function checksum.of(backend, item)
    if item.md5 then
        return setmetatable({digest = digest.new("md5"), expected = item.md5}, md5_sum), "md5"
    elseif backend.verifier then
        local sum = backend:verifier(item)
        return sum or nil, sum and (sum.name or "etag")
    end
end

--- Whether the object has just this sum: reads it through the block. nil and an error.
function checksum.matches(backend, path, item, sum, block)
    local offset = 0
    while offset < item.size do
        local length = math.min(block:capacity(), item.size - offset)
        local read, err = backend:read(path, block, {offset = offset, length = length,
                                                          if_match = item})
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
