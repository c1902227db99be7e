--- A large object in parts, multipart upload, that an interrupted run finds again.
---
--- S3 keeps nothing of ours at an upload, so its last part says whose it is. Until that part comes,
--- which is after all others, a mark is in its place: its text is Salvor's, which its ETag tells,
--- and its length says what the upload is for. So an upload of somebody else's is never taken for
--- ours, nor ended; and what is left over of ours can be found (leftovers.lua).
local answer = require("salvor.store.s3.answer")
local block = require("salvor.block")
local dates = require("salvor.store.dates")
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")

local PATIENT = 600  -- seconds of silence while the server puts an object together
local CANDIDATES = 20 -- uploads of one name that are looked at
local MARK, MARK_SMALLEST, MARK_SIZES = "An upload that salvor has begun. ", 1024, 65536
local OP = "store.write"

local methods, upload = {}, {}
upload.__index = upload

--- Marks

local function mark_of_size(size)
    return MARK:rep(size // #MARK + 1):sub(1, size)
end

--- The mark of an upload for these bytes.
function methods:_mark(path, size, part_size, fingerprint)
    local text = table.concat({self:_key(path), size, part_size, fingerprint}, "\0")
    local number = tonumber(digest.sha256(text):sub(1, 8), 16) % MARK_SIZES
    return mark_of_size(MARK_SMALLEST + number)
end

--- Whether a part {size, etag} is a mark of Salvor's.
function methods._is_mark(_, part)
    return part.size >= MARK_SMALLEST and part.size < MARK_SMALLEST + MARK_SIZES
        and part.etag == digest.md5(mark_of_size(part.size))
end

--- Requests

--- The parts of an upload that come after number `after`: {[number] = {size, etag}}.
function methods:_parts(path, id, after)
    local parts, marker = {}, after
    while true do
        local got, err = self:_ask({op = OP, method = "GET", key = self:_key(path), path = path,
                                    query = {uploadId = id, ["part-number-marker"] = marker},
                                    xml = {"Part"}})
        if not got then
            return nil, err
        end
        for _, part in ipairs(got.xml.Part or {}) do
            local number = math.tointeger(tonumber(part.PartNumber))
            local size = math.tointeger(tonumber(part.Size))
            if number and size and part.ETag then
                parts[number] = {size = size, etag = answer.etag(part.ETag)}
            end
        end
        local next_marker = tonumber(got.xml.NextPartNumberMarker)
        if got.xml.IsTruncated ~= "true" or not next_marker or next_marker <= marker then
            return parts
        end
        marker = math.tointeger(next_marker)
    end
end

--- A page of the uploads below a key: {{key, id, begun}...}, and what to go on with. Names are not
--- asked for escaped, since Ceph escapes them without saying so.
function methods:_uploads(prefix, markers)
    local query = {uploads = "", prefix = prefix, ["key-marker"] = markers and markers.key,
                   ["upload-id-marker"] = markers and markers.id}
    local got, err = self:_ask({op = OP, method = "GET", query = query, xml = {"Upload"}})
    if not got then
        return nil, err
    end
    local uploads = {}
    for _, entry in ipairs(got.xml.Upload or {}) do
        if entry.Key and entry.UploadId then
            uploads[#uploads + 1] = {key = entry.Key, id = entry.UploadId,
                                     begun = dates.iso(entry.Initiated) or 0}
        end
    end
    local goes_on = got.xml.IsTruncated == "true" and (got.xml.NextKeyMarker or "") ~= ""
    return uploads, goes_on and {key = got.xml.NextKeyMarker,
                                 id = got.xml.NextUploadIdMarker} or nil
end

function methods:_end_upload(path, id)
    return self:_ask({op = OP, method = "DELETE", key = self:_key(path), path = path,
                      query = {uploadId = id}, repeatable = true, expected = {[404] = true}})
end

--- Makes an upload with a mark in the place of its last part; its id.
function methods:_new_upload(path, headers, count, mark)
    local got, err = self:_ask({op = OP, method = "POST", key = self:_key(path), path = path,
                                query = {uploads = ""}, headers = headers, xml = {}})
    if not got then
        return nil, err
    elseif type(got.xml.UploadId) ~= "string" or got.xml.UploadId == "" then
        return errors.fail("Corrupt", {url = self:_url(path), op = OP,
                                       reason = "the server has begun no upload"})
    end
    local id, marked = got.xml.UploadId
    marked, err = self:_ask({op = OP, method = "PUT", key = self:_key(path), path = path,
                             query = {uploadId = id, partNumber = count}, body = mark,
                             checked = true, repeatable = true})
    if not marked then
        self:_end_upload(path, id)
        return nil, err
    end
    return id
end

local function bytes_of_hex(hex)
    return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

--- The ETag of an object of these parts: the MD5 of their MD5s; nil when they are none.
local function etag_of_parts(etags)
    local bytes = {}
    for index, etag in ipairs(etags) do
        if #etag ~= 32 or etag:find("%X") then
            return nil
        end
        bytes[index] = bytes_of_hex(etag)
    end
    return digest.md5(table.concat(bytes)) .. "-" .. #etags
end

local function parts_body(etags)
    local lines = {"<CompleteMultipartUpload>"}
    for index, etag in ipairs(etags) do
        lines[#lines + 1] = string.format(
            "<Part><PartNumber>%d</PartNumber><ETag>&quot;%s&quot;</ETag></Part>", index,
            (etag:gsub("[&<>\"]", "")))
    end
    lines[#lines + 1] = "</CompleteMultipartUpload>"
    return table.concat(lines)
end

--- Whether the object is there already: the answer to an earlier try may have been lost.
local function is_done(self, path, expected, size)
    local item = expected and self:stat(path)
    return item and item.etag == expected and item.size == size and item or nil
end

--- The ETag of what was put together; a Ceph gateway leaves it out of its answer.
local function etag_of(self, path, got)
    local etag = answer.etag(got.xml.ETag)
    if etag ~= "" then
        return etag
    end
    local item, err = self:stat(path)
    return item and item.etag, err
end

--- Makes the object of its parts; `etags` in order, `plain`: they are MD5s. Its item.
function methods:_complete(path, id, etags, size, plain, options)
    local expected = plain and etag_of_parts(etags) or nil
    local got, err = self:_ask({
        op = OP, method = "POST", key = self:_key(path), path = path, query = {uploadId = id},
        headers = {["Content-Type"] = "application/xml",
                   ["If-None-Match"] = options.if_absent and "*" or nil},
        body = parts_body(etags), xml = {}, silence = PATIENT,
    })
    -- What takes long has begun with status 200 when it fails.
    if got and not got.xml.ETag then
        got, err = answer.fail(self, {status = 500, headers = got.headers}, self:_url(path), OP,
            got.xml)
    end
    if not got then
        local item = is_done(self, path, expected, size)
        if item then
            return item
        end
        return self:_refusal(err, path, options, OP)
    end
    local etag
    etag, err = etag_of(self, path, got)
    if not etag then
        return nil, err
    elseif expected and etag ~= expected then
        self:remove({path})
        return errors.fail("Corrupt", {url = self:_url(path), op = OP,
            reason = string.format("its ETag is %s, and that of what was sent %s", etag, expected)})
    end
    return {path = path, size = size, etag = etag, kind = "file",
            modified = dates.http(got.headers.date), metadata = options.metadata,
            version = got.headers["x-amz-version-id"]}
end

--- Uploads

--- The newest upload for the same thing: its id and the parts that it has.
local function find_earlier(self, path, count, mark)
    local key = self:_key(path)
    local found, err = self:_uploads(key)
    if not found then
        return nil, err
    end
    table.sort(found, function(left, right) return left.begun > right.begun end)
    local looked_at, etag = 0, digest.md5(mark)
    for _, entry in ipairs(found) do
        if entry.key == key and looked_at < CANDIDATES then
            looked_at = looked_at + 1
            local last = self:_parts(path, entry.id, count - 1)
            local part = last and last[count]
            if part and part.size == #mark and part.etag == etag then
                return entry.id, self:_parts(path, entry.id, 0)
            end
        end
    end
end

local function part_size_of(self, size, wanted)
    local limits = self.features.part
    local smallest = math.max(limits.smallest, (size + limits.count - 1) // limits.count)
    return math.min(math.max(wanted or 0, smallest), limits.largest)
end

function methods:begin(path, size, options)
    if options.if_absent then
        local is_absent, err = self:_must_be_absent(path, OP)
        if not is_absent then
            return nil, err
        end
    end
    local part_size = part_size_of(self, size, options.part_size)
    local count = math.max((size + part_size - 1) // part_size, 1)
    local mark = self:_mark(path, size, part_size, options.fingerprint or "")
    local id, parts
    if options.fingerprint then
        id, parts = find_earlier(self, path, count, mark)
    end
    if not id then
        local err
        parts = {}
        local headers = self:_attributes(options)
        headers[answer.PART_SIZE] = string.format("%d", part_size)
        id, err = self:_new_upload(path, headers, count, mark)
        if not id then
            return nil, err
        end
    end
    return setmetatable({
        part_size = part_size, _store = self, _path = path, _size = size, _count = count, _id = id,
        _options = options, _plain = true,
        _found = parts or {}, -- by the earlier run, and not looked at yet
        _etags = {},
        _done = 0,
    }, upload)
end

local function note(self, index, etag)
    if not self._etags[index] then
        self._done = self._done + 1
    end
    self._etags[index] = etag
end

function upload:has(index, piece)
    local part = self._found[index]
    if not part or index == self._count or part.size ~= #piece then
        return false
    end
    local md5, err = piece:digest("md5")
    if not md5 then
        return nil, err
    elseif md5.md5 ~= part.etag then
        return false
    end
    note(self, index, part.etag)
    return true
end

local function send(self, index, piece)
    local store = self._store
    local sums, err = store:_sums(piece)
    if not sums then
        return nil, err
    end
    local got
    got, err = store:_ask({
        op = OP, method = "PUT", key = store:_key(self._path), path = self._path,
        query = {uploadId = self._id, partNumber = index},
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
    self._plain = self._plain and md5 ~= nil
    note(self, index, etag)
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

function upload:finish()
    local store = self._store
    if self._last then
        local sent, err = send(self, self._count, self._last)
        if not sent then
            return nil, err
        end
        self:_forget()
    end
    if self._options.if_absent then
        local is_absent, err = store:_must_be_absent(self._path, OP)
        if not is_absent then
            return nil, err
        end
    end
    local item, err = store:_complete(self._path, self._id, self._etags, self._size, self._plain,
        self._options)
    self._ended = item ~= nil
    return item, err
end

--- Twice: a part that was on its way while the upload ended may begin it anew.
function upload:abort()
    self:_forget()
    if self._ended then
        return
    end
    self._ended = true
    local ended = self._store:_end_upload(self._path, self._id)
    if not ended or ended.status ~= 404 then
        self._store:_end_upload(self._path, self._id)
    end
end

function upload:close()
    self:_forget()
end

upload.__close = upload.close

return methods
