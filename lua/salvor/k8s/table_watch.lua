--- print_table with `watch`: what is there, then a line for each event, as `kubectl get -w` has it.
local copy = require("salvor.copy")
local layout = require("salvor.k8s.table_layout")
local task = require("salvor.task")
local watcher = require("salvor.k8s.watch.watcher")

local OP = "k8s.print_table"

local printing = {}
printing.__index = printing

--- What is left to show of an object that went away while nobody looked.
local function last_row(object, columns)
    local cells = {}
    for number, column in ipairs(columns) do
        cells[number] = column.format == "name" and object.metadata.name or "<unknown>"
    end
    return {cells = cells, object = object}
end

--- Columns change when a definition (CRD) does; then there are new titles.
function printing:add(event)
    local object = event.object
    local columns = object.columns or self.laid.columns
    if not self.laid or not self.laid:has_columns(columns) then
        self.laid = layout.new(columns, self.layout_options)
    end
    self.laid:add_rows({object.row or last_row(object, columns)})
end

--- Prints the rows that were added. True, or nil and an error.
function printing:show()
    local count = self.laid and self.laid:count() or 0
    if count == 0 then
        return true
    end
    local ok, err = self.write_out(self.laid)
    self.laid:forget_rows()
    self.count = self.count + count
    return ok, err
end

--- Prints what is there.
function printing:begin(client, selection, name)
    local ok, err = self.events:list(function()
        for event in self.events.take_known, self.events do
            self:add(event)
        end
    end)
    if ok and name and not self.laid then
        -- The server says why; or it has come just now, and the watch will tell.
        ok, err = client:_read(copy.merge(selection, {verb = "get", name = name, query = {}}))
    end
    if not ok then
        return nil, err
    end
    return self:show()
end

--- How many rows were printed until the time was over; nil and an error when anything else ended
--- it. layout_options(opts, resource) and write_out(laid) are those of any table that is printed.
return function(client, kind, opts, layout_options, write_out)
    local deadline = opts.timeout and task.now() + opts.timeout
    local events <close> = watcher.new(client, OP, kind, {
        namespace = opts.namespace,
        all_namespaces = opts.all_namespaces,
        name = opts.name,
        label_selector = opts.label_selector,
        field_selector = opts.field_selector,
        table = true,
        deadline = deadline,
    })
    local selection, err = events:select()
    if not selection then
        return nil, err
    end
    local self = setmetatable({
        events = events,
        layout_options = layout_options(opts, selection.resource),
        write_out = write_out,
        count = 0,
    }, printing)
    local ok, event
    ok, err = self:begin(client, selection, opts.name)
    while ok do
        event, err = events:next(deadline)
        if deadline and err == watcher.TIMED_OUT then
            return self.count
        elseif not event then
            break
        end
        self:add(event)
        ok, err = self:show()
    end
    return nil, err
end
