--- Whether what a server sent has the shape that everything behind relies on. What has not is
--- Corrupt: the answer of a proxy, of a faulty aggregated server, or of an attacker.
local fail = require("salvor.error").new
local salvor = require("salvor")

local shape = {
    HINT = "is this the API server, or a proxy or login page in front of it?",
}

local function corrupt(op, message, ...)
    return nil, fail({
        code = "Corrupt",
        op = op,
        message = message:format(...),
        hint = shape.HINT,
    })
end

local function is_map(value)
    return type(value) == "table" and not salvor.is_list(value)
end

local function is_text(value)
    return value == nil or type(value) == "string"
end

local function name_of(value)
    return value == nil and "nothing" or value == salvor.null and "null"
        or salvor.is_list(value) and "a list" or "a " .. type(value)
end

--- What is wrong with an object of a list or an event; nil when nothing is.
local function problem_of(object)
    if not is_map(object) then
        return "is " .. name_of(object)
    end
    local metadata = object.metadata
    if not is_map(metadata) then
        return "has no metadata"
    elseif not (is_text(metadata.name) and is_text(metadata.namespace)
        and is_text(metadata.uid) and is_text(metadata.resourceVersion)) then
        return "has metadata of wrong types"
    end
    return nil
end

--- The same of one whose versions are to be told apart.
local function problem_of_version(object)
    local problem = problem_of(object)
    if problem then
        return problem
    elseif not object.metadata.name then
        return "has no metadata.name"
    elseif not object.metadata.resourceVersion then
        return "has no metadata.resourceVersion"
    end
    return nil
end

--- The body of an answer that is to be an object; returns it, or nil and an error.
function shape.object(body, op)
    if not is_map(body) then
        return corrupt(op, "the answer is %s instead of an object", name_of(body))
    elseif body.metadata ~= nil and not is_map(body.metadata) then
        return corrupt(op, "the metadata of the answer is %s", name_of(body.metadata))
    end
    return body
end

--- The same for a list. A server leaves apiVersion and kind out of the items of its own kinds, and
--- some send null for no items. One that was asked for a Table sends rows instead.
function shape.list(body, op, resource)
    local ok, err = shape.object(body, op)
    if not ok then
        return nil, err
    end
    local metadata, items = body.metadata, body.items
    if body.kind == "Table" and salvor.is_list(body.rows) then
        return body
    end
    if items == nil or items == salvor.null then
        items = salvor.list({})
        body.items = items
    end
    if not metadata or not salvor.is_list(items) then
        return corrupt(op, "the answer is not a list of objects (kind %s)", tostring(body.kind))
    elseif not is_text(metadata.continue) or not is_text(metadata.resourceVersion) then
        return corrupt(op, "the list has metadata of wrong types")
    end
    for index, item in ipairs(items) do
        local problem = problem_of(item)
        if problem then
            return corrupt(op, "item %d of the list %s", index, problem)
        end
        item.apiVersion = item.apiVersion or resource.api_version
        item.kind = item.kind or resource.kind
    end
    return body
end

--- Whether a list (as shape.list gives it) has a version, and each item a name and a version: true,
--- or nil and an error.
function shape.versions(list, op)
    if (list.metadata.resourceVersion or "") == "" then
        return corrupt(op, "the list has no metadata.resourceVersion")
    end
    for index, item in ipairs(list.items) do
        local problem = problem_of_version(item)
        if problem then
            return corrupt(op, "item %d of the list %s", index, problem)
        end
    end
    return true
end

local changes = {ADDED = true, MODIFIED = true, DELETED = true}

--- An event of a watch; returns it, or nil and an error.
function shape.event(event, op)
    local object = event.object
    if changes[event.type] then
        local problem = problem_of_version(object)
        if problem then
            return corrupt(op, "the object of an event %s %s", event.type, problem)
        end
    elseif event.type == "BOOKMARK" then
        local version = is_map(object) and is_map(object.metadata)
            and object.metadata.resourceVersion
        if type(version) ~= "string" then
            return corrupt(op, "a bookmark has no metadata.resourceVersion")
        end
    elseif event.type ~= "ERROR" then
        local kind = event.type
        return corrupt(op, "an event has the type %s",
            type(kind) == "string" and string.format("%q", kind:sub(1, 40)) or name_of(kind))
    elseif not is_map(object) then
        return corrupt(op, "the object of an event ERROR is %s", name_of(object))
    end
    return event
end

return shape
