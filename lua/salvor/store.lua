--- Storage: folders, S3, Azure Blob and SFTP behind one interface. The back ends and their contract
--- are in store/backend.lua.
local backends = require("salvor.store.backend")
local block = require("salvor.block")
local check = require("salvor.check")
local errors = require("salvor.store.errors")
local open = require("salvor.store.open")
local urls = require("salvor.store.url")
local walk = require("salvor.store.walk")

local store = {}

local methods = {}
local metatable = {__index = methods, __name = "salvor.store"}

metatable.__close = function(self)
    self:close()
end

local MiB = 1 << 20
local READ_LIMIT = 256 * MiB
local READ_STEP = 8 * MiB

local function as_op(op, err)
    err.op = op
    return nil, err
end

--- The path, checked; what is wrong with it is an error and no misuse, since names come from
--- everywhere.
local function check_path(self, path, op)
    if type(path) ~= "string" then
        error(op .. ": a path expected, got " .. type(path), 3)
    elseif not self._backend then
        error(op .. ": the store was closed", 3)
    end
    return backends.check_path(self._backend, path, op)
end

--- A folder as a prefix: "" or "a/b/".
local function check_folder(self, folder, op)
    if folder == nil or folder == "" then
        return self._backend and "" or error(op .. ": the store was closed", 3)
    end
    local trimmed = type(folder) == "string" and folder:gsub("/$", "") or folder
    local checked, err = check_path(self, trimmed, op)
    return checked and checked .. "/", err
end

--- store.open(url, opts) -> store, or nil and an error
function store.open(url, opts)
    if type(url) ~= "string" then
        error("store.open: a URL or path expected, got " .. type(url), 2)
    end
    local backend, err = open.url(url, opts, "store.open")
    if not backend then
        return as_op("store.open", err)
    end
    return setmetatable({_backend = backend, url = backend.url}, metatable)
end

--- Ends connections; a second call does nothing.
function methods:close()
    if self._backend then
        self._backend:close()
        self._backend = nil
    end
end

--- One level: files and folders, by name.
function methods:list(folder)
    local prefix, err = check_folder(self, folder, "store.list")
    if not prefix then
        return nil, err
    end
    local found, token = {}, nil
    repeat
        local page, problem = self._backend:list(prefix, {delimiter = "/", after = token})
        if not page then
            return as_op("store.list", problem)
        end
        table.move(page.items, 1, #page.items, #found + 1, found)
        for _, path in ipairs(page.folders) do
            found[#found + 1] = {path = path, kind = "folder"}
        end
        token = page.next
    until not token
    table.sort(found, function(a, b)
        return a.path < b.path
    end)
    return found
end

--- Every file below, an iterator; an error is raised.
function methods:each(folder)
    local prefix, err = check_folder(self, folder, "store.each")
    if not prefix then
        error(err, 0)
    end
    local items = walk.items(self._backend, prefix)
    return function()
        local item, problem = items()
        if problem then
            problem.op = "store.each"
            error(problem, 0)
        end
        return item
    end
end

function methods:stat(path)
    local checked, err = check_path(self, path, "store.stat")
    if not checked then
        return nil, err
    end
    local item, problem = self._backend:stat(path)
    if not item then
        return as_op("store.stat", problem)
    end
    return item
end

--- Reads the pieces after the first one; all are of one and the same object.
local function read_rest(backend, path, piece, item, offset, last)
    local texts = {piece:text()}
    offset = offset + #piece
    while offset < last do
        local read, err = backend:read(path, piece, {offset = offset, if_match = item,
                                                     length = math.min(READ_STEP, last - offset)})
        if not read then
            return nil, err
        elseif #piece == 0 then
            return errors.fail("Changed", {url = urls.join(backend.url, path),
                                           reason = "it has become shorter"})
        end
        texts[#texts + 1] = piece:text()
        offset = offset + #piece
    end
    return table.concat(texts)
end

local read_options = {offset = "number", length = "number", limit = "number"}

local function check_counts(opts, names, op)
    for _, name in ipairs(names) do
        local value = opts[name]
        if value and (math.type(value) ~= "integer" or value < 0) then
            error(string.format("%s: option '%s' is a number of bytes", op, name), 3)
        end
    end
end

--- The bytes of an object, or a part of them, as a string.
function methods:read(path, opts)
    opts = check.options(opts, read_options, "store.read")
    check_counts(opts, {"offset", "length", "limit"}, "store.read")
    local checked, err = check_path(self, path, "store.read")
    if not checked then
        return nil, err
    end
    local offset, limit = opts.offset or 0, opts.limit or READ_LIMIT
    local piece <close> = must(block.new(READ_STEP))
    local wanted = opts.length or math.huge
    local item, problem = self._backend:read(path, piece, {
        offset = offset, length = math.min(READ_STEP, wanted)})
    if not item then
        return as_op("store.read", problem)
    end
    local last = offset + math.min(item.size - offset, wanted)
    if last - offset > limit then
        return errors.fail("TooLarge", {url = urls.join(self.url, path), op = "store.read",
            reason = string.format("%d bytes, more than %d", last - offset, limit),
            hint = "download it, read it in pieces, or give a larger limit"})
    end
    local text
    text, problem = read_rest(self._backend, path, piece, item, offset, last)
    if not text then
        return as_op("store.read", problem)
    end
    return text
end

local write_options = {if_absent = "boolean", mode = "number"}

--- The whole object in one step.
function methods:write(path, data, opts)
    opts = check.options(opts, write_options, "store.write")
    if type(data) ~= "string" then
        error("store.write: data must be a string, got " .. type(data), 2)
    end
    local checked, err = check_path(self, path, "store.write")
    if not checked then
        return nil, err
    end
    local piece <close>, problem = block.new(math.max(#data, 1))
    if not piece then
        return as_op("store.write", problem)
    end
    piece:set(data)
    local item
    item, problem = self._backend:write(path, piece, {if_absent = opts.if_absent, mode = opts.mode})
    if not item then
        return as_op("store.write", problem)
    end
    return item
end

local function first_failure(failed)
    local err = failed[1].err
    if #failed > 1 then
        err.message = string.format("%s; and %d more could not be removed", err.message,
            #failed - 1)
    end
    return err
end

--- What is not there is no failure. The number of those that were asked for and are gone.
function methods:remove(paths)
    local list = type(paths) == "table" and paths or {paths}
    for _, path in ipairs(list) do
        local checked, err = check_path(self, path, "store.remove")
        if not checked then
            return nil, err
        end
    end
    local removal = require("salvor.store.remove").new(self._backend)
    for _, path in ipairs(list) do
        removal:add(path)
    end
    removal:finish()
    if #removal.failed > 0 then
        return as_op("store.remove", first_failure(removal.failed))
    end
    return removal.removed
end

--- An object becomes a local file, which is whole or not there.
function methods:download(path, file, opts)
    return require("salvor.store.carry").download(self, path, file, opts)
end

--- A local file becomes an object.
function methods:upload(file, path, opts)
    return require("salvor.store.carry").upload(self, file, path, opts)
end

local leftovers_options = {older_than = "number", remove = "boolean"}
local DAY = 86400

--- Interrupted uploads of Salvor's below a folder, and with opts.remove their end.
function methods:leftovers(folder, opts)
    opts = check.options(opts, leftovers_options, "store.leftovers")
    local prefix, err = check_folder(self, folder, "store.leftovers")
    if not prefix then
        return nil, err
    elseif not self._backend.leftovers then
        return errors.fail("Unsupported", {url = self.url, op = "store.leftovers",
            reason = "what was not finished is a file beside its object there, and found again"})
    end
    local found, problem = self._backend:leftovers(prefix, {
        older_than = opts.older_than or DAY,
        remove = opts.remove,
    })
    if not found then
        return as_op("store.leftovers", problem)
    end
    return found
end

--- What the service removes, moves or locks by itself.
function methods:retention()
    if not self._backend then
        error("store.retention: the store was closed", 2)
    elseif not self._backend.retention then
        return errors.fail("Unsupported", {url = self.url, op = "store.retention",
            reason = "only buckets of S3 can be asked"})
    end
    local found, err = self._backend:retention()
    if not found then
        return as_op("store.retention", err)
    end
    return found
end

--- store.copy(from, to, opts) -> summary, or nil and an error
function store.copy(from, to, opts)
    return require("salvor.store.carry").copy(from, to, opts)
end

--- store.verify(where, options) -> what is known of the backup set there, or nil and an error
function store.verify(where, options)
    return require("salvor.verify").run(where, options)
end

--- store.is_empty(where, options) -> true, or false and what was found first, or nil and an error
function store.is_empty(where, options)
    return require("salvor.verify.empty")(where, options)
end

--- A URL or path as people and logs may see it.
function store.mask(url)
    return urls.mask(url)
end

return store
