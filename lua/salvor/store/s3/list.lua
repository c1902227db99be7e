--- Lists of an S3 bucket, ListObjectsV2: a thousand names a page.
local answer = require("salvor.store.s3.answer")
local dates = require("salvor.dates")
local errors = require("salvor.store.errors")
local http = require("salvor.store_http")

local REPEATED = {"Contents", "CommonPrefixes"}

local methods = {}

local function corrupt(self, prefix, reason)
    return errors.fail("Corrupt", {url = self:_url(prefix), op = "store.list", reason = reason,
                                   retryable = true})
end

--- Names come escaped when the server says that they do; they must lie where they were asked for.
local function make_names(self, body, prefix)
    local unescape = body.EncodingType == "url" and http.unescape or function(text) return text end
    local root, under = self._root, self._root .. prefix
    return function(text)
        local name = type(text) == "string" and unescape(text)
        if not name or name:sub(1, #under) ~= under then
            return nil
        end
        return name:sub(#root + 1)
    end
end

local function item_of(path, entry)
    local size = math.tointeger(tonumber(entry.Size))
    if not size or size < 0 then
        return nil
    end
    local etag, md5 = answer.etag(entry.ETag)
    return {path = path, size = size, modified = dates.iso(entry.LastModified),
            kind = answer.kind(path, size), etag = etag, md5 = md5,
            md5_guessed = md5 and true or nil} -- no list tells what is encrypted
end

local function read_items(body, name_of)
    local items = {}
    for _, entry in ipairs(body.Contents or {}) do
        local path = type(entry) == "table" and name_of(entry.Key)
        local item = path and item_of(path, entry)
        if not item then
            return nil
        elseif path ~= "" then -- the root's own marker
            items[#items + 1] = item
        end
    end
    return items
end

local function read_folders(body, name_of)
    local folders = {}
    for _, entry in ipairs(body.CommonPrefixes or {}) do
        local path = type(entry) == "table" and name_of(entry.Prefix)
        if not path then
            return nil
        end
        folders[#folders + 1] = path
    end
    return folders
end

local function next_of(body, after)
    if body.IsTruncated ~= "true" then
        return nil, true
    end
    local token = body.NextContinuationToken
    return token, type(token) == "string" and token ~= "" and token ~= after
end

function methods:list(prefix, options)
    options = options or {}
    local got, err = self:_ask({
        op = "store.list",
        method = "GET",
        path = prefix:gsub("/$", ""),
        query = {["list-type"] = 2, ["encoding-type"] = "url", prefix = self:_key(prefix),
                 delimiter = options.delimiter, ["continuation-token"] = options.after,
                 ["max-keys"] = self._page},
        xml = REPEATED,
    })
    if not got then
        return nil, err
    end
    local name_of = make_names(self, got.xml, prefix)
    local items, folders = read_items(got.xml, name_of), read_folders(got.xml, name_of)
    if not items or not folders then
        return corrupt(self, prefix, "the list holds what was not asked for")
    end
    local token, is_fine = next_of(got.xml, options.after)
    if not is_fine then
        return corrupt(self, prefix, "the list says that it goes on, and not where")
    end
    return {items = items, folders = folders, next = token}
end

return methods
