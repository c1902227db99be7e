--- Whether a place in storage is empty, as one has to be in which a pgBackRest repository begins.
local check = require("salvor.check")
local source = require("salvor.verify.source")

local NAMED = 5

--- The first few names there.
local function first_names(backend)
    local page, err = backend:list("", {delimiter = "/"})
    while page and page.next and #page.items == 0 and #page.folders == 0 do
        page, err = backend:list("", {delimiter = "/", after = page.next})
    end
    if not page then
        return nil, err
    end
    local names = {}
    for _, folder in ipairs(page.folders) do
        names[#names + 1] = folder
    end
    for _, item in ipairs(page.items) do
        names[#names + 1] = item.path
    end
    table.sort(names)
    return table.move(names, 1, math.min(#names, NAMED), 1, {})
end

return function(where, options)
    options = check.options(options, {open = "table"}, "store.is_empty")
    local backend, err, ours = source.backend_of(where, options.open, "store.is_empty")
    if not backend then
        return nil, err
    end
    local names, problem = first_names(backend)
    if ours then
        backend:close()
    end
    if not names then
        problem.op = "store.is_empty"
        return nil, problem
    end
    return #names == 0, #names > 0 and names or nil
end
