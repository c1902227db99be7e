local command = require("salvor.store.command")
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
        local write = out.write
        if json_row then
            out.write = function(item)
                write(json_row(item))
            end
        end
        local source = command.source(words[1], given)
        if source.item then
            out.write(source.item)
        elseif given.recursive then
            list_all(source.backend, out)
        else
            list_level(source.backend, out)
        end
        out.finish()
        source.backend:close()
        return 0
    end,
}
