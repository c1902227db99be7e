--- Bytes of a blob into a block: Get Blob, of a range where that is asked for.
local answer = require("salvor.store.azure.answer")
local errors = require("salvor.store.errors")
local md5_forms = require("salvor.store.http.md5")
local names = require("salvor.store.azure.names")

local OP = "store.read"
local MD5_LIMIT = 4 << 20 -- bytes of a range that Azure makes a checksum of
local NOT_SATISFIABLE = {[416] = true}

local methods = {}

local function corrupt(self, path, got, reason)
    return errors.fail("Corrupt", {url = self:_url(path), op = OP, retryable = true,
        reason = reason, status = got.status, request_id = got.headers["x-ms-request-id"]})
end

--- Only the properties: for what needs no bytes.
local function look(self, path, block, if_match)
    local item, err = self:stat(path)
    if not item then
        return nil, err
    elseif if_match and if_match.etag and item.etag ~= if_match.etag then
        return errors.fail("Changed", {url = self:_url(path), op = OP})
    end
    block:clear()
    return item
end

local function headers_of(offset, length, if_match)
    local headers = {["If-Match"] = if_match and if_match.etag and '"' .. if_match.etag .. '"'}
    if offset > 0 or length then
        headers["x-ms-range"] = string.format("bytes=%d-%s", offset,
            length and string.format("%d", offset + length - 1) or "")
        headers["x-ms-range-get-content-md5"] = length and length <= MD5_LIMIT and "true" or nil
    end
    return headers
end

--- The size of the whole object, when the answer is what was asked for; nil otherwise.
local function size_of(got, offset)
    if got.status == 200 then
        local length = tonumber(got.headers["content-length"])
        return offset == 0 and math.tointeger(length or got.received) or nil
    end
    local first, last, whole = (got.headers["content-range"] or "")
        :match("^bytes (%d+)%-(%d+)/(%d+)$")
    if not first or tonumber(first) ~= offset or tonumber(last) - offset + 1 ~= got.received then
        return nil
    end
    return math.tointeger(tonumber(whole))
end

function methods:read(path, block, options)
    options = options or {}
    local offset, length, if_match = options.offset or 0, options.length, options.if_match
    if length == 0 then
        return look(self, path, block, if_match)
    end
    local key, err = names.check(self, path, OP)
    if not key then
        return nil, err
    end
    local headers = headers_of(offset, length, if_match)
    local got
    got, err = self:_ask({op = OP, method = "GET", key = key, path = path, headers = headers,
                          into = block, expected = NOT_SATISFIABLE, repeatable = true})
    if not got then
        return nil, err
    elseif got.status == 416 then
        return look(self, path, block, if_match)
    end
    local size = size_of(got, offset)
    if not size or (length and #block > length) then
        return corrupt(self, path, got,
            "the server has answered with other bytes than those that were asked for")
    end
    local md5 = headers["x-ms-range-get-content-md5"]
        and md5_forms.of_base64(got.headers["content-md5"])
    if md5 and md5 ~= block:digest("md5").md5 then
        return corrupt(self, path, got, "its MD5 is not that of the bytes that came")
    end
    return answer.item(path, got.headers, size, headers["x-ms-range"] ~= nil)
end

return methods
