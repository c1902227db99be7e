--- Bytes of a blob into a block: Get Blob, of a range where that is asked for.
local answer = require("salvor.store.azure.answer")
local md5_forms = require("salvor.store.http.md5")
local names = require("salvor.store.azure.names")
local read = require("salvor.store.http.read")

local OP = "store.read"
local MD5_LIMIT = 4 << 20 -- bytes of a range that Azure makes a checksum of

local function get(self, path, block, offset, length, if_match)
    local key, err = names.check(self, path, OP)
    if not key then
        return nil, err
    end
    local headers = {["If-Match"] = read.condition(if_match),
                     ["x-ms-range"] = read.range(offset, length)}
    headers["x-ms-range-get-content-md5"] = length and length <= MD5_LIMIT and "true" or nil
    return self:_ask({op = OP, method = "GET", key = key, path = path, headers = headers,
                      into = block, expected = read.NOT_SATISFIABLE, repeatable = true})
end

--- Content-MD5 is that of the bytes which came; of a range only where it was asked for.
local function item_of(self, path, block, got, size)
    local is_range = got.status == 206
    local md5 = is_range and md5_forms.of_base64(got.headers["content-md5"])
    if md5 and md5 ~= block:digest("md5").md5 then
        return read.corrupt(self, path, got, "its MD5 is not that of the bytes that came")
    end
    return answer.item(path, got.headers, size, is_range)
end

return {read = read.method(get, item_of)}
