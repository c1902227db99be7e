--- Requests about multipart uploads, and whose an upload is.
---
--- S3 keeps nothing of ours at an upload, so its last part says whose it is. Until that part comes,
--- which is after all others, a mark is in its place: its text is Salvor's, which its ETag tells,
--- and its length says what the upload is for. So an upload of somebody else's is never taken for
--- ours, nor ended; and what is left over of ours can be found (leftovers.lua).
---
--- ETags say nothing of bytes that a key of KMS's encrypts. There an upload is begun whose parts
--- have checksums of their own, where the server knows such. Not elsewhere: some refuse them.
local answer = require("salvor.store.s3.answer")
local common = require("salvor.store.http.answer")
local dates = require("salvor.dates")
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")
local md5_forms = require("salvor.store.http.md5")

local PATIENT = 600  -- seconds of silence while the server puts an object together
local MARK, MARK_SMALLEST, MARK_SIZES = "An upload that salvor has begun. ", 1024, 65536
local ALGORITHM = "x-amz-checksum-algorithm"
local OP = "store.write"

local methods = {}

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

--- Whether a part holds that text, a mark.
function methods._holds(_, part, text)
    if part.sha256 then
        return part.sha256 == md5_forms.to_base64(digest.sha256(text))
    end
    return part.etag == digest.md5(text)
end

--- Whether a part {size, etag, sha256} is a mark of Salvor's.
function methods:_is_mark(part)
    return part.size >= MARK_SMALLEST and part.size < MARK_SMALLEST + MARK_SIZES
        and self:_holds(part, mark_of_size(part.size))
end

--- Requests

--- The parts of an upload that come after number `after`: {[number] = {size, etag, sha256}}, the
--- last in base64 and nil where parts have none.
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
                parts[number] = {size = size, etag = answer.etag(part.ETag),
                                 sha256 = common.text(part, "ChecksumSHA256")}
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
        if type(entry.Key) == "string" and type(entry.UploadId) == "string" then
            uploads[#uploads + 1] = {key = entry.Key, id = entry.UploadId,
                                     begun = dates.iso(entry.Initiated) or 0}
        end
    end
    if got.xml.IsTruncated ~= "true" or (got.xml.NextKeyMarker or "") == "" then
        return uploads
    end
    local more = {key = got.xml.NextKeyMarker, id = got.xml.NextUploadIdMarker}
    if markers and markers.key == more.key and markers.id == more.id then
        return errors.fail("Corrupt", {url = self.url, op = OP,
            reason = "the server lists the same unfinished uploads again and again"})
    end
    return uploads, more
end

function methods:_end_upload(path, id)
    return self:_ask({op = OP, method = "DELETE", key = self:_key(path), path = path,
                      query = {uploadId = id}, repeatable = true, expected = {[404] = true}})
end

--- Twice: a part that was on its way while the upload ended may keep it.
function methods:_give_up(path, id)
    local ended = self:_end_upload(path, id)
    if not ended or ended.status ~= 404 then
        self:_end_upload(path, id)
    end
end

--- A `<close>` variable that gives an upload up unless its `keep` is true by then.
function methods:_guard(path, id)
    return setmetatable({keep = false}, {__close = function(guard)
        if not guard.keep then
            self:_give_up(path, id)
        end
    end})
end

--- Begins an upload: its id, and the headers of the answer.
local function begin_upload(self, path, headers)
    local got, err = self:_ask({op = OP, method = "POST", key = self:_key(path), path = path,
                                query = {uploads = ""}, headers = headers, xml = {}})
    if not got then
        return nil, err
    elseif type(got.xml.UploadId) ~= "string" or got.xml.UploadId == "" then
        return errors.fail("Corrupt", {url = self:_url(path), op = OP,
                                       reason = "the server has begun no upload"})
    end
    return got.xml.UploadId, got.headers
end

--- The same of one whose parts have checksums, where their ETags are none. Only the answer tells
--- that, and the bucket's next uploads are begun like it at once.
local function begin_checked(self, path, headers)
    headers[ALGORITHM] = self._sums_parts and "SHA256" or nil
    local id, told = begin_upload(self, path, headers)
    if not id or headers[ALGORITHM] or answer.has_md5(told) then
        return id, told
    end
    headers[ALGORITHM] = "SHA256"
    local checked, its = begin_upload(self, path, headers)
    if not checked then
        return id, told
    end
    self._sums_parts = its[ALGORITHM] == "SHA256"
    self:_end_upload(path, id)
    return checked, its
end

--- The header with the checksum of a part, in hexadecimal.
function methods._checksum_header(_, sha256)
    return {["x-amz-checksum-sha256"] = md5_forms.to_base64(sha256)}
end

--- Makes an upload with a mark in the place of its last part: its id, and whether each part has to
--- have a checksum.
function methods:_new_upload(path, headers, count, mark)
    local id, told = begin_checked(self, path, headers)
    if not id then
        return nil, told
    end
    local has_sums = told[ALGORITHM] == "SHA256"
    local guard <close> = self:_guard(path, id)
    local marked, err = self:_ask({
        op = OP, method = "PUT", key = self:_key(path), path = path,
        query = {uploadId = id, partNumber = count}, body = mark, checked = true,
        headers = has_sums and self:_checksum_header(digest.sha256(mark)) or nil,
        repeatable = true,
    })
    guard.keep = marked ~= nil
    if not marked then
        return nil, err
    end
    return id, has_sums
end

--- The ETag of an object of these parts: the MD5 of their MD5s; nil when they are none.
local function etag_of_parts(parts)
    local bytes = {}
    for index, part in ipairs(parts) do
        if #part.etag ~= 32 or part.etag:find("%X") then
            return nil
        end
        bytes[index] = md5_forms.bytes(part.etag)
    end
    return digest.md5(table.concat(bytes)) .. "-" .. #parts
end

local function plain(text)
    return (text:gsub("[&<>\"]", ""))
end

local function parts_body(parts)
    local lines = {"<CompleteMultipartUpload>"}
    for index, part in ipairs(parts) do
        lines[#lines + 1] = string.format(
            "<Part><PartNumber>%d</PartNumber><ETag>&quot;%s&quot;</ETag>%s</Part>", index,
            plain(part.etag), part.sha256
                and "<ChecksumSHA256>" .. plain(part.sha256) .. "</ChecksumSHA256>" or "")
    end
    lines[#lines + 1] = "</CompleteMultipartUpload>"
    return table.concat(lines)
end

--- The object, when it is there already: the answer to an earlier try may have been lost.
local function find_done(self, path, id, expected)
    local item = expected and self:stat(path)
    if item and item.etag == expected then
        self:_end_upload(path, id)
        return item
    end
end

--- The ETag of what was put together; a Ceph gateway leaves it out of its answer.
local function etag_of(self, path, got)
    local etag = answer.etag(got.xml.ETag)
    if etag and etag ~= "" then
        return etag
    end
    local item, err = self:stat(path)
    return item and (item.etag or ""), err
end

--- Makes the object of its parts {etag, sha256}, in order; `has_md5`: their ETags are MD5s. Its
--- item.
function methods:_complete(path, id, parts, size, has_md5, options)
    local expected = has_md5 and etag_of_parts(parts) or nil
    local got, err = self:_ask({
        op = OP, method = "POST", key = self:_key(path), path = path, query = {uploadId = id},
        headers = {["Content-Type"] = "application/xml",
                   ["If-None-Match"] = options.if_absent and "*" or nil},
        body = parts_body(parts), xml = {}, silence = PATIENT,
    })
    -- What takes long has begun with status 200 when it fails.
    if got and not got.xml.ETag then
        got, err = answer.fail(self, got, self:_url(path), OP, got.xml)
    end
    if not got then
        local item = find_done(self, path, id, expected)
        if item then
            return item
        end
        return self:_refusal(err, path, options, OP)
    end
    local etag
    etag, err = etag_of(self, path, got)
    if not etag then
        return nil, err
    elseif expected and etag ~= expected and etag:find("^%x+%-%d+$") then
        self:remove({path})
        return errors.fail("Corrupt", {url = self:_url(path), op = OP,
            reason = string.format("its ETag is %s, and that of what was sent %s", etag, expected)})
    end
    return {path = path, size = size, etag = etag, kind = "file",
            modified = dates.http(got.headers.date), metadata = options.metadata,
            version = got.headers["x-amz-version-id"]}
end

return methods
