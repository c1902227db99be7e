--- get, list, each and watch.
local check = require("salvor.k8s.check")
local pages = require("salvor.k8s.pages")
local task = require("salvor.task")
local watch = require("salvor.k8s.watch")

local methods = {}

local get_options = {namespace = "string", timeout = "number", subresource = "string",
                     resource_version = "string"}

function methods:get(kind, name, opts)
    opts = check.options(opts, get_options, "k8s.get")
    check.kind(kind, "k8s.get")
    check.name(name, "k8s.get")
    local read, err = self:_selection("k8s.get", kind, opts)
    if not read then
        return nil, err
    end
    read.verb = "get"
    read.name = name
    read.subresource = opts.subresource
    return self:_read(read)
end

local list_options = {namespace = "string", all_namespaces = "boolean", timeout = "number",
                      label_selector = "string|table", field_selector = "string|table",
                      resource_version = "string", full = "boolean"}

function methods:list(kind, opts)
    opts = check.options(opts, list_options, "k8s.list")
    check.kind(kind, "k8s.list")
    local read, err = self:_selection("k8s.list", kind, opts)
    if not read then
        return nil, err
    end
    local list, problem = pages.all(self, read)
    if not list then
        return nil, problem
    end
    return opts.full and list or list.items
end

local each_options = {namespace = "string", all_namespaces = "boolean", timeout = "number",
                      label_selector = "string|table", field_selector = "string|table"}

function methods:each(kind, opts)
    opts = check.options(opts, each_options, "k8s.each")
    check.kind(kind, "k8s.each")
    local next_page, items, index
    local closing = setmetatable({}, {__close = function()
        if next_page then
            next_page:close()
        end
    end})
    local function next_item()
        if not next_page then
            next_page = pages.reader(self, must(self:_selection("k8s.each", kind, opts)))
            items, index = {}, 0
        end
        index = index + 1
        while items and not items[index] do
            local page, err = next_page()
            if err then
                error(err, 0)
            end
            items, index = page and page.items, 1
        end
        return items and items[index]
    end
    return next_item, nil, nil, closing
end

local watch_options = {namespace = "string", all_namespaces = "boolean", timeout = "number",
                       label_selector = "string|table", field_selector = "string|table",
                       name = "string", resource_version = "string", initial = "boolean"}

function methods:watch(kind, opts)
    opts = check.options(opts, watch_options, "k8s.watch")
    check.kind(kind, "k8s.watch")
    local deadline = opts.timeout and task.now() + opts.timeout
    local events = watch.new(self, "k8s.watch", kind, opts)
    local function next_event()
        local event, err = events:next(deadline)
        if err and not (deadline and err == watch.TIMED_OUT) then
            error(err, 0)
        end
        return event
    end
    return next_event, nil, nil, events
end

return methods
