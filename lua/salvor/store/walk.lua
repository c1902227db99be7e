--- All items below a prefix, page by page, as a function that gives the next one.
local errors = require("salvor.store.errors")

local walk = {}

--- Whoever merges two walks, and removes what only one of them has, relies on the order.
local function out_of_order(backend, path)
    return errors.fail("Unsupported", {url = backend.url, op = "store.list",
        reason = "the server does not list in the order of names, see '" .. path .. "'"})
end

--- items(backend, prefix) -> function() -> item; nil at the end, nil and an error. Only files:
--- links, what is no file, and objects that stand for folders are told to `on_other` (may be nil),
--- whose true makes them items too.
function walk.items(backend, prefix, on_other)
    local page, index = {items = {}}, 0
    local started, last = false, ""
    return function()
        while true do
            index = index + 1
            local item = page.items[index]
            if item and item.path <= last then
                return out_of_order(backend, item.path)
            end
            last = item and item.path or last
            if item and item.kind == "file" then
                return item
            elseif item then
                if on_other and on_other(item) then
                    return item
                end
            else
                if started and not page.next then
                    return nil
                end
                local err
                page, err = backend:list(prefix, {after = page.next})
                if not page then
                    page = {items = {}}
                    return nil, err
                end
                started, index = true, 0
            end
        end
    end
end

--- Two sorted walks as one: function() -> a, b, the items with the same path, of which one may be
--- nil; neither at the end, and nil, nil and an error.
function walk.merge(first, second)
    local a, b, err
    local fetch_a, fetch_b = true, true
    return function()
        if fetch_a then
            a, err = first()
            if err then
                return nil, nil, err
            end
        end
        if fetch_b then
            b, err = second()
            if err then
                return nil, nil, err
            end
        end
        fetch_a = a ~= nil and (b == nil or a.path <= b.path)
        fetch_b = b ~= nil and (a == nil or b.path <= a.path)
        return fetch_a and a or nil, fetch_b and b or nil
    end
end

--- A walk of nothing.
function walk.nothing()
    return nil
end

return walk
