--- What the journal keeps so that a report can be made of it alone: what each step is for, and what
--- each write has changed. Never what a Secret holds.
local access = require("salvor.procedure.access")
local diff = require("salvor.procedure.diff")
local digest = require("salvor.digest")
local objects = require("salvor.procedure.objects")
local salvor = require("salvor")
local text = require("salvor.procedure.text")

local evidence = {}

-- Fields of one write, and bytes of one value, that the journal keeps.
local MOST_FIELDS, LONGEST = 200, 200

--- steps(procedure) -> what a report says of its steps, the engine's own check before them
function evidence.steps(procedure)
    local kept = salvor.list({access.STEP})
    for index, step in ipairs(procedure.steps) do
        kept[index + 1] = {
            id = step.id,
            title = step.title,
            why = step.why,
            origin = step.origin,
            check = step.check or nil,
            destructive = step.destructive and true or nil,
            verify = step.verify and true or nil,
            undo = step.undo and true or nil,
        }
    end
    return kept
end

local READ_BEFORE = {replace = true, apply = true, patch = true, update = true, scale = true}

--- The object as it is before a write: nil and whether that is known to be none.
function evidence.before(connection, write)
    if not READ_BEFORE[write.verb] then
        return nil, write.verb == "create"
    end
    local found, err = objects.read(connection, {
        op = write.op, verb = "get", resource = write.resource, namespace = write.namespace,
        name = write.name or write.body.metadata.name, timeout = write.timeout,
    })
    return found, not found and err.code == "NotFound"
end

--- A long value by its beginning and its digest.
local function shortened(value)
    value = text.plain(value)
    if #value <= LONGEST then
        return value
    end
    return string.format("%s… (%d bytes, SHA-256 %s)", text.cut(value, LONGEST), #value,
        digest.sha256(value))
end

local function difference(write, before, after)
    if write.verb == "scale" then
        local function replicas(object)
            return {spec = {replicas = salvor.dig(object, "spec", "replicas")}}
        end
        return diff.fields(replicas(before), replicas(after))
    end
    return diff.fields(before, after, not before and write.body or nil)
end

--- changes(write, before, is_new, after) -> list of {op, path, before, after}, without what the
--- server fills in, and how many more there were; nil when what was before could not be read.
function evidence.changes(write, before, is_new, after)
    if not (before or is_new) or type(after) ~= "table" then
        return nil
    end
    local kept, left = salvor.list(), 0
    for _, change in ipairs(difference(write, before, after)) do
        if change.by ~= "server" and #kept < MOST_FIELDS then
            kept[#kept + 1] = {
                op = change.op,
                path = change.path,
                before = change.before and shortened(change.before),
                after = change.after and shortened(change.after),
            }
        elseif change.by ~= "server" then
            left = left + 1
        end
    end
    return kept, left > 0 and left or nil
end

return evidence
