local digest = require("salvor.digest")

local methods, uploads = {}, {}
uploads.__index = uploads

local OP = "store.write"
local PATH_DIGITS, DIGITS = 12, 20

local function attributes(options)
    return {mode = options.mode, modified = options.modified, if_absent = options.if_absent}
end

function methods:write(path, block, options)
    local root, err = self:_open(OP, true)
    if not root then
        return nil, err
    end
    local item, problem = root:write(path, block, attributes(options))
    if not item then
        return self:_failed(OP, problem, path)
    end
    return item
end

--- The name of the temporary file tells what is being written, so that the same upload finds it;
--- the first digits are the path's (store/local/upload.h).
local function id_of(path, size, part_size, fingerprint)
    local name = path:match("[^/]*$")
    local text = string.format("%s\0%d\0%d\0%s", name, size, part_size, fingerprint)
    return digest.sha256(name):sub(1, PATH_DIGITS) .. digest.sha256(text):sub(1, DIGITS)
end

function methods:begin(path, size, options)
    local root, err = self:_open(OP, true)
    if not root then
        return nil, err
    end
    if options.if_absent and root:stat(path) then
        return self:_failed(OP, {code = "AlreadyExists", message = ""}, path)
    end
    local part_size = options.part_size or self.features.part.default
    local id = id_of(path, size, part_size, options.fingerprint or "")
    local native, problem = root:begin(path, size, part_size, id, attributes(options),
        self._patience)
    if not native then
        return self:_failed(OP, problem, path)
    end
    return setmetatable({store = self, path = path, size = size, part_size = part_size,
                         native = native, parts = {}}, uploads)
end

local function count_of(upload)
    return math.max(1, math.ceil(upload.size / upload.part_size))
end

local function check_part(upload, index, block)
    local last = count_of(upload)
    local expected = index < last and upload.part_size
        or upload.size - (last - 1) * upload.part_size
    if index < 1 or index > last or #block ~= expected then
        error(string.format("part %d of %d bytes does not belong to this upload", index, #block), 3)
    end
    return (index - 1) * upload.part_size
end

function uploads:has(index, block)
    local has, err = self.native:has(check_part(self, index, block), block)
    if has == nil then
        return self.store:_failed(OP, err, self.path)
    end
    self.parts[index] = has or nil
    return has
end

function uploads:recall(index, block)
    local offset = (index - 1) * self.part_size
    local there, err = self.native:recall(offset, block)
    if there == nil then
        return self.store:_failed(OP, err, self.path)
    end
    self.parts[index] = there or nil
    return there
end

function uploads:part(index, block)
    local done, err = self.native:part(check_part(self, index, block), block)
    if not done then
        return self.store:_failed(OP, err, self.path)
    end
    self.parts[index] = true
    return true
end

function uploads:finish()
    for index = 1, count_of(self) do
        if not self.parts[index] then
            error(string.format("part %d is missing", index), 2)
        end
    end
    local item, err = self.native:finish()
    if not item then
        return self.store:_failed(OP, err, self.path)
    end
    item.path = self.path
    return item
end

function uploads:abort()
    self.native:abort()
end

function uploads:close()
    self.native:close()
end

uploads.__close = uploads.close

return methods
