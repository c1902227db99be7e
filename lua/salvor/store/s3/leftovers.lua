--- Uploads that were begun and never ended take room that no list shows. Those of Salvor's are
--- known by their mark (upload.lua); others are somebody else's affair.
local methods = {}

--- The last part of an upload, which is the mark when it is one of ours.
local function last_part(self, path, id)
    local parts = self:_parts(path, id, 0)
    local last = 0
    for number in pairs(parts or {}) do
        last = math.max(last, number)
    end
    return parts and parts[last]
end

--- leftovers(prefix, {older_than = seconds, remove = boolean}) -> {{path, begun, removed}...}, or
--- nil and an error: store/backend.lua. Their parts are gone when they are ended.
function methods:leftovers(prefix, options)
    local before = os.time() + self._skew - options.older_than
    local found, markers = {}, nil
    repeat
        local uploads, more = self:_uploads(self:_key(prefix), markers)
        if not uploads then
            return nil, more
        end
        for _, entry in ipairs(uploads) do
            local path = entry.key:sub(#self._root + 1)
            local last = math.floor(entry.begun) <= before and last_part(self, path, entry.id)
            if last and self:_is_mark(last) then
                local removed = options.remove and self:_end_upload(path, entry.id) ~= nil or false
                found[#found + 1] = {path = path, begun = entry.begun, removed = removed}
            end
        end
        markers = more
    until not markers
    return found
end

return methods
