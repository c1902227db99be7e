--- Goes through two sorted sequences side by side, so that neither has to be held.
local merge = {}

local cursor = {}
cursor.__index = cursor

--- `iterate` gives items in the order of their paths, as source:each() does.
function merge.cursor(iterate)
    return setmetatable({iterate = iterate, item = iterate()}, cursor)
end

function cursor:_step()
    self.item = self.iterate()
end

--- The item of that path, or nil; calls skipped(item) for those before it. Paths only grow.
function cursor:seek(path, skipped)
    while self.item and self.item.path < path do
        if skipped then
            skipped(self.item)
        end
        self:_step()
    end
    local found = self.item
    if found and found.path == path then
        self:_step()
        return found
    end
    return nil
end

--- Calls skipped(item) for all that is left.
function cursor:rest(skipped)
    while self.item do
        skipped(self.item)
        self:_step()
    end
end

--- Names in the order of their bytes, each to be sought with its suffix ("" or ".gz" and the like)
--- behind it: calls emit(path, value) in the order of the longer names. "112" comes before "112-1",
--- but "112.gz" behind "112-1.gz"; so a name waits as long as what it begins may still come, and
--- the memory is that of names that begin each other.
function merge.suffixed(emit)
    local waiting = {}
    local sorter = {}
    --- What comes before `path` has to wait no more.
    local function flush(path)
        while #waiting > 0 do
            local top = waiting[#waiting]
            if path and path < top.path then
                return
            end
            waiting[#waiting] = nil
            emit(top.path, top.value)
        end
    end
    --- false when the name is not behind the one before.
    function sorter.add(name, suffix, value)
        if sorter.last and name <= sorter.last then
            return false
        end
        sorter.last = name
        flush(name .. suffix)
        waiting[#waiting + 1] = {path = name .. suffix, value = value}
        return true
    end
    function sorter.finish()
        flush()
    end
    return sorter
end

return merge
