local methods = {}

function methods:read(path, block, options)
    local root, err = self:_open("store.read")
    if not root then
        return nil, err
    end
    local item, problem = root:read(path, block, options.offset or 0, options.length,
        options.if_match and options.if_match.etag)
    if not item then
        return self:_failed("store.read", problem, path)
    end
    return item
end

return methods
