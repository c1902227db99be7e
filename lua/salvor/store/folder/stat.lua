local methods = {}

function methods:stat(path)
    local root, err = self:_open("store.stat")
    if not root then
        return nil, err
    end
    local item, problem = root:stat(path)
    if not item then
        return self:_failed("store.stat", problem, path)
    end
    return item
end

return methods
