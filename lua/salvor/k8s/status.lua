--- What an object says of itself, in one line and for comparing.
local fields = require("salvor.k8s.fields")
local harmless = require("salvor.k8s.harmless")
local salvor = require("salvor")

local text = fields.text

local status = {}

--- "reason: message" of a condition, or of anything that has these; nil when it says nothing.
function status.reason(condition)
    return fields.join(text(condition, "reason"), text(condition, "message"))
end

--- "Ready=False (reason: message)"
local function condition_words(condition)
    local why = condition.status ~= "True" and status.reason(condition)
    return string.format("%s=%s%s", condition.type, text(condition, "status") or "Unknown",
        why and " (" .. why .. ")" or "")
end

--- "phase Running, state 12/18, message ..., Ready=False (reason: message)"
function status.describe(object)
    local current = fields.map(object, "status")
    local parts = {}
    if text(object, "metadata", "deletionTimestamp") then
        parts[#parts + 1] = "being deleted"
    end
    for _, field in ipairs({"phase", "state", "message"}) do
        if text(current, field) then
            parts[#parts + 1] = field .. " " .. current[field]
        end
    end
    for _, condition in ipairs(fields.items(current, "conditions")) do
        if text(condition, "type") then
            parts[#parts + 1] = condition_words(condition)
        end
    end
    if not parts[1] then
        return next(current) and "no phase or conditions" or "no status yet"
    end
    return harmless(table.concat(parts, ", "))
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
    local metadata = fields.map(object, "metadata")
    local out = {tostring(metadata.generation), tostring(metadata.deletionTimestamp)}
    append(out, object.status or metadata.resourceVersion)
    return table.concat(out, "\0")
end

--- The condition of that type (in any case), or nil. One that speaks of an older generation of the
--- object than the present one does not count, as for `kubectl wait`.
function status.condition(object, name)
    local generation = fields.integer(object, "metadata", "generation")
    for _, condition in ipairs(fields.items(object, "status", "conditions")) do
        if (text(condition, "type") or ""):lower() == name:lower() then
            local seen = fields.integer(condition, "observedGeneration")
                or fields.integer(object, "status", "observedGeneration")
            if seen and generation and seen < generation then
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
            return true
        end
        return false, condition and (status.reason(condition)
            or name .. " is " .. (text(condition, "status") or "Unknown"))
            or "it has no condition " .. name
    end
end

--- The rule (lua/salvor/k8s/ready.lua) of a kind that is ready when that condition is True.
function status.ready_by(name)
    local holds = status.predicate(name)
    return function(object)
        local is_ready, reason = holds(object)
        return is_ready and "ready" or "waiting", reason
    end
end

return status
