--- The methods that every read and every change goes through, for plan mode to wrap.
---
--- A read or write is a table that says what is wanted in terms of kinds and names; here it becomes
--- a request. `resource` is a kind's record as client:kind() gives it.
local call = require("salvor.k8s.call")
local copy = require("salvor.copy")
local check = require("salvor.k8s.check")
local evict = require("salvor.k8s.eviction")
local hints = require("salvor.k8s.hints")
local kube = require("salvor.kube")
local selector = require("salvor.k8s.selector")
local shape = require("salvor.k8s.shape")
local update = require("salvor.k8s.update")

local FIELD_MANAGER = "salvor"

local methods = {}

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

--- The namespace a request goes to; nil for kinds of the whole cluster, and for all namespaces.
function methods:_namespace(resource, opts)
    if not resource.namespaced or opts.all_namespaces then
        return nil
    end
    return opts.namespace or self.namespace
end

--- What a list and a watch ask for alike; nil and an error when the kind is unknown.
function methods:_selection(op, kind, opts)
    local resource, err = self._kinds:resolve_within(opts.timeout or self.timeout,
        check.kind(kind, op))
    if not resource then
        err.op = op
        return nil, err
    end
    return {
        op = op,
        verb = "list",
        resource = resource,
        namespace = self:_namespace(resource, opts),
        query = {
            labelSelector = selector.label(opts.label_selector),
            fieldSelector = selector.field(opts.field_selector),
        },
        timeout = opts.timeout,
    }
end

--- read: op, verb (get or list), resource (a kind's record), namespace, name, subresource, query,
--- headers, timeout. Returns the object or the List as the server sent it; each item of a List has
--- its apiVersion and kind. `sent` and `on_arrival` are those of lua/salvor/k8s/call.lua.
function methods:_read(read)
    local sent = read.sent
    read.sent = nil -- whoever reads the same again sends it again
    local answer, err = call(self, {
        op = read.op,
        path = path_of(read),
        query = read.query,
        headers = read.headers,
        timeout = read.timeout,
        sent = sent,
        on_arrival = read.on_arrival,
    })
    if not answer then
        return nil, hints.read(read, err)
    elseif read.verb == "list" and not read.name then
        return shape.list(answer.body, read.op, read.resource)
    end
    return shape.object(answer.body, read.op)
end

--- Sends a read ahead of its time; the exchange becomes `sent` of the same read later.
function methods:_send(read)
    return self._kube:send({path = path_of(read), query = read.query, headers = read.headers,
                            timeout = read.timeout or self.timeout})
end

--- The events of a collection as a stream of the mechanism; `read` as above, its timeout that of
--- the whole stream and open_timeout that of its beginning.
function methods:_stream(read)
    local stream, answer = self._kube:stream({
        path = path_of(read),
        query = read.query,
        headers = read.headers,
        timeout = read.timeout,
        open_timeout = read.open_timeout,
    })
    if stream then
        self:_heed(answer)
        return stream
    end
    self:_heed(answer.warning)
    answer.op, answer.warning = read.op, nil
    return nil, answer
end

local writes = {
    create = {method = "POST"},
    evict = {method = "POST"},
    replace = {method = "PUT"},
    delete = {method = "DELETE"},
    apply = {method = "PATCH", content_type = "application/apply-patch+yaml"},
    merge = {method = "PATCH", content_type = "application/merge-patch+json"},
    json = {method = "PATCH", content_type = "application/json-patch+json"},
    strategic = {method = "PATCH", content_type = "application/strategic-merge-patch+json"},
}

--- What goes beside the body. A server that is given DeleteOptions does not look at the query.
local function parameters(write)
    local query, body = copy.merge(write.query), write.body
    if write.verb ~= "delete" then
        query.fieldManager = query.fieldManager or FIELD_MANAGER
        query.dryRun = write.dry_run and "All" or nil
    elseif write.dry_run then
        body = copy.merge(body, {dryRun = {"All"}})
    end
    return query, body
end

--- write: what is wanted, in these fields.
---   op, verb       create, replace, apply, patch, delete, update, scale, evict
---   patch_type     of patch and scale: merge, json, strategic
---   resource, namespace, name (nil for create, and for the delete of a collection), subresource
---   body           the object, the patch, DeleteOptions or an Eviction
---   change         of update, and of scale under a condition, instead of a body: a function, see
---                  salvor.k8s.update
---   query, dry_run, timeout
--- Returns what the server says the object is now.
function methods:_write(write)
    if write.change then
        return update.run(self, write)
    elseif write.verb == "evict" and not write.body.apiVersion then
        return evict(self, write)
    end
    local how = writes[write.patch_type or write.verb]
    local query, body = parameters(write)
    local answer, err = call(self, {
        op = write.op,
        write = write,
        method = how.method,
        path = path_of(write),
        query = query,
        headers = how.content_type and {["Content-Type"] = how.content_type},
        body = body,
        timeout = write.timeout,
    })
    if not answer then
        return nil, hints.write(write, err)
    end
    return shape.object(answer.body, write.op)
end

--- The verbs whose body says itself of which version it is.
local HAS_VERSION = {create = true, replace = true, apply = true}

--- A request by what is known of a kind is made again, once, when the server does not know its
--- path: the knowledge was out of date, and nothing was done.
local function renewing(method)
    return function(self, what)
        local answer, err = method(self, what)
        local old = what.resource
        local new = err and not what.subresource and self._kinds:renew(old, err)
        if not new or new.namespaced ~= old.namespaced
            or HAS_VERSION[what.verb] and new.api_version ~= old.api_version then
            return answer, err
        end
        return method(self, copy.merge(what, {resource = new}))
    end
end

for _, name in ipairs({"_read", "_write", "_stream"}) do
    methods[name] = renewing(methods[name])
end

return methods
