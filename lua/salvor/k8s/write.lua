--- create, replace, apply, patch, update and scale. Each ends in client:_write.
local check = require("salvor.k8s.check")
local copy = require("salvor.copy")
local fail = require("salvor.error").new
local fields = require("salvor.k8s.fields")
local locate = require("salvor.k8s.locate")
local salvor = require("salvor")

local methods = {}

local create_options = {namespace = "string", dry_run = "boolean", timeout = "number",
                        field_manager = "string", field_validation = "string"}
local replace_options = copy.merge(create_options, {subresource = "string"})
local apply_options = copy.merge(create_options, {subresource = "string", force = "boolean"})
local patch_options = copy.merge(create_options, {subresource = "string", type = "string"})
local update_options = copy.merge(create_options, {subresource = "string"})
local scale_options = copy.merge(create_options, {current_replicas = "number"})

local function object_namespace(client, op, resource, object, opts)
    local own = resource.namespaced and fields.text(object, "metadata", "namespace")
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
    local resource, err = client._kinds:resolve_object(opts.timeout or client.timeout, object)
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

function methods:create(object, opts)
    opts = check.options(opts, create_options, "k8s.create")
    check.object(object, "k8s.create")
    return write_object(self, "create", object, opts, check.write_query(opts, "k8s.create"))
end

function methods:replace(object, opts)
    opts = check.options(opts, replace_options, "k8s.replace")
    check.object(object, "k8s.replace")
    check.name(object.metadata.name, "k8s.replace")
    check.subresource(opts.subresource, "k8s.replace")
    return write_object(self, "replace", object, opts, check.write_query(opts, "k8s.replace"))
end

function methods:apply(object, opts)
    opts = check.options(opts, apply_options, "k8s.apply")
    check.object(object, "k8s.apply")
    check.name(object.metadata.name, "k8s.apply")
    check.subresource(opts.subresource, "k8s.apply")
    local managed = object.metadata.managedFields
    if managed ~= nil and managed ~= salvor.null then
        return nil, fail({
            code = "Invalid",
            op = "k8s.apply",
            message = string.format("%s \"%s\" has metadata.managedFields, so it was read from a"
                .. " server: applied as it is, all its fields would become ours", object.kind,
                object.metadata.name),
            hint = "apply only what is meant to change, or what k8s.neat() makes of it",
        })
    end
    local query = check.write_query(opts, "k8s.apply")
    query.force = opts.force or false
    return write_object(self, "apply", object, opts, query)
end

local patch_types = {merge = "merge", json = "json", strategic = "strategic"}

function methods:patch(kind, name, patch, opts)
    opts = check.options(opts, patch_options, "k8s.patch")
    check.kind(kind, "k8s.patch")
    check.name(name, "k8s.patch")
    check.subresource(opts.subresource, "k8s.patch")
    if type(patch) ~= "table" then
        error("k8s.patch: the patch must be a table, got " .. type(patch), 2)
    end
    local patch_type = check.choice(opts.type, patch_types, "merge", "type", "k8s.patch")
    local query = check.write_query(opts, "k8s.patch")
    local write, err = locate(self, "k8s.patch", "patch", kind, name, opts)
    if not write then
        return nil, err
    end
    write.patch_type, write.body, write.query = patch_type, patch, query
    return self:_write(write)
end

function methods:update(kind, name, change, opts)
    opts = check.options(opts, update_options, "k8s.update")
    check.kind(kind, "k8s.update")
    check.name(name, "k8s.update")
    check.subresource(opts.subresource, "k8s.update")
    if type(change) ~= "function" then
        error("k8s.update: a function that changes the object expected, got " .. type(change), 2)
    end
    local query = check.write_query(opts, "k8s.update")
    local write, err = locate(self, "k8s.update", "update", kind, name, opts)
    if not write then
        return nil, err
    end
    write.change, write.query = change, query
    return self:_write(write)
end

--- Sets the replicas of a scale if they are as many as they should be.
local function scale_from(expected, replicas)
    return function(scale)
        local spec = fields.map(scale, "spec")
        local now = fields.count(spec, "replicas")
        if now ~= expected then
            return nil, fail({
                code = "Conflict",
                op = "k8s.scale",
                message = string.format("there should be %d replicas, but there are %d", expected,
                    now),
                hint = "somebody else has scaled it: look before scaling again",
            })
        end
        spec.replicas = replicas
        scale.spec = spec
    end
end

function methods:scale(kind, name, replicas, opts)
    opts = check.options(opts, scale_options, "k8s.scale")
    check.kind(kind, "k8s.scale")
    check.name(name, "k8s.scale")
    check.count(replicas, "replicas", "k8s.scale", 0)
    check.counts(opts, {current_replicas = 0}, "k8s.scale")
    local query = check.write_query(opts, "k8s.scale")
    local write, err = locate(self, "k8s.scale", "scale", kind, name, opts)
    if not write then
        return nil, err
    end
    write.subresource, write.query = "scale", query
    if opts.current_replicas then
        write.change = scale_from(opts.current_replicas, replicas)
    else
        write.patch_type, write.body = "merge", {spec = {replicas = replicas}}
    end
    return self:_write(write)
end

return methods
