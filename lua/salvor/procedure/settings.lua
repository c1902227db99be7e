--- Where each value of a plan or run comes from: the command line, the environment, the site's
--- files, the script's default, whoever says it first.
local namespace = require("salvor.k8s.namespace")
local params = require("salvor.procedure.params")
local site = require("salvor.procedure.site")
local salvor = require("salvor")
local suggest = require("salvor.suggest")
local usage = require("salvor.usage")

local settings = {}

-- Parameter types for which a number or boolean of YAML is as good as its text.
local TYPED = {integer = true, size = true, duration = true, boolean = true}

--- variable("max_age") -> "SALVOR_PARAM_MAX_AGE"
function settings.variable(name)
    return "SALVOR_PARAM_" .. name:upper()
end

local function from_environment(name)
    local value = os.getenv(name)
    return value ~= "" and value or nil
end

--- A value as YAML has it, as the command line would: a number of YAML is a text here.
local function as_text(value)
    if math.type(value) == "float" then
        return string.format("%.14g", value)
    end
    return type(value) == "table" and value or tostring(value)
end

local function is_reference(value)
    return type(value) == "table" and not salvor.is_list(value) and next(value) ~= nil
end

--- By the type of a parameter: whether its text is a path, which means one beside the site's file.
local IS_PATH = {
    path = function()
        return true
    end,
    program = function(text)
        return text:find("/", 1, true) ~= nil
    end,
    url = function(text)
        return not text:match("^@") and not text:match("^%a[%w+.-]*:/")
    end,
}

--- One parameter from the site's files: text or reference, source, and the layer it is in.
local function from_site(of, id, declaration)
    local value, source, layer, path = site.find(of, {"procedures", id, "params", declaration.name},
        {"params", declaration.name})
    if value == nil then
        return nil
    elseif declaration.type == "secret" then
        require("salvor.procedure.site_schema").reference(layer.file, path, value)
        return nil, source, {reference = value, file = layer.file}
    elseif is_reference(value) then
        layer.file:fail(path, "'" .. declaration.name .. "' is no secret",
            "give its value; references are for parameters of type secret")
    elseif type(value) == "table" and declaration.type ~= "list" then
        layer.file:fail(path, "'" .. declaration.name .. "' is one value, not a list")
    elseif type(value) ~= "table" and not TYPED[declaration.type] then
        require("salvor.procedure.site_schema").text(layer.file, path, value)
    end
    local text = as_text(value)
    local is_path = IS_PATH[declaration.type]
    if is_path and is_path(text) then
        text = layer.file:absolute(text)
    end
    return text, source
end

local function names_of(declarations)
    local names = {}
    for index, declaration in ipairs(declarations) do
        names[index] = declaration.name
    end
    return names
end

--- What a site file says about this procedure alone must be about parameters that it has.
local function check_site_names(of, procedure)
    local names, known = names_of(procedure.params), {}
    for _, name in ipairs(names) do
        known[name] = true
    end
    for _, layer in ipairs(of.layers) do
        local given = salvor.dig(layer.value, "procedures", procedure.id, "params") or {}
        for _, name in ipairs(salvor.keys(given)) do
            if not known[name] then
                layer.file:fail({"procedures", procedure.id, "params", name},
                    procedure.id .. " has no parameter '" .. name .. "'",
                    suggest.hint(name, names, "it has"))
            end
        end
    end
end

--- Stores that are named must be there, before anything is asked of a cluster.
local function check_stores(of, procedure, found)
    for _, declaration in ipairs(procedure.params) do
        local text = found.texts[declaration.name]
        if declaration.type == "url" and type(text) == "string" and text:sub(1, 1) == "@" then
            local store, err = site.check_store(of, text)
            if not store then
                usage("parameter '" .. declaration.name .. "': " .. err.message, err.hint)
            end
        end
    end
end

--- A run that is resumed is what it was: only secrets, which no journal keeps, are given again.
local function check_given_again(procedure, given)
    for _, declaration in ipairs(procedure.params) do
        if given[declaration.name] ~= nil and declaration.type ~= "secret" then
            usage("parameter '" .. declaration.name .. "' is what it was when the run began",
                "only secret ones are given again; another value takes a new run")
        end
    end
end

--- One parameter that the command line does not give: text, source, reference.
local function look_up(procedure, of, declaration, kept)
    local name = declaration.name
    if kept and declaration.type ~= "secret" then
        return kept.params[name], (kept.sources or {})[name]
    elseif from_environment(settings.variable(name)) then
        return from_environment(settings.variable(name)), "environment"
    end
    return from_site(of, procedure.id, declaration)
end

--- params(procedure, site, given, kept) -> {texts, references, sources}, by the parameters' names.
--- given: the texts of the command line. kept: of a run that is resumed, {params, sources}: its
--- parameters are what they were, and only secrets are given or looked for anew. references:
--- {reference, file}, to be read once there is a cluster. sources: "flag", "environment", "site
--- FILE:line", "user FILE:line", "system FILE:line", "default"; none for what nobody says.
function settings.params(procedure, of, given, kept)
    check_site_names(of, procedure)
    if kept then
        check_given_again(procedure, given)
    end
    local found = {texts = {}, references = {}, sources = {}}
    for name, text in pairs(given) do
        found.texts[name], found.sources[name] = text, "flag"
    end
    for _, declaration in ipairs(procedure.params) do
        local name = declaration.name
        if given[name] == nil then
            found.texts[name], found.sources[name], found.references[name] =
                look_up(procedure, of, declaration, kept)
        end
        if found.sources[name] == nil and declaration.default ~= nil then
            found.sources[name] = "default"
        end
    end
    check_stores(of, procedure, found)
    return found
end

--- values(procedure, found, incomplete) -> the checked values of what is known without a cluster |
--- nil, err. `incomplete`: nothing is missed.
function settings.values(procedure, found, incomplete)
    local later = found.references
    if incomplete then
        later = {}
        for _, declaration in ipairs(procedure.params) do
            later[declaration.name] = true
        end
    end
    return params.resolve(procedure.params, found.texts, {sources = found.sources, later = later})
end

--- target(procedure id, site, options) -> {context, kubeconfig, namespace}, sources. kubectl's own
--- $KUBECONFIG counts only where nobody names a kubeconfig. Raises Usage for what can be no
--- namespace.
function settings.target(id, of, options)
    local target, sources = {}, {}
    local function choose(name, ...)
        local from_flag, named = options[name], from_environment("SALVOR_" .. name:upper())
        if from_flag then
            target[name], sources[name] = from_flag, "flag"
        elseif named then
            target[name], sources[name] = named, "environment"
        else
            local value, source, layer = site.find(of, ...)
            target[name], sources[name] = value, source
            if value and name == "kubeconfig" then
                target[name] = layer.file:absolute(value)
            end
        end
    end
    choose("context", {"context"})
    choose("kubeconfig", {"kubeconfig"})
    choose("namespace", {"procedures", id, "namespace"}, {"namespace"})
    if target.namespace and not namespace.is_name(target.namespace) then
        usage("namespace '" .. target.namespace .. "' (" .. sources.namespace
            .. ") is not valid", "give " .. namespace.WANTED)
    end
    return target, sources
end

--- General parameters of the site's files that this procedure does not have: {name, source}.
function settings.unused(procedure, of)
    local known, unused, seen = {}, {}, {}
    for _, name in ipairs(names_of(procedure.params)) do
        known[name] = true
    end
    for _, layer in ipairs(of.layers) do
        for _, name in ipairs(salvor.keys(layer.value.params or {})) do
            if not known[name] and not seen[name] then
                seen[name] = true
                unused[#unused + 1] = {name = name,
                                       source = site.source(layer, {"params", name})}
            end
        end
    end
    return unused
end

return settings
