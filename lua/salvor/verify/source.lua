--- What the checks read: the objects of a store, in order.
---
--- Its functions raise the error object of what fails; only `stat` and `text` know nothing that is
--- not there.
local block = require("salvor.block")
local errors = require("salvor.store.errors")
local open = require("salvor.store.open")
local path_problem = require("salvor.store.backend").path_problem
local task = require("salvor.task")
local walk = require("salvor.store.walk")

-- A backup has few names at one level, but for the files of tables, which are gone over.
local NAMES = 200000

local source = {}
source.__index = source

-- One read ahead of the one that is looked at: large enough that a distant server is kept busy.
local CHUNK = {folder = 1 << 20}
local CHUNK_ELSEWHERE = 2 << 20

--- `backend` is that of an open store, whose calls are repeated (lua/salvor/store/retry.lua).
function source.new(backend)
    return setmetatable({backend = backend, url = backend.url,
                         chunk = CHUNK[backend.kind] or CHUNK_ELSEWHERE}, source)
end

--- The back end of a URL or of an open store, or nil and an error; and whether it is ours to close.
--- `what` is the function that the caller's caller has called.
function source.backend_of(where, options, what)
    if type(where) == "string" then
        local backend, err = open.url(where, options, what)
        if not backend then
            err.op = what
        end
        return backend, err, true
    elseif type(where) ~= "table" or type(where._backend) ~= "table" then
        error(what .. ": a URL or an open store expected, got " .. type(where), 3)
    end
    return where._backend, nil, false
end

local function nothing() end

--- Names come out of files that may be hostile. No part of a set is at "..", wherever that may be.
local function leads_out(path)
    return path ~= "" and path_problem((path:gsub("/$", ""))) ~= nil
end

--- From now on counts in `checked` ({objects, contents, bytes}) what is listed and read, and calls
--- progress(checked) now and then.
function source:count(checked, progress)
    self.checked, self.progress = checked, progress or nothing
end

function source:_was_listed()
    local checked = self.checked
    if checked then
        checked.objects = checked.objects + 1
        if checked.objects % 500 == 0 then
            self.progress(checked)
        end
    end
end

function source:was_read(bytes)
    local checked = self.checked
    checked.contents, checked.bytes = checked.contents + 1, checked.bytes + bytes
    self.progress(checked)
end

--- The URL of an object, for messages.
function source:url_of(path)
    return self.url .. "/" .. path
end

--- Every file below `prefix`, in the order of the bytes of their paths. Links that lead nowhere, or
--- out of a folder, are none.
function source:each(prefix)
    if leads_out(prefix) then
        return walk.nothing
    end
    local items = walk.items(self.backend, prefix)
    return function()
        local item, err = items()
        if err then
            error(err, 0)
        elseif item then
            self:_was_listed()
        end
        return item
    end
end

--- One level: the names of the folders, the files, and the paths of links that are no files. A
--- folder that is not there has none of these. Raises TooLarge beyond NAMES.
function source:level(prefix)
    local folders, files, links, token = {}, {}, {}, nil
    if leads_out(prefix) then
        return folders, files, links
    end
    repeat
        local page = must(self.backend:list(prefix, {delimiter = "/", after = token}))
        for _, folder in ipairs(page.folders) do
            folders[#folders + 1] = folder:sub(#prefix + 1, -2)
        end
        for _, item in ipairs(page.items) do
            if item.kind == "file" then
                files[#files + 1] = item
                self:_was_listed()
            elseif item.kind == "link" then
                links[#links + 1] = item.path
            end
        end
        token = page.next
        if #folders + #files > NAMES then
            error(errors.new("TooLarge", {url = self:url_of(prefix), op = "store.verify",
                reason = string.format("more than %d names at one level", NAMES)}), 0)
        end
    until not token
    return folders, files, links
end

--- nil when there is no such object.
function source:stat(path)
    if leads_out(path) then
        return nil
    end
    local item, err = self.backend:stat(path)
    if not item and err.code ~= "NotFound" then
        error(err, 0)
    end
    return item
end

function source:_read(path, into, offset, length, item)
    must(self.backend:read(path, into, {offset = offset, length = length, if_match = item}))
end

--- Calls consume(block) for the bytes of an object, in order, while the next ones are being read.
--- `range`: {offset =, length =}, the whole object by default. When consume returns false no more
--- is read. Changed when the object becomes another one meanwhile.
function source:stream(item, range, consume)
    local offset = range and range.offset or 0
    local left = range and range.length or item.size - offset
    local size = math.max(1, math.min(self.chunk, left))
    local current <close> = block.new(size)
    local ahead <close> = block.new(left > size and size or 1)
    local function read(into)
        self:_read(item.path, into, offset, math.min(size, left), item)
        offset, left = offset + #into, left - #into
        if #into == 0 then
            left = 0
        end
    end
    local now, next_one = current, ahead
    if left > 0 then
        read(now)
    end
    while #now > 0 do
        local wanted
        next_one:clear()
        task.all({
            function() wanted = consume(now) end,
            left > 0 and function() read(next_one) end or nil,
        })
        if wanted == false then
            return
        end
        now, next_one = next_one, now
    end
end

--- A small object as a string: nil when there is none, and raises TooLarge beyond `limit` bytes.
function source:text(path, limit)
    local item = self:stat(path)
    if not item then
        return nil
    elseif item.size > limit then
        error(errors.new("TooLarge", {url = self:url_of(path), op = "store.verify",
            reason = string.format("%d bytes, more than the %d that are looked at", item.size,
                limit)}), 0)
    end
    local parts = {}
    self:stream(item, nil, function(bytes)
        parts[#parts + 1] = bytes:text()
    end)
    return table.concat(parts), item
end

return source
