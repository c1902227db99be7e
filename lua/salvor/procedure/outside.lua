--- What a procedure does outside the cluster: programs and storage. A plan lists each change and
--- does it not, a run journals it as one effect; what only reads is done in both.
local copy = require("salvor.copy")
local proc = require("salvor.proc")
local stores = require("salvor.store")
local urls = require("salvor.store.url")
local words_of = require("salvor.procedure.words")

local outside = {}

--- A program that is not there is no reason not to plan: the step that installs it may come before.
local function presence(argv)
    return proc.which(argv[1]) and "" or " (which is not on PATH)"
end

--- command(performer, argv, options) -> result of proc.run. options: its own, and read_only.
function outside.command(performer, argv, options)
    local given = copy.merge({}, options)
    given.read_only = nil
    if options and options.read_only then
        return must(proc.run(argv, given))
    end
    return performer:perform({
        verb = "execute",
        target = words_of(argv) .. (performer.planning and presence(argv) or ""),
        preview = function()
            return {code = 0, stdout = "", stderr = ""}, {}
        end,
        run = function()
            return proc.run(argv, given)
        end,
        summary = function(result)
            return {code = result.code}
        end,
    })
end

local function bytes(item)
    return item and string.format("%d bytes", item.size or 0) or nil
end

--- What is there now, as the changes of a plan show it.
local function replaced(opened, path, size)
    local before = opened:stat(path)
    return {{op = before and "~" or "+", path = path, before = bytes(before),
             after = size and string.format("%d bytes", size) or "what is uploaded"}}
end

local function item_summary(item)
    return {path = item.path, size = item.size, etag = item.etag}
end

--- The verbs that change something, each with what it says in a plan.
local function writing_methods(opened, performer)
    local wrapped = {}

    local function perform(verb, path, preview, run, summary)
        return performer:perform({
            verb = verb,
            target = urls.join(opened.url, path),
            preview = preview,
            run = run,
            summary = summary,
        })
    end

    function wrapped.write(_, path, data, options)
        return perform("write", path, function()
            return {path = path, kind = "file", size = #data}, replaced(opened, path, #data)
        end, function()
            return opened:write(path, data, options)
        end, item_summary)
    end

    function wrapped.upload(_, file, path, options)
        return perform("upload", path, function()
            return {path = path, kind = "file"}, replaced(opened, path)
        end, function()
            return opened:upload(file, path, options)
        end, item_summary)
    end

    function wrapped.remove(_, paths)
        local list = type(paths) == "table" and paths or {paths}
        return perform("remove", table.concat(list, ", "), function()
            return #list, {}
        end, function()
            return opened:remove(list)
        end)
    end

    function wrapped.leftovers(_, folder, options)
        if not (options and options.remove) then
            return opened:leftovers(folder, options)
        end
        return perform("remove what interrupted uploads left in", folder or "", function()
            return opened:leftovers(folder, {older_than = options.older_than}), {}
        end, function()
            return opened:leftovers(folder, options)
        end)
    end

    return wrapped
end

--- store(performer, url, options) -> the store, or an error is raised. `options` of store.open.
function outside.store(performer, url, options)
    local opened = must(stores.open(url, options))
    return setmetatable(writing_methods(opened, performer), {
        __index = opened,
        __close = function()
            opened:close()
        end,
    })
end

--- copy(performer, from, to, options) -> summary of store.copy
function outside.copy(performer, from, to, options)
    return performer:perform({
        verb = "copy",
        target = stores.mask(from) .. " to " .. stores.mask(to),
        preview = function()
            return {copied = 0, bytes = 0}, {}
        end,
        run = function()
            return stores.copy(from, to, options)
        end,
        summary = function(done)
            return {copied = done.copied, skipped = done.skipped, bytes = done.bytes}
        end,
    })
end

return outside
