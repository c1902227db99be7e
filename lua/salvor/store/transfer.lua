--- One object from a store to another: a small one is read and written whole, a large one in parts
--- that go side by side, each with a block of its own, and has its final name only at the end. What
--- the source knows of its bytes is checked before that, in their order.
---
--- store/lanes.lua calls these: whole(block), or begin(), part(index, block) for each part and
--- finish(block), which are in store/parts.lua. Each gives true, or nil and an error.
local checksum = require("salvor.store.checksum")
local condition = require("salvor.condition")
local errors = require("salvor.store.errors")
local merge = require("salvor.copy").merge
local urls = require("salvor.store.url")

local transfer = merge(require("salvor.store.parts"), {})
transfer.__index = transfer

--- Bytes of a part where nothing else is wanted.
transfer.PART = 8 << 20

local LARGEST_BLOCK = 1 << 30 -- store/block.h
local REPEATS = 2 -- of a small object that changed or was damaged on its way

--- new{source=, from=, item=, target=, to=, there=, skip=, on_bytes=, if_absent=, reads_back=,
---     make_way=}
---
--- The object `from` of the back end `source`, `item` in its list, becomes `to` of the back end
--- `target`, where `there` (nil: nothing) has the same size. on_bytes(count, resumed) is told of
--- bytes that have arrived, or were there from an earlier run. `reads_back`: the content that has
--- arrived is compared, by reading it. make_way(path, err): whether a write that has failed with
--- that error is worth another try, since what was in its way is gone; or nil and an error. Servers
--- copy by themselves, but always replace.
function transfer.new(fields)
    local object = setmetatable(fields, transfer)
    object.size = object.item.size
    object.part_size = transfer.part_size(object.target, object.size)
    object.on_bytes = object.on_bytes or function() end
    object.by_server = object.source.base ~= nil and object.source.base == object.target.base
        and object.target.features.copies and not object.if_absent
    object.turn, object.turned = 1, condition.new()
    object.next_part, object.under_way, object.done = 1, 0, 0
    return object
end

--- A part's size: not too many parts, each within what the back end takes.
function transfer.part_size(backend, size)
    local limits = backend.features.part
    local wanted = limits.default or transfer.PART
    wanted = math.max(wanted, limits.smallest, (size + limits.count - 1) // limits.count)
    return math.min(wanted, limits.largest, LARGEST_BLOCK)
end

function transfer:attributes()
    return {
        if_absent = self.if_absent,
        modified = self.item.modified,
        mode = self.target.features.modes and self.item.mode or nil,
        metadata = self.item.metadata,
    }
end

function transfer.url_of(backend, path)
    return urls.join(backend.url, path)
end

function transfer.damaged(backend, path, why)
    return errors.fail("Corrupt", {url = transfer.url_of(backend, path), reason = why,
                                   op = "store.copy"})
end

--- By checksum where one side knows its own, else by the time that copies take over.
function transfer:are_same(item, there, block)
    if item.md5 and there.md5 then
        return item.md5 == there.md5
    end
    local sum = checksum.of(self.source, item)
    if sum then
        return checksum.matches(self.target, self.to, there.size, sum, block, there)
    end
    sum = checksum.of(self.target, there)
    if sum then
        return checksum.matches(self.source, self.from, item.size, sum, block, item)
    end
    local time = self.target.taken_time and self.target:taken_time(there) or there.modified
    return math.abs((item.modified or 0) - (time or -1)) < 1
end

--- Whether what is there is the same. skip = "size": the size is enough. Nobody is asked for the
--- proof of an MD5 that fits.
function transfer:is_same(block)
    local item, there = self.item, self.there
    if self.skip == "size" or self:are_same(item, there, block) then
        return true
    elseif not item.md5_guessed and not there.md5_guessed then
        return false
    end
    local its, theirs = checksum.proven(self.source, item), checksum.proven(self.target, there)
    return (its.md5 ~= item.md5 or theirs.md5 ~= there.md5) and self:are_same(its, theirs, block)
end

--- Small objects

--- The block's MD5 when somebody can tell whether it is right.
function transfer:check_whole(item, block)
    local sum, name = checksum.of(self.source, item)
    if not sum then
        return true
    end
    sum:update(block)
    local right, why = sum:finish()
    if why then
        return transfer.damaged(self.source, self.from, why)
    end
    self.verified = right and name
    return true
end

function transfer:read_whole(block)
    local item, err = self.source:read(self.from, block, {if_match = self.item})
    if not item then
        return nil, err
    elseif #block ~= item.size then
        return errors.fail("Changed", {
            url = transfer.url_of(self.source, self.from), op = "store.copy",
            reason = string.format("%d of %d bytes came", #block, item.size)})
    end
    return self:check_whole(item, block)
end

--- What the target says of the bytes that arrived.
function transfer:check_written(item, block)
    if item.size ~= self.size then
        return transfer.damaged(self.target, self.to,
            string.format("it has %d bytes and not %d", item.size, self.size))
    elseif item.md5 and block then
        if item.md5 ~= block:digest("md5").md5 then
            return transfer.damaged(self.target, self.to, "its MD5 is not that of what was sent")
        end
        self.verified = self.verified or "md5"
    end
    return true
end

--- Reads back what was written, where that is wanted: the only way to know where a server tells no
--- checksum, and of a disk.
function transfer:check_content(md5, block)
    if not self.reads_back then
        return true
    end
    local same, err = checksum.matches(self.target, self.to, self.size, checksum.md5(md5), block)
    if same == nil then
        return nil, err
    elseif not same then
        return transfer.damaged(self.target, self.to, "its content is not what was sent")
    end
    self.verified = "content"
    return true
end

--- attempt(), once more when what was in its way could be removed.
function transfer:unobstructed(attempt)
    local value, err = attempt()
    if value or not self.make_way then
        return value, err
    end
    local is_free, why = self.make_way(self.to, err)
    if is_free then
        return attempt()
    end
    return nil, why or err
end

--- What arrived damaged does not stay under its name.
function transfer:take_away(err)
    if err.code == "Corrupt" then
        self.target:remove({self.to})
    end
    return nil, err
end

--- By the server itself, whatever the size.
function transfer:on_server()
    local source, target = self.source, self.target
    local item, err = target.base:copy(source.prefix .. self.from, target.prefix .. self.to,
        {item = source:inner(self.item)})
    if not item then
        return nil, err
    end
    self.on_bytes(self.size)
    local right, problem = self:check_written(item)
    if not right then
        return nil, problem
    end
    local md5 = self.item.md5
    if md5 and item.md5 and item.md5 ~= md5 then
        md5 = checksum.proven(source, self.item).md5
    end
    if md5 and item.md5 and item.md5 ~= md5 then
        return self:take_away(select(2, transfer.damaged(self.target, self.to,
            "its MD5 is not that of what was copied")))
    end
    self.verified = md5 and item.md5 and "md5"
    return true
end

local AGAIN = {Changed = true, Corrupt = true, TooLarge = true}

function transfer:whole(block)
    if self.by_server then
        return self:on_server()
    end
    for attempt = 0, REPEATS do
        local read, err = self:read_whole(block)
        if read then
            break
        elseif not AGAIN[err.code] or attempt == REPEATS then
            return nil, err
        end
        local item, problem = self.source:stat(self.from)
        if not item then
            return nil, problem
        elseif item.size > block:capacity() then
            return nil, err
        end
        self.item, self.size = item, item.size
    end
    local written, err = self:unobstructed(function()
        return self.target:write(self.to, block, self:attributes())
    end)
    if not written then
        return nil, err
    end
    self.on_bytes(self.size)
    local right, problem = self:check_written(written, block)
    if right and self.reads_back then
        right, problem = self:check_content(block:digest("md5").md5, block)
    end
    if not right then
        return self:take_away(problem)
    end
    return true
end

return transfer
