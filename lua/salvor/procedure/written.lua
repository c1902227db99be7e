--- What the journal keeps of a write, so that a resumed run can tell whether the object is still
--- what the run made of it: its identity, and a digest of each field that the write set, by the
--- field's JSON Pointer (RFC 6901). Of Secrets no field is kept, not even as a digest, which would
--- give short values away.
local copy = require("salvor.copy")
local fields = require("salvor.procedure.fields")
local json = require("salvor.json")
local salvor = require("salvor")

local written = {}

-- Which fields a write sets

local function pointers_of(body, subresource)
    local found = fields.set_by(body)
    for pointer in pairs(found) do
        local is_status = pointer:find("^/status/") ~= nil or pointer == "/status"
        if is_status ~= (subresource == "status") then
            found[pointer] = nil
        end
    end
    return found
end

local function text(v)
    return v == nil and "" or json.encode(v)
end

--- Those that differ between what was read and what was sent.
local function changed_pointers(before, after, subresource)
    local old, new = pointers_of(before, subresource), pointers_of(after, subresource)
    local found = {}
    for pointer in pairs(copy.merge(old, new)) do
        if text(old[pointer]) ~= text(new[pointer]) then
            found[pointer] = true
        end
    end
    return found
end

--- "-" is the place behind the last of a list, which is then taken as a whole.
local function json_patch_pointers(operations)
    local found = {}
    for _, operation in ipairs(operations) do
        local parent = operation.op ~= "test" and operation.path:match("^(.*)/%-$")
        if operation.op ~= "test" then
            found[parent or operation.path] = true
        end
    end
    return found
end

local function pointers_set(write, change)
    if write.verb == "scale" then
        return {["/spec/replicas"] = true}
    elseif change then
        return changed_pointers(change.before, change.after, write.subresource)
    elseif write.patch_type == "json" then
        return json_patch_pointers(write.body)
    end
    return pointers_of(write.body, write.subresource)
end

-- For the journal

--- object(write) -> {api, kind, namespace, name}; the name is nil for a collection, and while the
--- server has yet to choose it.
function written.object(write)
    local resource = write.resource
    return {
        api = resource.api_version,
        kind = resource.kind,
        namespace = write.namespace,
        name = write.name or salvor.dig(write, "body", "metadata", "name"),
    }
end

local function names_of(list)
    local names = salvor.list()
    for index, item in ipairs(list.items) do
        names[index] = item.metadata.name
    end
    return names
end

local REMOVES = {delete = true, evict = true}

--- recording(write) -> the write to make in its place, and result(answer) -> what the journal keeps
--- of it: {api, kind, namespace, name, uid, resourceVersion, fields}, {..., deleted = true} or, of
--- a collection, {..., deleted = true, names}.
function written.recording(write)
    local change
    local changes = write.change and write.verb ~= "scale"
    local recorded = changes and copy.merge(write, {change = function(object)
        local before = copy.deep(object)
        local after, err = write.change(object)
        if after ~= false then
            change = {before = before, after = after or object}
        end
        return after, err
    end})
    return recorded or write, function(answer)
        local kept = written.object(write)
        local metadata = answer.metadata or {}
        if REMOVES[write.verb] then
            kept.deleted = true
            kept.names = not kept.name and answer.items and names_of(answer) or nil
            return kept
        end
        kept.name = kept.name or metadata.name
        kept.uid, kept.resourceVersion = metadata.uid, metadata.resourceVersion
        if write.verb == "scale" then
            -- A Scale of none says nothing, the object says 0.
            answer = {spec = {replicas = salvor.dig(answer, "spec", "replicas") or 0}}
        end
        if kept.kind ~= "Secret" and (change or not changes) then
            kept.fields = {}
            for pointer in pairs(pointers_set(write, change)) do
                kept.fields[pointer] = fields.digest(answer, pointer)
            end
        end
        return kept
    end
end

return written
