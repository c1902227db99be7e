--- Which version of which object has been seen: enough to tell what happened while nobody looked,
--- and little enough to remember for many.
local seen = {}
seen.__index = seen

function seen.new()
    return setmetatable({
        known = {}, -- "namespace/name" -> {uid, version, labels, round}
        round = 0, -- of looking at all that is there
    }, seen)
end

local function key_of(metadata)
    return (metadata.namespace or "") .. "/" .. metadata.name
end

--- What is still known of an object: its identity.
local function remains(key, old, resource)
    local namespace, name = key:match("^([^/]*)/(.*)$")
    return {
        apiVersion = resource.api_version,
        kind = resource.kind,
        metadata = {
            name = name,
            namespace = namespace ~= "" and namespace or nil,
            uid = old.uid,
            resourceVersion = old.version,
            labels = old.labels,
        },
    }
end

--- Takes in an object that is there: "new", "changed" or "same". Of one that has replaced another
--- of its name also what is still known of that.
function seen:add(object, resource)
    local metadata = object.metadata
    local key = key_of(metadata)
    local old, gone = self.known[key], nil
    if old and old.uid ~= metadata.uid then
        old, gone = nil, remains(key, old, resource)
    end
    if old and old.version == metadata.resourceVersion then
        old.round = self.round
        return "same"
    end
    local labels = metadata.labels
    self.known[key] = {
        uid = metadata.uid,
        version = metadata.resourceVersion,
        labels = type(labels) == "table" and next(labels) and labels or nil,
        round = self.round,
    }
    return old and "changed" or "new", gone
end

function seen:remove(object)
    self.known[key_of(object.metadata)] = nil
end

--- From here on all that is there is added anew.
function seen:begin_round()
    self.round = self.round + 1
end

--- All that is there has been added: what has not is gone. Calls tell(object) with what is still
--- known of each.
function seen:end_round(resource, tell)
    for key, old in pairs(self.known) do
        if old.round ~= self.round then
            tell(remains(key, old, resource))
            self.known[key] = nil
        end
    end
end

return seen
