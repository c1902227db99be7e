--- Trees and single objects between any two stores.
---
--- Both sides are walked in the order of their paths, so memory does not depend on how many there
--- are; what differs is carried by workers (store/lanes.lua). Nothing is removed at the destination
--- unless asked, and then only after everything has arrived, but for what is in its way
--- (store/obstacle.lua).
local backend = require("salvor.store.backend")
local condition = require("salvor.condition")
local errors = require("salvor.store.errors")
local lanes = require("salvor.store.lanes")
local obstacle = require("salvor.store.obstacle")
local progress = require("salvor.store.progress")
local remove = require("salvor.store.remove")
local task = require("salvor.task")
local transfer = require("salvor.store.transfer")
local url = require("salvor.store.url")
local walk = require("salvor.store.walk")

local OP = "store.copy"

local WORKERS = 8 -- when nothing else is said
local NAMED = 1000 -- failures and links that the summary names

--- Errors after which every other object would fail too.
local FATAL = {NoSpace = true, Refused = true, Unauthorized = true, Unreachable = true,
               Untrusted = true}

--- Errors of a write that a file or folder in its way may have led to.
local MAY_BE_OBSTRUCTED = {Invalid = true, NotFound = true}

--- Errors and statuses that tell nothing of the object: the server may not be there any more.
local LOST = {Disconnected = true, SlowDown = true, Timeout = true, [502] = true, [504] = true}
local LOST_MORE = 8 -- such failures one after the other, beside those of all workers

local copy = {}
copy.__index = copy

function copy:note_failure(path, err)
    local summary = self.summary
    summary.failures = summary.failures + 1
    if #summary.failed < NAMED then
        table.insert(summary.failed, {path = path, err = err})
    end
end

--- What a worker has ended with; false ends the whole copy, also where nothing but failures comes.
--- Each of them may have been tried for many minutes.
function copy:on_end(object, ok, err)
    local summary = self.summary
    local is_lost = not ok and (LOST[err.code] or LOST[err.status])
    self.lost = ok and 0 or self.lost + (is_lost and 1 or 0)
    if not ok then
        self:note_failure(object.from, err)
        local hopeless = summary.failures >= NAMED and summary.copied + summary.skipped == 0
            or self.lost >= (self.workers or WORKERS) + LOST_MORE
        if FATAL[err.code] or hopeless then
            self.fatal = err
            return false
        end
        return nil
    elseif object.skipped then
        summary.skipped = summary.skipped + 1
    else
        summary.copied = summary.copied + 1
        summary.bytes = summary.bytes + object.size
        local how = object.verified and "checksum" or "size"
        summary.verified[how] = summary.verified[how] + 1
    end
    if self.progress then
        self.progress:found(object.skipped and object.size or 0, 1)
    end
end

--- Removes what was in the way of a write that has failed with `err`: for transfer.new. One after
--- the other, since several may have met the same file.
function copy:make_way(path, err)
    if not MAY_BE_OBSTRUCTED[err.code] then
        return false
    end
    while self.is_making_way do
        self.way_made:wait()
    end
    self.is_making_way = true
    local finally <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
        self.is_making_way = false
        self.way_made:wake()
    end})
    local done, count = obstacle.remove(self.source, self.target, path)
    if done == nil then
        return nil, count
    elseif done then
        self.summary.removed = self.summary.removed + count
    end
    -- Somebody else may have removed it by now.
    return done or err.code == "NotFound"
end

--- A transfer of `item`; `there`: what the destination has under that name.
function copy:transfer(item, from, to, there)
    local same_size = there and there.size == item.size
    return transfer.new({
        source = self.source, from = from, item = item, target = self.target, to = to,
        there = self.skip and same_size and there or nil,
        skip = self.skip,
        if_absent = self.if_absent,
        reads_back = self.reads_back,
        make_way = self.may_make_way and function(...)
            return self:make_way(...)
        end or nil,
        on_bytes = function(count, resumed)
            if resumed then
                self.summary.resumed = self.summary.resumed + count
            end
            if self.progress then
                self.progress[resumed and "found" or "add"](self.progress, count, 0)
            end
        end,
    })
end

--- Why the destination cannot have that name.
function copy:problem_of(path)
    local features = self.target.features
    return backend.path_problem(path, features.any_key)
        or features.refuses and features.refuses(path) or nil
end

--- The items of the destination; a folder that is yet to be made has none.
function copy:walk_target()
    local items = walk.items(self.target, "")
    local makes_folders = self.target.features.folders
    return function()
        local item, err = items()
        if err and err.code == "NotFound" and makes_folders then
            return nil
        end
        return item, err
    end
end

function copy:note_other(item)
    local left_out = self.summary.left_out
    if item.kind ~= "folder" and #left_out < NAMED then
        table.insert(left_out, item.path)
    end
end

--- The objects of a tree that are to be copied, for lanes.run.
function copy:objects()
    local items, is_over = walk.items(self.source, "", function(item)
        self:note_other(item)
    end), false
    local function sources()
        local item, err = items()
        is_over = item == nil
        return item, err
    end
    local both = walk.merge(sources, self.skip and self:walk_target() or walk.nothing)
    return function()
        while true do
            local item, there, err = both()
            if err then
                return nil, err
            elseif item then
                self.found = true
                local problem = self:problem_of(item.path)
                if not problem then
                    return self:transfer(item, item.path, item.path, there)
                end
                local _, refused = errors.fail("Invalid", {op = OP, reason = problem,
                    url = url.join(self.target.url, item.path),
                    hint = "the name cannot be one there"})
                self:note_failure(item.path, refused)
            elseif is_over or not there then
                return nil -- a destination may have millions of names behind the source's last one
            end
        end
    end
end

--- One object as a whole copy.
function copy:one()
    local given = false
    return function()
        if given then
            return nil
        end
        given, self.found = true, true
        local there
        if self.skip then
            local err
            there, err = self.target:stat(self.to_name)
            -- S3 forbids who may only write to ask for what is not there.
            if not there and err.code ~= "NotFound" and err.code ~= "Forbidden" then
                return nil, err
            end
        end
        if there and there.kind ~= "file" then
            there = nil
        end
        return self:transfer(self.item, self.from_name, self.to_name, there)
    end
end

--- Every name of the source: a link's is taken, too.
function copy:walk_names()
    return walk.items(self.source, "", function()
        return true
    end)
end

--- A source that holds nothing is not what anybody wants to have twice: a file system that is not
--- mounted, or what somebody has emptied while it was copied. Nothing is removed then.
function copy:check_source()
    local name, problem = self:walk_names()()
    local there, err
    if not name and not problem then
        there, err = self:walk_target()()
    end
    if problem or err then
        return nil, problem or err
    elseif there then
        return errors.fail("Invalid", {url = self.source.url, op = OP,
            reason = "it holds nothing, and 'delete' would remove everything at "
                .. self.target.url,
            hint = "look whether it is mounted; 'salvor store rm -r' removes what is to go"})
    end
    return true
end

--- What is at the destination and not at the source goes, a bounded number at a time.
function copy:remove_others()
    local checked, problem = self:check_source()
    if not checked then
        return nil, problem
    end
    local both = walk.merge(self:walk_names(), self:walk_target())
    local removal = remove.new(self.target, true)
    while true do
        local item, there, err = both()
        if err then
            return nil, err
        elseif there and not item then
            removal:add(there.path)
        elseif not item then
            break
        end
    end
    removal:finish()
    self.summary.removed = self.summary.removed + removal.removed
    for _, failure in ipairs(removal.failed) do
        if FATAL[failure.err.code] then
            return nil, failure.err
        end
        self:note_failure(failure.path, failure.err)
    end
    return true
end

--- The bytes and objects of the source, for how much is left.
function copy:count()
    if self.item then
        self.progress:set_total(self.item.size, 1)
        return
    end
    local items, bytes, objects = walk.items(self.source, ""), 0, 0
    while true do
        local item, err = items()
        if err then
            return
        elseif not item then
            break
        end
        bytes, objects = bytes + item.size, objects + 1
    end
    self.progress:set_total(bytes, objects)
end

function copy:carry()
    local next_object = self.item and self:one() or self:objects()
    local part_size = transfer.part_size(self.target, self.item and self.item.size or 0)
    return lanes.run(next_object, {
        workers = self.workers or WORKERS,
        parts = self.workers or self.target.features.part.at_once,
        part_size = part_size,
        on_end = function(...)
            return self:on_end(...)
        end,
    })
end

--- Counting may fail, and then there is no total; that never decides how the copy ends.
function copy:carry_with_progress()
    local line <close> = progress.new(self.show, "copied")
    self.progress = line
    local done, err = task.race({
        function()
            return self:carry()
        end,
        function()
            task.all({function() pcall(self.count, self) end, function() line:keep_telling() end})
        end,
    })
    if done then
        line:finish(not self.fatal and self.summary.failures == 0)
    end
    return done, err
end

function copy:run()
    local began = task.now()
    self.may_make_way = self.delete and not self.item and not self.if_absent
        and self.target.features.folders
    self.way_made, self.lost = condition.new(), 0
    local carry = self.show and self.carry_with_progress or self.carry
    local carried, err = carry(self)
    if not carried then
        return nil, err
    elseif self.fatal then
        return nil, self.fatal
    elseif not self.found and not self.source.features.folders then
        local missing = self.missing or {} -- what the server says of an object of that name
        return errors.fail("NotFound", {url = self.source.url, op = OP, status = missing.status,
                                        request_id = missing.request_id,
                                        hint = "nothing lies below this name"})
    end
    if self.delete and not self.item and self.summary.failures == 0 then
        carried, err = self:remove_others()
        if not carried then
            return nil, err
        end
    end
    self.summary.seconds = task.now() - began
    return self.summary
end

--- run{source=, target=, item=, missing=, from_name=, to_name=, workers=, skip=, delete=,
--- if_absent=, reads_back=, show=}: the tree of one back end to another, or the one object that has
--- an `item`. The summary of salvor.store's copy, or nil and an error.
return function(fields)
    fields.summary = {copied = 0, skipped = 0, bytes = 0, resumed = 0, removed = 0, failures = 0,
                      failed = {}, left_out = {}, verified = {checksum = 0, size = 0}}
    return setmetatable(fields, copy):run()
end
