--- Many objects removed in batches, and with `prunes` the folders that become empty by that.
local removal = {}
removal.__index = removal

local BATCH = 1000
local FAILURES = 1000

--- new(backend, prunes) -> {add = function(self, path), finish = function(self), removed =,
--- failed =}
function removal.new(backend, prunes)
    return setmetatable({backend = backend, prunes = prunes, paths = {}, removed = 0,
                         failed = {}}, removal)
end

function removal:note(path, err)
    if #self.failed < FAILURES then
        table.insert(self.failed, {path = path, err = err})
    end
end

--- The folders of the paths and those above them by their depth, from 1.
local function folders_of(paths)
    local seen, depths = {}, {}
    for _, path in ipairs(paths) do
        local folder = path:match("^(.*/)[^/]+$")
        while folder and not seen[folder] do
            seen[folder] = true
            local _, depth = folder:gsub("/", "")
            depths[depth] = depths[depth] or {}
            table.insert(depths[depth], folder)
            folder = folder:match("^(.*/)[^/]+/$")
        end
    end
    return depths
end

--- Removes those that are empty by now. One depth after the other: a back end removes many at the
--- same time.
function removal:prune(paths)
    local depths = folders_of(paths)
    for depth = #depths, 1, -1 do
        self.backend:remove(depths[depth])
    end
end

function removal:flush()
    local paths = self.paths
    if #paths == 0 then
        return
    end
    self.paths = {}
    local done, err = self.backend:remove(paths)
    if not done then
        for _, path in ipairs(paths) do
            self:note(path, err)
        end
        return
    end
    self.removed = self.removed + #paths - #done.failed
    for _, failure in ipairs(done.failed) do
        self:note(failure.path, failure.err)
    end
    if self.prunes and self.backend.features.folders then
        self:prune(paths)
    end
end

function removal:add(path)
    table.insert(self.paths, path)
    if #self.paths >= BATCH then
        self:flush()
    end
end

function removal:finish()
    self:flush()
end

return removal
