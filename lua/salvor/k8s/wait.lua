--- wait and wait_all. What they need is loaded when something is waited for first.
local check = require("salvor.k8s.check")
local copy = require("salvor.copy")

local item_options = {namespace = "string", ready = "function|string|table",
                      failed = "function|string", wanted = "string", deleted = "boolean",
                      create = "boolean", label_selector = "string|table",
                      field_selector = "string|table", all_namespaces = "boolean"}

local session_options = {timeout = "number", stall = "number", tick = "number",
                         on_progress = "function"}

local wait_options = copy.merge(item_options, session_options)
local wait_all_options = copy.merge(session_options, {namespace = "string"})
local wait_all_item = copy.merge(item_options, {kind = true, name = true})

--- Raises, at the line of the script, what `fn` raises.
local function at_script(fn, ...)
    local ok, result = pcall(fn, ...)
    if not ok then
        error(result, 3)
    end
    return result
end

--- The names that are waited for, as a list; nil where selectors say what is.
local function names_of(which, opts, what)
    local names = type(which) == "string" and {which} or which
    local selects = opts.label_selector or opts.field_selector or opts.all_namespaces
    if names ~= nil and type(names) ~= "table" then
        error(what .. ": " .. check.name_problem(names), 0)
    elseif names and next(names) and not names[1] then
        error(what .. ": a name or a list of names expected; options come after it", 0)
    elseif names and not names[1] then
        error(what .. ": the list of names is empty", 0)
    elseif not names == not selects then
        error(what .. ": either a name (or a list of names) or a selector is needed", 0)
    end
    for _, name in ipairs(names or {}) do
        local problem = check.name_problem(name)
        if problem then
            error(what .. ": " .. problem, 0)
        end
    end
    return names
end

--- Checks what is to be waited for: an item of the session, or {problem = an error} when the kind
--- is unknown. Misuse raises.
local function make_item(client, what, kind, which, opts, namespace)
    check.kind(kind, what)
    check.selectors(opts, what)
    local names = names_of(which, opts, what)
    local wants = require("salvor.k8s.wait.target").wants(opts, what)
    local seconds = opts.timeout and opts.timeout > 0 and opts.timeout or client.timeout
    local resource, err = client._kinds:resolve_within(math.min(seconds, client.timeout), kind)
    if not resource then
        err.op = what
        return {problem = err}
    end
    return {
        resource = resource, kind = kind, names = names, is_single = type(which) == "string",
        namespace = client:_namespace(resource, {namespace = opts.namespace or namespace,
                                                 all_namespaces = opts.all_namespaces}),
        all_namespaces = opts.all_namespaces and resource.namespaced or nil,
        label_selector = opts.label_selector, field_selector = opts.field_selector, wants = wants,
    }
end

--- A time that is none would make a wait without end, or one that never rests.
local function check_times(opts, what)
    for _, name in ipairs({"stall", "tick"}) do
        local seconds = opts[name] or 1
        if seconds <= 0 then
            error(string.format("%s: option '%s' must be more than 0", what, name), 3)
        end
    end
end

local methods = {}

--- What every wait goes through, for procedures to wrap: the result of each item, or nil and the
--- first error. items: salvor.k8s.wait.group; opts: timeout, stall, tick, on_progress.
function methods:_wait(op, items, opts)
    return require("salvor.k8s.wait.session")(self, op, items, opts)
end

function methods:wait(kind, name, opts)
    opts = check.options(opts, wait_options, "k8s.wait")
    check_times(opts, "k8s.wait")
    local item = at_script(make_item, self, "k8s.wait", kind, name, opts)
    if item.problem then
        return nil, item.problem
    end
    local results, err = self:_wait("k8s.wait", {item}, opts)
    return results and results[1], err
end

function methods:wait_all(items, opts)
    opts = check.options(opts, wait_all_options, "k8s.wait_all")
    check_times(opts, "k8s.wait_all")
    if type(items) ~= "table" or not items[1] then
        error("k8s.wait_all: a list of {kind=, name=, ...} expected", 2)
    end
    local made = {}
    for index, given in ipairs(items) do
        check.options(given, wait_all_item, "k8s.wait_all: item " .. index)
        made[index] = at_script(make_item, self, "k8s.wait_all", given.kind, given.name, given,
            opts.namespace)
        if made[index].problem then
            return nil, made[index].problem
        end
    end
    return self:_wait("k8s.wait_all", made, opts)
end

return methods
