--- What is the same in reading from any store over HTTP: GET, of a range where that is asked for.
local answer = require("salvor.store.http.answer")
local errors = require("salvor.store.errors")

local OP = "store.read"

local read = {}

--- The status of an answer which says that there are no such bytes, to be expected.
read.NOT_SATISFIABLE = {[416] = true}

--- The value of the header that asks for a range; nil for the whole object.
function read.range(offset, length)
    if offset == 0 and not length then
        return nil
    end
    return string.format("bytes=%d-%s", offset,
        length and string.format("%d", offset + length - 1) or "")
end

--- That of If-Match.
function read.condition(item)
    return item and item.etag and '"' .. item.etag .. '"' or nil
end

--- The error of an answer with other bytes than the object's.
function read.corrupt(store, path, got, reason)
    return errors.fail("Corrupt", {url = store:_url(path), op = OP, retryable = true,
        reason = reason, status = got.status, request_id = answer.request_id(got)})
end

--- Only the properties: for what needs no bytes.
local function look(store, path, block, if_match)
    local item, err = store:stat(path)
    if not item then
        return nil, err
    elseif if_match and if_match.etag and item.etag ~= if_match.etag then
        return errors.fail("Changed", {url = store:_url(path), op = OP})
    end
    block:clear()
    return item
end

--- The size of the whole object, when the answer is what was asked for; nil otherwise.
local function size_of(got, offset)
    if got.status == 200 then
        return offset == 0 and got.received or nil
    end
    local first, last, whole = (got.headers["content-range"] or "")
        :match("^bytes (%d+)%-(%d+)/(%d+)$")
    if not first or tonumber(first) ~= offset or tonumber(last) - offset + 1 ~= got.received then
        return nil
    end
    return math.tointeger(tonumber(whole))
end

--- The method read() of a back end.
---
---     get(self, path, block, offset, length, if_match) -> answer, also one of NOT_SATISFIABLE
---     item_of(self, path, block, answer, size) -> item; `size`: the whole object's
function read.method(get, item_of)
    return function(self, path, block, options)
        options = options or {}
        local offset, length, if_match = options.offset or 0, options.length, options.if_match
        if length == 0 then
            return look(self, path, block, if_match)
        end
        local got, err = get(self, path, block, offset, length, if_match)
        if not got then
            return nil, err
        elseif got.status == 416 then
            return look(self, path, block, if_match)
        end
        local size = size_of(got, offset)
        if not size or (length and #block > length) then
            return read.corrupt(self, path, got,
                "the server has answered with other bytes than those that were asked for")
        end
        return item_of(self, path, block, got, size)
    end
end

return read
