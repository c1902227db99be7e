--- Objects in parts, written side by side into one temporary file that belongs to one upload alone:
--- its name ends in the owner, a random number. Beside it lies a file of records, whose name tells
--- what is being written, so that the same upload finds it again: the owner, and for each part that
--- has arrived a checksum of its bytes.
---
--- Who goes on with what another run has left renames the file, and owns it. SFTP has no locks, so
--- the other run may be alive: what it asks for next is not there any more, and it gives up. What
--- it has under way still arrives, and does no harm: nothing is ever written into that file but the
--- same bytes at the same places.
local block = require("salvor.block")
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")
local native = require("salvor.sftp")

local methods, uploads = {}, {}
uploads.__index = uploads

local OP = "store.write"

local ID_LENGTH, OWNER_LENGTH = 32, 16 -- digits
local HEAD = "salvor02" -- what the records begin with, before their owner
local RECORD = OWNER_LENGTH + 8 -- bytes, as many as HEAD and owner: the owner and a checksum
local PRIVATE = 384 -- 0600

local function id_of(path, size, part_size, fingerprint)
    local text = string.format("%s\0%d\0%d\0%s", path, size, part_size, fingerprint)
    return digest.sha256(text):sub(1, ID_LENGTH)
end

local function count_of(upload)
    return math.max(1, (upload.size + upload.part_size - 1) // upload.part_size)
end

--- An earlier run's owner and checksums by part; {} when there was none.
local function read_records(upload, connection)
    local length = (1 + count_of(upload)) * RECORD
    local piece <close>, err = block.new(length)
    if not piece then
        return nil, err
    end
    local attrs, problem = connection:read(upload.records, piece, 0, length, length)
    if not attrs then
        return problem.code == "NotFound" and {} or nil, problem
    end
    local text = piece:text()
    local owner = text:sub(1, #HEAD) == HEAD and text:sub(#HEAD + 1, RECORD):match("^%x+$")
    if not owner then
        return {}
    end
    local sums = {}
    for index = 1, #text // RECORD - 1 do
        local record = text:sub(index * RECORD + 1, (index + 1) * RECORD)
        -- Others are of a run that has lost the file.
        if record:sub(1, OWNER_LENGTH) == owner then
            sums[index] = record:sub(OWNER_LENGTH + 1)
        end
    end
    return {owner = owner, sums = sums}
end

--- Whether the file of another owner is ours now: he may have finished it, or somebody was faster.
local function take_over(upload, connection, owner)
    local from = upload.store:_temporary(upload.path, upload.id .. owner)
    local rename = connection:extensions().posix_rename and connection.replace or connection.rename
    return rename(connection, from, upload.temporary) ~= nil
end

--- Nobody but this makes the file, so that who has lost it notices.
local function make_file(upload, connection)
    return upload.store._with_folders(connection, upload.temporary, function()
        return connection:write(upload.temporary, nil, {create = true, exclusive = true,
                                                        mode = PRIVATE})
    end)
end

local function write_records(upload, connection)
    local last, records = 0, {[0] = HEAD .. upload.owner}
    for index in pairs(upload.sums) do
        last = math.max(last, index)
    end
    for index = 1, last do
        local sum = upload.sums[index]
        records[index] = sum and upload.owner .. sum or ("\0"):rep(RECORD)
    end
    return connection:write(upload.records, table.concat(records, "", 0, last),
        {create = true, truncate = true, mode = PRIVATE})
end

--- `lost`: an attempt of ours whose answers were lost. It may own the file already, while the
--- records, which it has not come to, are as they were.
local function begin(upload, connection, lost)
    local found, err = read_records(upload, connection)
    if not found then
        return nil, err
    end
    upload.found_owner = found.owner
    local taken = found.owner and take_over(upload, connection, found.owner)
    if not taken and lost and lost.found_owner == found.owner then
        taken = take_over(upload, connection, lost.owner)
    end
    if taken then
        upload.sums = found.sums or {}
    else
        local made
        made, err = make_file(upload, connection)
        if not made then
            return nil, err
        end
    end
    return write_records(upload, connection)
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
    local id, owner = id_of(path, size, part_size, options.fingerprint or ""), self._random_id()
    local upload = setmetatable({store = self, path = path, size = size, part_size = part_size,
                                 id = id, owner = owner, records = self:_temporary(path, id),
                                 temporary = self:_temporary(path, id .. owner),
                                 options = options, sums = {}, parts = {}}, uploads)
    local call = {op = OP, path = path, writes = true}
    local begun, err = self:_use(call, function(connection)
        return begin(upload, connection, self._lost_uploads[id])
    end)
    self._lost_uploads[id] = not begun and self.is_lost(err) and upload or nil
    if not begun then
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

function uploads:has(index, piece)
    check_part(self, index, piece)
    local has = self.sums[index] == native.sum(piece)
    self.parts[index] = has or nil
    return has
end

--- A file that is not there any more is another run's.
local function check_owner(upload, err)
    if err.code ~= "NotFound" then
        return err
    end
    upload.ended = true
    return {code = "Conflict", message = ""}
end

function uploads:part(index, piece)
    check_part(self, index, piece)
    local call = {op = OP, path = self.path, writes = true, heavy = true}
    local done, err = self.store:_use(call, function(connection)
        local written, problem = connection:write(self.temporary, piece,
            {offset = (index - 1) * self.part_size, sync = true})
        if not written then
            return nil, check_owner(self, problem)
        end
        -- Should it not get there, then the part is sent again by who goes on.
        connection:write(self.records, self.owner .. native.sum(piece), {offset = index * RECORD})
        return true
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
        set_mode = options.mode, modified = options.modified, sync = true, look = true})
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
        return nil, check_owner(upload, err)
    end
    connection:remove(upload.records)
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
    self.ended = item and true or self.ended
    return item, err
end

--- A failure here leaves what the next run of the same upload finds.
function uploads:abort()
    if not self.ended then
        self.ended = true
        self.store._tidy(function()
            self.store:_use({op = OP, path = self.path}, function(connection)
                connection:remove(self.temporary)
                return connection:remove(self.records)
            end)
        end)
    end
end

function uploads:close()
    self.ended = true
end

uploads.__close = uploads.close

return methods
