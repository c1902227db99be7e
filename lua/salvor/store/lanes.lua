--- Many objects at the same time, with bounded memory: each worker has one block and carries in it
--- either a whole small object or one part of a large one. A few workers have blocks for parts.
local block = require("salvor.block")
local condition = require("salvor.condition")
local task = require("salvor.task")

local lanes = {}

local SMALL = 1 << 20 -- bytes of the block of a worker that carries no parts
local MEMORY = 32 << 20 -- bytes of all blocks for parts together
local TIDYING = 5 -- seconds that taking away what was begun may take
local AHEAD = 200 -- objects that wait for a worker

local queue = {}
queue.__index = queue

local function new_queue()
    return setmetatable({first = 1, last = 0}, queue)
end

function queue:add(item)
    self.last = self.last + 1
    self[self.last] = item
end

function queue:take()
    local item = self[self.first]
    if item ~= nil then
        self[self.first] = nil
        self.first = self.first + 1
    end
    return item
end

function queue:count()
    return self.last - self.first + 1
end

local run = {}
run.__index = run

--- However it ends, nothing of what was begun is left, unless the server cannot be asked any more.
run.__close = function(self)
    local objects = {}
    for object in pairs(self.open) do
        objects[#objects + 1] = object
    end
    if #objects > 0 then
        task.timeout(TIDYING, function()
            task.map(objects, function(object)
                object:give_up(self.stopped_by)
            end)
            return true
        end)
    end
end

--- Fills the queues, a bounded number of objects ahead of the workers.
function run:produce(next_object)
    while not self.stopped do
        local object, err = next_object()
        if not object then
            self.failure = err
            break
        end
        self[(object.by_server or object.size <= SMALL) and "small" or "large"]:add(object)
        self.work:wake()
        while self.small:count() + self.large:count() >= AHEAD and not self.stopped do
            self.room:wait()
        end
    end
    self.produced = true
    self.work:wake()
end

--- Whether an object's parts need larger blocks than the workers have (where a server takes only so
--- many parts).
function run:is_huge(object)
    return object.part_size > self.part_size
end

--- An object that is being sent, and the number of its next part; nil, nil and whether a part waits
--- for memory.
function run:take_part()
    local object = self.sending[1]
    while object and (object.failure or object.next_part > object.count) do
        table.remove(self.sending, 1)
        object = self.sending[1]
    end
    if not object then
        return nil, nil, false
    elseif self:is_huge(object) then
        if self.huge > 0 and self.huge + object.part_size > MEMORY then
            return nil, nil, true
        end
        self.huge = self.huge + object.part_size
    end
    local part = object.next_part
    object.next_part, object.under_way = part + 1, object.under_way + 1
    return object, part
end

--- What a worker does next: an object and "whole", "begin" or the number of a part; nil at the end.
function run:take(carries_parts)
    while not self.stopped do
        local object, part, waits
        if carries_parts then
            object, part, waits = self:take_part()
            if object then
                return object, part
            end
        end
        object = self.small:take()
        if object then
            self.room:wake()
            return object, "whole"
        end
        object = carries_parts and not waits and self.large:take()
        if object then
            self.room:wake()
            if object.size <= object.part_size then
                return object, "whole"
            end
            self.beginning = self.beginning + 1
            return object, object.there and "compare" or "begin"
        end
        local may_come = not self.produced or waits or carries_parts and self.beginning > 0
        if not may_come then
            return nil
        end
        self.work:wait()
    end
end

--- Tells of an object's end; the owner says whether to go on.
function run:ended(object, ok, err)
    self.open[object] = nil
    if not ok then
        object:give_up(err)
    end
    if self.on_end(object, ok, err) == false then
        self.stopped, self.stopped_by = true, err
        self.work:wake()
        self.room:wake()
    end
end

--- A small object, or one that is there already.
function run:whole(object, piece)
    if object.there and object:is_same(piece) then
        object.skipped = true
        self:ended(object, true)
        return
    end
    self:ended(object, object:whole(piece))
end

--- A large object that may be there already; if it is not, its parts are next.
function run:compare(object, piece)
    local same = object:is_same(piece)
    self.beginning = self.beginning - 1
    object.there = nil
    if same then
        object.skipped = true
        self:ended(object, true)
    else
        self.large:add(object)
    end
    self.work:wake()
end

function run:begin(object)
    self.open[object] = true
    local ok, err = object:begin()
    self.beginning = self.beginning - 1
    if ok then
        table.insert(self.sending, object)
    else
        self:ended(object, nil, err)
    end
    self.work:wake()
end

--- The last of an object's parts to end finishes it.
function run:part(object, index, piece)
    local sent = object:part(index, piece)
    object.under_way = object.under_way - 1
    object.done = object.done + (sent and 1 or 0)
    if object.failure and object.under_way == 0 then
        self:ended(object, nil, object.failure)
    elseif object.done == object.count then
        self:ended(object, object:finish(piece))
    end
end

--- A part in a block of its own, which is gone after it.
function run:huge_part(object, index)
    local size = object.part_size
    local piece <close> = must(block.new(size))
    self:part(object, index, piece)
    self.huge = self.huge - size
    self.work:wake()
end

function run:worker(carries_parts)
    local piece <close> = must(block.new(carries_parts and self.part_size or SMALL))
    while true do
        local object, what = self:take(carries_parts)
        if not object then
            return
        elseif what == "begin" then
            self:begin(object)
        elseif what == "whole" then
            self:whole(object, piece)
        elseif what == "compare" then
            self:compare(object, piece)
        elseif self:is_huge(object) then
            self:huge_part(object, what)
        else
            self:part(object, what, piece)
        end
    end
end

--- run(next_object, {workers=, parts=, part_size=, on_end=}): moves what next_object() gives
--- (objects of store/transfer.lua, nil at the end, or nil and an error, which ends it) with so many
--- workers, of which at most `parts` carry parts. on_end(object, ok, err) is told of each; when it
--- gives false no others are begun. Their blocks have part_size bytes; what is larger gets others,
--- as far as there is memory for them. Returns true, or nil and next_object's error.
function lanes.run(next_object, options)
    local state <close> = setmetatable({
        small = new_queue(), large = new_queue(), sending = {}, open = {}, beginning = 0,
        work = condition.new(), room = condition.new(), on_end = options.on_end,
        part_size = options.part_size, huge = 0,
    }, run)
    local carriers = math.max(1, math.min(options.workers, options.parts,
        MEMORY // options.part_size))
    local all = {function() state:produce(next_object) end}
    for number = 1, options.workers do
        all[#all + 1] = function()
            state:worker(number <= carriers)
        end
    end
    task.all(all)
    if state.failure then
        return nil, state.failure
    end
    return true
end

return lanes
