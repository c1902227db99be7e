--- A whole block blob at once: Put Blob.
local answer = require("salvor.store.azure.answer")
local http = require("salvor.store_http")
local md5_forms = require("salvor.store.http.md5")
local names = require("salvor.store.azure.names")

local METADATA_LIMIT = 8192 -- bytes, Azure's own limit
local OP = "store.write"

local methods = {}

--- Values are ASCII in headers; anything else is escaped.
local function plain(value)
    value = tostring(value)
    return value:find("[^\33-\126]") and http.escape(value, "/") or value
end

--- As rclone notes the time of a file.
local function time_text(seconds)
    local whole = math.floor(seconds)
    return os.date("!%Y-%m-%dT%H:%M:%S", whole)
        .. string.format("%.9f", seconds - whole):gsub("^%d", ""):gsub("0+$", ""):gsub("%.$", "")
        .. "Z"
end

--- The headers that a blob is made with. Azure's names of metadata are identifiers.
function methods:_attributes(options) -- luacheck: no self
    local headers, size = {}, 0
    local function add(name, value)
        headers["x-ms-meta-" .. name:lower()] = value
        size = size + #name + #value
    end
    for name, value in pairs(options.metadata or {}) do
        if name:find("^[%a_][%w_]*$") and name:lower() ~= "hdi_isfolder" then
            add(name, plain(value))
        end
    end
    if options.modified then
        add("mtime", time_text(options.modified))
    end
    return size <= METADATA_LIMIT and headers or {}
end

function methods:write(path, block, options)
    options = options or {}
    local key, err = names.check(self, path, OP, true)
    if not key then
        return nil, err
    end
    local sums
    sums, err = block:digest("md5")
    if not sums then
        return nil, err
    end
    local headers = self:_attributes(options)
    headers["x-ms-blob-type"] = "BlockBlob"
    headers["Content-MD5"] = md5_forms.to_base64(sums.md5)
    headers["If-None-Match"] = options.if_absent and "*" or nil
    local got
    got, err = self:_ask({op = OP, method = "PUT", key = key, path = path, headers = headers,
                          body = block, repeatable = not options.if_absent})
    if not got then
        return self:_refusal(err, path, options, OP)
    end
    local item = answer.item(path, got.headers, #block)
    item.md5, item.metadata = item.md5 or sums.md5, options.metadata
    return item
end

return methods
