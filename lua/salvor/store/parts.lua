--- A large object on its way: the methods of store/transfer.lua that bring it in parts.
local checksum = require("salvor.store.checksum")
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")
local task = require("salvor.task")

local parts = {}

--- What tells this object from every other one, and from what it will be later.
function parts:fingerprint()
    local item = self.item
    return table.concat({self.source.url, self.from, item.size, item.etag or item.md5 or "",
                         string.format("%.3f", item.modified or 0)}, "\0")
end

function parts:begin()
    self.item = checksum.proven(self.source, self.item)
    local options = self:attributes()
    options.part_size, options.fingerprint = self.part_size, self:fingerprint()
    local upload, err = self:unobstructed(function()
        return self.target:begin(self.to, self.size, options)
    end)
    if not upload then
        return nil, err
    end
    self.upload, self.part_size = upload, upload.part_size
    self.count = (self.size + self.part_size - 1) // self.part_size
    self.sum, self.sum_name = checksum.of(self.source, self.item)
    self.has_sums_of_parts = self.sum and self.sum.part_size == self.part_size
    self.digest = self.reads_back and digest.new("md5") or nil
    return true
end

--- Waits until every part before this one was added, and adds it.
function parts:add_in_turn(index, block)
    while self.turn ~= index do
        if self.failure then
            return
        end
        self.turned:wait()
    end
    if self.sum and not self.has_sums_of_parts then
        self.sum:update(block)
    end
    if self.digest then
        self.digest:update(block)
    end
    self.turn = index + 1
    self.turned:wake()
end

function parts:send(index, block)
    local has, err = self.upload:has(index, block)
    if has == nil then
        return nil, err
    elseif not has then
        local sent
        sent, err = self.upload:part(index, block)
        if not sent then
            return nil, err
        end
    end
    self.on_bytes(#block, has)
    return true
end

function parts:read_part(index, block)
    local offset = (index - 1) * self.part_size
    local length = math.min(self.part_size, self.size - offset)
    local item, err = self.source:read(self.from, block, {offset = offset, length = length,
                                                          if_match = self.item})
    if not item then
        return nil, err
    elseif #block ~= length then
        return errors.fail("Changed", {url = self.url_of(self.source, self.from), op = "store.copy",
            reason = "it has become shorter"})
    end
    return true
end

--- The failure of one part is that of the object; nobody waits for his turn any more.
function parts:fail(err)
    self.failure = self.failure or err
    self.turned:wake()
    return nil, self.failure
end

--- What an earlier run has left of the part, into the block; where that fails it is brought again.
function parts:recall(index, block)
    local upload = self.upload
    if not upload.recall or not upload:recall(index, block) then
        return false
    end
    self.on_bytes(#block, true)
    return true
end

function parts:part(index, block)
    local recalled = self:recall(index, block)
    local sent, err = recalled, nil
    if not recalled then
        sent, err = self:read_part(index, block)
    end
    if not sent then
        return self:fail(err)
    end
    local function send()
        if not recalled then
            sent, err = self:send(index, block)
        end
        if not sent then
            self:fail(err)
        end
    end
    local work = {send}
    if self.has_sums_of_parts then
        work[2] = function() self.sum:add_part(index, block) end
    end
    if self.digest or self.sum and not self.has_sums_of_parts then
        work[#work + 1] = function() self:add_in_turn(index, block) end
    end
    task.all(work)
    return sent, err
end

function parts:finish(block)
    if self.sum then
        local right, why = self.sum:finish()
        if why then
            return self:fail(select(2, self.damaged(self.source, self.from, why)))
        end
        self.verified = right and self.sum_name
    end
    local item, err = self:unobstructed(function()
        return self.upload:finish(self.item.md5 or self.digest and self.digest:hex())
    end)
    if not item then
        return self:fail(err)
    end
    self.upload = nil
    local right, problem = self:check_written(item)
    if right and self.digest then
        right, problem = self:check_content(self.digest:hex(), block)
    end
    if not right then
        return self:take_away(problem)
    end
    return true
end

--- After a failure: what may go well in another run stays for it, everything else goes. Credentials
--- that end in the midst of it are others then.
function parts:give_up(err)
    local upload = self.upload
    if upload then
        self.upload = nil
        if err and (err.retryable or err.code == "Unauthorized") then
            upload:close()
        else
            upload:abort()
        end
    end
end

return parts
