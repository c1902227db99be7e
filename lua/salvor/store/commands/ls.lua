local command = require("salvor.store.command")
local errors = require("salvor.store.errors")
local url = require("salvor.store.url")
local walk = require("salvor.store.walk")

local function as_text()
    return {
        write = function(item)
            io.stdout:write(string.format("%-20s %12s  %s\n", command.time(item.modified),
                item.size or "-", command.escape(item.path)))
        end,
        finish = function() end,
    }
end

--- One level: the pages are sorted, items and folders each for themselves.
local function list_level(backend, out)
    local token
    repeat
        local page = must(backend:list("", {delimiter = "/", after = token}))
        local rows = page.items
        for _, path in ipairs(page.folders) do
            rows[#rows + 1] = {path = path, kind = "folder"}
        end
        table.sort(rows, function(a, b)
            return a.path < b.path
        end)
        for _, row in ipairs(rows) do
            out.write(row)
        end
        token = page.next
    until not token
end

local function list_all(backend, out)
    local items = walk.items(backend, "", out.write)
    while true do
        local item, err = items()
        if not item then
            must(not err or nil, err)
            return
        end
        out.write(item)
    end
end

--- Raises for a prefix of an object store below which nothing lies: as a folder that is not there.
--- The store itself may be empty.
local function check_found(source)
    local backend, missing = source.backend, source.missing or {}
    if not backend.features.folders and must(url.parse(backend.url)).path:find("[^/]") then
        error(errors.new("NotFound", {url = backend.url, op = "store.list", status = missing.status,
                                      request_id = missing.request_id,
                                      hint = "nothing lies below this name"}), 0)
    end
end

return {
    summary = "what lies in a folder or below a prefix: time, size, name",
    usage = "salvor store ls [-r] [--output text|json] URL",
    arguments = {"URL"},
    options = {
        {name = "recursive", short = "r", help = "everything below, not one level"},
        command.OUTPUT, command.secret_option("secret", "the store"), command.CONTEXT, command.SITE,
    },
    run = function(given, words)
        local out = command.output(given) == "json" and command.json_list() or as_text()
        local json_row = command.output(given) == "json" and command.row
        local write, found = out.write, false
        out.write = function(item)
            found = true
            write(json_row and json_row(item) or item)
        end
        local source = command.source(words[1], given)
        if source.item then
            out.write(source.item)
        elseif given.recursive then
            list_all(source.backend, out)
        else
            list_level(source.backend, out)
        end
        if not found then
            check_found(source)
        end
        out.finish()
        source.backend:close()
        return 0
    end,
}
