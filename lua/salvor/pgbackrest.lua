--- Repositories of pgBackRest: copied to a place of their own, as a recovery from another
--- installation's backups needs it.
local block = require("salvor.block")
local check = require("salvor.check")
local copy = require("salvor.store.copy")
local errors = require("salvor.store.errors")
local is_error = require("salvor.error").is
local open = require("salvor.store.open")
local place = require("salvor.store.place")
local pgbackrest_set = require("salvor.verify.pgbackrest")
local source = require("salvor.verify.source")
local verify = require("salvor.verify")

local pgbackrest = {}

local OP = "pgbackrest.copy"
local INFO_MAX = 64 << 20
local WORKERS = 8

local OPTIONS = {workers = "number", progress = true, full = "boolean", from = "table",
                 to = "table"}

--- "backup/main/backup.info" and the like, which say what the rest is.
local function is_info(path)
    local kind, name = path:match("^(%l+)/[^/]+/(%l+)%.info$")
    if not kind then
        kind, name = path:match("^(%l+)/[^/]+/(%l+)%.info%.copy$")
    end
    return kind == name and (kind == "archive" or kind == "backup")
end

--- A back end whose lists leave the info files out.
local function without_info(backend)
    local function list(_, prefix, options)
        local page, err = backend:list(prefix, options)
        if not page then
            return nil, err
        end
        local items = {}
        for _, item in ipairs(page.items) do
            items[#items + 1] = not is_info(item.path) and item or nil
        end
        page.items = items
        return page
    end
    return setmetatable({list = list}, {__index = backend})
end

--- The info files as they are before anything is copied: {{path, text}...}. A backup that is made
--- meanwhile is not in them.
local function read_info(backend)
    local from, found = source.new(backend), {}
    for _, kind in ipairs({"archive", "backup"}) do
        for _, stanza in ipairs((from:level(kind .. "/"))) do
            local _, items = from:level(kind .. "/" .. stanza .. "/")
            for _, item in ipairs(items) do
                if is_info(item.path) then
                    found[#found + 1] = {path = item.path, text = from:text(item.path, INFO_MAX)}
                end
            end
        end
    end
    -- The copies first: pgBackRest looks at a file before its copy.
    table.sort(found, function(a, b)
        local first, second = a.path:find("%.copy$") ~= nil, b.path:find("%.copy$") ~= nil
        if first ~= second then
            return first
        end
        return a.path < b.path
    end)
    return found
end

--- The first thing there that no interrupted copy of the same repository has left; nil when there
--- is none. `files` are the info files of the source.
local function first_stranger(backend, files)
    local folders, items = source.new(backend):level("")
    if items[1] then
        return items[1].path
    end
    for _, folder in ipairs(folders) do
        if folder ~= "archive" and folder ~= "backup" then
            return folder .. "/"
        end
    end
    local texts = {}
    for _, file in ipairs(files) do
        texts[file.path] = file.text
    end
    for _, file in ipairs(read_info(backend)) do
        if texts[file.path] ~= file.text then
            return file.path
        end
    end
end

local function check_target(from, to, files)
    if (to.url .. "/"):sub(1, #from.url + 1) == from.url .. "/" then
        error(errors.new("Invalid", {url = to.url, op = OP,
            reason = "it lies in what is to be copied, " .. from.url}), 0)
    end
    local ok, stranger = pcall(first_stranger, to, files)
    if not ok and not (is_error(stranger, "NotFound") and to.features.folders) then
        error(stranger, 0)
    elseif ok and stranger then
        error(errors.new("AlreadyExists", {url = to.url .. "/" .. stranger, op = OP,
            hint = "copy to a new path: pgBackRest makes no stanza in one that was used"}), 0)
    end
end

local function write_info(backend, files)
    for _, file in ipairs(files) do
        local bytes <close> = must(block.new(math.max(#file.text, 1)))
        bytes:set(file.text)
        must(backend:write(file.path, bytes, {}))
    end
end

--- The info files of the source, after a look at both places.
local function look(from, to)
    local folders = source.new(from):level("")
    if not pgbackrest_set.detect(source.new(from), folders) then
        error(errors.new("Invalid", {url = from.url, op = OP,
            reason = "it is no repository of pgBackRest, which has archive/ and backup/"}), 0)
    end
    local files = read_info(from)
    check_target(from, to, files)
    return files
end

local function run(from, to, opts)
    local files = look(from, to)
    local summary = must(copy({source = without_info(from), target = to,
                               workers = opts.workers or WORKERS, skip = "checksum",
                               show = opts.progress or nil}))
    if summary.failures > 0 then
        error(summary.failed[1].err, 0)
    end
    write_info(to, files)
    summary.copied = summary.copied + #files
    summary.report = must(verify.backend(to, {kind = "pgbackrest", full = opts.full}))
    return summary
end

local CLOSER = {__close = function(places)
    for _, opened in ipairs(places) do
        opened.backend:close()
    end
end}

--- The two back ends, in `places`; of one server where that can copy by itself.
local function open_both(places, from, to, opts)
    if not opts.from and not opts.to or opts.from == opts.to then
        local source_place, target_place = place.together(from, to, opts.from, OP)
        if source_place then
            places[1] = source_place
            return source_place.backend, target_place.backend
        end
    end
    places[1] = {backend = must(open.url(from, opts.from, OP))}
    places[2] = {backend = must(open.url(to, opts.to, OP))}
    return places[1].backend, places[2].backend
end

--- fn(source, target, options) with the back ends of both places.
local function with_both(fn, from, to, options)
    local opts = check.options(options, OPTIONS, OP)
    for name, value in pairs({from = from, to = to}) do
        if type(value) ~= "string" then
            error(string.format("%s: '%s' must be a URL or a path, got %s", OP, name, type(value)),
                3)
        end
    end
    local workers = opts.workers
    if workers and (math.type(workers) ~= "integer" or workers < 1) then
        error(OP .. ": option 'workers' is an integer from 1", 3)
    end
    local places <close> = setmetatable({}, CLOSER)
    local ok, result = pcall(function()
        local source_backend, target_backend = open_both(places, from, to, opts)
        return fn(source_backend, target_backend, opts)
    end)
    if ok then
        return result
    elseif is_error(result) then
        result.op = OP
        return nil, result
    end
    error(result, 0)
end

--- copy(from, to, options) -> summary, or nil and an error; see lua/meta/pgbackrest.lua
function pgbackrest.copy(from, to, options)
    return with_both(run, from, to, options)
end

--- can_copy(from, to, options) -> true, or nil and the error that copy() would begin with
function pgbackrest.can_copy(from, to, options)
    return with_both(function(...)
        return look(...) ~= nil
    end, from, to, options)
end

return pgbackrest
