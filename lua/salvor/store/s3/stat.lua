--- What an S3 server says of one object: HEAD.
local methods = {}

--- The headers of a HEAD; `query` may ask for a part.
function methods:_head(path, op, query)
    return self:_ask({op = op, method = "HEAD", key = self:_key(path), path = path, query = query,
                      repeatable = true})
end

return methods
