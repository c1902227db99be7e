--- A plan as one JSON document: what was asked, and every step with its effects. It can be saved
--- and run from later; its digest tells when it was changed meanwhile.
local copy = require("salvor.copy")
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local json = require("salvor.json")
local params = require("salvor.procedure.params")
local salvor = require("salvor")
local summary = require("salvor.procedure.plan_summary")
local text = require("salvor.procedure.text")
local urls = require("salvor.store.url")

local document = {FORMAT = 1}

--- A parameter's value as a text that means the same wherever it is given; nil of a secret, and of
--- a URL with one in it.
local function text_of(declaration, value)
    local type = declaration.type
    if type == "secret" or (type == "url" and urls.mask(value) ~= value) then
        return nil
    elseif type == "list" then
        return params.list_text(value)
    elseif type == "duration" then
        return value .. "s"
    end
    return tostring(value)
end

--- The texts of all parameters that have a value, by name, without secrets: those are given again.
function document.params(declarations, values)
    local texts = {}
    for _, declaration in ipairs(declarations) do
        local value = values[declaration.name]
        if value ~= nil then
            texts[declaration.name] = text_of(declaration, value)
        end
    end
    return texts
end

local function plain_effects(effects)
    local plain = salvor.list()
    for index, effect in ipairs(effects or {}) do
        plain[index] = copy.merge(effect, {class = summary.class(effect)})
        plain[index].step = nil
        plain[index].changes = salvor.list(effect.changes or {})
    end
    return plain
end

--- Checks and steps without their functions.
function document.steps(results)
    local plain = salvor.list()
    for index, result in ipairs(results or {}) do
        plain[index] = {
            step = result.step.id,
            title = result.step.title,
            origin = result.step.origin,
            status = result.status,
            needs = result.needs,
            findings = result.findings,
            effects = result.effects and plain_effects(result.effects),
        }
    end
    return plain
end

--- The digest of a document: of all but the digest itself.
function document.digest(made)
    local rest = copy.merge(made)
    rest.digest = nil
    return digest.sha256(must(json.encode(rest)))
end

--- make(plan) -> the document; its fields are in the guide.
function document.make(plan)
    local opened = plan.opened
    local made = text.masked({
        format = document.FORMAT,
        salvor = salvor.version,
        created = plan.created,
        procedure = plan.procedure.id,
        title = plan.procedure.title,
        script = plan.origin,
        params = document.params(plan.procedure.params, opened.params),
        sources = opened.sources,
        cluster = plan.cluster,
        namespace = plan.namespace,
        elsewhere = plan.elsewhere,
        kubeconfig = plan.kubeconfig and fs.absolute(plan.kubeconfig),
        site = plan.site and fs.absolute(plan.site),
        flow = next(plan.flow) and plan.flow or nil,
        failed = plan.failed,
        lock = plan.lock,
        checks = document.steps(plan.checks),
        steps = document.steps(plan.steps),
        summary = summary.count(plan.steps),
    })
    made.digest = document.digest(made)
    return made
end

--- The document as text.
function document.text(made)
    return must(json.encode(made, {indent = 2})) .. "\n"
end

return document
