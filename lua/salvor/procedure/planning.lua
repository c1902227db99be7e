--- A procedure's client in a plan: every write is sent with server-side dry run, and later reads
--- see its result.
local copy = require("salvor.copy")
local errors = require("salvor.error")
local objects_of = require("salvor.procedure.objects")
local preview = require("salvor.procedure.preview")
local waits = require("salvor.procedure.waits")

local planning = {}

--- The objects that the plan has made, changed (the object) or deleted (false), by place and name.
local function planned_at(planned, resource, namespace)
    local place = table.concat({resource.group, resource.plural, namespace or ""}, "\0")
    planned[place] = planned[place] or {}
    return planned[place]
end

--- A list as it would be: on its last page come the objects that would be new.
local function overlay_list(list, objects, read)
    local seen, items = {}, setmetatable({}, getmetatable(list.items))
    for _, item in ipairs(list.items) do
        local name = item.metadata.name
        seen[name] = true
        if objects[name] ~= false then
            items[#items + 1] = copy.deep(objects[name]) or item
        end
    end
    local query = read.query or {}
    local is_last = ((list.metadata or {}).continue or "") == ""
    if is_last and not query.labelSelector and not query.fieldSelector then
        for name, object in pairs(objects) do
            if object and not seen[name] then
                items[#items + 1] = copy.deep(object)
            end
        end
    end
    list.items = items
    return list
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

--- What is waited for as it is now: an object, or a list in the place of several.
local function seen(client, kind, which, options)
    if type(which) == "string" then
        local found, err = client:get(kind, which, {namespace = options.namespace})
        if not found and err.code == "NotFound" and options.deleted then
            return true
        elseif not found and err.code == "NotFound" and options.create then
            return expected(client, kind, which, options)
        end
        return must(found, err)
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
    local planned = {}
    local wrapped = {}

    function wrapped._read(_, read)
        local objects = planned_at(planned, read.resource, read.namespace)
        local object = read.name and objects[read.name]
        if object then
            return copy.deep(object)
        elseif object == false then
            return nil, errors.new({code = "NotFound", op = read.op, status = 404,
                                    message = read.name .. " would be deleted by then"})
        end
        local found, err = objects_of.read(connection, read)
        if found and not read.name then
            return overlay_list(found, objects, read)
        end
        return found, err
    end

    function wrapped._write(_, write)
        if write.dry_run then
            return connection:_write(write)
        end
        objects_of.register_written(write)
        local objects = planned_at(planned, write.resource, write.namespace)
        return performer:perform({
            verb = write.verb,
            target = objects_of.target(write),
            preview = function()
                local labelled = write.verb == "create" and objects_of.labelled(write, run)
                    or write
                return preview(connection, function(read)
                    return wrapped._read(nil, read)
                end, objects, labelled)
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
