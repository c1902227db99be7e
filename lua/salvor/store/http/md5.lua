--- The forms of an MD5: hex in items, base64 in headers (RFC 1864).
local digest = require("salvor.digest")

local md5 = {}

function md5.hex(bytes)
    return (bytes:gsub(".", function(byte) return string.format("%02x", byte:byte()) end))
end

function md5.bytes(hex)
    return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

--- The MD5 in hex of what is base64; nil for anything else.
function md5.of_base64(base64)
    local bytes = base64 and digest.unbase64(base64)
    return bytes and #bytes == 16 and md5.hex(bytes) or nil
end

--- The other way round; of any digest.
function md5.to_base64(hex)
    return digest.base64(md5.bytes(hex))
end

return md5
