--- Where the set might be that the operator meant, when there is none at the URL.
local source = require("salvor.verify.source")
local view = require("salvor.store.view")

-- So many folders are looked into.
local FOLDERS = 20

-- Names in a set, of what, and how many levels below its folder they are; folders end in "/".
local PARTS = {
    {"^archive%.info$", "pgBackRest repository", 2},
    {"^%d+%-%d+F/$", "pgBackRest repository", 2},
    {"^backup%.manifest$", "pgBackRest repository", 3},
    {"^backup_index/$", "Medusa set", 1},
    {"^meta/$", "Medusa set", 2},
    {"^manifest%.json$", "Medusa set", 3},
    {"^%d+T%d+/$", "database cluster's backups", 1},
    {"^data[_%d]*%.tar", "database cluster's backups", 2},
}

local function part_of(name)
    for _, part in ipairs(PARTS) do
        if name:find(part[1]) then
            return string.format("this is a part of a %s: give the folder %d level%s above",
                part[2], part[3], part[3] == 1 and "" or "s")
        end
    end
end

--- A hint, or nil. `folders` and `items` are at the URL; detect(source) -> the kinds of set there.
return function(from, folders, items, detect)
    for number = 1, math.min(#folders, FOLDERS) do
        local below = view.new(from.backend, folders[number] .. "/")
        local kind = detect(source.new(below))[1]
        if kind then
            return string.format("%s/ has %s: give that", folders[number], kind.title)
        end
    end
    local hint
    for _, folder in ipairs(folders) do
        hint = hint or part_of(folder .. "/")
    end
    for _, item in ipairs(items) do
        hint = hint or part_of(item.path)
    end
    return hint
end
