--- A part of a back end as a back end: what lies below a prefix. Between two views of one back end
--- the server can copy by itself.
local merge = require("salvor.copy").merge

local view = {}
view.__index = view

--- new(backend, prefix): `prefix` is "" or ends in "/". Closing a view closes the back end.
function view.new(backend, prefix)
    local refuses = backend.features.refuses
    return setmetatable({
        base = backend,
        prefix = prefix,
        kind = backend.kind,
        server = backend.server,
        url = (backend.url .. "/" .. prefix):gsub("/$", ""),
        features = merge(backend.features, {
            refuses = refuses and function(path)
                return refuses(prefix .. path)
            end,
        }),
        verifier = backend.verifier and view.verifier_of,
        taken_time = backend.taken_time and view.taken_time_of,
    }, view)
end

function view:inner(item)
    return item and merge(item, {path = self.prefix .. item.path})
end

function view:outer(item, err)
    return item and merge(item, {path = item.path:sub(#self.prefix + 1)}), err
end

--- In place: a page belongs to whoever asked for it.
function view:list(prefix, options)
    local page, err = self.base:list(self.prefix .. prefix, options)
    if not page then
        return nil, err
    end
    local cut = #self.prefix + 1
    for _, item in ipairs(page.items) do
        item.path = item.path:sub(cut)
    end
    for index, folder in ipairs(page.folders) do
        page.folders[index] = folder:sub(cut)
    end
    return page
end

function view:stat(path)
    return self:outer(self.base:stat(self.prefix .. path))
end

function view:read(path, block, options)
    options = merge(options, {if_match = self:inner(options.if_match)})
    return self:outer(self.base:read(self.prefix .. path, block, options))
end

function view:write(path, block, options)
    return self:outer(self.base:write(self.prefix .. path, block, options))
end

function view:begin(path, size, options)
    return self.base:begin(self.prefix .. path, size, options)
end

function view:remove(paths)
    local inner = {}
    for index, path in ipairs(paths) do
        inner[index] = self.prefix .. path
    end
    local done, err = self.base:remove(inner)
    for _, failure in ipairs(done and done.failed or {}) do
        failure.path = failure.path:sub(#self.prefix + 1)
    end
    return done, err
end

function view:verifier_of(item)
    return self.base:verifier(self:inner(item))
end

function view:taken_time_of(item)
    return self.base:taken_time(self:inner(item))
end

function view:close()
    self.base:close()
end

return view
