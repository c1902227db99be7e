local methods = {}

function methods:remove(paths)
    local root, err = self:_open("store.remove")
    if not root then
        return nil, err
    end
    local failed, problem = root:remove(paths)
    if not failed then
        return self:_failed("store.remove", problem)
    end
    for _, failure in ipairs(failed) do
        local _, told = self:_failed("store.remove", failure.err, (failure.path:gsub("/$", "")))
        failure.err = told
    end
    return {n = #paths - #failed, failed = failed}
end

return methods
