--- watch: what happens to the objects of a kind, as an iterator.
local check = require("salvor.k8s.check")
local copy = require("salvor.copy")
local task = require("salvor.task")
local watcher = require("salvor.k8s.watch.watcher")

local methods = {}

local watch_options = {namespace = "string", all_namespaces = "boolean", timeout = "number",
                       label_selector = "string|table", field_selector = "string|table",
                       name = "string", resource_version = "string", initial = "boolean",
                       table = "boolean"}

--- An event of a watch of tables as a script is given it.
local function event_of_row(event)
    local object = event.object
    return {
        type = event.type,
        partial = event.partial,
        object = {apiVersion = object.apiVersion, kind = object.kind, metadata = object.metadata},
        row = object.row,
        columns = object.columns,
    }
end

function methods:watch(kind, opts)
    opts = check.options(opts, watch_options, "k8s.watch")
    check.kind(kind, "k8s.watch")
    check.selectors(opts, "k8s.watch")
    if opts.name then
        check.name(opts.name, "k8s.watch")
    end
    local deadline = opts.timeout and task.now() + opts.timeout
    local events = watcher.new(self, "k8s.watch", kind,
        copy.merge(opts, {deadline = deadline}))
    local function next_event()
        local event, err = events:next(deadline)
        if err and not (deadline and err == watcher.TIMED_OUT) then
            error(err, 0)
        end
        return event and opts.table and event_of_row(event) or event
    end
    return next_event, nil, nil, events
end

return methods
