--- What carries objects: store.copy, and a store's download and upload.
local backends = require("salvor.store.backend")
local check = require("salvor.check")
local copy = require("salvor.store.copy")
local errors = require("salvor.store.errors")
local guarded = require("salvor.store.guarded")
local place = require("salvor.store.place")

local carry = {}

local MOST_WORKERS = 256
local VERIFY = {checksum = "checksum", content = "content"}
local SKIPS = {checksum = "checksum", size = "size", never = false}

local function as_op(op, err)
    err.op = op
    return nil, err
end

local function is_store(value)
    local metatable = getmetatable(value)
    return type(metatable) == "table" and metatable.__name == "salvor.store"
end

--- The options that all of these have, as store/copy.lua takes them.
local function read_options(opts, names, op)
    opts = check.options(opts, names, op, 1)
    local workers, skip, progress = opts.workers, opts.skip, opts.progress
    if workers and (math.type(workers) ~= "integer" or workers < 1 or workers > MOST_WORKERS) then
        error(string.format("%s: option 'workers' is an integer from 1 to %d", op, MOST_WORKERS), 3)
    elseif type(skip) == "boolean" then
        skip = skip and "checksum" or "never"
    elseif skip ~= nil and SKIPS[skip] == nil then
        error(op .. ": option 'skip' must be checksum, size or never", 3)
    elseif progress ~= nil and type(progress) ~= "boolean" and type(progress) ~= "function" then
        error(op .. ": option 'progress' must be true or a function", 3)
    end
    local verify = check.choice(opts.verify, VERIFY, nil, "verify", op, 1)
    return {reads_back = verify == "content", workers = workers,
            skip = SKIPS[skip or "checksum"],
            show = progress or nil, if_absent = opts.if_absent, delete = opts.delete}
end

local function check_file(file, op)
    if type(file) ~= "string" or file == "" then
        error(op .. ": the path of a file expected", 3)
    end
end

local function check_path(store, path, op)
    if type(path) ~= "string" then
        error(op .. ": a path expected, got " .. type(path), 3)
    elseif not store._backend then
        error(op .. ": the store was closed", 3)
    end
    return backends.check_path(store._backend, path, op)
end

--- Closes what was opened for one call.
local CLOSER = {__close = function(places)
    for _, opened in ipairs(places) do
        if opened.owned then
            opened.backend:close()
        end
    end
end}

--- From one place to another; the failure of a single object is the call's.
local function run(fields, source, target, op)
    fields.source, fields.from_name, fields.item = source.backend, source.name, source.item
    fields.missing = source.missing
    fields.target, fields.to_name = target.backend, target.name
    local summary, err = copy(fields)
    if not summary then
        return as_op(op, err)
    elseif source.item and summary.failures > 0 then
        return as_op(op, summary.failed[1].err)
    end
    return summary
end

local one_options = {if_absent = "boolean", skip = true, progress = true, workers = "number",
                     verify = "string"}

function carry.download(store, path, file, opts)
    local op = "store.download"
    local fields = read_options(opts, one_options, op)
    check_file(file, op)
    local checked, err = check_path(store, path, op)
    if not checked then
        return nil, err
    end
    local item, problem = store._backend:stat(path)
    if not item then
        return as_op(op, problem)
    end
    local name = path:match("[^/]+$")
    local places <close> = setmetatable({}, CLOSER)
    places[1], problem = place.object(file, name or path, nil, op)
    if not places[1] then
        return as_op(op, problem)
    elseif places[1].backend.kind == "folder" then
        places[1].backend = guarded.bare(places[1].backend)
    end
    return run(fields, {backend = store._backend, name = path, item = item}, places[1], op)
end

function carry.upload(store, file, path, opts)
    local op = "store.upload"
    local fields = read_options(opts, one_options, op)
    check_file(file, op)
    local checked, err = check_path(store, path, op)
    if not checked then
        return nil, err
    end
    local places <close> = setmetatable({}, CLOSER)
    local source, problem = place.source(file, nil, op)
    places[1] = source
    if not source or source.missing then
        return as_op(op, problem or source.missing)
    elseif not source.item then
        return errors.fail("Invalid", {url = file, op = op, reason = "it is a folder",
                                       hint = "store.copy copies trees"})
    end
    return run(fields, source, {backend = store._backend, name = path}, op)
end

--- store.copy

local function open_source(from, options)
    if is_store(from) then
        return {backend = from._backend}
    end
    return place.source(from, options, "store.copy")
end

local function open_target(to, source, options)
    if is_store(to) then
        return {backend = to._backend, name = source.name}
    elseif source.item then
        return place.object(to, source.name, options, "store.copy")
    end
    return place.tree(to, options, "store.copy")
end

--- Both sides of a copy, {source, target}; what was opened belongs to `places`.
local function open_both(places, from, to, opts)
    if type(from) == "string" and type(to) == "string" and opts.from == opts.to then
        local source, target = place.together(from, to, opts.from, "store.copy")
        if source then
            places[1] = source
            return source, target
        end
    end
    local source, err = open_source(from, opts.from)
    if not source then
        return nil, err
    end
    places[1] = source
    local target
    target, err = open_target(to, source, opts.to)
    if not target then
        return nil, err
    end
    places[2] = target
    return source, target
end

--- What tells whether one tree lies in another, with "/" at the end: of folders their real paths.
local function root_of(backend)
    local path, err = backend.url, nil
    if backend.kind == "folder" then
        path, err = place.real((path:gsub("^file://", "")))
    end
    return path and path:gsub("/*$", "/"), err
end

--- Copying a tree into itself would never end, and removing around it would remove it.
local function check_apart(source, target, deletes)
    if source.backend.server ~= target.backend.server then
        return true
    end
    local from, problem = root_of(source.backend)
    local to, other = root_of(target.backend)
    if not from or not to then
        return as_op("store.copy", problem or other)
    elseif not source.item and to:sub(1, #from) == from then
        return errors.fail("Invalid", {url = target.backend.url, op = "store.copy",
            reason = "it lies in what is to be copied, " .. source.backend.url})
    elseif not source.item and deletes and from:sub(1, #to) == to then
        return errors.fail("Invalid", {url = target.backend.url, op = "store.copy",
            reason = "what is to be copied lies in it, and 'delete' would remove "
                .. source.backend.url})
    end
    return true
end

local copy_options = {workers = "number", progress = true, delete = "boolean", skip = true,
                      if_absent = "boolean", verify = "string", from = "table", to = "table"}

local function check_side(value, name)
    if not is_store(value) and type(value) ~= "string" then
        error(string.format("store.copy: '%s' must be a URL, a path or a store, got %s", name,
            type(value)), 3)
    elseif is_store(value) and not value._backend then
        error("store.copy: the store '" .. name .. "' was closed", 3)
    end
end

function carry.copy(from, to, opts)
    local fields = read_options(opts, copy_options, "store.copy")
    check_side(from, "from")
    check_side(to, "to")
    local places <close> = setmetatable({}, CLOSER)
    local source, target = open_both(places, from, to, opts or {})
    if not source then
        return as_op("store.copy", target)
    end
    local apart, err = check_apart(source, target, fields.delete)
    if not apart then
        return nil, err
    end
    return run(fields, source, target, "store.copy")
end

return carry
