--- What servers answer to discovery, as rules of a scripted server.
local salvor = require("salvor")

local answers = {
    AGGREGATED = "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList",
}

--- One kind as a server with aggregated discovery tells of it.
function answers.aggregated(plural, kind, short_names, scope)
    return {
        resource = plural,
        responseKind = {group = "", version = "", kind = kind},
        scope = scope or "Namespaced",
        singularResource = kind:lower(),
        shortNames = short_names and salvor.list(short_names),
        verbs = salvor.list({"get", "list"}),
        subresources = salvor.list({{subresource = "status"}}),
    }
end

--- The same as an older server tells of it.
function answers.plain(plural, kind, short_names)
    return {name = plural, kind = kind, singularName = "", namespaced = true,
            shortNames = short_names and salvor.list(short_names), verbs = salvor.list({"get"})}
end

--- A rule for the kinds of one group version.
function answers.group_version(name, ...)
    return {path = "/apis/" .. name, json = {kind = "APIResourceList", groupVersion = name,
                                             resources = salvor.list({...})}}
end

--- A group of an older server's /apis; the first version is the preferred one.
function answers.group(name, ...)
    local versions = salvor.list({})
    for number, version in ipairs({...}) do
        versions[number] = {groupVersion = name .. "/" .. version, version = version}
    end
    return {name = name, versions = versions, preferredVersion = versions[1]}
end

--- The rule for /apis of an older server.
function answers.groups(...)
    return {path = "/apis", json = {kind = "APIGroupList", groups = salvor.list({...})}}
end

--- A version of a group in aggregated discovery.
function answers.version(name, ...)
    return {version = name, freshness = "Current", resources = salvor.list({...})}
end

--- A rule for /api or /apis of a server with aggregated discovery.
function answers.aggregated_rule(path, content_type, ...)
    return {path = path, headers = {["Content-Type"] = content_type},
            json = {kind = "APIGroupDiscoveryList", items = salvor.list({...})}}
end

--- With an ETag: 200 to who does not bring it, 304 to who does.
function answers.tagged(rule, etag)
    rule.headers = {["Content-Type"] = answers.AGGREGATED, ETag = etag}
    return {path = rule.path, status = 304, request_header = {"If-None-Match", etag}}, rule
end

--- Items of /api and of /apis: pods and namespaces, and things.
answers.CORE = {versions = {answers.version("v1",
    answers.aggregated("pods", "Pod", {"po"}),
    answers.aggregated("namespaces", "Namespace", {"ns"}, "Cluster"))}}
answers.THINGS = {
    metadata = {name = "one.example"},
    versions = {answers.version("v1", answers.aggregated("things", "Thing", {"th"}))},
}

return answers
