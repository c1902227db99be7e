--- A whole object at once: PUT.
local answer = require("salvor.store.s3.answer")
local errors = require("salvor.store.errors")
local http = require("salvor.store_http")

local METADATA_LIMIT = 1900 -- bytes; S3 takes 2048, and we add to it

local methods = {}

--- Values are ASCII in headers; anything else is escaped.
local function plain(value)
    value = tostring(value)
    return value:find("[^\32-\126]") and http.escape(value, " /") or value
end

--- The headers of an object's metadata; none when it is more than S3 takes, since the object is
--- what matters.
local function metadata_headers(metadata)
    local headers, size = {}, 0
    for name, value in pairs(metadata or {}) do
        if name:find("^[%w_.-]+$") then
            value = plain(value)
            headers["x-amz-meta-" .. name:lower()] = value
            size = size + #name + #value
        end
    end
    return size <= METADATA_LIMIT and headers or {}
end

--- The headers that an object is made with. Other programs that copy write its time like that.
function methods._attributes(_, options)
    local headers = metadata_headers(options.metadata)
    if options.modified then
        headers["x-amz-meta-mtime"] = string.format("%.9f", options.modified):gsub("0+$", "")
            :gsub("%.$", "")
    end
    return headers
end

--- The time that an object was made with; nil where none is noted.
function methods:taken_time(item)
    local told = self:stat(item.path)
    return told and told.metadata and tonumber(told.metadata.mtime)
end

--- Whether an object may come there; nil and AlreadyExists when it may not. Not every server knows
--- If-None-Match at a PUT.
function methods:_must_be_absent(path, op)
    local item, err = self:stat(path)
    if item then
        return errors.fail("AlreadyExists", {url = self:_url(path), op = op})
    end
    return err.code == "NotFound" or nil, err
end

function methods:write(path, block, options)
    options = options or {}
    local op = "store.write"
    if options.if_absent then
        local is_absent, err = self:_must_be_absent(path, op)
        if not is_absent then
            return nil, err
        end
    end
    local headers = self:_attributes(options)
    headers["If-None-Match"] = options.if_absent and "*" or nil
    local got, err = self:_ask({
        op = op,
        method = "PUT",
        key = self:_key(path),
        path = path,
        headers = headers,
        body = block,
        sums = self:_sums(block),
        repeatable = not options.if_absent,
    })
    if not got then
        return self:_refusal(err, path, options, op)
    end
    local item = answer.item(path, got.headers, #block)
    item.metadata = options.metadata
    return item
end

return methods
