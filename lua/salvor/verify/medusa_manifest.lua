--- The files of one node in a Medusa backup: the manifest is read as a stream, table by table, and
--- each table's files are compared with the list of its folder. The files of one table are held.
local digest = require("salvor.digest")
local salvor = require("salvor")
local set_files = require("salvor.set_files")
local task = require("salvor.task")

local manifest = {}

local CURE = "bring it back from another copy of the bucket, or restore another backup"

-- What Medusa notes where Azure knows no MD5, since the file was sent in blocks.
local NO_MD5 = "no-md5-hash"

--- Hexadecimal MD5 of what a manifest has: base64 of 16 bytes, or hexadecimal digits. Of a file
--- that was sent in parts instead its ETag with their number, or NO_MD5.
local function read_md5(text)
    if type(text) ~= "string" then
        return nil, nil
    elseif text == NO_MD5 then
        return nil, NO_MD5
    elseif text:find("^%x+$") and #text == 32 then
        return text:lower(), nil
    elseif text:find("^%x+%-%d+$") then
        return nil, text:lower()
    end
    local bytes = digest.unbase64(text)
    if bytes and #bytes == 16 then
        return (bytes:gsub(".", function(byte) return string.format("%02x", byte:byte()) end)), nil
    end
    return nil, nil
end

local function is_statistics(path)
    return path:find("-Statistics.db", 1, true) ~= nil
end

-- Cassandra writes these again.
local function is_summary(path)
    return path:find("-Summary.db", 1, true) ~= nil
end

--- A path as the manifest has it, with the prefix of the bucket that the store's URL may be below
--- of: from the node's name on.
local function below_root(path, node)
    if path:sub(1, #node + 1) == node .. "/" then
        return path
    end
    local at = path:find("/" .. node .. "/", 1, true)
    return at and path:sub(at + 1)
end

--- The ETag of an upload in parts; nil of any other.
local function multipart(etag)
    local plain = etag and etag:gsub('"', ""):lower()
    return plain and plain:find("^" .. ("%x"):rep(32) .. "%-%d+$") and plain
end

local check = {}
check.__index = check

function check:add(level, rule, object, message, hint)
    self.parent:add(level, rule, object, message, hint)
end

--- What is there is not what the manifest says.
function check:differs(rule, path, message, hint)
    local summary = is_summary(path)
    self:add(summary and "warning" or "error", rule, path, message,
        summary and "Cassandra makes summaries again when it starts" or hint or CURE)
end

--- The object itself, where a list has guessed its MD5: only that tells whether it is one. Raises
--- what prevents the look; nil when it is another object by now.
function check:object(item)
    local told = self.context.source:stat(item.path)
    return told and told.etag == item.etag and told or nil
end

--- Whether what the manifest has is the object's ETag, and that is no MD5: of what Medusa has had
--- encrypted by a key of KMS's.
function check:is_encrypted(row, item)
    local told = item.md5_guessed and item.md5 == row.md5 and self:object(item)
    if not told or told.md5 then
        return false
    elseif not self.has_encrypted then
        self.has_encrypted = true
        self:add("note", "encrypted", self.path, "the server encrypts files with a key of KMS's and"
            .. " tells no MD5: they were read, and only their names, sizes and ETags compared")
    end
    self.context.content:cannot()
    return true
end

function check:compare(row, item)
    if item.size ~= row.size then
        return self:differs("file-size", row.path, string.format(
            "it has %d bytes, and the manifest says %d", item.size, row.size))
    end
    if row.etag then
        local etag = row.etag ~= NO_MD5 and multipart(item.etag)
        self.not_compared = self.not_compared or not etag
        self.context.content:cannot()
        if etag and etag ~= row.etag then
            self:differs("file-damaged", row.path, string.format(
                "its ETag is %s, and the manifest says %s", etag, row.etag))
        end
        return
    elseif not row.md5 then
        return self:add("error", "manifest-damaged", self.path,
            "the checksum of " .. row.path .. " is no MD5")
    end
    if item.md5 ~= row.md5 and item.md5_guessed then
        table.insert(self.unsure, {row = row, item = item})
    else
        self:compare_content(row, item, item.md5)
    end
end

--- `md5`: what the server knows, or nil.
function check:compare_content(row, item, md5)
    if md5 and md5 ~= row.md5 then
        return self:differs("file-damaged", row.path, string.format(
            "its MD5 is %s, and the manifest says %s", md5, row.md5))
    end
    self.context.content:add({
        item = item,
        packed_digest = "md5",
        done = function(summary, problem)
            if problem then
                self:differs("file-damaged", row.path, problem.message)
            elseif summary.packed_digest ~= row.md5 and not self:is_encrypted(row, item) then
                self:differs("file-damaged", row.path, string.format(
                    "its MD5 is %s, and the manifest says %s", summary.packed_digest, row.md5))
            end
        end,
    })
end

--- A list does not tell what is encrypted, so the objects are asked, several at a time.
function check:compare_unsure()
    local unsure = self.unsure
    self.unsure = {}
    local told = task.map(unsure, function(one)
        return self:object(one.item) or false
    end, {workers = self.context.content.workers})
    for index, one in ipairs(unsure) do
        self:compare_content(one.row, one.item, told[index] and told[index].md5)
    end
end

function check:missing(row)
    self:differs("file-missing", row.path, "the manifest names it, and it is not there",
        self.differential and "a purge may have removed it from the shared files" or nil)
end

--- The rows of a table against its folder.
function check:table(folder, rows)
    table.sort(rows, function(a, b) return a.path < b.path end)
    local index = 1
    for item in self.context.source:each(folder) do
        while rows[index] and rows[index].path < item.path do
            self:missing(rows[index])
            index = index + 1
        end
        local row = rows[index]
        if row and row.path == item.path then
            self:compare(row, item)
            index = index + 1
        elseif not self.differential and not is_statistics(item.path) then
            self:differs("file-extra", item.path, "the manifest does not know it",
                "files of another backup were mixed in")
        end
    end
    for number = index, #rows do
        self:missing(rows[number])
    end
    self:compare_unsure()
end

--- Rows that cannot be right; told once for each fault.
function check:misfit(fault, path)
    local misfit = self.misfits[fault] or {path = path, count = 0}
    self.misfits[fault] = misfit
    misfit.count = misfit.count + 1
end

function check:tell_misfits()
    for _, fault in ipairs(salvor.keys(self.misfits)) do
        local misfit = self.misfits[fault]
        self:add("error", "manifest-damaged", self.path, string.format("files are %s: %s%s", fault,
            misfit.path, misfit.count > 1 and " and " .. misfit.count - 1 .. " more" or ""), CURE)
    end
end

function check:row(rows, value)
    local path = type(value.path) == "string" and below_root(value.path, self.node)
    local size = math.tointeger(value.size)
    if not path or not size or size < 0 then
        return self:misfit(path and "of a size that is no number of bytes" or "of another node",
            tostring(value.path))
    end
    self.parent.backup.files = self.parent.backup.files + 1
    self.parent.backup.bytes = self.parent.backup.bytes + size
    if not is_statistics(path) then
        local md5, etag = read_md5(value.MD5)
        rows[#rows + 1] = {path = path, size = size, md5 = md5, etag = etag}
    end
end

--- A table is done: `section` is the rest of it.
function check:section(section, rows)
    local keyspace, family = section.keyspace, section.columnfamily
    if type(keyspace) ~= "string" or type(family) ~= "string" or family == "" or keyspace == "" then
        return self:add("error", "manifest-damaged", self.path, "it has files of no table")
    end
    local folder = string.format("%s%s/%s/", self.data, keyspace, family)
    local inside = {}
    for _, row in ipairs(rows) do
        if row.path:sub(1, #folder) == folder then
            inside[#inside + 1] = row
        elseif row.path:find(self.node .. "/data/", 1, true) == 1 then
            self:misfit("among those that differential backups share, without the marker "
                .. "meta/differential", row.path)
        else
            self:misfit("in another folder than their table's", row.path)
        end
    end
    self.tables[keyspace .. "/" .. family] = true
    self:table(folder, inside)
end

--- Tables that the manifest does not know.
function check:other_tables()
    for _, keyspace in ipairs((self.context.source:level(self.data))) do
        for _, family in ipairs((self.context.source:level(self.data .. keyspace .. "/"))) do
            if not self.tables[keyspace .. "/" .. family] then
                self:table(self.data .. keyspace .. "/" .. family .. "/", {})
            end
        end
    end
end

function check:read(item)
    local reader, problem, rows = must(set_files.rows()), nil, {}
    local function drain()
        while not problem do
            local kind, value = reader:next()
            if kind == "row" then
                self:row(rows, value)
            elseif kind == "object" then
                local done = rows
                rows = {}
                self:section(value, done)
            else
                problem = value
                return
            end
        end
    end
    self.context.source:stream(item, nil, function(bytes)
        reader:add(bytes)
        drain()
        return not problem
    end)
    local whole, cut
    if not problem then
        whole, cut = reader:finish()
    end
    return whole, problem or cut
end

--- check(parent, node, item, differential): `item` is the manifest.
function manifest.check(parent, node, item, differential)
    local self = setmetatable({
        parent = parent, context = parent.context, node = node, path = item.path,
        differential = differential, tables = {}, misfits = {}, unsure = {},
        data = differential and node .. "/data/"
            or string.format("%s/%s/data/", node, parent.backup.name),
    }, check)
    local whole, problem = self:read(item)
    self:tell_misfits()
    if not whole then
        self:add("error", "manifest-damaged", item.path, problem.message,
            "index/backup_index/" .. parent.backup.name .. "/ has a copy of it")
    elseif not next(self.tables) then
        self:add("warning", "manifest-empty", item.path, "it names no table",
            "Cassandra always has tables of its own: was everything left out of the backup?")
    end
    if whole and not differential then
        self:other_tables()
    end
    if self.not_compared then
        self:add("note", "multipart", item.path, "files that were sent in parts have no MD5 there: "
            .. "of these names and sizes were compared")
    end
end

return manifest
