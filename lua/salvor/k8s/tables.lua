--- table and print_table: objects as the server renders them for people.
local check = require("salvor.k8s.check")
local copy = require("salvor.copy")
local fail = require("salvor.error").new
local layout = require("salvor.k8s.table_layout")
local table_pages = require("salvor.k8s.table_pages")
local terminal = require("salvor.terminal")

--- Methods

local options = {namespace = "string", all_namespaces = "boolean", name = "string",
                 label_selector = "string|table", field_selector = "string|table",
                 wide = "boolean", show_labels = "boolean", no_headers = "boolean",
                 timeout = "number"}
local print_options = copy.merge(options, {watch = "boolean"})

local function check_name(opts, op)
    for _, other in ipairs(opts.name and {"all_namespaces", "label_selector", "field_selector"}
        or {}) do
        if opts[other] then
            error(string.format("%s: option 'name' does not go with '%s'", op, other), 3)
        end
    end
    local problem = opts.name and check.name_problem(opts.name)
    if problem then
        error(string.format("%s: option 'name': %s", op, problem), 3)
    end
end

local function layout_options(opts, resource)
    return {
        wide = opts.wide,
        namespaces = opts.all_namespaces and resource.namespaced,
        labels = opts.show_labels,
        no_headers = opts.no_headers,
    }
end

local function start(client, op, kind, opts)
    local read, err = client:_selection(op, kind, opts)
    if not read then
        return nil, err
    end
    read.verb = opts.name and "get" or "list"
    read.name = opts.name
    return read, layout_options(opts, read.resource)
end

local function nothing_found(read)
    return read.namespace and "No resources found in " .. read.namespace .. " namespace.\n"
        or "No resources found\n"
end

local metatable = {__name = "k8s table"}

local function lay_out(self)
    local laid = layout.new(self.columns, self._layout)
    laid:add_rows(self.rows)
    return laid
end

function metatable.__tostring(self)
    local parts = {}
    lay_out(self):write(function(text)
        parts[#parts + 1] = text
    end)
    return table.concat(parts)
end

--- Writes the rows of a layout to standard output. True, or nil and an error.
local function write_out(laid)
    local ok, why = true, nil
    laid:write(function(text)
        if ok then
            ok, why = io.stdout:write(text)
        end
    end)
    if ok then
        ok, why = io.stdout:flush()
    end
    if not ok then
        return nil, fail({code = "IO", op = "k8s.print_table",
                          message = "standard output: " .. why})
    end
    return true
end

--- How many rows were printed, or nil and an error.
local function print_out(laid, nothing)
    local count = laid:count()
    if count == 0 then
        io.stderr:write(terminal.escape(nothing, "\n"))
        return 0
    end
    local ok, err = write_out(laid)
    return ok and count, err
end

local methods = {}

function methods:table(kind, opts)
    opts = check.options(opts, options, "k8s.table")
    check.kind(kind, "k8s.table")
    check.selectors(opts, "k8s.table")
    check_name(opts, "k8s.table")
    local read, how = start(self, "k8s.table", kind, opts)
    if not read then
        return nil, how
    end
    local result = {_layout = how, _nothing = nothing_found(read)}
    local ok, err = table_pages(self, read, function(page, is_anew)
        if not result.columns or is_anew then
            result.columns, result.rows = page.columns, page.rows
        else
            table.move(page.rows, 1, #page.rows, #result.rows + 1, result.rows)
        end
    end)
    if not ok then
        return nil, err
    end
    return setmetatable(result, metatable)
end

function methods:print_table(kind, opts)
    opts = check.options(opts, print_options, "k8s.print_table")
    check.kind(kind, "k8s.print_table")
    check.selectors(opts, "k8s.print_table")
    check_name(opts, "k8s.print_table")
    if opts.watch then
        return require("salvor.k8s.table_watch")(self, kind, opts, layout_options, write_out)
    end
    local read, how = start(self, "k8s.print_table", kind, opts)
    if not read then
        return nil, how
    end
    local needs_metadata = how.namespaces or how.labels
    read.query.includeObject = needs_metadata and "Metadata" or "None"
    local laid
    local ok, err = table_pages(self, read, function(page, is_anew)
        if not laid or is_anew then
            laid = layout.new(page.columns, how)
        end
        laid:add_rows(page.rows)
    end)
    if not ok then
        return nil, err
    end
    return print_out(laid, nothing_found(read))
end

--- k8s.print_table: prints a table of client:table() as kubectl would.
function methods.print(rendered)
    if getmetatable(rendered) ~= metatable then
        error("k8s.print_table: a table of client:table() expected, got " .. type(rendered), 2)
    end
    return print_out(lay_out(rendered), rendered._nothing)
end

return methods
