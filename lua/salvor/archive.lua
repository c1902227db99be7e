--- Archives and compressed files, walked and checked to their end without being unpacked: sums,
--- lengths, and that nothing is cut off. A file of any size, and a bomb too, takes the same little
--- memory.
local backends = require("salvor.store.backend")
local block = require("salvor.block")
local check = require("salvor.check")
local content = require("salvor.verify.content")
local errors = require("salvor.error")
local inspect = require("salvor.inspect")
local place = require("salvor.store.place")
local source = require("salvor.verify.source")

local archive = {}

local OPTIONS = {store = "table", compression = "string", tar = "boolean", digest = "string"}

local COMPRESSIONS = {auto = "auto", none = "none", gzip = "gzip", zstd = "zstd", lz4 = "lz4",
                      bzip2 = "bzip2"}
local DIGESTS = {md5 = "md5", sha1 = "sha1", sha256 = "sha256", sha512 = "sha512"}

local function close(found)
    if found.owned then
        found.backend:close()
    end
end

--- By its name.
local function is_tar(path)
    local name = path:lower():gsub("%.gz$", ""):gsub("%.zst$", ""):gsub("%.lz4$", "")
        :gsub("%.bz2$", "")
    return name:find("%.tar$") ~= nil or name:find("%.tgz$") ~= nil
end

local function read_options(path, options, what)
    if type(path) ~= "string" or path == "" then
        error(what .. ": a path expected", 3)
    end
    options = check.options(options, OPTIONS, what, 1)
    local wanted = {
        store = options.store,
        compression = check.choice(options.compression, COMPRESSIONS, "auto", "compression", what,
            1),
        digest = check.choice(options.digest, DIGESTS, nil, "digest", what, 1),
        tar = options.tar,
    }
    if wanted.tar == nil then
        wanted.tar = is_tar(path)
    end
    return wanted
end

--- The object in an open store.
local function find_in(store, path, what)
    local backend = store._backend
    if not backend then
        error(what .. ": option 'store' is no open store", 4)
    end
    local item, err = backends.check_path(backend, path, what)
    if item then
        item, err = backend:stat(path)
    end
    return {backend = backend, item = item}, err
end

--- The object, and the back end it is in: {item, source, close}, or nil and an error.
local function find(path, wanted, what)
    local found, err
    if wanted.store then
        found, err = find_in(wanted.store, path, what)
    else
        found, err = place.source(path, nil, what, 4)
    end
    if found and found.item then
        found.source = source.new(found.backend)
        return found
    elseif found then
        err = err or errors.new({code = "Invalid", op = what, message = path .. " is no file"})
        close(found)
    end
    err.op = what
    return nil, err
end

--- check(path, options) -> what is in it, or nil and an error; see lua/meta/archive.lua.
function archive.check(path, options)
    local wanted = read_options(path, options, "archive.check")
    local found, err = find(path, wanted, "archive.check")
    if not found then
        return nil, err
    end
    local ok, summary, problem = pcall(content.inspect, found.source, {
        item = found.item, compression = wanted.compression, tar = wanted.tar,
        digest = wanted.digest,
    })
    close(found)
    if not ok then
        summary, problem = nil, summary
    end
    if summary then
        return summary
    elseif not errors.is(problem) then
        error(problem, 0)
    elseif problem.code == "Corrupt" then
        problem.message = path .. ": " .. problem.message
    end
    return nil, problem
end

local walk = {}
walk.__index = walk

function walk:take()
    self.entries, self.index = self.inspection:entries(), 0
end

--- Raises what is wrong with the archive.
function walk:finish()
    local summary, err = self.inspection:finish()
    self:take()
    if summary then
        self.done = true
    elseif summary == nil then
        if err.code == "Corrupt" then
            err.message = self.path .. ": " .. err.message
        end
        error(err, 0)
    end
end

--- Goes on to where there are entries, or none any more.
function walk:step()
    if self.ended then
        return self:finish()
    end
    local state = self.state
    if state == "more" then
        must(self.source.backend:read(self.item.path, self.block, {
            offset = self.offset,
            length = math.min(self.block:capacity(), self.item.size - self.offset),
            if_match = self.item,
        }))
        self.offset = self.offset + #self.block
        if #self.block == 0 then
            self.ended = true
            return
        end
        state = self.inspection:feed(self.block)
    else
        state = self.inspection:feed()
    end
    self.state = state
    if state == "entries" then
        self:take()
    elseif state == "end" or self.offset >= self.item.size and state == "more" then
        self.ended = true
    end
end

function walk:next()
    while true do
        self.index = self.index + 1
        local entry = self.entries[self.index]
        if entry or self.done then
            return entry
        end
        self.entries, self.index = {}, 0
        self:step()
    end
end

function walk.__close(self)
    self.inspection:close()
    self.block:release()
    close(self)
end

--- each(path, options) -> iterator of entries, which raises an error object
function archive.each(path, options)
    local wanted = read_options(path, options, "archive.each")
    local found = must(find(path, wanted, "archive.each"))
    local self = setmetatable({
        path = path, item = found.item, source = found.source, backend = found.backend,
        owned = found.owned, offset = 0, entries = {}, index = 0, state = "more",
        ended = found.item.size == 0,
        block = must(block.new(found.source.chunk)),
        inspection = must(inspect.new({compression = wanted.compression, tar = true,
                                       entries = true})),
    }, walk)
    return self.next, self, nil, self
end

return archive
