--- What a write would do: the server is asked with dry run, and what it says is kept for later
--- reads of the same plan.
--
-- Each preview takes the client `connection`, `read` (client:_read that knows the plan so far),
-- the `objects` of its place as the plan leaves them (the object, or false when it is gone),
-- and the write. It returns the result of the write and the changes that it makes, or nil and an
-- error.
local copy = require("salvor.copy")
local diff = require("salvor.procedure.diff")
local update = require("salvor.k8s.update")

local function dry_run(connection, write)
    return must(connection:_write(copy.merge(write, {dry_run = true})))
end

--- The object that is written to, not a part of it such as its scale.
local function read_object(read, write)
    return read({op = write.op, verb = "get", resource = write.resource,
                 namespace = write.namespace, name = write.name or write.body.metadata.name,
                 timeout = write.timeout})
end

local previews = {}

local function write_object(connection, read, objects, write)
    local before = write.verb ~= "create" and read_object(read, write) or nil
    local after = dry_run(connection, write)
    objects[write.name or after.metadata.name] = after
    return after, diff.fields(before, after)
end

for _, verb in ipairs({"create", "replace", "apply", "patch"}) do
    previews[verb] = write_object
end

function previews.update(connection, read, objects, write)
    local before = must(read_object(read, write))
    local replace, err = update.prepare(write, copy.deep(before))
    if replace == false then
        return before, {}
    elseif not replace then
        return nil, err
    end
    return write_object(connection, read, objects, replace)
end

--- The number of replicas is judged by the plan so far, and the server by the new number alone.
function previews.scale(connection, read, objects, write)
    local before = must(read_object(read, write))
    local scale = {spec = {replicas = (before.spec or {}).replicas}}
    if write.change then
        local changed, err = write.change(scale)
        if changed == nil and err ~= nil then
            return nil, err
        end
        write = copy.merge(write, {patch_type = "merge",
                             body = {spec = {replicas = scale.spec.replicas}}})
        write.change = nil
    end
    local result = dry_run(connection, write)
    local after = copy.deep(before)
    after.spec = after.spec or {}
    after.spec.replicas = write.body.spec.replicas
    objects[write.name] = after
    return result, diff.fields(before, after)
end

function previews.evict(connection, read, objects, write)
    must(read_object(read, write))
    local result = dry_run(connection, write)
    objects[write.name] = false
    return result, {}
end

previews["delete"] = function(connection, read, objects, write)
    if write.name then
        local before = read_object(read, write)
        dry_run(connection, write)
        objects[write.name] = false
        return before or {}, {}
    end
    local list = must(read(copy.merge(write, {verb = "list", body = false})))
    dry_run(connection, write)
    for _, item in ipairs(list.items) do
        objects[item.metadata.name] = false
    end
    return list, {}
end

--- preview(connection, read, objects, write) -> result, changes
return function(connection, read, objects, write)
    return previews[write.verb](connection, read, objects, write)
end
