--- What is the same in asking any store over HTTP for one object: HEAD. A back end has _head(path,
--- op), and _item(path, headers, size).
local errors = require("salvor.store.errors")
local answer = require("salvor.store.http.answer")

local OP = "store.stat"

local methods = {}

function methods:stat(path)
    local got, err = self:_head(path, OP)
    if not got then
        return nil, err
    end
    local size = math.tointeger(tonumber(got.headers["content-length"]))
    if not size then
        return errors.fail("Corrupt", {url = self:_url(path), op = OP, status = got.status,
            request_id = answer.request_id(got),
            reason = "the server does not say how large it is"})
    end
    return self._item(path, got.headers, size)
end

return methods
