--- What the answers of a server's discovery say, whichever form they have. They come from outside:
--- whatever is not as it should be is left out, and a body that is nothing of the kind is nil.
local catalogue = require("salvor.k8s.catalogue")
local dig = require("salvor").dig
local fields = require("salvor.k8s.fields")

local is_name, map = catalogue.is_name, fields.map

local answer = {}

--- The parameters of a Content-Type, whatever their order, names in lower case.
local function parameters(content_type)
    local found = {}
    for name, value in (content_type or ""):gmatch(';%s*([^=;%s]+)%s*=%s*"?([^;"]*)') do
        found[name:lower()] = value:match("^(.-)%s*$")
    end
    return found
end

--- Whether that is the Content-Type of an aggregated answer (KEP-3352).
function answer.is_aggregated(content_type)
    local found = parameters(content_type)
    return found.g == "apidiscovery.k8s.io" and found.as == "APIGroupDiscoveryList"
        and (found.v == "v2" or found.v == "v2beta1")
end

--- The tables of the list in that field of a body of that kind; nil of any other body.
local function items_of(body, kind, field)
    return dig(body, "kind") == kind and fields.items(body, field) or nil
end

--- An entry as catalogue.section() takes it, but for what the two forms name differently.
local function new_entry(item)
    return {
        short_names = item.shortNames,
        verbs = item.verbs,
        categories = item.categories,
    }
end

--- Legacy: GET /api/v1, /apis/GROUP/VERSION

--- The entries of an APIResourceList, those of subresources ("pods/log") among them; nil when it is
--- none.
function answer.resources(body)
    local items = items_of(body, "APIResourceList", "resources")
    for number, item in ipairs(items or {}) do
        local entry = new_entry(item)
        entry.plural, entry.singular, entry.kind = item.name, item.singularName, item.kind
        entry.namespaced = item.namespaced
        items[number] = entry
    end
    return items
end

--- The versions that an APIGroup names, the preferred one first.
local function versions_of(group)
    local preferred = dig(group, "preferredVersion", "version")
    local versions, seen = {}, {}
    for _, entry in ipairs(fields.items(group, "versions")) do
        local version = entry.version
        if is_name(version) and not seen[version] then
            seen[version] = true
            table.insert(versions, version == preferred and 1 or #versions + 1, version)
        end
    end
    return versions
end

--- Of GET /apis/GROUP; nil when it is no APIGroup.
function answer.versions(body)
    return dig(body, "kind") == "APIGroup" and versions_of(body) or nil
end

--- Of GET /apis: {name, versions} each; nil when it is no APIGroupList.
function answer.groups(body)
    local items = items_of(body, "APIGroupList", "groups")
    local groups = items and {}
    for _, item in ipairs(items or {}) do
        if is_name(item.name) then
            groups[#groups + 1] = {name = item.name, versions = versions_of(item)}
        end
    end
    return groups
end

--- Of GET /api: the core group as one of these groups; nil when it is no APIVersions.
function answer.core(body)
    if dig(body, "kind") ~= "APIVersions" then
        return nil
    end
    local versions = {}
    for _, version in ipairs(map(body, "versions")) do
        versions[#versions + 1] = is_name(version) and version or nil
    end
    return {name = "", versions = versions}
end

--- Aggregated: GET /api, GET /apis

local function aggregated_entries(version)
    local entries = fields.items(version, "resources")
    for number, item in ipairs(entries) do
        local entry = new_entry(item)
        entry.plural, entry.singular = item.resource, item.singularResource
        entry.kind = dig(item.responseKind, "kind")
        entry.namespaced = item.scope == "Namespaced"
        entries[number] = entry
    end
    return entries
end

local function read_group(item, name)
    local group = {name = name, versions = {}, entries = {}, stale = {}}
    for _, version in ipairs(fields.items(item, "versions")) do
        local known = version.version
        if is_name(known) then
            group.versions[#group.versions + 1] = known
            if version.freshness == "Stale" then
                group.stale[known] = true
            else
                group.entries[known] = aggregated_entries(version)
            end
        end
    end
    return group
end

--- {name, versions, entries = {[version] = entries}, stale = {[version] = true}} each, in the
--- server's order; nil when it is no APIGroupDiscoveryList.
function answer.aggregated(body)
    local items = items_of(body, "APIGroupDiscoveryList", "items")
    local groups = items and {}
    for _, item in ipairs(items or {}) do
        -- The core group has no name, and with it goes its metadata on some servers.
        local name = dig(item, "metadata", "name") or ""
        if name == "" or is_name(name) then
            groups[#groups + 1] = read_group(item, name)
        end
    end
    return groups
end

return answer
