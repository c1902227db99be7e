--- get, list and each.
local check = require("salvor.k8s.check")
local copy = require("salvor.copy")
local pages = require("salvor.k8s.pages")

local methods = {}

local get_options = {namespace = "string", timeout = "number", subresource = "string",
                     resource_version = "string"}

function methods:get(kind, name, opts)
    opts = check.options(opts, get_options, "k8s.get")
    check.kind(kind, "k8s.get")
    check.name(name, "k8s.get")
    check.subresource(opts.subresource, "k8s.get")
    local read, err = self:_selection("k8s.get", kind, opts)
    if not read then
        return nil, err
    end
    read.query.resourceVersion = opts.resource_version
    read.verb = "get"
    read.name = name
    read.subresource = opts.subresource
    return self:_read(read)
end

local each_options = {namespace = "string", all_namespaces = "boolean", timeout = "number",
                      label_selector = "string|table", field_selector = "string|table",
                      resource_version = "string", resource_version_match = "string"}
local list_options = copy.merge(each_options, {full = "boolean", limit = "number",
                                               continue = "string"})

local function select(client, op, kind, opts, match)
    local read, err = client:_selection(op, kind, opts)
    if not read then
        return nil, err
    end
    read.query.resourceVersion = opts.resource_version
    read.query.resourceVersionMatch = match
    return read
end

--- One page of the script's own size, of which it keeps the token.
local function page(client, read, opts)
    read.query.limit, read.query.continue = opts.limit, opts.continue
    return client:_read(read)
end

function methods:list(kind, opts)
    opts = check.options(opts, list_options, "k8s.list")
    check.kind(kind, "k8s.list")
    check.selectors(opts, "k8s.list")
    local match = check.version(opts, "k8s.list")
    check.counts(opts, {limit = 1}, "k8s.list")
    if opts.continue and not opts.limit then
        error("k8s.list: option 'continue' needs 'limit'", 2)
    elseif opts.continue and opts.resource_version then
        error("k8s.list: a 'continue' has a version of its own: leave 'resource_version' out", 2)
    end
    local read, err = select(self, "k8s.list", kind, opts, match)
    if not read then
        return nil, err
    end
    local list, problem = (opts.limit and page or pages.all)(self, read, opts)
    if not list then
        return nil, problem
    end
    return opts.full and list or list.items
end

--- The items of a page; of one with everything anew those that were not `given` (by uid) before.
--- Everything can come anew for as long as there is another page.
local function items_of(list, is_anew, given)
    local items = list.items
    if is_anew then
        items = {}
        for _, item in ipairs(list.items) do
            items[#items + 1] = not given[item.metadata.uid] and item or nil
        end
    end
    for _, item in ipairs(list.metadata.continue and items or {}) do
        given[item.metadata.uid or ""] = true
    end
    return items
end

function methods:each(kind, opts)
    opts = check.options(opts, each_options, "k8s.each")
    check.kind(kind, "k8s.each")
    check.selectors(opts, "k8s.each")
    local match = check.version(opts, "k8s.each")
    local next_page, items, index
    local given = {} -- uids
    local closing = setmetatable({}, {__close = function()
        if next_page then
            next_page:close()
        end
    end})
    local function next_item()
        if not next_page then
            next_page = pages.reader(self, must(select(self, "k8s.each", kind, opts, match)))
            items, index = {}, 0
        end
        index = index + 1
        while items and not items[index] do
            local got, more = next_page()
            if not got and more then
                error(more, 0)
            end
            items, index = got and items_of(got, more, given), 1
        end
        return items and items[index]
    end
    return next_item, nil, nil, closing
end

return methods
