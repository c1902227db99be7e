--- Which kinds a cluster has: one request on servers with aggregated discovery, one for each group
--- version on older ones. What was asked is kept.
---
--- A kind's record: {group, version, api_version, kind, plural, singular, short_names, namespaced,
--- verbs, categories}.
local call = require("salvor.k8s.call")
local task = require("salvor.task")

local ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    .. "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    .. "application/json"
local TIMEOUT = 32
local WORKERS = 16

local discovery = {}
discovery.__index = discovery

function discovery.new(client)
    return setmetatable({client = client, lists = {}}, discovery)
end

local function api_version_of(group, version)
    return group == "" and version or group .. "/" .. version
end

local function path_of(api_version)
    return api_version == "v1" and "/api/v1" or "/apis/" .. api_version
end

local function strings(list)
    return type(list) == "table" and list or {}
end

local function make_record(group, version, entry)
    return {
        group = group,
        version = version,
        api_version = api_version_of(group, version),
        kind = entry.kind,
        plural = entry.name,
        singular = entry.singular ~= "" and entry.singular or entry.kind:lower(),
        short_names = strings(entry.short_names),
        namespaced = entry.namespaced,
        verbs = strings(entry.verbs),
        categories = strings(entry.categories),
    }
end

function discovery:get(path, accept)
    return call(self.client, {
        op = "k8s.discovery",
        path = path,
        headers = accept and {Accept = accept},
        timeout = TIMEOUT,
    })
end

--- The kinds of one group version; an empty list when there is no such.
function discovery:list(group, version)
    local api_version = api_version_of(group, version)
    if self.lists[api_version] then
        return self.lists[api_version]
    end
    local answer, err = self:get(path_of(api_version))
    if not answer and err.status ~= 404 then
        return nil, err
    end
    local records = {}
    for _, entry in ipairs(answer and answer.body.resources or {}) do
        if not entry.name:find("/", 1, true) then
            records[#records + 1] = make_record(group, version, {
                name = entry.name,
                kind = entry.kind,
                singular = entry.singularName,
                short_names = entry.shortNames,
                namespaced = entry.namespaced,
                verbs = entry.verbs,
                categories = entry.categories,
            })
        end
    end
    self.lists[api_version] = records
    return records
end

--- Aggregated discovery: everything in one answer. The first version of a group is the preferred.
function discovery:read_aggregated(body)
    local groups = {}
    for _, item in ipairs(body.items) do
        local group = {name = item.metadata.name or "", versions = {}}
        for _, version in ipairs(item.versions) do
            local records = {}
            for _, entry in ipairs(version.resources or {}) do
                records[#records + 1] = make_record(group.name, version.version, {
                    name = entry.resource,
                    kind = entry.responseKind.kind,
                    singular = entry.singularResource or "",
                    short_names = entry.shortNames,
                    namespaced = entry.scope == "Namespaced",
                    verbs = entry.verbs,
                    categories = entry.categories,
                })
            end
            if version.freshness == "Stale" then
                self.silent[#self.silent + 1] = api_version_of(group.name, version.version)
            else
                group.versions[#group.versions + 1] = version.version
                self.lists[api_version_of(group.name, version.version)] = records
            end
        end
        groups[#groups + 1] = group
    end
    return groups
end

--- The group list of older servers, then each group version on its own. One that does not answer
--- (its aggregated server is down) takes nothing but its own kinds away.
function discovery:read_groups(body)
    local groups, wanted = {}, {}
    for _, item in ipairs(body.groups) do
        local preferred = item.preferredVersion and item.preferredVersion.version
        local group = {name = item.name, versions = {preferred}}
        for _, entry in ipairs(item.versions) do
            if entry.version ~= preferred then
                group.versions[#group.versions + 1] = entry.version
            end
        end
        for _, version in ipairs(group.versions) do
            wanted[#wanted + 1] = {group = group.name, version = version}
        end
        groups[#groups + 1] = group
    end
    task.map(wanted, function(item)
        if not self:list(item.group, item.version) then
            self.silent[#self.silent + 1] = api_version_of(item.group, item.version)
        end
    end, {workers = WORKERS})
    return groups
end

--- Asks for everything, once; returns the groups in the server's order, core first.
function discovery:all()
    if self.groups then
        return self.groups
    end
    self.silent = {}
    local core, core_err = self:list("", "v1")
    if not core then
        return nil, core_err
    end
    local answer, err = self:get("/apis", ACCEPT)
    if not answer then
        return nil, err
    end
    local is_aggregated = (answer.headers["content-type"] or ""):find("g=apidiscovery.k8s.io", 1,
        true)
    local groups = is_aggregated and self:read_aggregated(answer.body)
        or self:read_groups(answer.body)
    table.insert(groups, 1, {name = "", versions = {"v1"}})
    self.groups = groups
    return groups
end

--- The versions of one group, preferred first; an empty list when there is no such group.
function discovery:versions(group)
    if group == "" then
        return {"v1"}
    end
    for _, known in ipairs(self.groups or {}) do
        if known.name == group then
            return known.versions
        end
    end
    local answer, err = self:get("/apis/" .. group)
    if not answer then
        return err.status == 404 and {} or nil, err
    end
    local preferred = answer.body.preferredVersion and answer.body.preferredVersion.version
    local versions = {preferred}
    for _, entry in ipairs(answer.body.versions) do
        if entry.version ~= preferred then
            versions[#versions + 1] = entry.version
        end
    end
    return versions
end

--- What is known already of one group version; nil when it was not asked for.
function discovery:known(group, version)
    return self.lists[api_version_of(group, version)]
end

function discovery:knows_something()
    return next(self.lists) ~= nil
end

function discovery:forget()
    self.lists, self.groups = {}, nil
end

--- Every kind in the version its group prefers among those that have it.
function discovery:kinds()
    local groups, err = self:all()
    if not groups then
        return nil, err
    end
    local records = {}
    for _, group in ipairs(groups) do
        local seen = {}
        for _, version in ipairs(group.versions) do
            for _, record in ipairs(self.lists[api_version_of(group.name, version)] or {}) do
                if not seen[record.plural] then
                    seen[record.plural] = true
                    records[#records + 1] = record
                end
            end
        end
    end
    return records
end

return discovery
