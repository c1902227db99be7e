local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local manifest = require("salvor.procedure.manifest")
local offline = require("salvor.procedure.offline")
local permissions = require("salvor.procedure.permissions")
local rbac = require("salvor.procedure.rbac")
local usage = require("salvor.usage")

local function account(text)
    local namespace, name = text:match("^([%l%d][%l%d-]*)/([%l%d][%l%d.-]*)$")
    if not namespace then
        usage("'" .. text .. "' is no service account", "write --serviceaccount NAMESPACE/NAME")
    end
    return rbac.subject("ServiceAccount", name, namespace)
end

local function subjects_of(given)
    local subjects = {}
    for _, name in ipairs(given.user or {}) do
        subjects[#subjects + 1] = rbac.subject("User", name)
    end
    for _, name in ipairs(given.group or {}) do
        subjects[#subjects + 1] = rbac.subject("Group", name)
    end
    for _, text in ipairs(given.serviceaccount or {}) do
        subjects[#subjects + 1] = account(text)
    end
    return subjects
end

--- The rules of the cluster that was chosen; the others are told of.
local function rules_of(opened, chosen)
    local found
    for _, of in ipairs(permissions.by_cluster(permissions.rules(opened.procedure, opened.params,
        opened.namespace))) do
        if of.context == chosen then
            found = of.rules
        elseif of.context and not chosen then
            cli.complain("the cluster of context ", of.context, " needs objects of its own: add"
                .. " --cluster ", of.context)
        end
    end
    if chosen and not found then
        usage("nothing is done in a cluster of context '" .. chosen .. "'",
            "leave out --cluster for the target's, or look at the parameters")
    end
    return found or {}
end

return {
    summary = "the least that a procedure must be allowed to do, for kubectl apply",
    details = "Prints a Role, or a ClusterRole where it takes one, and a binding for each user,"
        .. " group and service account that is named.",
    usage = "salvor rbac ID [-p NAME=VALUE] [-n NAMESPACE] [--user NAME | --group NAME |"
        .. " --serviceaccount NAMESPACE/NAME] [--cluster CONTEXT] [--output yaml|json]",
    arguments = {"ID"},
    options = manifest.options({
        {name = "user", argument = "NAME", repeated = true, help = "who is to be allowed it"},
        {name = "group", argument = "NAME", repeated = true, help = "a group of users"},
        {name = "serviceaccount", argument = "NAMESPACE/NAME", repeated = true,
         help = "a service account"},
        {name = "cluster", argument = "CONTEXT",
         help = "what another cluster needs that the procedure works on, by its context"},
    }),
    run = function(given, words)
        local as_json = command.is_json(given)
        local opened = offline.open(words[1], command.target_options(given))
        local rules = rules_of(opened, given.cluster)
        if not rules[1] then
            cli.complain(words[1], " needs no permission")
        end
        manifest.print(rbac.objects(rules, offline.name(words[1]), opened.namespace,
            subjects_of(given)), as_json)
        return cli.exit.done
    end,
}
