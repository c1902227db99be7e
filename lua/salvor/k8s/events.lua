--- The events of an object or of a namespace, as a person wants to read them.
---
--- Asked for as core/v1 events: the server keeps those of events.k8s.io in the same place and shows
--- them there too, with a `series` in the place of count and lastTimestamp.
local check = require("salvor.k8s.check")
local fields = require("salvor.k8s.fields")

local text = fields.text

local KIND = "v1/Event"

--- When it happened last.
local function time_of(event)
    return text(event, "series", "lastObservedTime") or text(event, "lastTimestamp")
        or text(event, "eventTime") or text(event, "firstTimestamp")
        or text(event, "metadata", "creationTimestamp") or ""
end

local function count_of(event)
    local count = fields.integer(event, "series", "count") or fields.integer(event, "count") or 1
    return math.max(count, 1)
end

local function source_of(event)
    local component = text(event, "source", "component") or text(event, "reportingComponent")
    local host = text(event, "source", "host") or text(event, "reportingInstance")
    return component and host and host ~= component and component .. ", " .. host
        or component or host or ""
end

local function object_of(event)
    local object = fields.map(event, "involvedObject")
    return (text(object, "kind") or "?"):lower() .. "/" .. (text(object, "name") or "?")
end

local function entry_of(event)
    return {
        time = time_of(event),
        type = text(event, "type") or "",
        reason = text(event, "reason") or "",
        message = text(event, "message") or "",
        count = count_of(event),
        source = source_of(event),
        object = object_of(event),
        namespace = text(event, "involvedObject", "namespace"),
    }
end

--- "...:05Z" and "...:05.250000Z": in order without the Z.
local function earlier(a, b)
    local left, right = a.time:gsub("Z$", ""), b.time:gsub("Z$", "")
    if left ~= right then
        return left < right
    end
    return a.number < b.number
end

--- The same thing happening again and again is one entry, its count that of all.
local function merge(events)
    local entries, known = {}, {}
    for _, event in ipairs(events) do
        local entry = entry_of(event)
        local key = table.concat({entry.namespace or "", entry.object, entry.type, entry.reason,
            entry.message, entry.source}, "\0")
        local old = known[key]
        entry.number = #entries + 1
        if not old then
            known[key] = entry
            entries[#entries + 1] = entry
        else
            old.count = old.count + entry.count
            entry.number = old.number
            old.time = earlier(old, entry) and entry.time or old.time
        end
    end
    table.sort(entries, earlier)
    for _, entry in ipairs(entries) do
        entry.number = nil
    end
    return entries
end

--- Whether it speaks of that object and not of one before it with the same name, or of another kind
--- of that name. A kubelet gives the name of its node for the uid.
local function concerns(event, object)
    local group = fields.group(fields.map(event, "involvedObject"))
    local uid = text(event, "involvedObject", "uid")
    return (group == object.group or not text(event, "involvedObject", "apiVersion"))
        and (not object.uid or not uid or uid == object.uid or uid == object.name)
end

--- What is to be listed: of a kind and name, of an object, or everything.
local function target_of(client, of, name, opts)
    if type(of) == "string" then
        local resource, err = client._kinds:resolve_within(opts.timeout or client.timeout, of)
        if not resource then
            return nil, err
        end
        return {group = resource.group, kind = resource.kind, name = name,
                namespace = resource.namespaced and (opts.namespace or client.namespace) or nil}
    end
    return {
        group = fields.group(of),
        kind = of.kind,
        name = text(of, "metadata", "name"),
        uid = text(of, "metadata", "uid"),
        namespace = text(of, "metadata", "namespace"),
    }
end

local function last(entries, limit)
    return limit and #entries > limit and table.move(entries, #entries - limit + 1, #entries, 1, {})
        or entries
end

local function events_of(client, target, opts)
    local selector = {["involvedObject.kind"] = target.kind}
    selector["involvedObject.name"] = target.name
    local found, err = client:list(KIND, {
        namespace = target.namespace,
        all_namespaces = not target.namespace,
        field_selector = selector,
        timeout = opts.timeout,
    })
    if not found then
        err.op = "k8s.events"
        return nil, err
    end
    local own = {}
    for _, event in ipairs(found) do
        if concerns(event, target) then
            own[#own + 1] = event
        end
    end
    return last(merge(own), opts.limit)
end

local options = {namespace = "string", all_namespaces = "boolean", timeout = "number",
                 limit = "number"}

local methods = {}

function methods:events(of, name, opts)
    local is_object = type(of) == "table" and of.kind ~= nil
    if type(of) == "string" then
        check.kind(of, "k8s.events")
        check.name(name, "k8s.events")
    elseif is_object then
        check.object(of, "k8s.events")
        opts = opts or name
    else
        opts = of
    end
    opts = check.options(opts, options, "k8s.events")
    check.counts(opts, {limit = 1}, "k8s.events")
    if type(of) == "string" or is_object then
        local target, problem = target_of(self, of, name, opts)
        if not target then
            problem.op = "k8s.events"
            return nil, problem
        end
        return events_of(self, target, opts)
    end
    local found, err = self:list(KIND, {namespace = opts.namespace, timeout = opts.timeout,
                                        all_namespaces = opts.all_namespaces})
    if not found then
        err.op = "k8s.events"
        return nil, err
    end
    return last(merge(found), opts.limit)
end

return methods
