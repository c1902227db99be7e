--- Backups that are tar archives in one folder, each told by its name: what API Connect's kinds
--- share.
local tarballs = {}

--- add(level, rule, object, message, hint) for what is about one backup.
function tarballs.adder(context, backup)
    return function(level, rule, object, message, hint)
        context.findings:add({level = level, rule = rule, object = object, message = message,
                              hint = hint}, backup)
    end
end

--- Whether one of the items is such an archive: parse(path) knows its name.
function tarballs.any(items, parse)
    for _, item in ipairs(items) do
        if parse(item.path) then
            return true
        end
    end
    return false
end

--- Names that are there and no archives of the set: what the operator expects may be among them.
local function tell_of_others(context, others, links)
    if #others > 0 then
        context.findings:add({level = "note", rule = "other", object = others[1],
            message = #others == 1 and "it is of no backup, by its name"
                or string.format("%d files like this are of no backup, by their names", #others)})
    end
    for _, path in ipairs(links) do
        context.findings:add({level = "warning", rule = "link", object = path,
            message = "it is a link that leads nowhere, or out of the folder: it was left out",
            hint = "copy the file here, or give the folder that it lies in"})
    end
end

--- What parse(path) makes of each archive at the top, a table that gets `item`, in the order of
--- names.
function tarballs.list(context, parse)
    local _, items, links = context.source:level("")
    local found, others, broken = {}, {}, {}
    for _, item in ipairs(items) do
        local entry = parse(item.path)
        if entry then
            entry.item = item
            found[#found + 1] = entry
        else
            others[#others + 1] = item.path
        end
    end
    for _, path in ipairs(links) do
        broken[#broken + 1] = parse(path) and path or nil
    end
    tell_of_others(context, others, broken)
    return found
end

--- An archive is not empty and, when content is looked at, unpacks to its end with something in it.
--- `hint`: what to do when it does not.
function tarballs.look(context, add, item, compression, hint)
    if item.size == 0 then
        return add("error", "empty", item.path, "it is empty", hint)
    end
    context.content:add({
        item = item,
        compression = compression,
        tar = true,
        done = function(summary, problem)
            if not summary then
                add("error", "damaged", item.path, problem.message, hint)
            elseif summary.entries == 0 then
                add("error", "damaged", item.path, "there is nothing in it", hint)
            end
        end,
    })
end

return tarballs
