--- What a copy is from and to: a tree of a store, or one object in it.
local errors = require("salvor.store.errors")
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local native = require("salvor.local")
local open = require("salvor.store.open")
local url = require("salvor.store.url")
local view = require("salvor.store.view")

local place = {}

--- The location above, and the last name; nil when there is none (a root, ".", "..", or a path from
--- a working folder that is gone). Its text is still what was given: that is what errors are about.
local function split(location)
    local path = location.path
    if location.bare then
        path = fs.absolute(path) or ""
    end
    local above, name = path:match("^(.*/)([^/]+)$")
    if not name or name == "." or name == ".." then
        return nil
    end
    return merge(location, {path = above}), name
end

local function open_tree(location, options, what)
    local backend, err = open.location(location, options, what)
    return backend and {backend = backend, owned = true}, err
end

--- The object that a URL without a "/" at its end may mean; instead of `item` the error `missing`
--- when there is none, or nobody says so (an S3 server may forbid to ask for what is not there).
local function open_object(location, options, what)
    local above, name = split(location)
    if not above or location.path:sub(-1) == "/" then
        return nil
    end
    local backend, err = open.location(above, options, what)
    if not backend then
        return nil, err
    end
    local item, problem = backend:stat(name)
    if item then
        return {backend = backend, owned = true, name = name, item = item}
    elseif problem.code == "NotFound" or problem.code == "Forbidden" then
        return {backend = backend, owned = true, name = name, missing = problem}
    end
    backend:close()
    return nil, problem
end

--- The tree that a location means. `object`: what open_object() has given, and is no object.
local function enter_tree(object, location, options, what)
    local is_folder = object and object.item and object.item.kind == "folder"
    if is_folder and object.backend.enter then
        object.backend:enter(object.name)
        return {backend = object.backend, owned = true}
    elseif object then
        object.backend:close()
    end
    return open_tree(location, options, what)
end

local LINKS = 40 -- followed one after the other

--- The path without links, "." and "..": what is not there, or cannot be followed, stays as it is.
--- nil and an error where nobody can tell.
function place.real(path)
    local rest, err = fs.absolute(path)
    if not rest then
        return nil, err
    end
    local real, links = "", 0
    while rest ~= "" do
        local part, after = rest:match("^/*([^/]*)(.*)$")
        local here = part == "" and real or part == ".." and real:gsub("/[^/]*$", "")
            or real .. "/" .. part
        local target
        if part ~= "" and part ~= ".." then
            target, err = native.readlink(here)
            if not target and err.code == "Internal" then
                return nil, err
            end
        end
        if target and links < LINKS then
            links = links + 1
            real = target:sub(1, 1) == "/" and "" or real
            rest = target .. after
        else
            real, rest = here, after
        end
    end
    return real == "" and "/" or real
end

--- A file that is named by a link, or by a link to a link: whoever names it means the file.
local function follow_links(location)
    if not native.readlink(location.path) then
        return location
    end
    return merge(location, {path = place.real(location.path) or location.path})
end

--- What is read: {backend, owned} for a tree, {backend, owned, name, item} for one object. A tree
--- has `missing`, the error of asking for an object of that name, where that was asked. `what` as
--- in store/open.lua.
function place.source(target, options, what)
    local location, err = url.parse(target)
    if not location then
        return nil, err
    end
    if location.scheme == "file" and location.path ~= "" then
        location = follow_links(location)
    end
    local object
    object, err = open_object(location, options, what)
    if err then
        return nil, err
    elseif object and object.item and object.item.kind == "file" then
        return object
    elseif object and object.item and object.item.kind ~= "folder" then
        object.backend:close()
        return errors.fail("Invalid", {url = location.text, op = what,
                                       reason = "it is neither a file nor a folder"})
    end
    local tree
    tree, err = enter_tree(object, location, options, what)
    if tree and object then
        tree.missing = object.missing
    end
    return tree, err
end

--- Where a tree goes.
function place.tree(target, options, what)
    local location, err = url.parse(target)
    if not location then
        return nil, err
    end
    return open_tree(location, options, what)
end

--- Where one object of that name goes: {backend, owned, name}. Into what is a folder, by a "/" at
--- the end or because there is one, else it gets the URL's own name.
function place.object(target, name, options, what)
    local location, err = url.parse(target)
    if not location then
        return nil, err
    end
    local object
    object, err = open_object(location, options, what)
    if err then
        return nil, err
    elseif object and not (object.item and object.item.kind == "folder") then
        return object
    end
    local tree
    tree, err = enter_tree(object, location, options, what)
    if tree then
        tree.name = name
    end
    return tree, err
end

--- The prefix that a location means below the root of its server's store.
local function prefix_of(location)
    return (location.path:gsub("^/", ""):gsub("([^/])$", "%1/"))
end

local function same_store(first, second)
    for _, name in ipairs({"scheme", "host", "port", "user", "password"}) do
        if first[name] ~= second[name] then
            return false
        end
    end
    for name, value in pairs(merge(first.query, second.query)) do
        if first.query[name] ~= value or second.query[name] ~= value then
            return false
        end
    end
    return true
end

--- The object that may lie under the name of a prefix, as a place in the view of what is above it.
local function object_in(root, prefix)
    local above, name = prefix:match("^(.-)([^/]+)/$")
    local item = name and root:stat(above .. name)
    if item and item.kind == "file" then
        return {backend = view.new(root, above), name = name, item = merge(item, {path = name})}
    end
end

--- Source and target of a copy that the server makes by itself: two views of one back end, which
--- the first owns. Nothing when it cannot, for any reason: then the two are opened one by one.
function place.together(from, to, options, what)
    local source, target = url.parse(from), url.parse(to)
    if not source or not target or not same_store(source, target)
        or source.scheme == "file" or source.scheme == "sftp" then
        return nil
    end
    local root = open.location(merge(source, {path = ""}), options, what)
    if not root then
        return nil
    elseif not root.features.copies then
        root:close()
        return nil
    end
    local opened = {backend = view.new(root, prefix_of(source))}
    if source.path:sub(-1) ~= "/" then
        opened = object_in(root, prefix_of(source)) or opened
    end
    opened.owned = true
    local prefix = prefix_of(target)
    if not opened.item or prefix == "" or target.path:sub(-1) == "/" then
        return opened, {backend = view.new(root, prefix), name = opened.name}
    end
    local above, name = prefix:match("^(.-)([^/]+)/$")
    return opened, {backend = view.new(root, above), name = name}
end

return place
