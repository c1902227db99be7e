--- Lists of a container: List Blobs, a thousand names a page.
---
--- With a hierarchical namespace Azure sorts part by part ("a/b" before "a-b"), so those lists are
--- put into the order of bytes by hierarchy.lua; the first folder in a list tells that it is one.
local answer = require("salvor.store.azure.answer")
local dates = require("salvor.dates")
local errors = require("salvor.store.errors")
local hierarchy = require("salvor.store.azure.hierarchy")
local md5_forms = require("salvor.store.http.md5")
local names = require("salvor.store.azure.names")

local REPEATED = {"Blob", "BlobPrefix"}
local OP = "store.list"

local methods = {}

local function fail(self, code, prefix, fields)
    fields.url, fields.op = self:_url((prefix:gsub("/$", ""))), OP
    return errors.fail(code, fields)
end

local function corrupt(self, prefix, reason)
    return fail(self, "Corrupt", prefix, {reason = reason, retryable = true})
end

--- A name of the list as a path below the root; it must lie where it was asked for.
local function path_of(self, prefix, entry)
    local name = type(entry) == "table" and entry.Name
    if type(name) ~= "string" then
        return nil
    elseif entry["Name@Encoded"] == "true" then -- what XML cannot hold
        name = name:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
    end
    local under = self._root .. prefix
    return name:sub(1, #under) == under and name:sub(#self._root + 1) or nil
end

--- As headers have it: names in small letters.
local function metadata_of(entry)
    local metadata
    for name, value in pairs(type(entry.Metadata) == "table" and entry.Metadata or {}) do
        if type(value) == "string" then
            metadata = metadata or {}
            metadata[name:lower()] = value
        end
    end
    return metadata
end

--- The text of a child; nil of what could be in no header.
local function text_of(entry, name)
    local text = entry[name]
    return type(text) == "string" and not text:find("%c") and text or nil
end

local function item_of(path, entry)
    local properties = type(entry.Properties) == "table" and entry.Properties or {}
    local size = math.tointeger(tonumber(text_of(properties, "Content-Length")))
    if not size or size < 0 then
        return nil
    end
    local metadata = metadata_of(entry)
    return {path = path, size = size, modified = dates.http(text_of(properties, "Last-Modified")),
            kind = answer.kind(path, size, metadata),
            etag = answer.etag(text_of(properties, "Etag")),
            md5 = md5_forms.of_base64(text_of(properties, "Content-MD5")),
            version = text_of(entry, "VersionId"), metadata = metadata}
end

--- The items and folders of an answer as the server has sorted them; nil when it is not what was
--- asked for.
local function read_entries(self, prefix, blobs)
    local items, folders = {}, {}
    for _, entry in ipairs(blobs.Blob or {}) do
        local path = path_of(self, prefix, entry)
        local item = path and item_of(path, entry)
        if not item then
            return nil
        elseif path ~= "" and path ~= prefix then -- the markers of the root and the prefix
            items[#items + 1] = item
        end
    end
    for _, entry in ipairs(blobs.BlobPrefix or {}) do
        local path = path_of(self, prefix, entry)
        if not path or #path <= #prefix or path:sub(-1) ~= "/" then
            return nil -- who walks down would never come to an end
        end
        folders[#folders + 1] = path
    end
    return items, folders
end

--- One answer: items, folders, and where it goes on; nil and an error.
function methods:_list(prefix, delimiter, marker)
    local key = self:_key(prefix)
    local problem = names.prefix_problem(key)
    if problem then
        return fail(self, "Invalid", prefix, {reason = problem})
    end
    local got, err = self:_ask({
        op = OP, method = "GET", path = prefix:gsub("/$", ""), repeatable = true, xml = REPEATED,
        query = {restype = "container", comp = "list", include = "metadata", delimiter = delimiter,
                 prefix = key ~= "" and key or nil, marker = marker, maxresults = self._page},
    })
    if not got then
        return nil, err
    end
    local blobs = type(got.xml.Blobs) == "table" and got.xml.Blobs or {}
    local items, folders = read_entries(self, prefix, blobs)
    local next_marker = got.xml.NextMarker
    next_marker = next_marker ~= "" and next_marker or nil
    if not items then
        return corrupt(self, prefix, "the list holds what was not asked for")
    elseif next_marker and (type(next_marker) ~= "string" or next_marker == marker) then
        return corrupt(self, prefix, "the list says that it goes on, and not where")
    end
    return {items = items, folders = folders, next = next_marker}
end

local function by_path(left, right)
    return left.path < right.path
end

--- Sorts what nearly always is sorted: Azure's order is that of UTF-16.
local function sort(list, is_before)
    for index = 2, #list do
        if not is_before(list[index - 1], list[index]) then
            table.sort(list, is_before)
            return
        end
    end
end

--- What comes after another page must be beyond it: who walks two lists side by side would take a
--- name that is out of order for one that is missing.
local function check_order(self, prefix, first, last)
    if first and last and first <= last then
        return fail(self, "Unsupported", prefix, {
            reason = string.format("the server lists '%s' after '%s', which is not the order of "
                .. "bytes", first, last),
            hint = "list or copy the folders in it one by one",
        })
    end
    return true
end

local function has_folder(items)
    for _, item in ipairs(items) do
        if item.kind == "folder" and item.metadata then
            return true
        end
    end
end

--- A token is {marker, item, folder}, the last ones of the page before, or the walk of a hierarchy.
function methods:list(prefix, options)
    local after = options and options.after or {}
    if hierarchy.is_walk(after) then
        return after:page()
    end
    local delimiter = options and options.delimiter
    local page, err = self:_list(prefix, delimiter, after.marker)
    if not page then
        return nil, err
    elseif has_folder(page.items) then
        return hierarchy.new(self, prefix, delimiter, after):page()
    end
    local items, folders = page.items, page.folders
    sort(items, by_path)
    sort(folders, function(left, right) return left < right end)
    local in_order
    in_order, err = check_order(self, prefix, items[1] and items[1].path, after.item)
    if in_order then
        in_order, err = check_order(self, prefix, folders[1], after.folder)
    end
    if not in_order then
        return nil, err
    end
    page.next = page.next and {
        marker = page.next,
        item = #items > 0 and items[#items].path or after.item,
        folder = folders[#folders] or after.folder,
    }
    return page
end

return methods
