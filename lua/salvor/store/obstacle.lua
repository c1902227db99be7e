--- What is in the way at a destination that has folders: a file where a folder has to be, or a
--- folder where a file has to be. A copy that removes what the source does not have removes that
--- first, and nothing that it would not remove elsewhere: not what the source has too, no link, and
--- nothing by way of a link.
local errors = require("salvor.store.errors")
local remove = require("salvor.store.remove")
local url = require("salvor.store.url")
local walk = require("salvor.store.walk")

local obstacle = {}

--- Goes through what lies in a folder: what look(page) gives first, a value or nil and an error; at
--- the end nil.
local function search(target, folder, look)
    local token
    repeat
        local page, err = target:list(folder, {delimiter = "/", after = token})
        local found
        if page then
            found, err = look(page)
        end
        if found or err then
            return found, err
        end
        token = page.next
    until not token
end

--- What a list says that there is under that name: "file", "folder", "link" or "other"; nil when
--- nothing is. Asked for it by its name, a back end would tell what a link points to.
local function kind_of(target, path)
    return search(target, path:match("^(.*/)[^/]+$") or "", function(page)
        for _, item in ipairs(page.items) do
            if item.path == path then
                return item.kind
            end
        end
        for _, name in ipairs(page.folders) do
            if name == path .. "/" then
                return "folder"
            end
        end
    end)
end

--- The path of what is in the way of an object of that path, and its kind; nil when nothing is, or
--- when that is behind a link; nil, nil and an error.
local function find(target, path)
    for above in path:gmatch("()/") do
        local folder = path:sub(1, above - 1)
        local kind, err = kind_of(target, folder)
        if kind == "file" then
            return folder, kind
        elseif kind ~= "folder" then
            return nil, nil, err
        end
    end
    local kind, err = kind_of(target, path)
    if kind == "folder" then
        return path, kind
    end
    return nil, nil, err
end

--- Whether the source has what is in the way too, or something in it; nil and an error.
local function is_at_source(source, path, kind)
    local item, err
    if kind == "folder" then
        item, err = walk.items(source, path .. "/")()
    else
        item, err = source:stat(path)
    end
    if not item and err and err.code ~= "NotFound" then
        return nil, err
    end
    return item ~= nil and item.kind ~= "folder"
end

--- Whether a folder of the destination holds nothing but files; nil and an error that says what.
local function has_files_only(target, folder)
    local other
    local items = walk.items(target, folder, function(item)
        other = other or item.path
    end)
    local item, err
    repeat
        item, err = items()
    until not item or other
    if other then
        return errors.fail("Invalid", {url = url.join(target.url, folder), op = "store.copy",
            reason = "it is a folder, and 'delete' does not remove "
                .. url.join(target.url, other) .. ", which is no file"})
    end
    return not err, err
end

--- The first failure of a removal so far, as nil and an error; else true.
local function finish(removal)
    removal:finish()
    local failure = removal.failed[1]
    return not failure or nil, failure and failure.err
end

local function remove_file(_, path, removal)
    removal:add(path)
    return finish(removal)
end

--- Removes a folder ("a/") with all that is in it; true, or nil and an error.
local function remove_tree(target, folder, removal)
    local _, problem = search(target, folder, function(page)
        for _, item in ipairs(page.items) do
            removal:add(item.path)
        end
        for _, below in ipairs(page.folders) do
            local removed, err = remove_tree(target, below, removal)
            if not removed then
                return nil, err
            end
        end
    end)
    if problem then
        return nil, problem
    end
    local removed, err = finish(removal)
    if not removed then
        return nil, err
    end
    local folders = remove.new(target)
    folders:add(folder)
    return finish(folders)
end

local function remove_folder(target, path, removal)
    local is_removable, err = has_files_only(target, path .. "/")
    if not is_removable then
        return nil, err
    end
    return remove_tree(target, path .. "/", removal)
end

--- remove(source, target, path) -> whether something was in the way of `path` at the destination
--- and is gone, and the number of files that it was; or nil and an error
function obstacle.remove(source, target, path)
    local found, kind, err = find(target, path)
    if err then
        return nil, err
    elseif not found then
        return false
    end
    local taken, problem = is_at_source(source, found, kind)
    if problem then
        return nil, problem
    elseif taken then
        return false
    end
    local removal = remove.new(target)
    local remove_it = kind == "folder" and remove_folder or remove_file
    local removed, failure = remove_it(target, found, removal)
    if not removed then
        return nil, failure
    end
    return true, removal.removed
end

return obstacle
