local errors = require("salvor.store.errors")

local methods = {}

-- A transfer of so many bytes keeps a connection busy.
local HEAVY = 1 << 20

local function is_other(meant, attrs)
    return meant.size ~= attrs.size or meant.modified ~= attrs.modified
end

local function check(self, path, block, attrs, options)
    local url = self:_url(path)
    local meant, offset = options.if_match, options.offset or 0
    local rest = math.max(0, (attrs.size or 0) - offset)
    local wanted = math.min(options.length or rest, rest)
    if attrs.kind == "folder" then
        return errors.fail("Invalid", {url = url, op = "store", reason = "it is a folder"})
    elseif attrs.changed or meant and is_other(meant, attrs) then
        return errors.fail("Changed", {url = url, op = "store"})
    elseif wanted > block:capacity() then
        return errors.fail("TooLarge", {url = url, op = "store", reason = string.format(
            "%d bytes for a block of %d", wanted, block:capacity())})
    elseif #block < wanted then
        return errors.fail("Changed", {url = url, op = "store", reason = "it has become shorter"})
    end
    return self._item(path, attrs)
end

function methods:read(path, block, options)
    local offset = options.offset or 0
    local length = math.min(options.length or block:capacity(), block:capacity())
    local believed = options.if_match and math.max(0, options.if_match.size - offset) or 0
    local likely = math.min(length, believed)
    return self:_use(likely >= HEAVY, function(connection)
        local attrs, err = connection:read(self:_path(path), block, offset, length, likely)
        if not attrs then
            return self:_failed(err, path, connection)
        end
        return check(self, path, block, attrs, options)
    end)
end

return methods
