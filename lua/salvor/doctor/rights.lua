--- What this user may do, for each procedure: the very rights that `salvor rbac` prints.
local access = require("salvor.procedure.access")
local catch = require("salvor.catch")
local copy = require("salvor.copy")
local k8s = require("salvor.k8s")
local keys = require("salvor").keys
local offline = require("salvor.procedure.offline")
local permissions = require("salvor.procedure.permissions")
local server = require("salvor.doctor.server")

--- The rules by cluster; nil and the error when they depend on a parameter that nobody gives.
local function rules_of(opened)
    local rules, err = catch(permissions.rules, opened.procedure, opened.params, opened.namespace)
    if not rules and err.code ~= "Usage" then
        error(err, 0)
    end
    return rules and permissions.by_cluster(rules), err
end

--- The client of a cluster of the procedure's, the target's or that of another context, and the
--- kinds that the cluster knows. A plugin of another context gets no turn of its own to ask.
local function cluster_of(subject, opened, context)
    if not context then
        return subject.client, subject.kinds
    end
    local client = must(k8s.connect(copy.merge(opened.target, {
        context = context, timeout = subject.timeout})))
    return client, must(server.known_kinds(client))
end

--- The rules whose kinds are known; the others' kinds are added to the set `unknown`.
local function with_known(rules, kinds, unknown)
    local found = {}
    for _, rule in ipairs(rules) do
        if kinds[rule.resource .. "." .. rule.group] then
            found[#found + 1] = rule
        else
            unknown[rule.resource .. "." .. rule.group] = true
        end
    end
    return found
end

--- What is missing, how to get it, and the kinds that the clusters do not know: three lists.
local function look(subject, opened, clusters)
    local missing, cures, unknown = {}, {}, {}
    for _, of in ipairs(clusters) do
        local client, kinds = cluster_of(subject, opened, of.context)
        local lacking = must(access.missing(client, with_known(of.rules, kinds, unknown)))
        for _, rule in ipairs(lacking) do
            missing[#missing + 1] = permissions.describe(rule)
        end
        if lacking[1] then
            cures[#cures + 1] = access.cure(opened.procedure.id, opened.namespace, of.context)
        end
    end
    return missing, cures, keys(unknown)
end

--- Where no procedure is named, one for a system that is not there matters to nobody.
local function ask(id, subject, wanted)
    local opened = offline.open(id, subject.options, subject.client.namespace)
    local clusters, err = rules_of(opened)
    if not clusters then
        return wanted and "warning" or "skipped", err.message,
            wanted and "say it in the site file, or as $SALVOR_PARAM_NAME" or nil
    end
    local missing, cures, unknown = look(subject, opened, clusters)
    if unknown[1] and not wanted then
        return "skipped", "the cluster does not know " .. unknown[1]
            .. (unknown[2] and " and " .. #unknown - 1 .. " more" or "")
    elseif missing[1] then
        return wanted and "error" or "warning",
            "this user may not " .. table.concat(missing, "; may not "), table.concat(cures, "; ")
    elseif unknown[1] then
        return "warning", "the cluster does not know " .. table.concat(unknown, ", "),
            "install what has them"
    end
    return "ok", "all that it needs in namespace " .. opened.namespace
end

--- The check of one procedure. is_wanted: somebody means to run it on this very cluster, so that
--- what is missing is an error.
return function(id, subject, kinds, is_wanted)
    return {group = "procedures", name = id, context = subject.name, needs = {kinds},
            run = function()
        return ask(id, subject, is_wanted)
    end}
end
