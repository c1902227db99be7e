--- The endpoints of a subsystem of API Connect v10: the host names by which others know it.
local dig = require("salvor").dig
local keys = require("salvor").keys

local endpoints = {}

--- of(spec) -> {portalUIEndpoint = sorted list of host names, ...}, of every such field.
function endpoints.of(spec)
    local found = {}
    for field, value in pairs(spec or {}) do
        local hosts = field:match("Endpoint$") and dig(value, "hosts")
        if type(hosts) == "table" then
            local names = {}
            for _, host in ipairs(hosts) do
                names[#names + 1] = dig(host, "name")
            end
            table.sort(names)
            found[field] = names
        end
    end
    return found
end

--- changes(spec, old, is_partial) -> list of texts: endpoints whose hosts are not those of the old
--- spec. is_partial: one that is left out is somebody else's to say.
function endpoints.changes(spec, old, is_partial)
    local before, now, changes = endpoints.of(old), endpoints.of(spec), {}
    for _, field in ipairs(keys(before)) do
        local had = table.concat(before[field], ", ")
        local has = now[field] and table.concat(now[field], ", ")
        if has and has ~= had or not has and had ~= "" and not is_partial then
            changes[#changes + 1] = string.format("%s is %s, it was %s", field,
                (has or "") ~= "" and has or "not set", had)
        end
    end
    return changes
end

return endpoints
