--- create, replace, apply, patch and delete. Each ends in client:_write.
local check = require("salvor.k8s.check")
local fail = require("salvor.error").new

local methods = {}

local function object_namespace(client, op, resource, object, opts)
    local own = resource.namespaced and object.metadata.namespace or nil
    own = own ~= "" and own or nil
    if own and opts.namespace and own ~= opts.namespace then
        return nil, fail({
            code = "Invalid",
            op = op,
            message = string.format("the object is in namespace '%s', not in '%s'", own,
                opts.namespace),
            hint = "leave the option or metadata.namespace out",
        })
    end
    return own or client:_namespace(resource, opts) or false
end

--- A write of a whole object: everything about where it goes is in the object.
local function write_object(client, verb, object, opts, query)
    local op = "k8s." .. verb
    local resource, err = client._kinds:resolve_object(object)
    if not resource then
        err.op = op
        return nil, err
    end
    local namespace, problem = object_namespace(client, op, resource, object, opts)
    if problem then
        return nil, problem
    end
    return client:_write({
        op = op,
        verb = verb,
        resource = resource,
        namespace = namespace or nil,
        name = verb ~= "create" and object.metadata.name or nil,
        subresource = opts.subresource,
        query = query,
        body = object,
        dry_run = opts.dry_run,
        timeout = opts.timeout,
    })
end

local create_options = {namespace = "string", dry_run = "boolean", timeout = "number"}

function methods:create(object, opts)
    opts = check.options(opts, create_options, "k8s.create")
    check.object(object, "k8s.create")
    return write_object(self, "create", object, opts)
end

local replace_options = {namespace = "string", dry_run = "boolean", timeout = "number",
                         subresource = "string"}

function methods:replace(object, opts)
    opts = check.options(opts, replace_options, "k8s.replace")
    check.object(object, "k8s.replace")
    check.name(object.metadata.name, "k8s.replace")
    return write_object(self, "replace", object, opts)
end

local apply_options = {namespace = "string", dry_run = "boolean", timeout = "number",
                       subresource = "string", force = "boolean", field_manager = "string"}

function methods:apply(object, opts)
    opts = check.options(opts, apply_options, "k8s.apply")
    check.object(object, "k8s.apply")
    check.name(object.metadata.name, "k8s.apply")
    return write_object(self, "apply", object, opts,
        {force = opts.force or false, fieldManager = opts.field_manager})
end

local patch_options = {namespace = "string", dry_run = "boolean", timeout = "number",
                       subresource = "string", type = "string"}
local patch_types = {merge = "merge", json = "json", strategic = "strategic"}

function methods:patch(kind, name, patch, opts)
    opts = check.options(opts, patch_options, "k8s.patch")
    check.kind(kind, "k8s.patch")
    check.name(name, "k8s.patch")
    if type(patch) ~= "table" then
        error("k8s.patch: the patch must be a table, got " .. type(patch), 2)
    end
    local patch_type = check.choice(opts.type, patch_types, "merge", "type", "k8s.patch")
    local at, err = self:_selection("k8s.patch", kind, {namespace = opts.namespace})
    if not at then
        return nil, err
    end
    return self:_write({
        op = at.op,
        verb = "patch",
        patch_type = patch_type,
        resource = at.resource,
        namespace = at.namespace,
        name = name,
        subresource = opts.subresource,
        body = patch,
        dry_run = opts.dry_run,
        timeout = opts.timeout,
    })
end

local delete_options = {namespace = "string", dry_run = "boolean", timeout = "number",
                        propagation = "string", preconditions = "table", grace_period = "number"}
local propagations = {background = "Background", foreground = "Foreground", orphan = "Orphan"}
local precondition_names = {uid = "string", resourceVersion = "string"}

function methods:delete(kind, name, opts)
    opts = check.options(opts, delete_options, "k8s.delete")
    check.kind(kind, "k8s.delete")
    check.name(name, "k8s.delete")
    check.options(opts.preconditions, precondition_names, "k8s.delete: preconditions")
    local propagation = check.choice(opts.propagation, propagations, "Background", "propagation",
        "k8s.delete")
    local at, err = self:_selection("k8s.delete", kind, {namespace = opts.namespace})
    if not at then
        return nil, err
    end
    return self:_write({
        op = at.op,
        verb = "delete",
        resource = at.resource,
        namespace = at.namespace,
        name = name,
        body = {
            apiVersion = "v1",
            kind = "DeleteOptions",
            propagationPolicy = propagation,
            preconditions = opts.preconditions,
            gracePeriodSeconds = opts.grace_period,
        },
        dry_run = opts.dry_run,
        timeout = opts.timeout,
    })
end

return methods
