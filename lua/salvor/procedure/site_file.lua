--- A YAML file that people write, with the places of its entries for messages about it.
local errors = require("salvor.error")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local yaml = require("salvor.yaml")

local LIMIT = 256 << 10 -- bytes; a thousand times what a site has to say

local File = {}
File.__index = File

local site_file = {}

local function usage(message, hint, cause)
    return errors.new({code = "Usage", message = message, hint = hint, cause = cause})
end

local function usage_at(path, line, column, what, hint, cause)
    return usage(string.format("%s:%d:%d: %s", path, line, column, what), hint, cause)
end

--- What the YAML reader says of a text, with its place; of several documents the second one's.
local function located(path, text, err)
    local what, line, column = err.message:match("^(.*) at line (%d+), column (%d+)$")
    if what then
        return usage_at(path, line, column, what, err.hint, err)
    end
    local second = yaml.edit(text, {document = 2})
    if second then
        line, column = second:position(".")
        return usage_at(path, line, column, "a second document begins here",
            "a site file has one; what stands there belongs to it, or to another file", err)
    end
    return usage_at(path, 1, 1, err.message, "save it as UTF-8", err)
end

local kept = {} -- texts by path: a pipe gives its text once, and may be opened several times

local function read(path)
    if kept[path] then
        return kept[path]
    end
    local text, err = fs.read(path, {limit = LIMIT})
    local status = fs.stat(path)
    kept[path] = status and status.type ~= "file" and text or nil
    return text, err
end

--- open(path) -> file {path, folder, value} | nil, err: NotFound, or what is wrong with it. A file
--- without any document is an empty mapping.
function site_file.open(path)
    local text, err = read(path)
    if not text then
        return nil, err.code == "TooLarge" and usage(err.message,
            "a site file is a few pages; is it the right one?", err) or err
    end
    local document, problem = yaml.edit(text)
    if not document then
        return nil, located(path, text, problem)
    end
    local value = must(document:get("."))
    return setmetatable({
        path = path,
        folder = fs.dirname(path),
        value = value ~= require("salvor").null and value or {},
        document = document,
    }, File)
end

--- "FILE:line" of an entry; `path` is a list of keys and indices.
function File:place(path)
    local line = must(self.document:position(path))
    return self.path .. ":" .. line
end

--- Raises Usage: what is wrong with the entry at the path, and what would be right.
function File:fail(path, message, hint)
    local line, column = self.document:position(path)
    error(usage_at(self.path, must(line, column), column, message, hint), 0)
end

--- A path in the file means one beside it; "~" is home.
function File:absolute(path)
    path = folders.expand_home(path)
    return path:sub(1, 1) == "/" and path or must(fs.absolute(fs.join(self.folder, path)))
end

return site_file
