--- Objects in parts, written side by side into one temporary file, whose name tells what it will
--- be: the same upload finds it again. Behind the file's last byte stands a record for each part
--- that has arrived, with a checksum of its bytes; they are cut off when the file is whole.
local block = require("salvor.block")
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")
local native = require("salvor.sftp")

local methods, uploads = {}, {}
uploads.__index = uploads

local OP = "store.write"

local ID_LENGTH = 32
local MARK = "salvor01" -- of a record, before the checksum
local RECORD = #MARK + 8

local function id_of(path, size, part_size, fingerprint)
    local text = string.format("%s\0%d\0%d\0%s", path, size, part_size, fingerprint)
    return digest.sha256(text):sub(1, ID_LENGTH)
end

local function count_of(upload)
    return math.max(1, (upload.size + upload.part_size - 1) // upload.part_size)
end

--- What an earlier run has left: the records of its parts, "" when there was none.
local function read_records(upload)
    local store, length = upload.store, count_of(upload) * RECORD
    local piece <close>, err = block.new(length)
    if not piece then
        return nil, err
    end
    return store:_use({op = OP, path = upload.path}, function(connection)
        local attrs, problem = connection:read(upload.temporary, piece, upload.size, length, length)
        if attrs then
            return piece:text()
        elseif problem.code == "NotFound" then
            return ""
        end
        return nil, problem
    end)
end

function methods:begin(path, size, options)
    if options.if_absent then
        local there, err = self:_stat(path, OP)
        if there then
            return errors.fail("AlreadyExists", {url = self:_url(path), op = OP})
        elseif err.code ~= "NotFound" then
            return nil, err
        end
    end
    local part_size = options.part_size or self.features.part.default
    local id = id_of(path, size, part_size, options.fingerprint or "")
    local upload = setmetatable({store = self, path = path, size = size, part_size = part_size,
                                 temporary = self:_temporary(path, id), options = options,
                                 parts = {}}, uploads)
    local err
    upload.records, err = read_records(upload)
    if not upload.records then
        return nil, err
    end
    return upload
end

local function check_part(upload, index, piece)
    local last = count_of(upload)
    local expected = index < last and upload.part_size
        or upload.size - (last - 1) * upload.part_size
    if index < 1 or index > last or #piece ~= expected then
        error(string.format("part %d of %d bytes does not belong to this upload", index, #piece), 3)
    end
end

local function record_of(piece)
    return MARK .. native.sum(piece)
end

function uploads:has(index, piece)
    check_part(self, index, piece)
    local record = self.records:sub((index - 1) * RECORD + 1, index * RECORD)
    local has = record:sub(1, #MARK) == MARK and record == record_of(piece)
    self.parts[index] = has or nil
    return has
end

function uploads:part(index, piece)
    check_part(self, index, piece)
    local store, record = self.store, record_of(piece)
    local call = {op = OP, path = self.path, writes = true, heavy = true}
    local done, err = store:_use(call, function(connection)
        return store._with_folders(connection, self.temporary, function()
            return connection:write(self.temporary, piece, {
                create = true, mode = 384, sync = true, -- 0600
                offset = (index - 1) * self.part_size, record = record,
                record_offset = self.size + (index - 1) * RECORD})
        end)
    end)
    self.parts[index] = done or nil
    return done, err
end

--- After a lost answer the file may have its name already.
local function is_finished(upload, connection, problem)
    if not upload.uncertain or problem.code ~= "NotFound" then
        return nil
    end
    local attrs = connection:stat(upload.store:_path(upload.path))
    return attrs and attrs.size == upload.size and attrs or nil
end

local function finish(upload, connection)
    local store, options = upload.store, upload.options
    local attrs, err = connection:write(upload.temporary, nil, {
        size = upload.size, set_mode = options.mode, modified = options.modified, sync = true,
        look = true})
    local done = nil
    if attrs then
        done, err = store:_put_under_name(connection, upload.temporary, upload.path,
            options.if_absent)
    end
    if not done then
        attrs = is_finished(upload, connection, err)
    end
    if not attrs then
        upload.uncertain = upload.uncertain or store.is_lost(err)
        return nil, err
    end
    return store._item(upload.path, attrs)
end

function uploads:finish()
    for index = 1, count_of(self) do
        if not self.parts[index] then
            error(string.format("part %d is missing", index), 2)
        end
    end
    local call = {op = OP, path = self.path, writes = true}
    local item, err = self.store:_use(call, function(connection)
        return finish(self, connection)
    end)
    self.ended = item and true
    return item, err
end

--- A failure here leaves a file that the next run of the same upload finds.
function uploads:abort()
    if not self.ended then
        self.ended = true
        self.store._tidy(function()
            self.store:_use({op = OP, path = self.path}, function(connection)
                return connection:remove(self.temporary)
            end)
        end)
    end
end

function uploads:close()
    self.ended = true
end

uploads.__close = uploads.close

return methods
