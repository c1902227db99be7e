local methods = {}

--- What a link points to; the link itself when that is not there.
function methods:stat(path)
    return self:_use(false, function(connection)
        local attrs, err = connection:stat(self:_path(path))
        if not attrs and err.code == "NotFound" then
            local link = connection:stat(self:_path(path), true)
            attrs = link
        end
        if not attrs then
            return self:_failed(err, path)
        end
        return self._item(path, attrs)
    end)
end

return methods
