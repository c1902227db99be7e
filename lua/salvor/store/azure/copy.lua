--- Copies that the server makes, within one account: Copy Blob, which may go on after its answer.
local answer = require("salvor.store.azure.answer")
local errors = require("salvor.store.errors")
local http = require("salvor.store_http")
local names = require("salvor.store.azure.names")
local task = require("salvor.task")

local FIRST, LONGEST = 0.1, 2 -- seconds between questions how far it is
local OP = "store.copy"

local methods = {}

--- The source's URL as the server is to read it, with the signature that lets it.
local function source_url(self, key)
    local who, err = self._credentials:get()
    if not who then
        return nil, err
    end
    local query = {}
    for name, value in pairs(who.sas or {}) do
        query[#query + 1] = name .. "=" .. http.escape(value)
    end
    return self._at.origin .. self:_target(key)
        .. (#query > 0 and "?" .. table.concat(query, "&") or "")
end

--- Ends a copy that goes on, and removes what there is of it.
local function give_up(self, to, key, id)
    self:_ask({op = OP, method = "PUT", key = key, path = to, query = {comp = "copy", copyid = id},
               headers = {["x-ms-copy-action"] = "abort"}})
    local item = self:_head(to, OP)
    if item and item.headers["x-ms-copy-id"] == id
        and item.headers["x-ms-copy-status"] ~= "success" then
        self:_remove(to, {["If-Match"] = item.headers.etag})
    end
end

--- Waits until it has ended; the headers of the blob.
local function await(self, to, id)
    local pause = FIRST
    while true do
        local got, err = self:_head(to, OP)
        if not got then
            return nil, err
        end
        local status = got.headers["x-ms-copy-status"]
        if got.headers["x-ms-copy-id"] ~= id then
            return errors.fail("Changed", {url = self:_url(to), op = OP})
        elseif status == "success" then
            return got
        elseif status ~= "pending" then
            return errors.fail("IO", {url = self:_url(to), op = OP, reason = string.format(
                "the server has not copied it: %s %s", status or "no status",
                got.headers["x-ms-copy-status-description"] or "")})
        end
        task.sleep(pause)
        pause = math.min(2 * pause, LONGEST)
    end
end

local function start(self, from, to_key, item)
    local from_key, err = names.check(self, from, OP)
    if not from_key then
        return nil, err
    end
    local url
    url, err = source_url(self, from_key)
    if not url then
        return nil, err
    end
    return self:_ask({op = OP, method = "PUT", key = to_key, path = from, repeatable = true,
                      headers = {["x-ms-copy-source"] = url,
                                 ["x-ms-source-if-match"] = item.etag and '"' .. item.etag .. '"'}})
end

function methods:copy(from, to, options)
    local item, err = options and options.item, nil
    if not item then
        item, err = self:stat(from)
    end
    if not item then
        return nil, err
    elseif from == to then
        return errors.fail("Invalid", {url = self:_url(from), op = OP,
                                       reason = "it cannot be copied to itself"})
    end
    local key, got
    key, err = names.check(self, to, OP, true)
    if not key then
        return nil, err
    end
    got, err = start(self, from, key, item)
    if not got then
        return nil, err
    end
    local id, done = got.headers["x-ms-copy-id"], false
    local guard <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
        if not done then
            give_up(self, to, key, id)
        end
    end})
    got, err = await(self, to, id)
    if not got then
        return nil, err
    end
    done = true
    return answer.item(to, got.headers, math.tointeger(tonumber(got.headers["content-length"])))
end

return methods
