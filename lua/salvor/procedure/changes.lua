--- What has happened to the objects of a run while it was stopped.
local elsewhere = require("salvor.procedure.elsewhere")
local errors = require("salvor.error")
local fields = require("salvor.procedure.fields")
local digest = require("salvor.digest")
local operator = require("salvor.procedure.operator")
local task = require("salvor.task")

local changes = {}

local WORKERS = 4

-- What the run left behind

local function place_of(object)
    return table.concat({object.context or "", object.api, object.kind, object.namespace or ""},
        "\0")
end

local function key_of(object)
    return place_of(object) .. "\0" .. (object.name or "")
end

local function forget(objects, result)
    for _, name in ipairs(result.names or {result.name}) do
        objects[place_of(result) .. "\0" .. name] = nil
    end
end

--- The last write counts, field by field.
local function remember(objects, result, step)
    local key = key_of(result)
    local object = objects[key]
    if not object or object.uid ~= result.uid then
        object = {context = result.context, api = result.api, kind = result.kind,
                  namespace = result.namespace, name = result.name, uid = result.uid, fields = {},
                  steps = {}}
        objects[key] = object
    end
    object.version, object.steps[step] = result.resourceVersion, true
    for pointer, sum in pairs(result.fields or {}) do
        object.fields[pointer] = {sum = sum, step = step}
    end
end

--- Whether a write that may or may not have been done can have touched the object.
local function may_be_touched(object, open)
    for _, write in pairs(open) do
        if key_of(write) == key_of(object)
            or (not write.name and place_of(write) == place_of(object)) then
            return true
        end
    end
end

--- The objects as the run last wrote them, those left out that a write without an end was about.
local function written_by(records)
    local objects, open = {}, {}
    for _, record in ipairs(records) do
        local result = record.result
        if record.type == "effect.begin" and record.object then
            open[record.number] = record.object
        elseif record.type == "effect.end" and open[record.effect] and result then
            for number, write in pairs(open) do
                if key_of(write) == key_of(open[record.effect]) and number ~= record.effect then
                    open[number] = nil
                end
            end
            open[record.effect] = nil
            if result.deleted then
                forget(objects, result)
            else
                remember(objects, result, record.step)
            end
        end
    end
    local known = {}
    for _, object in pairs(objects) do
        if not may_be_touched(object, open) then
            known[#known + 1] = object
        end
    end
    table.sort(known, function(a, b)
        return key_of(a) < key_of(b)
    end)
    return known
end

-- What is there now

--- The steps of `set` that are finished, as a sorted list.
local function finished_of(set, finished)
    local found = {}
    for step in pairs(set) do
        if finished[step] then
            found[#found + 1] = step
        end
    end
    table.sort(found)
    return found
end

local function difference(object, steps, what, names, state)
    return {context = object.context, api = object.api, kind = object.kind,
            namespace = object.namespace, name = object.name, steps = steps, what = what,
            fields = names, state = state}
end

--- Of the fields only those count that a finished step was the last to write: the others are still
--- to be written.
local function edited(object, now, finished)
    local digests, names, writers = {}, {}, {}
    for pointer, field in pairs(object.fields) do
        digests[pointer] = finished[field.step] and field.sum or nil
    end
    local pointers = fields.differing(digests, now)
    for index, pointer in ipairs(pointers) do
        names[index] = fields.name(pointer)
        writers[object.fields[pointer].step] = true
    end
    if #pointers > 0 then
        return difference(object, finished_of(writers, finished), "edited", names,
            fields.state(pointers, now))
    end
end

--- How the object differs from what finished steps made of it; nil when it does not, and when this
--- user may not look.
local function look(connection, object, finished)
    local steps = finished_of(object.steps, finished)
    if #steps == 0 then
        return nil
    end
    local now, err = connection:get(object.api .. "/" .. object.kind, object.name,
        {namespace = object.namespace})
    if not now and err.code == "NotFound" then
        return difference(object, steps, "gone", nil, "")
    elseif not now and err.code == "Forbidden" then
        return nil
    end
    must(now, err)
    local metadata = now.metadata
    if object.uid and metadata.uid ~= object.uid then
        return difference(object, steps, "recreated", nil, metadata.uid)
    elseif metadata.deletionTimestamp then
        return difference(object, steps, "deleting", nil, metadata.uid)
    elseif object.kind == "Secret" and metadata.resourceVersion ~= object.version then
        return difference(object, steps, "edited", nil, metadata.resourceVersion)
    end
    return edited(object, now, finished)
end

local WORDS = {
    gone = "is gone",
    recreated = "was made anew by somebody: it has another uid",
    deleting = "is being deleted",
    edited = "was edited",
}

--- describe(difference) -> one line. Fields are named, what they hold is not told.
function changes.describe(found)
    local text = found.kind .. " " .. (found.namespace and found.namespace .. "/" or "")
        .. found.name .. (found.context and " of context " .. found.context or "") .. " "
        .. WORDS[found.what]
    if found.fields then
        text = text .. ": " .. table.concat(found.fields, ", ")
    end
    return text .. " (step " .. table.concat(found.steps, ", ") .. ")"
end

--- A digest of all that differs, by which a question that was answered is not asked again.
local function state_of(found)
    local lines = {}
    for index, each in ipairs(found) do
        lines[index] = changes.describe(each) .. "\0" .. each.state
    end
    return digest.sha256(table.concat(lines, "\0"))
end

--- find(opened, records, finished) -> list of differences {context, api, kind, namespace, name,
--- steps, what = "gone", "recreated", "deleting" or "edited", fields (names) or nil}, and a digest
--- of them. `finished`: the set of finished steps, whose objects are looked at. Raises when one
--- cannot be.
function changes.find(opened, records, finished)
    local objects = written_by(records)
    local looked = task.map(objects, function(object)
        return look(elsewhere.connection(opened, object.context), object, finished)
    end, {workers = WORKERS})
    local found = {}
    for index = 1, #objects do
        found[#found + 1] = looked[index]
    end
    return found, state_of(found)
end

local function refused(err)
    return err or errors.new({
        code = "Refused",
        message = "the operator said no: the run stays as it is",
        hint = "put the objects back as they were, or resume with --accept-changes",
    })
end

--- review(attempt): before a resumed run goes on, tells what differs and asks; the steps whose
--- objects differ are then in `attempt.differs`. Raises Refused.
function changes.review(attempt, replayed, records)
    local found, state = changes.find(attempt.opened, records, attempt.finished)
    if #found == 0 then
        return
    end
    local how, err = "accepted before", nil
    local lines = {}
    for index, each in ipairs(found) do
        lines[index] = changes.describe(each)
    end
    if state ~= replayed.accepted then
        how, err = attempt.observer.changed(lines)
    end
    attempt.run.journal:append({type = "changed", differences = found, state = state,
                                accepted = how and true or false, how = how or nil,
                                user = operator.name()})
    if not how then
        error(refused(err), 0)
    end
    for _, each in ipairs(found) do
        for _, step in ipairs(each.steps) do
            attempt.differs[step] = true
        end
    end
end

return changes
