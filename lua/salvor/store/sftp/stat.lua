local methods = {}

--- What a link points to; the link itself when that is not there.
function methods:_stat(path, op)
    return self:_use({op = op, path = path}, function(connection)
        local attrs, err = connection:stat(self:_path(path))
        if not attrs and err.code == "NotFound" then
            attrs = connection:stat(self:_path(path), true)
        end
        if not attrs then
            return nil, err
        end
        return self._item(path, attrs)
    end)
end

function methods:stat(path)
    return self:_stat(path, "store.stat")
end

return methods
