--- A large blob in blocks that an interrupted run finds again: Put Block and Put Block List.
---
--- Azure keeps blocks that were not put together for a week and has no request that drops them, so
--- an upload that is given up leaves one that says so; the next one for the same thing has other
--- names.
local answer = require("salvor.store.azure.answer")
local blocks = require("salvor.store.azure.blocks")
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")
local md5_forms = require("salvor.store.http.md5")
local names = require("salvor.store.azure.names")
local write = require("salvor.store.http.write")

local OP = "store.write"
local UNCERTAIN = {Disconnected = true, Timeout = true} -- whether it was done
local PATIENT = 600 -- seconds of silence while the server puts a blob together

local methods, upload = {}, {}
upload.__index = upload

--- The bytes that names have to have, as those of what is there already.
local function name_size_of(self, path, found)
    local size = found[1] and #found[1].name or blocks.NAME_SIZE
    for _, block in ipairs(found) do
        if #block.name ~= size or size < blocks.NAME_SIZE or size > blocks.NAME_LIMIT then
            return errors.fail("Unsupported", {url = self:_url(path), op = OP,
                reason = "another program has begun an upload of it, with blocks whose names do "
                    .. "not go together with Salvor's",
                hint = "let that program end it, or use another name; Azure drops it after a week"})
        end
    end
    return size
end

--- What is left of earlier uploads for the same thing: the digest to go on with, and the blocks of
--- each part: {[number] = {[MD5] = size}}.
local function resume(text, found, name_size)
    local there, number = {}, 0
    for _, block in ipairs(found) do
        there[block.name] = true
    end
    local whose = blocks.digest(text .. "\0" .. number)
    while there[blocks.name(whose, 0, nil, name_size)] do
        number = number + 1
        whose = blocks.digest(text .. "\0" .. number)
    end
    local parts = {}
    for _, block in ipairs(found) do
        if block.whose == whose then
            parts[block.index] = parts[block.index] or {}
            parts[block.index][block.md5] = block.size
        end
    end
    return whose, parts
end

--- Who may only write is told so at the end, by the server.
local UNKNOWN = {Forbidden = true, NotFound = true}

function methods:_must_be_absent(path)
    local item, err = self:stat(path)
    if item then
        return errors.fail("AlreadyExists", {url = self:_url(path), op = OP})
    end
    return UNKNOWN[err.code], err
end

--- The blocks that are there; none for who may not read.
local function find_blocks(self, key, path)
    local found, err = blocks.list(self, key, path, "uncommitted", OP)
    if not found and err.code == "Forbidden" then
        return {}
    end
    return found, err
end

function methods:begin(path, size, options)
    local key, err = names.check(self, path, OP, true)
    if not key then
        return nil, err
    end
    if options.if_absent then
        local is_absent, problem = self:_must_be_absent(path)
        if not is_absent then
            return nil, problem
        end
    end
    local found, name_size
    found, err = find_blocks(self, key, path)
    if not found then
        return nil, err
    end
    name_size, err = name_size_of(self, path, found)
    if not name_size then
        return nil, err
    end
    local part_size = write.part_size(self.features.part, size, options.part_size)
    local fingerprint = options.fingerprint
        or string.format("%d %d", os.time(), math.random(math.maxinteger))
    local whose, parts = resume(table.concat({key, size, part_size, fingerprint}, "\0"), found,
        name_size)
    return setmetatable({
        part_size = part_size, _store = self, _path = path, _key = key, _size = size,
        _options = options, _whose = whose, _name_size = name_size,
        _found = parts, -- by an earlier run
        _sent = next(parts) ~= nil,
        _names = {}, -- of the blocks that make the blob, in base64
    }, upload)
end

local function name_of(self, index, md5)
    return digest.base64(blocks.name(self._whose, index, md5, self._name_size))
end

function upload:has(index, piece)
    local found = self._found[index]
    if not found then
        return false
    end
    local sums, err = piece:digest("md5")
    if not sums then
        return nil, err
    end
    local md5 = md5_forms.bytes(sums.md5)
    if found[md5] ~= #piece then
        return false
    end
    self._names[index] = name_of(self, index, md5)
    return true
end

local function put_block(self, name, body, md5)
    return self._store:_ask({
        op = OP, method = "PUT", key = self._key, path = self._path,
        query = {comp = "block", blockid = name}, headers = {["Content-MD5"] = md5},
        body = body, repeatable = true,
    })
end

function upload:part(index, piece)
    local sums, err = piece:digest("md5")
    if not sums then
        return nil, err
    end
    self._sent = true
    local md5 = md5_forms.bytes(sums.md5)
    local name = name_of(self, index, md5)
    local sent, problem = put_block(self, name, piece, digest.base64(md5))
    if not sent then
        return nil, problem
    end
    self._names[index] = name
    return true
end

local function list_body(self)
    local count = math.max((self._size + self.part_size - 1) // self.part_size, 1)
    local lines = {'<?xml version="1.0" encoding="utf-8"?><BlockList>'}
    for index = 1, count do
        local name = self._names[index] or error(string.format("part %d is missing", index), 3)
        lines[#lines + 1] = "<Latest>" .. name .. "</Latest>"
    end
    lines[#lines + 1] = "</BlockList>"
    return table.concat(lines)
end

--- Whether the blob is made of just these blocks: the answer to an earlier try may have been lost.
local function is_done(self)
    local found = blocks.list(self._store, self._key, self._path, "committed", OP)
    for index, block in ipairs(found or {}) do
        if digest.base64(block.name) ~= self._names[index] then
            return false
        end
    end
    return found and #found > 0 and #found == #self._names
end

function upload:finish(md5)
    local store, options = self._store, self._options
    local body = list_body(self)
    local headers = store:_attributes(options)
    headers["Content-Type"] = "application/xml"
    headers["Content-MD5"] = md5_forms.to_base64(digest.md5(body))
    headers["x-ms-blob-content-type"] = "application/octet-stream"
    headers["x-ms-blob-content-md5"] = md5 and md5_forms.to_base64(md5)
    headers["If-None-Match"] = options.if_absent and "*" or nil
    local got, err = store:_ask({op = OP, method = "PUT", key = self._key, path = self._path,
                                 query = {comp = "blocklist"}, headers = headers, body = body,
                                 repeatable = not options.if_absent, silence = PATIENT})
    if not got and UNCERTAIN[err.code] then
        self._tried = true -- is_done() tells next time
        return nil, err
    elseif not got and self._tried and is_done(self) then
        self._ended = true
        return store:stat(self._path)
    elseif not got then
        return store:_refusal(err, self._path, options, OP)
    end
    self._ended = true
    local item = answer.item(self._path, got.headers, self._size, true)
    item.md5, item.metadata = md5, options.metadata
    return item
end

--- Leaves word that nothing of it is to be used any more.
function upload:abort()
    if not self._ended then
        self._ended = true
        if self._sent then
            put_block(self, name_of(self, 0), "-")
        end
    end
end

function upload.close()
end

upload.__close = upload.close

return methods
