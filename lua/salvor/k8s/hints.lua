--- What to do about a server's error, where the server itself does not say so: adds the hint, and
--- puts what it tells only in the details into the message.
local fields = require("salvor.k8s.fields")
local harmless = require("salvor.k8s.harmless")

local hints = {}

local MAX_SHOWN = 20 -- causes in one message

--- The causes of that reason in an error's details, which may have any shape.
local function causes_of(err, reason)
    local found = {}
    for _, cause in ipairs(fields.items(err, "details", "causes")) do
        if cause.reason == reason then
            found[#found + 1] = cause
        end
    end
    return found
end

local function join(parts)
    local shown = table.concat(parts, ", ", 1, math.min(#parts, MAX_SHOWN))
    return #parts > MAX_SHOWN and shown .. string.format(" and %d more", #parts - MAX_SHOWN)
        or shown
end

--- Each field of a conflict with the manager that has it; causes stay in the details.
local function apply_conflict(err)
    local conflicts = {}
    for _, cause in ipairs(causes_of(err, "FieldManagerConflict")) do
        conflicts[#conflicts + 1] = harmless(string.format("%s (%s)", cause.field, cause.message))
    end
    if conflicts[1] then
        err.message = string.format("Apply failed with %d conflict%s: %s", #conflicts,
            conflicts[2] and "s" or "", join(conflicts))
        err.hint = "leave these fields to their managers, or take them over with force = true"
    end
end

local function disruption(err)
    local reasons = {}
    for _, cause in ipairs(causes_of(err, "DisruptionBudget")) do
        reasons[#reasons + 1] = harmless(cause.message)
    end
    if reasons[1] then
        err.message = err.message .. " " .. join(reasons)
        err.hint = "wait until more of its pods are healthy, and try again"
    end
end

local function names_object(err)
    return fields.map(err, "details").name ~= nil
end

local explanations = {
    apply = function(_, err)
        if err.status == 409 then
            apply_conflict(err)
        end
    end,
    patch = function(write, err)
        if err.status == 415 and write.patch_type == "strategic" then
            err.hint = "custom resources have no strategic merge: use type = \"merge\""
        end
    end,
    delete = function(write, err)
        if err.status == 409 and write.body.preconditions then
            err.hint = "it has changed, or is another object by that name: look before deleting"
        end
    end,
    scale = function(write, err)
        if err.status == 404 and not names_object(err) then
            err.hint = string.format("%s cannot be scaled", write.resource.plural)
        end
    end,
    evict = function(_, err)
        if err.status == 429 then
            disruption(err)
        end
    end,
}

--- On a new cluster the namespace is what is forgotten.
local function is_namespace_missing(write, err)
    return err.status == 404 and fields.map(err, "details").kind == "namespaces"
        and write.resource.plural ~= "namespaces"
end

--- `write` and `read` as client:_write and client:_read take them.
function hints.write(write, err)
    local explanation = explanations[write.verb]
    if explanation then
        explanation(write, err)
    end
    if is_namespace_missing(write, err) then
        err.hint = "create that namespace first, or choose another one"
    end
    return err
end

--- Nothing of this is the server's own fault, so each says which option to look at.
function hints.read(read, err)
    local query = read.query or {}
    local version = query.resourceVersion
    if read.verb ~= "list" or err.hint then
        return err
    elseif causes_of(err, "ResourceVersionTooLarge")[1] then
        err.hint = "the server does not know that version yet: was it another server's?"
    elseif version and err.status == 410 then
        err.hint = string.format("version %s is not kept any more: leave resource_version out",
            version)
    elseif version and (err.message:find("resourceVersion", 1, true)
        or err.message:find("revision", 1, true)) then
        err.hint = "resource_version is what an answer of this server had in its metadata"
    elseif err.status == 400 and (query.labelSelector or query.fieldSelector) then
        local looks = {}
        for name, text in pairs({label = query.labelSelector, field = query.fieldSelector}) do
            looks[#looks + 1] = string.format("%s_selector \"%s\"", name, text)
        end
        table.sort(looks)
        err.hint = "look at " .. table.concat(looks, " and ")
    end
    return err
end

return hints
