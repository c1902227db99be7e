--- A procedure's client in a plan: every write is sent with server-side dry run, and later reads
--- see its result.
local copy = require("salvor.copy")
local errors = require("salvor.error")
local objects_of = require("salvor.procedure.objects")
local planned_objects = require("salvor.procedure.planned")
local preview = require("salvor.procedure.preview")
local selector = require("salvor.k8s.selector")
local subject = require("salvor.k8s.subject")
local waits = require("salvor.procedure.waits")

local planning = {}

--- What the plan leaves of the cluster, however many clients of it there are.
local function planned_on(performer, server)
    performer.planned[server] = performer.planned[server] or planned_objects.new()
    return performer.planned[server]
end

--- One object that is waited for as it is now. A wait lists and watches, so a plan does not `get`.
local function seen_one(read, op, item, name)
    local resource = item.resource
    local found = must(read({op = op, verb = "list", resource = resource,
                             namespace = item.namespace,
                             query = {fieldSelector = "metadata.name=" .. name}})).items[1]
    if found then
        return found
    elseif item.wants.deleted then
        return true
    elseif item.wants.create then
        -- Somebody else would create it by then: only its name is known.
        return {apiVersion = resource.api_version, kind = resource.kind,
                metadata = {name = name, namespace = item.namespace}}
    end
    error(errors.new({
        code = "NotFound", op = op, status = 404,
        message = resource.plural .. " \"" .. name .. "\" would not exist by then",
        hint = "with create=true it may come later",
    }), 0)
end

--- What is waited for as it is now: an object, or a list in the place of several.
local function seen(read, op, item)
    if not item.names then
        return must(read({op = op, verb = "list", resource = item.resource,
                          namespace = item.namespace, query = {
                              labelSelector = selector.label(item.label_selector),
                              fieldSelector = selector.field(item.field_selector)}})).items
    end
    local objects = {}
    for index, name in ipairs(item.names) do
        objects[index] = seen_one(read, op, item, name)
    end
    return item.is_single and objects[1] or objects
end

--- methods(connection, performer, run) -> what takes the place of the connection's own methods
function planning.methods(connection, performer, run)
    local planned = planned_on(performer, connection.server)
    local wrapped = {}

    local function read_list(what)
        local found, err = objects_of.read(connection, what)
        return found and found.items and planned:list(found, what) or found, err
    end

    local function read(what)
        if not what.name then
            return read_list(what)
        end
        local entry = planned:find(what, what.name)
        if not entry then
            return objects_of.read(connection, what)
        elseif not entry.now then
            return nil, planned_objects.gone(what.op, what.name)
        end
        return what.subresource == "scale" and planned_objects.scale(entry.now)
            or copy.deep(entry.now)
    end

    function wrapped._read(_, what)
        return read(what)
    end

    function wrapped._write(_, write)
        if write.dry_run then
            return connection:_write(write)
        end
        objects_of.register_written(write)
        return performer:perform({
            verb = write.verb,
            target = subject(write),
            preview = function()
                local labelled = write.verb == "create" and objects_of.labelled(write, run)
                    or write
                return preview(connection, read, planned, labelled)
            end,
        })
    end

    function wrapped._wait(_, op, items, opts)
        local results = {}
        for index, item in ipairs(items) do
            local effect = waits.describe({item}, opts)
            effect.preview = function()
                return seen(read, op, item), {}
            end
            results[index] = performer:perform(effect)
        end
        return results
    end

    return wrapped
end

return planning
