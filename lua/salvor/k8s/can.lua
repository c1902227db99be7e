--- can: what this user may do. The server decides; nothing of it is guessed here.
local call = require("salvor.k8s.call")
local check = require("salvor.k8s.check")
local dig = require("salvor").dig
local fail = require("salvor.error").new
local fields = require("salvor.k8s.fields")
local shape = require("salvor.k8s.shape")
local task = require("salvor.task")

local API = "authorization.k8s.io/v1"
local WORKERS = 16

-- From so many questions about one namespace on, one look at all the rules there is cheaper.
local MANY = 4

local function review(client, kind, path, spec, timeout)
    local answer, err = call(client, {
        op = "k8s.can",
        method = "POST",
        path = "/apis/" .. API .. path,
        body = {apiVersion = API, kind = kind, spec = spec},
        timeout = timeout,
    })
    if not answer then
        return nil, err
    end
    local status = dig(answer.body, "status")
    if type(status) ~= "table" then
        return nil, fail({code = "Corrupt", op = "k8s.can", hint = shape.HINT,
                          message = "the answer to a " .. kind .. " has no status"})
    end
    return status
end

--- To the server a request about one namespace is one in that namespace, so that what is granted
--- there decides.
local function place_of(client, resource, question)
    if resource.plural == "namespaces" and resource.group == "" then
        return question.name
    end
    return client:_namespace(resource, question)
end

--- The question as the API puts it: resourceAttributes or nonResourceAttributes.
local function attributes(client, question)
    if question.kind:sub(1, 1) == "/" then
        return {nonResourceAttributes = {path = question.kind, verb = question.verb}}
    end
    local resource, err = client:kind(question.kind)
    if not resource then
        err.op = "k8s.can"
        return nil, err
    end
    return {
        resourceAttributes = {
            verb = question.verb,
            group = resource.group,
            version = resource.version,
            resource = resource.plural,
            namespace = place_of(client, resource, question),
            name = question.name,
            subresource = question.subresource,
        },
    }
end

local function ask_one(client, spec, timeout)
    local status, err = review(client, "SelfSubjectAccessReview", "/selfsubjectaccessreviews", spec,
        timeout)
    if not status then
        return nil, err
    end
    return status.allowed == true, fields.text(status, "reason")
end

--- All the rules of a namespace

local function has(rule, list, ...)
    for _, item in ipairs(fields.map(rule, list)) do
        for _, wanted in ipairs({...}) do
            if item == wanted then
                return true
            end
        end
    end
    return false
end

--- Whether a rule of a SelfSubjectRulesReview allows it, as RBAC reads rules.
local function allows(rule, wanted)
    local resource = wanted.resource
    if wanted.subresource then
        resource = wanted.resource .. "/" .. wanted.subresource
    end
    return has(rule, "verbs", "*", wanted.verb) and has(rule, "apiGroups", "*", wanted.group)
        and (has(rule, "resources", "*", resource)
            or wanted.subresource and has(rule, "resources", "*/" .. wanted.subresource) or false)
        and (#fields.map(rule, "resourceNames") == 0
            or wanted.name ~= nil and has(rule, "resourceNames", wanted.name))
end

--- The rules of a namespace; nil when the server does not know them all.
local function rules_of(client, namespace, timeout)
    local status = review(client, "SelfSubjectRulesReview", "/selfsubjectrulesreviews",
        {namespace = namespace}, timeout)
    local is_whole = status and status.incomplete == false
        and (status.evaluationError == nil or status.evaluationError == "")
    return is_whole and type(status.resourceRules) == "table"
        and fields.items(status, "resourceRules") or nil
end

local function any_allows(rules, wanted)
    for _, rule in ipairs(rules) do
        if allows(rule, wanted) then
            return true
        end
    end
    return false
end

--- Answers what the rules of single namespaces decide. They say nothing of what is asked of the
--- whole cluster, since those that hold in the namespace alone are among them.
local function answer_by_rules(client, specs, answers, timeout)
    local counts, rules = {}, {}
    local function namespace_of(spec)
        return spec.resourceAttributes and spec.resourceAttributes.namespace
    end
    for _, spec in ipairs(specs) do
        local namespace = namespace_of(spec)
        if namespace then
            counts[namespace] = (counts[namespace] or 0) + 1
        end
    end
    local busy = {}
    for namespace, count in pairs(counts) do
        busy[#busy + 1] = count >= MANY and namespace or nil
    end
    task.map(busy, function(namespace)
        rules[namespace] = rules_of(client, namespace, timeout)
    end, {workers = WORKERS})
    for number, spec in ipairs(specs) do
        local known = rules[namespace_of(spec)]
        if known then
            answers[number] = any_allows(known, spec.resourceAttributes)
        end
    end
end

--- The answer to each question, or nil and the first error.
local function ask_all(client, questions, timeout)
    local specs, answers, failure = {}, {}, nil
    for number, question in ipairs(questions) do
        local spec, err = attributes(client, question)
        if not spec then
            return nil, err
        end
        specs[number] = spec
    end
    answer_by_rules(client, specs, answers, timeout)
    task.map(specs, function(spec, number)
        if answers[number] == nil and not failure then
            local allowed, err = ask_one(client, spec, timeout)
            answers[number] = allowed
            if allowed == nil then
                failure = err
            end
        end
    end, {workers = WORKERS})
    if failure then
        return nil, failure
    end
    return answers
end

--- Arguments

local question_options = {verb = "string", kind = "string", namespace = "string", name = "string",
                          subresource = "string", all_namespaces = "boolean"}
local can_options = {namespace = "string", all_namespaces = "boolean", name = "string",
                     subresource = "string", timeout = "number"}
local list_options = {timeout = "number"}

local function raise(text)
    error("k8s.can: " .. text, 3)
end

local function questions_of(verbs, kind, opts)
    local questions = {}
    for number, verb in ipairs(verbs) do
        if type(verb) ~= "string" or verb == "" then
            error("k8s.can: verbs are strings", 3)
        end
        questions[number] = {verb = verb, kind = kind, namespace = opts.namespace,
                             all_namespaces = opts.all_namespaces, name = opts.name,
                             subresource = opts.subresource}
    end
    return questions
end

--- can{question, ...}: the answers in their order.
local function can_list(client, questions, opts)
    opts = check.options(opts, list_options, "k8s.can")
    for number, question in ipairs(questions) do
        check.options(question, question_options, "k8s.can: question " .. number)
        if not question.verb or not question.kind then
            raise("question " .. number .. " has no " .. (question.verb and "kind" or "verb"))
        end
    end
    return ask_all(client, questions, opts.timeout)
end

--- can({verb, ...}, kind, opts): the answers by verb.
local function can_verbs(client, verbs, kind, opts)
    local answers, err = ask_all(client, questions_of(verbs, kind, opts), opts.timeout)
    if not answers then
        return nil, err
    end
    local by_verb = {}
    for number, verb in ipairs(verbs) do
        by_verb[verb] = answers[number]
    end
    return by_verb
end

local methods = {}

--- lua/meta/k8s.lua has its forms.
function methods:can(verb, kind, opts)
    if type(verb) ~= "string" and type(verb) ~= "table" then
        raise("verb must be a string or a list, got " .. type(verb))
    elseif type(verb) == "table" and (verb[1] == nil or type(verb[1]) == "table") then
        if kind ~= nil and type(kind) ~= "table" then
            raise("a list of verbs expected, got " .. (verb[1] and "questions" or "an empty one"))
        end
        return can_list(self, verb, kind)
    end
    opts = check.options(opts, can_options, "k8s.can")
    check.kind(kind, "k8s.can")
    if type(verb) == "table" then
        return can_verbs(self, verb, kind, opts)
    elseif verb == "" then
        raise("verb is empty")
    end
    local question = questions_of({verb}, kind, opts)[1]
    local spec, err = attributes(self, question)
    if not spec then
        return nil, err
    end
    return ask_one(self, spec, opts.timeout)
end

return methods
