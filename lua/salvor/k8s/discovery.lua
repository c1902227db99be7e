--- Which kinds a cluster has, and what a person means by a word such as `po`, `deployments.apps` or
--- `apps/v1/Deployment`.
---
--- A kind's record: {group, version, api_version, kind, plural, singular, short_names, namespaced,
--- verbs, categories}. What was asked is kept for the life of the client; when a word means nothing,
--- everything is asked anew once, since CRDs come and go.
local call = require("salvor.k8s.call")
local fail = require("salvor.error").new
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

local function contains(list, word)
    for _, item in ipairs(list) do
        if item:lower() == word then
            return true
        end
    end
    return false
end

local function is_name(record, word)
    return record.plural == word or record.singular == word or record.kind:lower() == word
end

local function is_short_name(record, word)
    return contains(record.short_names, word)
end

local function find(records, matches, word)
    for _, record in ipairs(records or {}) do
        if matches(record, word) then
            return record
        end
    end
    return nil
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

function discovery:find_in_version(word, group, version)
    local records, err = self:list(group, version)
    if not records then
        return nil, err
    end
    return find(records, is_name, word) or find(records, is_short_name, word)
end

function discovery:find_in_group(word, group)
    local versions, err = self:versions(group)
    if not versions then
        return nil, err
    end
    for _, version in ipairs(versions) do
        local record, problem = self:find_in_version(word, group, version)
        if record or problem then
            return record, problem
        end
    end
    return nil
end

--- A bare word, as kubectl decides: a full name anywhere goes before a short name, the core group
--- before the others, these in the server's order, in each the preferred version first. So a full
--- name in the core group needs no look at the others.
function discovery:find_anywhere(word)
    local core, err = self:list("", "v1")
    if not core then
        return nil, err
    end
    local record = find(core, is_name, word)
    if record then
        return record
    end
    local groups, problem = self:all()
    if not groups then
        return nil, problem
    end
    for _, matches in ipairs({is_name, is_short_name}) do
        for _, group in ipairs(groups) do
            for _, version in ipairs(group.versions) do
                record = find(self.lists[api_version_of(group.name, version)], matches, word)
                if record then
                    return record
                end
            end
        end
    end
    return nil
end

--- word.group or word.version.group
function discovery:find_qualified(word, rest)
    local version, group = rest:match("^(v%d%w*)%.?(.*)$")
    if version then
        local record, err = self:find_in_version(word, group, version)
        if record or err then
            return record, err
        end
    end
    return self:find_in_group(word, rest)
end

function discovery:find(text)
    local group, version, word = text:match("^([^/]+)/([^/]+)/([^/]+)$")
    if not group then
        group, version, word = "", text:match("^([^/]+)/([^/]+)$")
    end
    if word then
        return self:find_in_version(word:lower(), group, version)
    end
    local name, rest = text:match("^([^.]+)%.(.+)$")
    if name then
        return self:find_qualified(name:lower(), rest)
    end
    return self:find_anywhere(text:lower())
end

local function distance(a, b)
    local row = {}
    for j = 0, #b do
        row[j] = j
    end
    for i = 1, #a do
        local diagonal
        diagonal, row[0] = row[0], i
        for j = 1, #b do
            local cost = diagonal + (a:byte(i) == b:byte(j) and 0 or 1)
            diagonal, row[j] = row[j], math.min(cost, row[j] + 1, row[j - 1] + 1)
        end
    end
    return row[#b]
end

--- Names that a person may have meant, or which groups gave no answer.
function discovery:hint(text)
    local word, close, seen = text:lower():match("([^/.]+)$") or text:lower(), {}, {}
    word = text:find("/", 1, true) and word or text:lower():match("^[^.]+") or word
    for _, records in pairs(self.lists) do
        for _, record in ipairs(records) do
            local away = math.min(distance(word, record.plural), distance(word, record.singular))
            if away <= math.max(1, #word // 4) and not seen[record.plural] then
                seen[record.plural] = true
                close[#close + 1] = record.plural
            end
        end
    end
    table.sort(close)
    if close[1] then
        return "did you mean " .. table.concat(close, ", ", 1, math.min(#close, 5)) .. "?"
    elseif self.silent and self.silent[1] then
        return "these groups do not answer: " .. table.concat(self.silent, ", ")
    end
    return "c:kinds() lists what the cluster has"
end

--- The record of what `text` means, or nil and an error (NotFound when it means nothing here).
function discovery:resolve(text)
    local had_something = next(self.lists) ~= nil
    local record, err = self:find(text)
    if not record and not err and had_something then
        self.lists, self.groups = {}, nil
        record, err = self:find(text)
    end
    if record or err then
        return record, err
    end
    self:all()
    return nil, fail({
        code = "NotFound",
        op = "k8s.discovery",
        message = string.format("the server has no kind '%s'", text),
        hint = self:hint(text),
    })
end

--- The record of an object's own apiVersion and kind.
function discovery:resolve_object(object)
    return self:resolve(object.apiVersion .. "/" .. object.kind)
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
