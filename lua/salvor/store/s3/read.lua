--- Bytes of an S3 object into a block: GET, of a range where that is asked for.
local answer = require("salvor.store.s3.answer")
local read = require("salvor.store.http.read")

local function get(self, path, block, offset, length, if_match)
    return self:_ask({
        op = "store.read",
        method = "GET",
        key = self:_key(path),
        path = path,
        headers = {Range = read.range(offset, length), ["If-Match"] = read.condition(if_match)},
        into = block,
        expected = read.NOT_SATISFIABLE,
    })
end

local function item_of(_, path, _, got, size)
    return answer.item(path, got.headers, size)
end

return {read = read.method(get, item_of)}
