--- What a write would do: the server is asked with dry run, and what it says is kept for later
--- reads of the same plan.
--
-- Each preview takes the client `connection`, `read` (client:_read that knows the plan so far),
-- the `objects` of its place as the plan leaves them (the object, or false when it is gone),
-- and the write. It returns the result of the write, the changes that it makes, and what else is to
-- be said of the effect: class (create, change, delete, none), count, problems; or nil and an
-- error.
local copy = require("salvor.copy")
local diff = require("salvor.procedure.diff")
local overlay = require("salvor.procedure.overlay")
local salvor = require("salvor")
local update = require("salvor.k8s.update")

local function dry_run(connection, write)
    return connection:_write(copy.merge(write, {dry_run = true}))
end

--- The object that is written to, not a part of it such as its scale.
local function read_object(read, write)
    return read({op = write.op, verb = "get", resource = write.resource,
                 namespace = write.namespace, name = write.name or write.body.metadata.name,
                 timeout = write.timeout})
end

local function read_if_there(read, write)
    local found, err = read_object(read, write)
    if not found and err.code ~= "NotFound" then
        error(err, 0)
    end
    return found
end

-- Conflicts

--- Fields that other managers own, as the server names them.
local function conflicts_of(err)
    local found = salvor.list()
    for _, cause in ipairs(salvor.dig(err, "details", "causes") or {}) do
        if type(cause) == "table" and cause.reason == "FieldManagerConflict" then
            local manager = tostring(cause.message):match('conflict with "([^"]*)"')
            found[#found + 1] = {
                level = "problem",
                message = "field " .. tostring(cause.field) .. " belongs to the manager "
                    .. (manager and "'" .. manager .. "'" or tostring(cause.message)),
                hint = "leave it to that manager, or take it over with force = true",
            }
        end
    end
    return found
end

--- An apply that conflicts would fail; the plan shows it as if it were forced, and the problems.
local function ask(connection, write)
    local after, err = dry_run(connection, write)
    local problems = not after and write.verb == "apply" and err.status == 409
        and conflicts_of(err) or {}
    if problems[1] then
        local forced = copy.merge(write, {query = copy.merge(write.query, {force = true})})
        return must(dry_run(connection, forced)), problems
    end
    return must(after, err), nil
end

-- Objects that the plan has changed before

-- The manager by whose applies alone this plan has changed an object: to its next one the server's
-- answer is right as it is, since an apply takes back what the one before has set and it does not.
local applied = setmetatable({}, {__mode = "k"})

local function manager_of(write)
    return write.verb == "apply" and ((write.query or {}).fieldManager or "salvor") or nil
end

local SERVERS_OWN = {"resourceVersion", "uid", "creationTimestamp", "generation", "managedFields",
                     "selfLink"}

--- A write onto `planned`: the server is asked whether it takes what comes out.
local function ask_onto(connection, write, planned)
    local body = overlay.result(planned, write)
    local metadata = body.metadata
    local is_new = (planned.metadata.resourceVersion or "") == ""
    for _, field in ipairs(is_new and SERVERS_OWN or {"managedFields"}) do
        metadata[field] = nil
    end
    metadata.resourceVersion = planned.metadata.resourceVersion
    local question = copy.merge(write, {verb = is_new and "create" or "replace", body = body})
    question.name = not is_new and metadata.name or nil
    question.patch_type, question.subresource = nil, nil
    question.query = copy.merge(write.query)
    question.query.force = nil
    local after = must(dry_run(connection, question))
    -- A replace leaves the status to its own subresource.
    after.status = body.status
    return after
end

--- The object by that name is there still, and would not be by then.
local function ask_again(connection, write)
    local after, err = dry_run(connection, write)
    if not after and err.code == "AlreadyExists" then
        return copy.deep(write.body)
    end
    return must(after, err)
end

local previews = {}

local function result_of(connection, objects, write)
    local name = write.name or write.body.metadata.name
    local planned = name and objects[name]
    if write.verb == "create" and planned == false then
        return ask_again(connection, write)
    elseif write.verb ~= "create" and planned
        and not (applied[planned] and applied[planned] == manager_of(write)) then
        return ask_onto(connection, write, planned)
    end
    local after, problems = ask(connection, write)
    applied[after] = manager_of(write)
    return after, problems
end

local function write_object(connection, read, objects, write)
    local before = write.verb ~= "create" and read_if_there(read, write) or nil
    local after, problems = result_of(connection, objects, write)
    objects[write.name or after.metadata.name] = after
    local changes = diff.fields(before, after, not before and write.body or nil)
    return after, changes, {
        class = not before and "create" or changes[1] and "change" or "none",
        count = 1,
        problems = problems,
    }
end

for _, verb in ipairs({"create", "replace", "apply", "patch"}) do
    previews[verb] = write_object
end

function previews.update(connection, read, objects, write)
    local before = must(read_object(read, write))
    local replace, err = update.prepare(write, copy.deep(before))
    if replace == false then
        return before, {}, {class = "none", count = 1}
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
    local result = must(dry_run(connection, write))
    local after = copy.deep(before)
    after.spec = after.spec or {}
    after.spec.replicas = write.body.spec.replicas
    objects[write.name] = after
    local changes = diff.fields(before, after)
    return result, changes, {class = changes[1] and "change" or "none", count = 1}
end

function previews.evict(connection, read, objects, write)
    must(read_object(read, write))
    local result = must(dry_run(connection, write))
    objects[write.name] = false
    return result, {}, {class = "delete", count = 1}
end

local function delete_all(connection, read, objects, write)
    local list = must(read(copy.merge(write, {verb = "list", body = false})))
    must(dry_run(connection, write))
    local changes = salvor.list()
    for index, item in ipairs(list.items) do
        objects[item.metadata.name] = false
        changes[index] = {op = "-", path = item.metadata.name}
    end
    return list, changes, {class = "delete", count = #changes}
end

previews["delete"] = function(connection, read, objects, write)
    if not write.name then
        return delete_all(connection, read, objects, write)
    end
    local before = read_object(read, write)
    if objects[write.name] then
        -- Of what the plan alone has made the server knows nothing.
        local _, err = dry_run(connection, write)
        if err and err.code ~= "NotFound" then
            error(err, 0)
        end
    else
        must(dry_run(connection, write))
    end
    objects[write.name] = false
    return before or {}, {}, {class = "delete", count = 1}
end

--- preview(connection, read, objects, write) -> result, changes, more
return function(connection, read, objects, write)
    return previews[write.verb](connection, read, objects, write)
end
