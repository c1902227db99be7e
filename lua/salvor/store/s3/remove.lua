--- Removing: a thousand names a request, one by one those that XML cannot carry.
local answer = require("salvor.store.s3.answer")
local common = require("salvor.store.http.remove")

local BATCH = 1000
local WORKERS = 8
local REPEATED = {"Error", "Deleted"}
local OP = "store.remove"

local ENTITIES = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
                  ["\r"] = "&#13;", ["\n"] = "&#10;", ["\t"] = "&#9;"}

local methods = {}

local function escape(text)
    return (text:gsub('[&<>"\r\n\t]', ENTITIES))
end

--- Characters that XML 1.0 does not have, also not as &#1;.
local function fits_xml(key)
    return utf8.len(key) and not key:find("[\1-\8\11\12\14-\31]")
        and not key:find("\xEF\xBF[\xBE\xBF]")
end

local function batch_body(self, batch)
    local parts = {"<Delete><Quiet>true</Quiet>"}
    for _, path in ipairs(batch) do
        parts[#parts + 1] = "<Object><Key>" .. escape(self:_key(path)) .. "</Key></Object>"
    end
    parts[#parts + 1] = "</Delete>"
    return table.concat(parts)
end

local function is_bucket_missing(_, body)
    return body.Code == "NoSuchBucket"
end

local function remove_singly(self, paths, result)
    return common.singly(paths, WORKERS, function(path)
        return common.one(self, self:_key(path), path, nil, is_bucket_missing)
    end, result)
end

local function note_failures(self, got, batch, result)
    local known = {}
    for _, path in ipairs(batch) do
        known[self:_key(path)] = path
    end
    for _, entry in ipairs(got.xml.Error or {}) do
        local path = type(entry) == "table" and known[entry.Key]
        if path and entry.Code ~= "NoSuchKey" then
            local status = entry.Code == "InternalError" and 500 or 403
            local _, err = answer.fail(self, {status = status, headers = got.headers},
                self:_url(path), OP, entry)
            table.insert(result.failed, {path = path, err = err})
        end
    end
end

local function remove_batch(self, batch, result)
    local got, err = self:_ask({op = OP, method = "POST", query = {delete = ""},
                                headers = {["Content-Type"] = "application/xml"},
                                body = batch_body(self, batch), checked = true, xml = REPEATED,
                                repeatable = true})
    if not got and err.code == "Unsupported" then
        return remove_singly(self, batch, result)
    elseif not got then
        return nil, err
    end
    local before = #result.failed
    note_failures(self, got, batch, result)
    result.n = result.n + #batch - (#result.failed - before)
    return true
end

function methods:remove(paths)
    local result, batches, odd = {n = 0, failed = {}}, {{}}, {}
    for _, path in ipairs(paths) do
        local batch = batches[#batches]
        if not fits_xml(self:_key(path)) then
            odd[#odd + 1] = path
        elseif #batch == BATCH then
            batches[#batches + 1] = {path}
        else
            batch[#batch + 1] = path
        end
    end
    for _, batch in ipairs(batches) do
        local removed, err = #batch == 0 or nil, nil
        if not removed then
            removed, err = remove_batch(self, batch, result)
        end
        if not removed then
            return nil, err
        end
    end
    local removed, err = remove_singly(self, odd, result)
    if not removed then
        return nil, err
    end
    return result
end

return methods
