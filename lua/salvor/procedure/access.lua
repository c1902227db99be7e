--- The check before all others: whether this user may do what the procedure needs.
local copy = require("salvor.copy")
local errors = require("salvor.error")
local keys = require("salvor").keys
local permissions = require("salvor.procedure.permissions")
local task = require("salvor.task")

local access = {}

local WORKERS = 8

--- What the check is, as a step of a procedure says it.
access.STEP = {
    id = permissions.CHECK,
    title = "This user may do all that is needed",
    why = "What is not allowed must show before the first change, not in the middle.",
    check = true,
}

--- The word by which the client finds exactly this kind.
local function word_of(rule)
    return rule.group == "" and "v1/" .. rule.resource or rule.resource .. "." .. rule.group
end

--- Whether the server knows the rule's kind.
local function is_known(client, rule)
    local kind, err = client:kind(word_of(rule))
    if kind and not kind.namespaced and rule.namespace and kind.kind ~= "Namespace" then
        error(errors.new({
            code = "InvalidScript",
            message = "permissions: " .. permissions.kind(rule) .. " are of the whole cluster",
            hint = "write namespace = \"\"",
        }), 0)
    elseif not kind and err.code ~= "NotFound" and err.code ~= "ServiceUnavailable" then
        error(err, 0)
    end
    return kind ~= nil
end

local function questions_of(rules)
    local questions, asks = {}, {}
    for _, rule in ipairs(rules) do
        for _, verb in ipairs(rule.verbs) do
            for _, name in ipairs(rule.names or {false}) do
                questions[#questions + 1] = {
                    verb = verb, kind = word_of(rule), subresource = rule.subresource,
                    namespace = rule.namespace, all_namespaces = not rule.namespace or nil,
                    name = name or nil,
                }
                asks[#questions] = {rule = rule, verb = verb}
            end
        end
    end
    return questions, asks
end

--- The rules that lack something, each with the verbs that it lacks.
local function lacking(asks, answers)
    local found, of = {}, {}
    for number, asked in ipairs(asks) do
        if not answers[number] then
            local lacks = of[asked.rule]
            if not lacks then
                lacks = copy.merge(asked.rule, {verbs = {}})
                of[asked.rule], found[#found + 1] = lacks, lacks
            end
            if lacks.verbs[#lacks.verbs] ~= asked.verb then
                table.insert(lacks.verbs, asked.verb)
            end
        end
    end
    return found
end

--- missing(client, rules) -> what of the rules this user may not do, as rules, and those whose
--- kinds the server does not know; nil, err when it does not tell. All is asked side by side.
function access.missing(client, rules)
    local known, unknown = {}, {}
    local answers = task.map(rules, function(rule)
        return is_known(client, rule)
    end, {workers = WORKERS})
    for number, rule in ipairs(rules) do
        table.insert(answers[number] and known or unknown, rule)
    end
    local questions, asks = questions_of(known)
    if not questions[1] then
        return {}, unknown
    end
    local allowed, err = client:can(questions)
    if not allowed then
        return nil, err
    end
    return lacking(asks, allowed), unknown
end

local CANNOT_TELL = {Forbidden = true, NotFound = true, MethodNotAllowed = true}

--- Secrets of the site's files that this user was refused, although nothing seems to be missing.
local function tell_unread(ctx)
    for _, name in ipairs(keys(ctx.unread or {})) do
        ctx:problem(ctx.unread[name].message, ctx.unread[name].hint)
    end
end

--- cure(id, namespace, context) -> how to get what the procedure of that id is missing in the
--- cluster of that context, the target's when nil.
function access.cure(id, namespace, context)
    return "let an administrator" .. (context and " of context " .. context or "")
        .. " apply what 'salvor rbac " .. id .. " -n " .. namespace
        .. (context and " --cluster " .. context or "")
        .. " --user NAME' prints for the parameters of this run"
end

local function tell_missing(ctx, context, missing)
    for number, rule in ipairs(missing) do
        ctx:problem("this user may not " .. permissions.describe(rule),
            number == #missing and access.cure(ctx.procedure, ctx.namespace, context) or nil)
    end
end

--- Asks the cluster of that context, the target's when nil.
local function ask(ctx, context, client, rules)
    local missing, unknown = access.missing(client, rules)
    local of = context and " of context " .. context or ""
    if not missing and not CANNOT_TELL[unknown.code] then
        error(unknown, 0)
    elseif not missing then
        ctx:warn("the server" .. of .. " does not tell what this user may do: " .. unknown.message,
            "what is missing shows when it is needed")
        missing, unknown = {}, {}
    end
    tell_missing(ctx, context, missing)
    if not context and not missing[1] then
        tell_unread(ctx)
    end
    for _, rule in ipairs(unknown) do
        ctx:note("this cluster" .. of .. " does not know " .. permissions.kind(rule)
            .. ": nothing was asked about it")
    end
end

local function client_of(ctx, context)
    for _, client in ipairs(context and ctx.elsewhere or {}) do
        if client.context == context then
            return client
        end
    end
    return ctx.k8s
end

local function run(rules, ctx)
    for _, of in ipairs(permissions.by_cluster(rules)) do
        ask(ctx, of.context, client_of(ctx, of.context), of.rules)
    end
end

--- check(procedure, params, namespace) -> the check, in the form of a step
function access.check(procedure, params, namespace)
    -- A secret that may not be read counts as not given.
    local rules = permissions.rules(procedure, copy.merge(params), namespace)
    return copy.merge(access.STEP, {run = function(ctx)
        run(rules, ctx)
    end})
end

return access
