--- delete, delete_all and evict. Each ends in client:_write.
local check = require("salvor.k8s.check")
local locate = require("salvor.k8s.locate")

local methods = {}

local propagations = {background = "Background", foreground = "Foreground", orphan = "Orphan"}

local function options_of_delete(opts, what)
    return {
        apiVersion = "v1",
        kind = "DeleteOptions",
        propagationPolicy = check.choice(opts.propagation, propagations, "Background",
            "propagation", what, 1),
        preconditions = opts.preconditions,
        gracePeriodSeconds = opts.grace_period,
    }
end

local delete_options = {namespace = "string", dry_run = "boolean", timeout = "number",
                        propagation = "string", preconditions = "table", grace_period = "number"}
local precondition_names = {uid = "string", resourceVersion = "string"}

function methods:delete(kind, name, opts)
    opts = check.options(opts, delete_options, "k8s.delete")
    check.kind(kind, "k8s.delete")
    check.name(name, "k8s.delete")
    check.options(opts.preconditions, precondition_names, "k8s.delete: preconditions")
    check.counts(opts, {grace_period = 0}, "k8s.delete")
    local body = options_of_delete(opts, "k8s.delete")
    local write, err = locate(self, "k8s.delete", "delete", kind, name, opts)
    if not write then
        return nil, err
    end
    write.body = body
    return self:_write(write)
end

local delete_all_options = {namespace = "string", dry_run = "boolean", timeout = "number",
                            propagation = "string", grace_period = "number", all = "boolean",
                            label_selector = "string|table", field_selector = "string|table"}

function methods:delete_all(kind, opts)
    opts = check.options(opts, delete_all_options, "k8s.delete_all")
    check.kind(kind, "k8s.delete_all")
    check.selectors(opts, "k8s.delete_all")
    check.counts(opts, {grace_period = 0}, "k8s.delete_all")
    local is_selected = opts.label_selector ~= nil or opts.field_selector ~= nil
    if is_selected == (opts.all or false) then
        error("k8s.delete_all: give a selector, or all = true to delete every one", 2)
    end
    local body = options_of_delete(opts, "k8s.delete_all")
    local write, err = self:_selection("k8s.delete_all", kind, opts)
    if not write then
        return nil, err
    end
    write.verb, write.body, write.dry_run = "delete", body, opts.dry_run
    return self:_write(write)
end

local evict_options = {namespace = "string", dry_run = "boolean", timeout = "number",
                       grace_period = "number", preconditions = "table"}

function methods:evict(pod, opts)
    opts = check.options(opts, evict_options, "k8s.evict")
    check.name(pod, "k8s.evict")
    check.options(opts.preconditions, precondition_names, "k8s.evict: preconditions")
    check.counts(opts, {grace_period = 0}, "k8s.evict")
    local write, err = locate(self, "k8s.evict", "evict", "v1/Pod", pod, opts)
    if not write then
        return nil, err
    end
    write.subresource = "eviction"
    write.body = {
        kind = "Eviction",
        metadata = {name = pod, namespace = write.namespace},
        deleteOptions = {gracePeriodSeconds = opts.grace_period,
                         preconditions = opts.preconditions},
    }
    return self:_write(write)
end

return methods
