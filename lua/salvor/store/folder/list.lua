local methods = {}

local PAGE = 1000

--- What the page's rows are: items, or folders of one level.
local function sort_out(rows, one_level)
    local items, folders = {}, {}
    for _, row in ipairs(rows) do
        if one_level and row.kind == "folder" then
            folders[#folders + 1] = row.path
        else
            items[#items + 1] = row
        end
    end
    return items, folders
end

--- The token of the next page is the walk itself, so it can be used once.
function methods:list(prefix, options)
    local root, err = self:_open("store.list")
    if not root then
        return nil, err
    end
    local one_level = options.delimiter ~= nil
    local rows, walk = root:list(prefix, one_level, PAGE, options.after)
    if not rows then
        return self:_failed("store.list", walk, (walk.path or prefix):gsub("/$", ""))
    end
    local items, folders = sort_out(rows, one_level)
    return {items = items, folders = folders, next = walk}
end

return methods
