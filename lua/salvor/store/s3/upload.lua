--- A large object in parts, that an interrupted run finds again (multipart.lua).
local answer = require("salvor.store.s3.answer")
local block = require("salvor.block")
local errors = require("salvor.store.errors")
local md5_forms = require("salvor.store.http.md5")
local write = require("salvor.store.http.write")

local CANDIDATES = 20 -- uploads of one name that are looked at
local OP = "store.write"

local methods, upload = {}, {}
upload.__index = upload

--- The newest upload for the same thing: its id, whether its parts have checksums, and the parts
--- that it has.
local function find_earlier(self, path, count, mark)
    local key = self:_key(path)
    local found, err = self:_uploads(key)
    if not found then
        return nil, err
    end
    table.sort(found, function(left, right) return left.begun > right.begun end)
    local looked_at = 0
    for _, entry in ipairs(found) do
        if entry.key == key and looked_at < CANDIDATES then
            looked_at = looked_at + 1
            local last = self:_parts(path, entry.id, count - 1)
            local part = last and last[count]
            if part and self:_holds(part, mark) then
                return entry.id, part.sha256 ~= nil, self:_parts(path, entry.id, 0)
            end
        end
    end
end

function methods:begin(path, size, options)
    if options.if_absent then
        local is_absent, err = self:_must_be_absent(path, OP)
        if not is_absent then
            return nil, err
        end
    end
    local part_size = write.part_size(self.features.part, size, options.part_size)
    local count = math.max((size + part_size - 1) // part_size, 1)
    local mark = self:_mark(path, size, part_size, options.fingerprint or "")
    local id, has_sums, parts
    if options.fingerprint then
        id, has_sums, parts = find_earlier(self, path, count, mark)
    end
    if not id then
        local headers = self:_attributes(options)
        headers[answer.PART_SIZE] = string.format("%d", part_size)
        id, has_sums = self:_new_upload(path, headers, count, mark)
        if not id then
            return nil, has_sums
        end
    end
    return setmetatable({
        part_size = part_size, _store = self, _path = path, _size = size, _count = count, _id = id,
        _options = options, _has_sums = has_sums, _has_md5 = not has_sums,
        _found = parts or {}, -- by the earlier run, and not looked at yet
        _parts = {},
        _done = 0,
    }, upload)
end

local function note(self, index, part)
    if not self._parts[index] then
        self._done = self._done + 1
    end
    self._parts[index] = part
end

function upload:has(index, piece)
    local part = self._found[index]
    if not part or part.size ~= #piece then
        return false
    end
    local sums, err = piece:digest(part.sha256 and "sha256" or "md5")
    if not sums then
        return nil, err
    elseif part.sha256 and part.sha256 ~= md5_forms.to_base64(sums.sha256)
        or not part.sha256 and part.etag ~= sums.md5 then
        return false
    end
    note(self, index, part)
    return true
end

local function send(self, index, piece)
    local store = self._store
    local sums, err
    if self._has_sums then
        sums, err = piece:digest("sha256")
    else
        sums, err = store:_sums(piece)
    end
    if not sums then
        return nil, err
    end
    local headers = self._has_sums and store:_checksum_header(sums.sha256) or nil
    local got
    got, err = store:_ask({
        op = OP, method = "PUT", key = store:_key(self._path), path = self._path,
        query = {uploadId = self._id, partNumber = index}, headers = headers,
        body = piece, sums = sums, repeatable = true,
    })
    if not got then
        return nil, err
    end
    local etag, md5 = answer.etag(got.headers.etag, got.headers)
    if not etag then
        return errors.fail("Corrupt", {url = store:_url(self._path), op = OP,
                                       reason = "the server has no ETag for a part"})
    end
    self._has_md5 = self._has_md5 and md5 ~= nil
    note(self, index, {etag = etag, sha256 = headers and headers["x-amz-checksum-sha256"]})
    return true
end

--- The last part stays here until the others are there, since the mark is in its place.
local function keep(self, piece)
    local copy, err = block.new(math.max(#piece, 1))
    if not copy then
        return nil, err
    end
    self:_forget()
    self._last = copy:copy(piece)
    return true
end

function upload:_forget()
    if self._last then
        self._last:release()
        self._last = nil
    end
end

function upload:part(index, piece)
    if index == self._count and self._done < self._count - 1 then
        return keep(self, piece)
    end
    return send(self, index, piece)
end

--- Sends the part that was kept, after which none may be missing.
local function complete_parts(self)
    if self._last then
        local sent, err = send(self, self._count, self._last)
        if not sent then
            return nil, err
        end
        self:_forget()
    end
    if self._done < self._count then
        return errors.fail("Invalid", {url = self._store:_url(self._path), op = OP,
            reason = string.format("%d of its %d parts were sent", self._done, self._count)})
    end
    return true
end

function upload:finish()
    local store = self._store
    local complete, problem = complete_parts(self)
    if not complete then
        return nil, problem
    end
    if self._options.if_absent and not self._asked then
        local is_absent, err = store:_must_be_absent(self._path, OP)
        if not is_absent then
            return nil, err
        end
    end
    self._asked = true -- what is there from now on may be this
    local item, err = store:_complete(self._path, self._id, self._parts, self._size, self._has_md5,
        self._options)
    self._ended = item ~= nil
    return item, err
end

function upload:abort()
    self:_forget()
    if not self._ended then
        self._ended = true
        self._store:_give_up(self._path, self._id)
    end
end

function upload:close()
    self:_forget()
end

upload.__close = upload.close

return methods
