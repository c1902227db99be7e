--- The files that a pattern of Include names (glob(7)): "*", "?" and "[...]" in any part of a path,
--- which stand for no "/" and for no "." that begins a name; "\" takes the meaning of what follows.
local fs = require("salvor.fs")

--- What a part of a path means, as a pattern of Lua's; where it has no wildcard nil, and the name.
local function compile(part)
    local pattern, name, at, is_wild = {"^"}, {}, 1, false
    while at <= #part do
        local class, behind = part:match("^%[([!^]?[^!^][^%]]*)%]()", at)
        local char = part:sub(at, at)
        if class then
            class = class:gsub("^!", "^"):gsub("%%", "%%%%")
            pattern[#pattern + 1], at, is_wild = "[" .. class .. "]", behind, true
        elseif char == "*" or char == "?" then
            pattern[#pattern + 1], at, is_wild = char == "*" and ".*" or ".", at + 1, true
        else
            char, at = part:match("^\\?(.)()", at)
            pattern[#pattern + 1], name[#name + 1] = char:gsub("%W", "%%%0"), char
        end
    end
    pattern[#pattern + 1] = "$"
    return is_wild and table.concat(pattern) or nil, table.concat(name)
end

--- The entries of a folder that a pattern fits.
local function matching(folder, pattern, part)
    local found = {}
    for _, entry in ipairs(fs.list(folder) or {}) do
        local is_hidden = entry.name:sub(1, 1) == "." and part:sub(1, 1) ~= "."
        if not is_hidden and entry.name:find(pattern) then
            found[#found + 1] = fs.join(folder, entry.name)
        end
    end
    return found
end

--- glob(path) -> the paths of the files, sorted; without a wildcard that path alone, whether or not
--- there is such a file.
return function(path)
    local paths, has_wildcard = {path:sub(1, 1) == "/" and "/" or "."}, false
    for part in path:gmatch("[^/]+") do
        local pattern, name = compile(part)
        has_wildcard = has_wildcard or pattern ~= nil
        local below = {}
        for _, folder in ipairs(paths) do
            local found = pattern and matching(folder, pattern, part) or {fs.join(folder, name)}
            table.move(found, 1, #found, #below + 1, below)
        end
        paths = below
    end
    if not has_wildcard then
        return paths
    end
    local files = {}
    for _, found in ipairs(paths) do
        local status = fs.stat(found)
        if status and status.type ~= "folder" then
            files[#files + 1] = found
        end
    end
    table.sort(files)
    return files
end
