local temporary = require("salvor.store.temporary")

local methods = {}

local OP = "store.list"
local PAGE = 1000

--- One folder on the way: its names that are still to come.
local function open_level(self, prefix)
    local path = prefix:gsub("/$", "")
    local listing, err = self:_use({op = OP, path = path}, function(connection)
        return connection:list(self:_path(path))
    end)
    if not listing then
        return nil, err
    end
    return {prefix = prefix, listing = listing, next = 1}
end

--- Where nothing lies is no error, but a store whose root is not there is one.
local function begin(self, prefix)
    local level, err = open_level(self, prefix)
    if level or err.code ~= "NotFound" or prefix == "" then
        return level and {level}, err
    end
    local there
    there, err = self:_stat("", OP)
    return there and {}, err
end

--- The innermost folder's next entry; folders that are over are left.
local function next_entry(walk)
    while #walk > 0 do
        local level = walk[#walk]
        if level.next <= #level.listing then
            level.next = level.next + 1
            return level, level.listing:get(level.next - 1)
        end
        walk[#walk] = nil
    end
end

--- Goes into a folder; one that has gone meanwhile has nothing.
local function enter(self, walk, path)
    local level, err = open_level(self, path)
    if level then
        walk[#walk + 1] = level
    elseif err.code ~= "NotFound" then
        return nil, err
    end
    return true
end

--- The next name on the way: its path and attributes; nothing at the end. Folders are entered when
--- `deep`, and told otherwise. nil, nil and an error.
local function step(self, walk, deep)
    while true do
        local level, name, kind, size, modified, mode = next_entry(walk)
        if not level then
            return nil
        end
        local path = level.prefix .. name
        if not deep or kind ~= "folder" then
            return path, {kind = kind, size = size, modified = modified, mode = mode}, name
        end
        local entered, err = enter(self, walk, path .. "/")
        if not entered then
            level.next = level.next - 1 -- whoever repeats the call enters it
            return nil, nil, err
        end
    end
end

--- The token of the next page is the walk itself, so it can be used once; and again after a
--- failure, when what was found before it is not lost.
function methods:list(prefix, options)
    local walk = options.after
    if not walk then
        local begun, err = begin(self, prefix)
        if not begun then
            return nil, err
        end
        walk = begun
    end
    local page = walk.unfinished or {items = {}, folders = {}}
    walk.unfinished = page
    while #page.items + #page.folders < PAGE do
        local path, attrs, name = step(self, walk, options.delimiter == nil)
        if not path then
            return not name and page or nil, name
        elseif attrs.kind == "folder" then
            table.insert(page.folders, path .. "/")
        elseif not temporary.is_name(name) then
            table.insert(page.items, self._item(path, attrs))
        end
    end
    walk.unfinished, page.next = nil, walk
    return page
end

--- The temporary files that no list shows: of runs that were killed, and of such as still go on.
function methods:leftovers(prefix, options)
    local walk, err = begin(self, prefix)
    if not walk then
        return nil, err
    end
    local found = {}
    while true do
        local path, attrs, name = step(self, walk, true)
        if not path then
            return not name and found or nil, name
        elseif temporary.is_name(name) and attrs.modified <= os.time() - options.older_than then
            local removed = options.remove and self:remove({path})
            found[#found + 1] = {path = path, begun = attrs.modified,
                                 removed = removed and removed.n == 1 or false}
        end
    end
end

return methods
