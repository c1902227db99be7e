--- A procedure's client in a plan: every write is sent with server-side dry run, and later reads
--- see its result.
local copy = require("salvor.copy")
local errors = require("salvor.error")
local objects_of = require("salvor.procedure.objects")
local planned_objects = require("salvor.procedure.planned")
local preview = require("salvor.procedure.preview")
local waits = require("salvor.procedure.waits")

local planning = {}

--- What the plan leaves of the cluster, however many clients of it there are.
local function planned_on(performer, server)
    performer.planned[server] = performer.planned[server] or planned_objects.new()
    return performer.planned[server]
end

--- What somebody else would create by then: only its name is known.
local function expected(client, kind, name, options)
    local resource = must(client:kind(kind))
    return {
        apiVersion = resource.api_version,
        kind = resource.kind,
        metadata = {name = name, namespace = resource.namespaced
            and (options.namespace or client.namespace) or nil},
    }
end

--- One object that is waited for. A wait lists and watches, so a plan does not `get`.
local function seen_one(client, kind, name, options)
    local found = must(client:list(kind, {namespace = options.namespace,
                                          field_selector = {["metadata.name"] = name}}))[1]
    if found then
        return found
    elseif options.deleted then
        return true
    elseif options.create then
        return expected(client, kind, name, options)
    end
    return nil, errors.new({
        code = "NotFound", op = "k8s.wait", status = 404,
        message = kind .. " \"" .. name .. "\" is not there and would not come by this plan",
        hint = "a wait for what others create says create = true",
    })
end

--- What is waited for as it is now: an object, or a list in the place of several.
local function seen(client, kind, which, options)
    if type(which) == "string" then
        return must(seen_one(client, kind, which, options))
    elseif not which then
        return must(client:list(kind, {
            namespace = options.namespace, all_namespaces = options.all_namespaces,
            label_selector = options.label_selector, field_selector = options.field_selector,
        }))
    end
    local objects = {}
    for index, name in ipairs(which) do
        objects[index] = seen(client, kind, name, options)
    end
    return objects
end

--- methods(connection, performer, run) -> what takes the place of the connection's own methods
function planning.methods(connection, performer, run)
    local planned = planned_on(performer, connection.server)
    local wrapped = {}

    local function read_list(read)
        local found, err = objects_of.read(connection, read)
        return found and found.items and planned:list(found, read) or found, err
    end

    function wrapped._read(_, read)
        if not read.name then
            return read_list(read)
        end
        local entry = planned:find(read, read.name)
        if not entry then
            return objects_of.read(connection, read)
        elseif not entry.now then
            return nil, planned_objects.gone(read.op, read.name)
        end
        return read.subresource == "scale" and planned_objects.scale(entry.now)
            or copy.deep(entry.now)
    end

    function wrapped._write(_, write)
        if write.dry_run then
            return connection:_write(write)
        end
        objects_of.register_written(write)
        return performer:perform({
            verb = write.verb,
            target = objects_of.target(write),
            preview = function()
                local labelled = write.verb == "create" and objects_of.labelled(write, run)
                    or write
                return preview(connection, function(read)
                    return wrapped._read(nil, read)
                end, planned, labelled)
            end,
        })
    end

    function wrapped.wait(self, kind, name, options)
        local effect = waits.describe(kind, name, options)
        effect.preview = function()
            return seen(self, kind, name, options or {}), {}
        end
        return performer:perform(effect)
    end

    function wrapped.wait_all(self, items, options)
        local results = {}
        for index, item in ipairs(items) do
            local of = copy.merge({namespace = (options or {}).namespace,
                                   timeout = (options or {}).timeout}, item)
            results[index] = must(wrapped.wait(self, item.kind, item.name, of))
        end
        return results
    end

    return wrapped
end

return planning
