--- The Lease of a namespace as an object: whom it names, and how somebody takes it.
local copy = require("salvor.copy")
local dig = require("salvor").dig
local objects = require("salvor.procedure.objects")
local operator = require("salvor.procedure.operator")

local lease = {}

lease.KIND = "coordination.k8s.io/v1/Lease"
lease.NAME = "salvor"

local PROCEDURE = "salvor-procedure"

--- microtime() -> now, as a Lease has it
function lease.microtime()
    return os.date("!%Y-%m-%dT%H:%M:%S.000000Z")
end

--- identity(run) -> who holds it for that run: "ann@host/20261121-090423-1f3a9c"
function lease.identity(run)
    return operator.name() .. "@" .. operator.host() .. "/" .. run
end

local function text(object, ...)
    local found = dig(object, ...)
    return type(found) == "string" and found ~= "" and found or nil
end

--- holder(object) -> {identity, who, run, procedure, since} of whoever it names; nil when nobody.
function lease.holder(object)
    local identity = text(object, "spec", "holderIdentity")
    if not identity then
        return nil
    end
    local who, run = identity:match("^(.*)/(%d+%-%d+%-%x+)$")
    return {
        identity = identity,
        who = who or identity,
        run = run,
        procedure = text(object, "metadata", "annotations", PROCEDURE),
        since = text(object, "spec", "acquireTime"),
    }
end

--- describe(holder) -> "ann@host since 2026-11-21T09:04:23Z (run 20261121-090423-1f3a9c of
--- site/script)"
function lease.describe(holder)
    local words = holder.who
    if holder.since then
        words = words .. " since " .. holder.since:gsub("%.%d+Z$", "Z")
    end
    local run = holder.run and "run " .. holder.run or nil
    if holder.procedure then
        run = (run or "a run") .. " of " .. holder.procedure
    end
    return run and words .. " (" .. run .. ")" or words
end

--- duration(object) -> seconds for which it lasts without being renewed, as it says itself, or nil
function lease.duration(object)
    local seconds = dig(object, "spec", "leaseDurationSeconds")
    return math.type(seconds) == "integer" and seconds > 0 and seconds or nil
end

--- state(object) -> text that is another one when somebody has renewed or taken it
function lease.state(object)
    return (text(object, "spec", "holderIdentity") or "") .. "\0"
        .. (text(object, "spec", "renewTime") or "")
end

--- taken(object, {identity, run, procedure, duration}) -> the Lease with a new holder; `object`: as
--- it is, so that with its resourceVersion nothing else can be replaced, or nil when there is none.
function lease.taken(object, holder)
    local now = lease.microtime()
    local metadata = copy.merge({name = lease.NAME}, dig(object, "metadata"))
    metadata.labels = copy.merge(dig(metadata, "labels"), {[objects.RUN_LABEL] = holder.run})
    metadata.annotations = copy.merge(dig(metadata, "annotations"),
        {[PROCEDURE] = holder.procedure})
    return copy.merge(object, {
        apiVersion = "coordination.k8s.io/v1",
        kind = "Lease",
        metadata = metadata,
        spec = copy.merge(dig(object, "spec"), {
            holderIdentity = holder.identity,
            leaseDurationSeconds = math.ceil(holder.duration),
            acquireTime = now,
            renewTime = now,
            leaseTransitions =
                (math.tointeger(dig(object, "spec", "leaseTransitions")) or -1) + 1,
        }),
    })
end

return lease
