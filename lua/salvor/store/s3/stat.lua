--- What an S3 server says of one object: HEAD.
local answer = require("salvor.store.s3.answer")

local methods = {}

--- The headers of a HEAD; `query` may ask for a part.
function methods:_head(path, op, query)
    return self:_ask({op = op, method = "HEAD", key = self:_key(path), path = path, query = query,
                      repeatable = true})
end

function methods:stat(path)
    local got, err = self:_head(path, "store.stat")
    if not got then
        return nil, err
    end
    local size = math.tointeger(tonumber(got.headers["content-length"])) or 0
    return answer.item(path, got.headers, size)
end

return methods
