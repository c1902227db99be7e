--- Where the settings of a subsystem of API Connect v10 are edited: in its own resource, or in the
--- APIConnectCluster above it, whose operator overwrites what is changed below.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local merge = require("salvor.copy").merge

local section = {}

--- of(management) -> place of the settings of a ManagementCluster {kind, name, path = the fields
--- that lead to them}; plain values.
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

--- definition(subsystem, name, spec) -> a definition that has these fields and nothing else: of the
--- subsystem, or of the APIConnectCluster above it, in its section of that name.
function section.definition(subsystem, name, spec)
    local owner = apiconnect.top_level(subsystem)
    if not owner then
        return {apiVersion = subsystem.apiVersion, kind = subsystem.kind,
                metadata = {name = subsystem.metadata.name}, spec = spec}
    end
    return {apiVersion = owner.apiVersion, kind = owner.kind, metadata = {name = owner.name},
            spec = {[name] = merge(spec, {name = subsystem.metadata.name})}}
end

--- "APIConnectCluster apic" or "ManagementCluster management"
function section.title(place)
    return (#place.path > 1 and "APIConnectCluster " or "ManagementCluster ") .. place.name
end

return section
