--- What discovery asks of a server, and what it makes of the answers.
local answers = require("salvor.k8s.discovery_answer")
local call = require("salvor.k8s.call")
local catalogue = require("salvor.k8s.catalogue")
local fail = require("salvor.error").new
local shape = require("salvor.k8s.shape")
local task = require("salvor.task")

-- Only in this order of the parameters do servers understand them.
local ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    .. "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    .. "application/json"
local TIMEOUT = 32
local WORKERS = 16

local ask = {}

local function get(client, path, headers)
    return call(client, {
        op = "k8s.discovery", path = path, headers = headers, timeout = TIMEOUT,
    })
end

local function corrupt(path, wanted)
    return fail({
        code = "Corrupt",
        op = "k8s.discovery",
        message = string.format("the answer of %s is no %s", path, wanted),
        hint = shape.HINT,
    })
end

--- The catalogue's section of one group version, empty when there is none, and whether there is;
--- nil and an error when the server does not say.
function ask.version(client, group, version)
    local path = group == "" and "/api/" .. version or "/apis/" .. group .. "/" .. version
    local answer, err = get(client, path)
    if not answer and err.status ~= 404 then
        return nil, err
    end
    local entries = {}
    if answer then
        entries = answers.resources(answer.body)
        if not entries then
            return nil, corrupt(path, "APIResourceList")
        end
    end
    return catalogue.section(group, version, entries), answer ~= nil
end

--- The versions of a group, the preferred one first; an empty list when there is no such group.
function ask.versions(client, group)
    local path = "/apis/" .. group
    local answer, err = get(client, path)
    if not answer then
        return err.status == 404 and {} or nil, err
    end
    local versions = answers.versions(answer.body)
    if not versions then
        return nil, corrupt(path, "APIGroup")
    end
    return versions
end

local function aggregated_text(group)
    local parts = {catalogue.group(group.name, group.versions)}
    for _, version in ipairs(group.versions) do
        parts[#parts + 1] = group.stale[version] and catalogue.silence(group.name, version)
            or catalogue.section(group.name, version, group.entries[version])
    end
    return table.concat(parts)
end

--- A server that is gone or knows us no more is the failure of everything, an answer that one group
--- version does not give only that of its own kinds.
local function concerns_all(err)
    return err.status == 401 or not (err.status or err.code == "Timeout" or err.code == "Corrupt")
end

--- The group versions of an older server, each asked for on its own unless it is known.
local function legacy_text(client, groups, known)
    local wanted = {}
    for _, group in ipairs(groups) do
        for _, version in ipairs(group.versions) do
            wanted[#wanted + 1] = {group = group.name, version = version}
        end
    end
    local failure
    local sections = task.map(wanted, function(item)
        local section, err = known:section_of(item.group, item.version), nil
        if not section and not failure then
            section, err = ask.version(client, item.group, item.version)
        end
        if not section and err and (concerns_all(err) or item.group == "") then
            failure = failure or err
        end
        return section or catalogue.silence(item.group, item.version)
    end, {workers = WORKERS})
    if failure then
        return nil, failure
    end
    local parts, number = {}, 0
    for _, group in ipairs(groups) do
        parts[#parts + 1] = catalogue.group(group.name, group.versions)
        parts[#parts + 1] = table.concat(sections, "", number + 1, number + #group.versions)
        number = number + #group.versions
    end
    return table.concat(parts)
end

--- The text of what /api or /apis tells, and the ETag that stands for all of it; nil and an error
--- when that is nothing.
local function read_root(client, path, answer, known)
    if answers.is_aggregated(answer.headers["content-type"]) then
        local groups = answers.aggregated(answer.body)
        if not groups then
            return nil, corrupt(path, "APIGroupDiscoveryList")
        end
        local parts = {}
        for number, group in ipairs(groups) do
            parts[number] = aggregated_text(group)
        end
        return table.concat(parts), answer.headers.etag
    elseif path == "/api" then
        local core = answers.core(answer.body)
        if not core then
            return nil, corrupt(path, "APIVersions")
        end
        return legacy_text(client, {core}, known)
    end
    local groups = answers.groups(answer.body)
    if not groups then
        return nil, corrupt(path, "APIGroupList")
    end
    return legacy_text(client, groups, known)
end

--- What /api or /apis tells, as {text, etag}, {unchanged = true} or {err}.
local function ask_root(client, path, etag, known)
    local answer, err = get(client, path, {Accept = ACCEPT, ["If-None-Match"] = etag})
    if etag and err and err.status == 304 then
        return {unchanged = true}
    elseif err and err.status == 404 and path == "/api" then
        -- A server of one extension alone has no /api, one behind a proxy may hide it.
        local text, problem = legacy_text(client, {{name = "", versions = {"v1"}}}, known)
        return {text = text, err = problem}
    elseif err then
        return {err = err}
    end
    local text, rest = read_root(client, path, answer, known)
    return {text = text, etag = text and rest, err = not text and rest or nil}
end

local function ask_roots(client, etags, known)
    return table.unpack(task.all({
        function() return ask_root(client, "/api", etags[1], known) end,
        function() return ask_root(client, "/apis", etags[2], known) end,
    }))
end

--- Everything, as a new catalogue; nil and an error when the server does not give it.
---@param known table A catalogue: what is in it is not asked for again on older servers.
---@param expired? table {text, etags}: too old, but good again when the server says that it is
--- unchanged.
function ask.all(client, known, expired)
    local core, groups = ask_roots(client, expired and expired.etags or {}, known)
    local text, etags
    if core.unchanged and groups.unchanged then
        text, etags = expired.text, expired.etags
    else
        if core.unchanged or groups.unchanged then
            core, groups = ask_roots(client, {}, known)
        end
        if core.err or groups.err then
            return nil, core.err or groups.err
        end
        text, etags = "\n" .. core.text .. groups.text, {core.etag, groups.etag}
    end
    local new = catalogue.new(text, true)
    -- What was known before is part of it, so it is no younger than that.
    new.time, new.etags = known.time, etags
    return new
end

return ask
