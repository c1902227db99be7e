--- What Azure says of one blob: Get Blob Properties.
local answer = require("salvor.store.azure.answer")
local names = require("salvor.store.azure.names")

local methods = {}

--- The headers of a HEAD.
function methods:_head(path, op, headers)
    local key, err = names.check(self, path, op)
    if not key then
        return nil, err
    end
    return self:_ask({op = op, method = "HEAD", key = key, path = path, headers = headers,
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
