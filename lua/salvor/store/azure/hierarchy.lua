--- Lists of a container with a hierarchical namespace, in the order of the bytes of the paths.
---
--- Azure sorts such a list part by part: the folder "a" with all that is in it comes before "a-b"
--- and "a.txt", whose bytes are before those of "a/". So folders are listed one level at a time,
--- and a folder is held back until no name can come any more that is before it. What is held back
--- are names and not contents, so memory does not depend on how much there is.
local hierarchy = {}

local walk = {}
walk.__index = walk

local PAGE = 1000

--- Whether a name of this level is before the folder held back, in bytes, though it came after it.
local function comes_before(name, folder)
    return name:sub(1, #folder) == folder and #name > #folder and name:byte(#folder + 1) < 47 -- "/"
end

--- The entries of one answer by name: {name = without "/", item, is_folder}, in Azure's order.
local function entries_of(page)
    local entries, seen = {}, {}
    for _, path in ipairs(page.folders) do
        local name = path:gsub("/$", "")
        seen[name] = true
        entries[#entries + 1] = {name = name, is_folder = true}
    end
    for _, item in ipairs(page.items) do
        local name = item.path:gsub("/$", "")
        if item.kind ~= "folder" then
            entries[#entries + 1] = {name = item.path, item = item}
        elseif not seen[name] then -- an empty one
            entries[#entries + 1] = {name = name, is_folder = true}
        end
    end
    table.sort(entries, function(left, right)
        if left.name ~= right.name then
            return left.name < right.name
        end
        return not left.is_folder and right.is_folder or false
    end)
    return entries
end

local function new_level(prefix)
    return {prefix = prefix, entries = {}, index = 0, held = {}, is_held = {},
            started = false}
end

--- The next entry of the level as the server has them; nil at the end, false and an error.
function walk:fetch(level)
    while level.index >= #level.entries do
        if level.started and not level.marker then
            return nil
        end
        local page, err = self.store:_list(level.prefix, "/", level.marker)
        if not page then
            return false, err
        end
        level.started, level.marker = true, page.next
        level.entries, level.index = entries_of(page), 0
    end
    level.index = level.index + 1
    return level.entries[level.index]
end

--- The next entry of the level in the order of bytes: {item} or {folder = "a/"}.
function walk:next_of(level)
    while true do
        local entry = level.entry
        if not entry and not level.ended then
            local fetched, err = self:fetch(level)
            if fetched == false then
                return false, err
            end
            entry, level.ended = fetched, fetched == nil
        end
        local held = level.held[#level.held]
        if entry and entry.is_folder and level.is_held[entry.name] then
            level.entry = nil -- told twice, as an object and as a prefix
        elseif held and not (entry and comes_before(entry.name, held)) then
            level.entry = entry
            table.remove(level.held)
            level.is_held[held] = nil
            return {folder = held .. "/"}
        elseif not entry then
            return nil
        else
            level.entry = nil
            if not entry.is_folder then
                return {item = entry.item}
            end
            table.insert(level.held, entry.name)
            level.is_held[entry.name] = true
        end
    end
end

--- Adds one thing to the page; false at the end, nil and an error.
function walk:step(page)
    local level = self.levels[#self.levels]
    if not level then
        return false
    end
    local entry, err = self:next_of(level)
    if entry == false then
        return nil, err
    elseif not entry then
        table.remove(self.levels)
    elseif entry.item then
        if not self.after.item or entry.item.path > self.after.item then
            table.insert(page.items, entry.item)
        end
    elseif not self.one_level then
        table.insert(self.levels, new_level(entry.folder))
    elseif not self.after.folder or entry.folder > self.after.folder then
        table.insert(page.folders, entry.folder)
    end
    return true
end

--- The next page, as list() gives it. What a request has failed in is asked for again by the next
--- call, and what was found before it is not lost.
function walk:page()
    local page = self.unfinished or {items = {}, folders = {}}
    self.unfinished = page
    while #page.items + #page.folders < PAGE do
        local goes_on, err = self:step(page)
        if goes_on == nil then
            return nil, err
        elseif not goes_on then
            self.unfinished = nil
            return page
        end
    end
    self.unfinished = nil
    page.next = self
    return page
end

--- new(store, prefix, delimiter, after) -> walk; `after`: the last item and folder that the pages
--- before it had, which came in the order of bytes.
function hierarchy.new(store, prefix, delimiter, after)
    return setmetatable({store = store, levels = {new_level(prefix)}, after = after,
                         one_level = delimiter ~= nil}, walk)
end

function hierarchy.is_walk(token)
    return getmetatable(token) == walk
end

return hierarchy
