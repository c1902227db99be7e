--- What an object says of itself, in one line and for comparing.
local salvor = require("salvor")

local status = {}

local function text(value)
    return type(value) == "string" and value ~= "" and value or nil
end

local function conditions_of(object)
    local current = type(object.status) == "table" and object.status or {}
    return type(current.conditions) == "table" and current.conditions or {}
end

--- "phase Running, state 12/18, message ..., Ready=False (reason: message)"
function status.describe(object)
    local current = type(object.status) == "table" and object.status or {}
    local parts = {}
    if type(object.metadata) == "table" and object.metadata.deletionTimestamp then
        parts[#parts + 1] = "being deleted"
    end
    for _, field in ipairs({"phase", "state", "message"}) do
        if text(current[field]) then
            parts[#parts + 1] = field .. " " .. current[field]
        end
    end
    for _, condition in ipairs(conditions_of(object)) do
        if type(condition) == "table" and condition.type then
            local reason, why = text(condition.reason), text(condition.message)
            why = reason and why and reason .. ": " .. why or reason or why
            parts[#parts + 1] = string.format("%s=%s%s", condition.type,
                condition.status or "Unknown",
                condition.status ~= "True" and why and " (" .. why .. ")" or "")
        end
    end
    if not parts[1] then
        return current == object.status and next(current) and "no phase or conditions"
            or "no status yet"
    end
    return (table.concat(parts, ", "):gsub("%s+", " "))
end

local function is_clock(key)
    local name = tostring(key):lower()
    return name:find("time", 1, true) ~= nil or name:find("heartbeat", 1, true) ~= nil
end

local function append(out, value)
    if type(value) ~= "table" then
        out[#out + 1] = value == salvor.null and "null" or tostring(value)
        return
    end
    local keys = {}
    for key in pairs(value) do
        if not is_clock(key) then
            keys[#keys + 1] = key
        end
    end
    table.sort(keys, function(a, b)
        return tostring(a) < tostring(b)
    end)
    out[#out + 1] = "{"
    for _, key in ipairs(keys) do
        out[#out + 1] = tostring(key)
        append(out, value[key])
    end
    out[#out + 1] = "}"
end

--- A text that is equal as long as nothing has moved: the status without its times, since an
--- operator that only writes "still here" makes no progress. Without a status any change counts.
function status.fingerprint(object)
    local metadata = object.metadata
    local out = {tostring(metadata.generation), tostring(metadata.deletionTimestamp)}
    append(out, object.status or metadata.resourceVersion)
    return table.concat(out, "\0")
end

--- The condition of that type (in any case), or nil. One that speaks of an older generation of the
--- object than the present one does not count, as for `kubectl wait`.
function status.condition(object, name)
    local generation = object.metadata and object.metadata.generation
    for _, condition in ipairs(conditions_of(object)) do
        if type(condition) == "table" and type(condition.type) == "string"
            and condition.type:lower() == name:lower() then
            local seen = condition.observedGeneration or object.status.observedGeneration
            if math.type(seen) and math.type(generation) and seen < generation then
                return nil
            end
            return condition
        end
    end
    return nil
end

--- A predicate from "Ready", "Ready=False" or "condition=Ready=False".
function status.predicate(spec)
    local name, wanted = spec:gsub("^condition=", ""):match("^([^=]+)=?(.*)$")
    if not name then
        return nil
    end
    wanted = wanted == "" and "true" or wanted:lower()
    return function(object)
        local condition = status.condition(object, name)
        if condition and tostring(condition.status):lower() == wanted then
            return true, text(condition.message) or text(condition.reason)
        end
        return false
    end
end

return status
