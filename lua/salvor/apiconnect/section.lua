--- Where the settings of a management subsystem are edited: in its ManagementCluster, or in the
--- APIConnectCluster above it, whose operator overwrites what is changed below.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig

local section = {}

--- of(management) -> place {kind, name, path = the fields that lead to the settings}; plain values.
function section.of(management)
    local owner = apiconnect.top_level(management)
    if owner then
        return {kind = apiconnect.TOP, name = owner.name, path = {"spec", "management"}}
    end
    return {kind = apiconnect.MANAGEMENT, name = management.metadata.name, path = {"spec"}}
end

--- The whole resource at that place, and its settings (an empty table where it has none).
function section.read(client, place)
    local object = must(client:get(place.kind, place.name))
    return object, dig(object, table.unpack(place.path)) or {}
end

--- A merge patch that changes these settings.
function section.patch(place, settings)
    local patch = settings
    for index = #place.path, 1, -1 do
        patch = {[place.path[index]] = patch}
    end
    return patch
end

--- "APIConnectCluster apic" or "ManagementCluster management"
function section.title(place)
    return (#place.path > 1 and "APIConnectCluster " or "ManagementCluster ") .. place.name
end

return section
