--- What Azure says of one blob: Get Blob Properties.
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

return methods
