--- What the checks read: the objects of a store, in order.
---
--- Its functions raise the error object of what fails; only `stat` and `text` know nothing that is
--- not there.
local block = require("salvor.block")
local errors = require("salvor.error")
local task = require("salvor.task")

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

local function nothing() end

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

function source:_page(prefix, options)
    return must(self.backend:list(prefix, options))
end

function source:_out_of_order(path, last)
    error(errors.new({code = "Internal", op = "store.verify",
        message = string.format("%s comes behind %s in the list of %s", path, last, self.url)}), 0)
end

--- Every object below `prefix`, in the order of the bytes of their paths.
function source:each(prefix)
    local page, index, last = nil, 0, nil
    return function()
        while true do
            index = index + 1
            local item = page and page.items[index]
            if item and item.kind ~= "folder" then
                if last and item.path <= last then
                    self:_out_of_order(item.path, last)
                end
                last = item.path
                self:_was_listed()
                return item
            elseif not item then
                if page and not page.next then
                    return nil
                end
                page, index = self:_page(prefix, {after = page and page.next}), 0
            end
        end
    end
end

--- One level: the names of the folders, and the items. A folder that is not there has neither.
function source:level(prefix)
    local folders, items, token = {}, {}, nil
    repeat
        local page = self:_page(prefix, {delimiter = "/", after = token})
        for _, folder in ipairs(page.folders) do
            folders[#folders + 1] = folder:sub(#prefix + 1, -2)
        end
        for _, item in ipairs(page.items) do
            if item.kind ~= "folder" then
                items[#items + 1] = item
                self:_was_listed()
            end
        end
        token = page.next
    until not token
    return folders, items
end

--- nil when there is no such object.
function source:stat(path)
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
        error(errors.new({code = "TooLarge", op = "store.verify",
            message = string.format("%s has %d bytes, more than the %d that are looked at",
                self:url_of(path), item.size, limit)}), 0)
    end
    local parts = {}
    self:stream(item, nil, function(bytes)
        parts[#parts + 1] = bytes:text()
    end)
    return table.concat(parts), item
end

return source
