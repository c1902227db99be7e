--- How much memory this process has.
local fs = require("salvor.fs")

local memory = {}

--- Bytes that are resident now.
function memory.resident()
    return tonumber(must(fs.read("/proc/self/statm")):match("^%d+ (%d+)")) * 4096
end

--- Raises when `grown` bytes are more than `limit`. AddressSanitizer keeps what is freed, so that
--- nothing can be said under it.
function memory.expect_at_most(limit, grown)
    if grown > limit and not must(fs.read("/proc/self/maps")):find("libasan", 1, true) then
        error(string.format("memory grew by %d bytes, more than %d", grown, limit), 2)
    end
end

return memory
