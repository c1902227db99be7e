--- Kubernetes. `k8s.connect{...}` gives a client; what its methods take and return is written in
--- lua/meta/k8s.lua.
---
--- What can fail returns nil and an error object; an iterator (each, watch) raises that object, since
--- a loop would take nil for the end. Misuse raises.
---
--- Every read goes through client:_read and every change through client:_write, so that plan mode
--- needs to wrap these two and nothing else.
local call = require("salvor.k8s.call")
local check = require("salvor.k8s.check")
local discovery = require("salvor.k8s.discovery")
local fail = require("salvor.error").new
local kube = require("salvor.kube")
local neat = require("salvor.k8s.neat")
local pages = require("salvor.k8s.pages")
local task = require("salvor.task")
local wait = require("salvor.k8s.wait")
local watch = require("salvor.k8s.watch")

local FIELD_MANAGER = "salvor"
local TIMEOUT = 30

local k8s = {neat = neat}
local methods = {}
local metatable = {__index = methods, __name = "k8s client"}

function metatable.__tostring(self)
    return string.format("k8s client (%s, namespace %s)", self.context or self.server, self.namespace)
end

function metatable.__close(self)
    self._kube:close()
end

local connect_options = {
    kubeconfig = "string", context = "string", namespace = "string", timeout = "number",
    on_warning = "function",
}

local function print_warning(text)
    io.stderr:write("Warning: ", text, "\n")
end

function k8s.connect(opts)
    opts = check.options(opts, connect_options, "k8s.connect")
    local handle, err = kube.connect({
        kubeconfig = opts.kubeconfig,
        context = opts.context,
        namespace = opts.namespace,
        timeout = opts.timeout or TIMEOUT,
    })
    if not handle then
        return nil, err
    end
    local client = handle:info()
    client.timeout = opts.timeout or TIMEOUT
    client._kube = handle
    client._warned = {}
    client._on_warning = opts.on_warning or print_warning
    client._discovery = discovery.new(client)
    return setmetatable(client, metatable)
end

--- A server repeats its warnings with every answer; a person needs each once.
function methods:_warn(text)
    if not self._warned[text] then
        self._warned[text] = true
        self._on_warning(text)
    end
end

local function copy(map)
    local result = {}
    for key, value in pairs(map or {}) do
        result[key] = value
    end
    return result
end

-- Where an object is

--- The path of a collection or, with a name, of one object.
local function path_of(at)
    local resource = at.resource
    local parts = {resource.group == "" and "/api/v1"
        or "/apis/" .. resource.group .. "/" .. resource.version}
    if resource.namespaced and at.namespace then
        parts[#parts + 1] = "namespaces/" .. kube.escape(at.namespace)
    end
    parts[#parts + 1] = resource.plural
    parts[#parts + 1] = at.name and kube.escape(at.name)
    parts[#parts + 1] = at.name and at.subresource
    return table.concat(parts, "/")
end

local function namespace_for(client, resource, opts)
    if not resource.namespaced or opts.all_namespaces then
        return nil
    end
    return opts.namespace or client.namespace
end

local function selector(value)
    if type(value) ~= "table" then
        return value
    end
    local terms = {}
    for key, wanted in pairs(value) do
        terms[#terms + 1] = key .. "=" .. tostring(wanted)
    end
    table.sort(terms)
    return table.concat(terms, ",")
end

--- What a list and a watch ask for alike; nil and an error when the kind is unknown.
function methods:_selection(op, kind, opts)
    local resource, err = self:kind(kind)
    if not resource then
        err.op = op
        return nil, err
    end
    return {
        op = op,
        verb = "list",
        resource = resource,
        namespace = namespace_for(self, resource, opts),
        query = {
            labelSelector = selector(opts.label_selector),
            fieldSelector = selector(opts.field_selector),
            resourceVersion = opts.resource_version,
        },
        timeout = opts.timeout,
    }
end

-- The two funnels

--- read: op, verb (get or list), resource (a kind's record), namespace, name, subresource, query,
--- timeout. Returns the object or the List as the server sent it.
function methods:_read(read)
    local answer, err = call(self, {
        op = read.op,
        path = path_of(read),
        query = read.query,
        timeout = read.timeout,
    })
    if not answer then
        return nil, err
    end
    return answer.body
end

--- The events of a collection as a stream of the mechanism; `read` as above.
function methods:_stream(read)
    local stream, err = self._kube:stream({
        path = path_of(read),
        query = read.query,
        timeout = read.timeout,
    })
    if not stream then
        err.op = read.op
    end
    return stream, err
end

local writes = {
    create = {method = "POST"},
    replace = {method = "PUT"},
    delete = {method = "DELETE"},
    apply = {method = "PATCH", content_type = "application/apply-patch+yaml"},
    merge = {method = "PATCH", content_type = "application/merge-patch+json"},
    json = {method = "PATCH", content_type = "application/json-patch+json"},
    strategic = {method = "PATCH", content_type = "application/strategic-merge-patch+json"},
}

--- write: op, verb (create, replace, apply, patch, delete), patch_type (of patch: merge, json,
--- strategic), resource (a kind's record), namespace, name (nil only for create), subresource, body
--- (the object, the patch, or DeleteOptions), query, dry_run, timeout. Sent once, whatever happens.
--- Returns what the server says the object is now.
function methods:_write(write)
    local how = writes[write.patch_type or write.verb]
    local query, body = copy(write.query), write.body
    if write.verb ~= "delete" then
        query.fieldManager = query.fieldManager or FIELD_MANAGER
        query.dryRun = write.dry_run and "All" or nil
    elseif write.dry_run then
        -- A server that is given DeleteOptions does not look at the query.
        body = copy(body)
        body.dryRun = {"All"}
    end
    local answer, err = call(self, {
        op = write.op,
        method = how.method,
        path = path_of(write),
        query = query,
        headers = how.content_type and {["Content-Type"] = how.content_type},
        body = body,
        timeout = write.timeout,
    })
    if not answer then
        return nil, err
    end
    return answer.body
end

-- Reading

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
    return function()
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
end

-- Writing

local function object_namespace(client, op, resource, object, opts)
    local own = resource.namespaced and object.metadata.namespace or nil
    if own and opts.namespace and own ~= opts.namespace then
        return nil, fail({
            code = "Invalid",
            op = op,
            message = string.format("the object is in namespace '%s', not in '%s'", own,
                opts.namespace),
            hint = "leave the option or metadata.namespace out",
        })
    end
    return own or namespace_for(client, resource, opts) or false
end

--- A write of a whole object: everything about where it goes is in the object.
local function write_object(client, verb, object, opts, query)
    local op = "k8s." .. verb
    local resource, err = client._discovery:resolve_object(object)
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

-- Watching and waiting

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

local wait_options = {namespace = "string", timeout = "number", ready = "function|string",
                      failed = "function|string", deleted = "boolean", create = "boolean",
                      stall = "number", on_progress = "function"}

function methods:wait(kind, name, opts)
    opts = check.options(opts, wait_options, "k8s.wait")
    check.kind(kind, "k8s.wait")
    check.name(name, "k8s.wait")
    return wait(self, kind, name, opts)
end

-- What there is and what one may

function methods:kind(kind)
    return self._discovery:resolve(check.kind(kind, "k8s.kind"))
end

function methods:kinds()
    return self._discovery:kinds()
end

local can_options = {namespace = "string", all_namespaces = "boolean", name = "string",
                     subresource = "string", timeout = "number"}

function methods:can(verb, kind, opts)
    opts = check.options(opts, can_options, "k8s.can")
    check.kind(kind, "k8s.can")
    local at, err = self:_selection("k8s.can", kind, {namespace = opts.namespace,
                                                      all_namespaces = opts.all_namespaces})
    if not at then
        return nil, err
    end
    local answer, problem = call(self, {
        op = at.op,
        method = "POST",
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        body = {
            apiVersion = "authorization.k8s.io/v1",
            kind = "SelfSubjectAccessReview",
            spec = {
                resourceAttributes = {
                    verb = verb,
                    group = at.resource.group,
                    version = at.resource.version,
                    resource = at.resource.plural,
                    namespace = at.namespace,
                    name = opts.name,
                    subresource = opts.subresource,
                },
            },
        },
        timeout = opts.timeout,
    })
    if not answer then
        return nil, problem
    end
    return answer.body.status.allowed, answer.body.status.reason
end

local request_options = {method = "string", path = "string", query = "table", headers = "table",
                         body = "table|string", timeout = "number", raw = "boolean"}

function methods:request(opts)
    opts = check.options(opts, request_options, "k8s.request")
    local request = copy(opts)
    request.op = "k8s.request"
    return call(self, request)
end

return k8s
