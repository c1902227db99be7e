--- Blocks of a blob, and their names. Salvor's say what is in them: a digest of what the upload is
--- for, the part's number, and the MD5 of its bytes. So an interrupted upload is found again by its
--- content, and a large blob can be verified when nobody has noted the MD5 of the whole.
local answer = require("salvor.store.azure.answer")
local common = require("salvor.store.http.answer")
local digest = require("salvor.digest")
local md5_forms = require("salvor.store.http.md5")

local blocks = {}

local FORM, MAGIC = ">c4c8I4c16", "slvr" -- whose it is, digest, number, MD5
local NO_MD5 = ("\0"):rep(16)

--- All names of one blob are equally long: shorter ones of other programs are in the way.
blocks.NAME_SIZE, blocks.NAME_LIMIT = string.packsize(FORM), 64

--- The digest of what an upload is for: 8 bytes.
function blocks.digest(text)
    return md5_forms.bytes(digest.sha256(text):sub(1, 16))
end

--- The name, `size` bytes long, of a part with that MD5 (16 bytes); without: that of an upload
--- which was given up.
function blocks.name(whose, index, md5, size)
    return string.pack(FORM, MAGIC, whose, index, md5 or NO_MD5)
        .. ("\0"):rep(size - blocks.NAME_SIZE)
end

--- {whose, index, md5} of a name; nil when it is not Salvor's.
local function read_name(name)
    if #name < blocks.NAME_SIZE or name:sub(1, #MAGIC) ~= MAGIC then
        return nil
    end
    local _, whose, index, md5 = string.unpack(FORM, name)
    return {whose = whose, index = index, md5 = md5}
end

--- list(store, key, path, which, op) -> {{name, size, and whose, index, md5 of Salvor's}...} of the
--- "committed" or "uncommitted" blocks, and the ETag; nil and an error. What is not there has none.
function blocks.list(store, key, path, which, op)
    local got, err = store:_ask({
        op = op, method = "GET", key = key, path = path, repeatable = true, xml = {"Block"},
        query = {comp = "blocklist", blocklisttype = which}, expected = {[404] = true},
    })
    if not got then
        return nil, err
    elseif got.status == 404 then
        local body = common.body(got)
        if answer.code(got, body) == "ContainerNotFound" then
            return answer.fail(store, got, store:_url(path), op, body)
        end
        return {}
    end
    local found = {}
    local list = got.xml[which == "committed" and "CommittedBlocks" or "UncommittedBlocks"]
    for _, entry in ipairs(type(list) == "table" and list.Block or {}) do
        local name = type(entry) == "table" and type(entry.Name) == "string"
            and digest.unbase64(entry.Name)
        local block = name and read_name(name) or {}
        block.name, block.size = name or "", math.tointeger(tonumber(entry.Size)) or -1
        found[#found + 1] = block
    end
    return found, answer.etag(got.headers.etag)
end

--- The sum of a blob whose blocks have Salvor's names (store/backend.lua, verifier).
local sum = {}
sum.__index = sum

function sum:check(index, md5)
    local block = self.blocks[index]
    if not block or md5_forms.hex(block.md5) ~= md5 then
        self.wrong = math.min(self.wrong or index, index)
    end
    self.checked = self.checked + 1
end

--- Of parts in any order, each a block.
function sum:add_part(index, piece)
    local sums = piece:digest("md5")
    self:check(index, sums and sums.md5)
end

--- Of pieces in order, of any size.
function sum:update(piece)
    local offset = 0
    while offset < #piece do
        local index = self.checked + 1
        if not self.left then
            local block = self.blocks[index]
            self.digest, self.left = digest.new("md5"), block and block.size or math.huge
        end
        local length = math.min(self.left, #piece - offset)
        self.digest:update(piece, offset, length)
        offset, self.left = offset + length, self.left - length
        if self.left == 0 then
            self:check(index, self.digest:hex())
            self.left = nil
        end
    end
end

function sum:finish()
    if not self.wrong and not self.left and self.checked == #self.blocks then
        return true
    end
    return nil, string.format("the MD5 of block %d is not that of the bytes",
        self.wrong or self.checked + 1)
end

--- The size that all blocks but the last one have, which may be smaller; nil when there is none.
local function size_of_all(found)
    local size = found[1].size
    for index = 2, #found do
        local smallest = index == #found and 1 or size
        if found[index].size < smallest or found[index].size > size then
            return nil
        end
    end
    return size
end

local methods = {}

--- The sum of a blob that Salvor has put together; false when its blocks tell nothing.
function methods:verifier(item)
    local found, etag = blocks.list(self, self:_key(item.path), item.path, "committed",
        "store.read")
    if not found then
        return nil, etag
    elseif #found == 0 or etag ~= item.etag then
        return false
    end
    local size = 0
    for index, block in ipairs(found) do
        if block.index ~= index or block.size < 1 then
            return false
        end
        size = size + block.size
    end
    return size == item.size and setmetatable({name = "blocks", blocks = found, checked = 0,
                                               part_size = size_of_all(found)}, sum)
end

blocks.methods = methods

return blocks
