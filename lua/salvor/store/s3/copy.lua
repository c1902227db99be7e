--- Copies that the server makes: in one request as far as S3 allows it, above that range by range.
local answer = require("salvor.store.s3.answer")
local checksum = require("salvor.store.checksum")
local errors = require("salvor.store.errors")
local http = require("salvor.store_http")
local task = require("salvor.task")
local text = require("salvor.store.http.answer").text

local PATIENT = 600 -- seconds of silence while the server copies
local WORKERS = 4
local OP = "store.copy"

local methods = {}

local function source_headers(self, from, item)
    local headers = {
        ["x-amz-copy-source"] = "/" .. self._bucket .. "/" .. http.escape(self:_key(from), "/")
            .. (item.version and "?versionId=" .. http.escape(item.version) or ""),
    }
    if item.etag then
        headers["x-amz-copy-source-if-match"] = '"' .. item.etag .. '"'
    end
    return headers
end

--- One request that copies; ETag and checksum of what came of it. It may fail after status 200.
local function ask_to_copy(self, from, to, query, headers)
    local got, err = self:_ask({op = OP, method = "PUT", key = self:_key(to), path = from,
                                query = query, headers = headers, xml = {}, repeatable = true,
                                silence = PATIENT})
    if not got then
        return nil, err
    end
    local etag, md5 = answer.etag(got.xml.ETag, got.headers)
    if not etag then
        return answer.fail(self, got, self:_url(from), OP, got.xml)
    end
    return {etag = etag, md5 = md5, sha256 = text(got.xml, "ChecksumSHA256"),
            version = got.headers["x-amz-version-id"]}
end

--- Whether the copy is one of another object than was meant: a Ceph gateway does not know
--- x-amz-copy-source-if-match.
local function is_other(self, copied, item)
    if not copied.md5 or not item.md5 or copied.md5 == item.md5 then
        return false
    end
    local md5 = checksum.proven(self, item).md5
    return md5 ~= nil and copied.md5 ~= md5
end

local function copy_whole(self, from, to, item)
    local copied, err = ask_to_copy(self, from, to, nil, source_headers(self, from, item))
    if not copied then
        return nil, err
    elseif is_other(self, copied, item) then
        return errors.fail("Changed", {url = self:_url(from), op = OP})
    end
    return {path = to, size = item.size, kind = answer.kind(to, item.size),
            modified = os.time() + self._skew, etag = copied.etag, md5 = copied.md5,
            version = copied.version, metadata = item.metadata}
end

--- Equal parts, each within what one request copies.
local function ranges_of(self, size)
    local limits = self.features.part
    local part = math.max(limits.smallest, math.min(self.copy_limit // 8, limits.largest),
        (size + limits.count - 1) // limits.count)
    local ranges = {}
    for first = 0, size - 1, part do
        ranges[#ranges + 1] = string.format("bytes=%d-%d", first, math.min(first + part, size) - 1)
    end
    return ranges, part
end

--- The last one alone, since the upload's mark is in its place.
local function copy_ranges(self, from, to, item, id, ranges)
    local parts, failure, has_md5 = {}, nil, true
    local function copy(range, index)
        if failure then
            return
        end
        local headers = source_headers(self, from, item)
        headers["x-amz-copy-source-range"] = range
        local copied, err = ask_to_copy(self, from, to, {uploadId = id, partNumber = index},
            headers)
        if not copied then
            failure = err
        else
            parts[index], has_md5 = copied, has_md5 and copied.md5 ~= nil
        end
    end
    local last = #ranges
    task.map({table.unpack(ranges, 1, last - 1)}, copy, {workers = WORKERS})
    copy(ranges[last], last)
    if failure then
        return nil, failure
    end
    return self:_complete(to, id, parts, item.size, has_md5, {metadata = item.metadata})
end

local function copy_in_ranges(self, from, to, item)
    local ranges, part = ranges_of(self, item.size)
    local headers = self:_attributes({metadata = item.metadata})
    headers[answer.PART_SIZE] = string.format("%d", part)
    local id, problem = self:_new_upload(to, headers, #ranges,
        self:_mark(to, item.size, 0, from))
    if not id then
        return nil, problem
    end
    local guard <close> = self:_guard(to, id)
    local copied, err = copy_ranges(self, from, to, item, id, ranges)
    guard.keep = copied ~= nil
    return copied, err
end

function methods:copy(from, to, options)
    local item, err = options and options.item, nil
    if not item or item.size > self.copy_limit then
        item, err = self:stat(from) -- with the metadata
    end
    if not item then
        return nil, err
    elseif from == to then
        return errors.fail("Invalid", {url = self:_url(from), op = OP,
                                       reason = "it cannot be copied to itself"})
    elseif item.size > self.copy_limit then
        return copy_in_ranges(self, from, to, item)
    end
    return copy_whole(self, from, to, item)
end

return methods
