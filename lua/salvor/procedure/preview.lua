--- What a write would do: the server is asked with dry run, and what it says is kept for later
--- reads of the same plan. A plan asks with verbs that the run needs too, so that it needs no right
--- more.
--
-- Each preview takes the client `connection`, `read` (client:_read that knows the plan so far),
-- what the plan leaves of the cluster (salvor.procedure.planned), and the write. It returns the
-- result of the write, the changes that it makes, and what else is to be said of the effect: class
-- (create, change, delete, none), count, problems, uid (of what is there); or nil and an error.
local copy = require("salvor.copy")
local diff = require("salvor.procedure.diff")
local errors = require("salvor.error")
local overlay = require("salvor.procedure.overlay")
local planned_objects = require("salvor.procedure.planned")
local salvor = require("salvor")
local update = require("salvor.k8s.update")

--- The write with other fields, dry; `false` takes a field away.
local function dry_run(connection, write, other)
    local asked = copy.merge(write, other, {dry_run = true})
    for name, field in pairs(other or {}) do
        asked[name] = field or nil
    end
    return connection:_write(asked)
end

--- The name of the object; nil when the server chooses it, and of a collection.
local function name_of(write)
    return write.name or salvor.dig(write, "body", "metadata", "name")
end

--- The object that is written to, not a part of it such as its scale.
local function read_object(read, write)
    return read({op = write.op, verb = "get", resource = write.resource,
                 namespace = write.namespace, name = name_of(write), timeout = write.timeout})
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
        local query = copy.merge(write.query, {force = true})
        return must(dry_run(connection, write, {query = query})), problems
    end
    return must(after, err), nil
end

-- Objects that the plan has changed before

--- Creates, in the place of what the plan has deleted or made, which the server knows or does not.
local function ask_new(connection, write, body)
    local query = copy.merge(write.query)
    query.force = nil
    local after, err = dry_run(connection, write, {
        verb = "create", body = body, query = query,
        name = false, patch_type = false, subresource = false, change = false,
    })
    if not after and err.code == "AlreadyExists" then
        return copy.deep(body)
    end
    return must(after, err)
end

--- What is there, with the fields of the plan and of the write: a replacement, or a patch with all
--- that is different.
local function ask_changed(connection, write, wanted, entry)
    local ours, live = wanted.metadata, entry.live.metadata
    ours.managedFields, ours.generation = live.managedFields, live.generation
    if ours.resourceVersion == entry.now.metadata.resourceVersion then
        ours.resourceVersion = live.resourceVersion
    end
    if write.verb == "replace" then
        return must(dry_run(connection, write, {body = wanted}))
    end
    local query = copy.merge(write.query)
    query.force = nil
    return must(dry_run(connection, write, {
        verb = "patch", patch_type = "merge", name = ours.name, query = query,
        body = overlay.difference(entry.live, wanted),
    }))
end

--- A write onto what the plan leaves of an object: the server is asked whether it takes what comes
--- out. It takes a status by its subresource alone, and nothing else by that.
local function ask_onto(connection, write, entry)
    local wanted = overlay.result(entry.now, write)
    local status = wanted.status
    local after = (entry.is_new and ask_new or ask_changed)(connection, write, wanted, entry)
    if write.subresource then
        status = entry.is_new and status or after.status
        after = copy.deep(entry.now)
    end
    after.status = status
    return after
end

local function manager_of(write)
    return write.verb == "apply" and ((write.query or {}).fieldManager or "salvor") or nil
end

--- Whether the server's answer is right as it is: nothing is planned for the object, or only
--- applies of this manager, since an apply takes back what the one before has set and it does not.
local function is_first(entry, write)
    return not entry or entry.manager and entry.manager == manager_of(write)
end

local function result_of(connection, entry, write)
    if entry and not entry.now then
        return ask_new(connection, write, write.body)
    elseif is_first(entry, write) then
        return ask(connection, write)
    end
    return ask_onto(connection, write, entry)
end

local CREATES = {create = true, apply = true}

--- Why the write cannot be made where only the plan knows that; nil when it can.
local function refusal(entry, write)
    if entry and entry.now and write.verb == "create" then
        return errors.new({code = "AlreadyExists", op = write.op, status = 409,
                           message = name_of(write) .. " would be there already by then"})
    elseif entry and not entry.now and not CREATES[write.verb] then
        return planned_objects.gone(write.op, name_of(write))
    end
end

local function write_object(connection, read, planned, write)
    local entry = planned:find(write, name_of(write))
    local refused = refusal(entry, write)
    if refused then
        return nil, refused
    end
    local before = write.verb ~= "create" and read_if_there(read, write) or nil
    local after, problems = result_of(connection, entry, write)
    planned:put(write, before, after, is_first(entry, write) and manager_of(write))
    local changes = diff.fields(before, after, not before and write.body or nil)
    return after, changes, {
        class = not before and "create" or changes[1] and "change" or "none",
        count = 1,
        problems = problems,
    }
end

local previews = {create = write_object, replace = write_object, apply = write_object,
                  patch = write_object}

function previews.update(connection, read, planned, write)
    local before = must(read_object(read, write))
    local replace, err = update.prepare(write, copy.deep(before))
    if replace == false then
        return before, {}, {class = "none", count = 1}
    elseif not replace then
        return nil, err
    end
    return write_object(connection, read, planned, replace)
end

-- Parts of objects

--- The server is asked as the run would ask it. A condition it would find broken that the plan has
--- fulfilled, so then it is given what comes out.
local function ask_scale(connection, write, wanted)
    if not write.change then
        return must(dry_run(connection, write))
    end
    local scale = must(connection:_read({
        op = write.op, verb = "get", resource = write.resource, namespace = write.namespace,
        name = write.name, subresource = write.subresource, timeout = write.timeout,
    }))
    scale.spec = wanted.spec
    return must(dry_run(connection, write, {verb = "replace", body = scale, change = false}))
end

function previews.scale(connection, read, planned, write)
    local before = must(read_object(read, write))
    local scale = planned_objects.scale(before)
    if write.change then
        local changed, err = write.change(scale)
        if changed == nil and err ~= nil then
            return nil, err
        end
        scale = changed or scale
    else
        scale = overlay.result(scale, write)
    end
    local after = copy.merge(before, {spec = copy.merge(before.spec,
        {replicas = scale.spec.replicas})})
    local entry = planned:find(write, name_of(write))
    if entry and entry.is_new then
        after = ask_new(connection, write, after)
    else
        scale = ask_scale(connection, write, scale)
    end
    planned:put(write, before, after)
    local changes = diff.fields(before, after)
    return scale, changes, {class = changes[1] and "change" or "none", count = 1}
end

--- What no other part of the object shows, such as an approval.
local function write_part(connection, _, _, write)
    return must(dry_run(connection, write)), {}, {class = "change", count = 1}
end

-- Deletions

--- What the plan alone has made is unknown to the server.
local function delete_one(connection, read, planned, write)
    local entry = planned:find(write, write.name)
    local before, err = read_object(read, write)
    if entry and not entry.now then
        return nil, err
    elseif not entry or not entry.is_new then
        must(dry_run(connection, write))
    end
    planned:put(write, before, false)
    return before or {}, {}, {class = "delete", count = 1}
end

previews.evict = delete_one

local function delete_all(connection, read, planned, write)
    local list = must(read(copy.merge(write, {verb = "list", body = false})))
    must(dry_run(connection, write))
    local changes = salvor.list()
    for index, item in ipairs(list.items) do
        planned:put(copy.merge(write, {name = item.metadata.name}), item, false)
        changes[index] = {op = "-", path = item.metadata.name}
    end
    return list, changes, {class = "delete", count = #changes}
end

previews["delete"] = function(connection, read, planned, write)
    return (write.name and delete_one or delete_all)(connection, read, planned, write)
end

--- What previews the write: a status is a part of the object itself.
local function preview_of(write)
    local part = write.subresource
    if part == "scale" then
        return previews.scale
    elseif part and part ~= "status" and part ~= "eviction" then
        return write_part
    end
    return previews[write.verb]
end

--- preview(connection, read, planned, write) -> result, changes, more
return function(connection, read, planned, write)
    local result, changes, more = preview_of(write)(connection, read, planned, write)
    local entry = more and planned:find(write, name_of(write))
    if entry and entry.live then
        more.uid = entry.live.metadata.uid
    end
    return result, changes, more
end
