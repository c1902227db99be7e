--- The locks of a run: that of its target's namespace, and those of the other places that it works
--- on. Each is taken before the first change, or none is kept.
local elsewhere = require("salvor.procedure.elsewhere")
local lock = require("salvor.procedure.lock")
local merge = require("salvor.copy").merge
local task = require("salvor.task")

local Locks = {}
Locks.__index = Locks

--- In an order that is the same from wherever one looks: of two runs that begin at the same time in
--- two data centres, each with the other one's as its second place, one gets all.
local function in_order(opened)
    local places = {{connection = opened.connection, cluster = opened.cluster,
                     namespace = opened.connection.namespace}}
    table.move(opened.elsewhere, 1, #opened.elsewhere, 2, places)
    local function key(place)
        return (place.cluster.uid or place.cluster.server) .. "\0" .. place.namespace
    end
    table.sort(places, function(one, other)
        return key(one) < key(other)
    end)
    return places
end

--- Gives back what was taken when not all could be.
local function or_none(self)
    return setmetatable({}, {__close = function(_, err)
        if err then
            self:__close()
        end
    end})
end

local locks = {}

--- acquire(opened, options) -> the locks, to be kept in a `<close>` variable, which gives them
--- back. opened: the session; options: as for lock.acquire. Raises what that raises.
function locks.acquire(opened, options)
    local self = setmetatable({}, Locks)
    local guard <close> = or_none(self) -- luacheck: ignore 211
    for _, place in ipairs(in_order(opened)) do
        self[#self + 1] = lock.acquire(place.connection,
            merge(options, {place = elsewhere.title(place)}))
    end
    return self
end

--- holders(opened) -> list of {place, holder}: who works on the places of a session
function locks.holders(opened)
    local found = {}
    for _, place in ipairs(in_order(opened)) do
        local holder = lock.holder(place.connection)
        found[#found + 1] = holder and {place = elsewhere.title(place), holder = holder}
    end
    return found
end

--- Renews them until the task ends; raises when one is not ours any more.
function Locks:keep()
    local keepers = {}
    for index, each in ipairs(self) do
        keepers[index] = function()
            each:keep()
        end
    end
    task.race(keepers)
end

--- Waits until all are certainly ours.
function Locks:ensure()
    for _, each in ipairs(self) do
        each:ensure()
    end
end

--- Whether that error is that one of them was lost.
function Locks:was_lost(err)
    for _, each in ipairs(self) do
        if each.lost and each.lost == err then
            return true
        end
    end
    return false
end

function Locks:__close()
    for _, each in ipairs(self) do
        each:__close()
    end
end

return locks
