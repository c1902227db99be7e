local methods = {}

-- A transfer of so many bytes keeps a connection busy.
local HEAVY = 1 << 20

local function is_other(meant, attrs)
    return meant.size ~= attrs.size or meant.modified ~= attrs.modified
end

local function fail(code, reason)
    return nil, {code = code, message = reason or ""}
end

local function check(self, path, block, attrs, options)
    local meant, offset = options.if_match, options.offset or 0
    local rest = math.max(0, (attrs.size or 0) - offset)
    local wanted = math.min(options.length or rest, rest)
    if attrs.kind == "folder" then
        return fail("Invalid", "it is a folder")
    elseif attrs.changed or meant and is_other(meant, attrs) then
        return fail("Changed")
    elseif wanted > block:capacity() then
        return fail("TooLarge", string.format("%d bytes for a block of %d", wanted,
            block:capacity()))
    elseif #block < wanted then
        return fail("Changed", "it has become shorter")
    end
    return self._item(path, attrs)
end

function methods:read(path, block, options)
    local offset = options.offset or 0
    local length = math.min(options.length or block:capacity(), block:capacity())
    local believed = options.if_match and math.max(0, options.if_match.size - offset) or 0
    local likely = math.min(length, believed)
    local call = {op = "store.read", path = path, heavy = likely >= HEAVY}
    return self:_use(call, function(connection)
        local attrs, err = connection:read(self:_path(path), block, offset, length, likely)
        if not attrs then
            return nil, err
        end
        return check(self, path, block, attrs, options)
    end)
end

return methods
