--- What a procedure is and would be given, as plain values, for people and programs.
local list = require("salvor").list
local params = require("salvor.procedure.params")
local references = require("salvor.procedure.references")
local settings = require("salvor.procedure.settings")
local site = require("salvor.procedure.site")

--- A value as it may be seen. A secret's shows at most where it is kept.
local function shown(declaration, prepared)
    local name = declaration.name
    local text = prepared.texts[name]
    if declaration.type == "secret" then
        local kept = prepared.references[name]
        return kept and "(set, " .. references.describe(kept.reference) .. ")"
            or text and "(set)" or nil
    elseif text == nil then
        return declaration.default ~= nil and tostring(declaration.default) or nil
    end
    return type(text) == "table" and params.list_text(text) or text
end

local function params_of(prepared)
    local described = list()
    for index, declaration in ipairs(prepared.procedure.params) do
        described[index] = {
            name = declaration.name,
            type = declaration.type,
            help = declaration.help,
            required = declaration.required or false,
            values = declaration.values and list(declaration.values),
            default = declaration.default,
            value = shown(declaration, prepared),
            source = prepared.sources[declaration.name],
        }
    end
    return described
end

local function target_of(prepared)
    local target = {}
    for name, value in pairs(prepared.target) do
        target[name] = {value = value, source = prepared.target_sources[name]}
    end
    return target
end

local function steps_of(procedure)
    local steps = list()
    for index, step in ipairs(procedure.steps) do
        steps[index] = {step = step.id, title = step.title, why = step.why,
                        check = step.check or false, destructive = step.destructive ~= nil,
                        origin = step.origin}
    end
    return steps
end

--- What a function says depends on parameters that may not be known yet.
local function plain(value, wanted, otherwise)
    if value == nil or type(value) == wanted then
        return value
    end
    return otherwise
end

local function permissions_of(procedure)
    local permissions = list()
    for index, permission in ipairs(procedure.permissions) do
        permissions[index] = {
            kind = plain(permission.kind, "string", "a kind that depends on parameters"),
            verbs = list(permission.verbs),
            namespace = plain(permission.namespace, "string", "depends on parameters"),
            names = plain(permission.names, "table", list({"depends on parameters"})),
            elsewhere = permission.elsewhere,
        }
    end
    return permissions
end

local function site_of(prepared)
    local identity = site.identity(prepared.site)
    if identity then
        identity.files = list()
        for index, layer in ipairs(prepared.site.layers) do
            identity.files[index] = layer.file.path
        end
    end
    return identity
end

--- description(prepared) -> a table for session.prepare()'s result
return function(prepared)
    local procedure = prepared.procedure
    return {
        procedure = procedure.id,
        title = procedure.title,
        summary = procedure.summary,
        document = procedure.document,
        systems = list(procedure.systems),
        categories = list(procedure.categories),
        script = prepared.origin,
        site = site_of(prepared),
        params = params_of(prepared),
        unused = list(settings.unused(procedure, prepared.site)),
        target = target_of(prepared),
        steps = steps_of(procedure),
        permissions = permissions_of(procedure),
    }
end
