--- Bytes of an S3 object into a block: GET, of a range and of one version where that is asked for.
local answer = require("salvor.store.s3.answer")
local errors = require("salvor.store.errors")

local NOT_SATISFIABLE = {[416] = true}

local methods = {}

local function range_of(offset, length)
    if offset == 0 and not length then
        return nil
    end
    return string.format("bytes=%d-%s", offset,
        length and string.format("%d", offset + length - 1) or "")
end

--- Only the status: for what needs no bytes.
local function look(self, path, block, if_match)
    local item, err = self:stat(path)
    if not item then
        return nil, err
    elseif if_match and if_match.etag and item.etag ~= if_match.etag then
        return errors.fail("Changed", {url = self:_url(path), op = "store.read"})
    end
    block:clear()
    return item
end

--- The size of the whole object, when the answer is what was asked for; nil otherwise.
local function size_of(got, offset)
    local length = tonumber(got.headers["content-length"])
    if got.status == 200 then
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
    local offset, if_match = options.offset or 0, options.if_match
    if options.length == 0 then
        return look(self, path, block, if_match)
    end
    local got, err = self:_ask({
        op = "store.read",
        method = "GET",
        key = self:_key(path),
        path = path,
        headers = {Range = range_of(offset, options.length),
                   ["If-Match"] = if_match and if_match.etag and '"' .. if_match.etag .. '"'},
        into = block,
        expected = NOT_SATISFIABLE,
    })
    if not got then
        return nil, err
    elseif got.status == 416 then
        return look(self, path, block, if_match)
    end
    local size = size_of(got, offset)
    if not size or (options.length and #block > options.length) then
        return errors.fail("Corrupt", {url = self:_url(path), op = "store.read", retryable = true,
            reason = "the server has answered with other bytes than those that were asked for",
            status = got.status, request_id = got.headers["x-amz-request-id"]})
    end
    return answer.item(path, got.headers, size)
end

return methods
