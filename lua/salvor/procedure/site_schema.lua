--- What may stand in a site file. Whatever else does is an error with its place and the right word.
local keys = require("salvor").keys
local namespaces = require("salvor.k8s.namespace")
local open = require("salvor.store.open")
local suggest = require("salvor.suggest")
local types = require("salvor.procedure.params").types
local urls = require("salvor.store.url")
local value = require("salvor.value")

local schema = {}

local PLAIN_HINT = "name where it is kept: {env: NAME}, {file: PATH} or {secret: NAME}"

local function below(path, key)
    local longer = table.move(path, 1, #path, 1, {})
    longer[#longer + 1] = key
    return longer
end

local function is_mapping(v)
    return type(v) == "table" and (next(v) == nil or not value.is_list(v))
end

local function is_list(v)
    return type(v) == "table" and (next(v) == nil or value.is_list(v))
end

local function expect(file, path, wanted, hint)
    local last = path[#path]
    local name = not last and "the file" or math.type(last) and "entry " .. last
        or "'" .. last .. "'"
    file:fail(path, name .. " must be " .. wanted, hint)
end

--- Raises for what YAML does not take for a text: 1.10 is a number, `no` a boolean.
function schema.text(file, path, v)
    if type(v) ~= "string" then
        expect(file, path, "a text", (type(v) == "number" or type(v) == "boolean")
            and "YAML reads a " .. type(v) .. " there; put it in quotes" or nil)
    end
end

local function boolean(file, path, v)
    if type(v) ~= "boolean" then
        expect(file, path, "true or false")
    end
end

--- Sizes, seconds, counts.
local function number(file, path, v)
    if type(v) ~= "number" or v < 0 then
        expect(file, path, "a number from 0")
    end
end

--- A text that is not empty.
local function text(file, path, v)
    schema.text(file, path, v)
    if v == "" then
        expect(file, path, "a text")
    end
end

--- The name of a Kubernetes object.
local function object_name(file, path, v)
    schema.text(file, path, v)
    local name, wanted = types.name(v)
    if not name then
        expect(file, path, wanted)
    end
end

local function namespace(file, path, v)
    schema.text(file, path, v)
    if not namespaces.is_name(v) then
        expect(file, path, namespaces.WANTED)
    end
end

local SCALARS = {string = text, boolean = boolean, number = number}

--- A mapping with these keys, each with its check; `required` names those that must be there.
local function record(fields, required)
    local names = keys(fields)
    return function(file, path, v)
        if not is_mapping(v) then
            expect(file, path, "a mapping of " .. table.concat(names, ", "))
        end
        for _, key in ipairs(keys(v)) do
            if not fields[key] then
                file:fail(below(path, key), "unknown key '" .. key .. "'",
                    suggest.hint(key, names, "known here"))
            end
            fields[key](file, below(path, key), v[key])
        end
        for _, key in ipairs(required or {}) do
            if v[key] == nil then
                file:fail(path, "'" .. key .. "' is missing here")
            end
        end
    end
end

--- A mapping whose keys are names that match the pattern.
local function map(pattern, what, check)
    return function(file, path, v)
        if not is_mapping(v) then
            expect(file, path, "a mapping of " .. what)
        end
        for _, key in ipairs(keys(v)) do
            if not key:match(pattern) then
                file:fail(below(path, key), "'" .. key .. "' cannot be one of " .. what)
            end
            check(file, below(path, key), v[key])
        end
    end
end

local function list(what, check)
    return function(file, path, v)
        if not is_list(v) then
            expect(file, path, "a list of " .. what)
        end
        for index, item in ipairs(v) do
            check(file, below(path, index), item)
        end
    end
end

local reference = record({env = text, file = text, secret = object_name, namespace = namespace,
                          key = text})

--- {env: NAME}, {file: PATH} or {secret: NAME, namespace: NAME, key: NAME}
function schema.reference(file, path, v)
    if not is_mapping(v) then
        file:fail(path, "'" .. path[#path] .. "' is a secret, and its value must not stand in a"
            .. " site file", PLAIN_HINT)
    end
    reference(file, path, v)
    local kinds = 0
    for _, kind in ipairs({"env", "file", "secret"}) do
        kinds = kinds + (v[kind] and 1 or 0)
    end
    if kinds ~= 1 then
        file:fail(path, "one of env, file and secret is needed", PLAIN_HINT)
    elseif not v.secret and (v.namespace or v.key) then
        file:fail(path, "namespace and key belong to a secret", PLAIN_HINT)
    end
end

--- What a parameter may have; of which type it is only the procedure knows.
local function param(file, path, v)
    if type(v) == "table" and not is_list(v) then
        return schema.reference(file, path, v)
    elseif is_list(v) then
        for index, item in ipairs(v) do
            schema.text(file, below(path, index), item)
        end
    elseif v == require("salvor").null then
        file:fail(path, "'" .. path[#path] .. "' has no value", "leave it out, or write \"\"")
    end
end

local params = map("^[%w_]+$", "parameters", param)

local HOOK_KINDS = {"before", "after", "instead", "skip"}

local hook_fields = record({before = text, after = text, instead = text, skip = text, run = text,
                            because = text})

local function hook(file, path, v)
    hook_fields(file, path, v)
    local kind
    for _, name in ipairs(HOOK_KINDS) do
        if v[name] and kind then
            file:fail(below(path, name), "a hook is one of before, after, instead and skip")
        end
        kind = v[name] and name or kind
    end
    if not kind then
        file:fail(path, "a hook names a step: before, after, instead or skip")
    end
    local needed, other = "run", "because"
    if kind == "skip" then
        needed, other = other, needed
    end
    if not v[needed] then
        file:fail(path, "'" .. needed .. "' is missing here", kind == "skip"
            and "say why the step is left out" or "name a file in the folder of scripts")
    elseif v[other] then
        file:fail(below(path, other), "'" .. other .. "' does not belong to " .. kind)
    end
end

-- Stores

local function check_url(file, path, url)
    text(file, path, url)
    local location, err = urls.parse(url)
    if not location then
        file:fail(path, err.message, err.hint)
    elseif url:sub(1, 1) == "@" then
        file:fail(path, "a store is not another store", "give its URL; a folder whose name begins"
            .. " with @ is ./" .. url)
    elseif location.password then
        file:fail(path, "a password must not stand in the URL", "give it as credentials: "
            .. "{password: {env: NAME}}, {password: {file: PATH}} or {secret: NAME}")
    end
    local settings, credentials = open.known(location)
    if not settings then
        file:fail(path, credentials.message, credentials.hint)
    end
    return settings, credentials
end

local function check_options(file, path, options, settings, credentials)
    for _, name in ipairs(keys(options)) do
        local at = below(path, name)
        if credentials[name] then
            file:fail(at, "'" .. name .. "' is a credential", "put it below credentials; "
                .. PLAIN_HINT)
        elseif not settings[name] then
            file:fail(at, "unknown option '" .. name .. "'",
                suggest.hint(name, keys(settings), "this kind of store knows"))
        end
        SCALARS[settings[name]](file, at, options[name])
    end
end

local SECRET = record({secret = object_name, namespace = namespace})

local function check_credentials(file, path, given, known)
    if given.secret then
        if not known.secret then
            file:fail(below(path, "secret"), "this kind of store takes no Secret")
        end
        return SECRET(file, path, given)
    end
    local names = keys(known)
    for _, name in ipairs(keys(given)) do
        if not known[name] then
            file:fail(below(path, name), "unknown credential '" .. name .. "'",
                suggest.hint(name, names, "this kind of store knows"))
        end
        schema.reference(file, below(path, name), given[name])
    end
end

local store_fields = record({
    url = function() end,
    options = map("", "options", function() end),
    credentials = map("", "credentials", function() end),
}, {"url"})

local function store(file, path, v)
    store_fields(file, path, v)
    local settings, credentials = check_url(file, below(path, "url"), v.url)
    check_options(file, below(path, "options"), v.options or {}, settings, credentials)
    check_credentials(file, below(path, "credentials"), v.credentials or {}, credentials)
end

local procedure = record({params = params, namespace = namespace, hooks = list("hooks", hook)})

local site = record({
    name = text,
    production = boolean,
    context = text,
    kubeconfig = text,
    namespace = namespace,
    scripts = text,
    params = params,
    procedures = map("^[%w][%w-]*/[%w][%w-]*$", "procedures", procedure),
    stores = map("^[%w][%w_.-]*$", "stores", store),
})

--- "\\0" in quotes is YAML, but no path, name or variable has such a byte.
local function check_bytes(file, path, v)
    if type(v) == "string" and v:find("\0", 1, true) then
        expect(file, path, "a text without a zero byte")
    end
    for key, child in pairs(type(v) == "table" and v or {}) do
        check_bytes(file, below(path, key), child)
    end
end

--- check(file) -> file; raises Usage with the place of the first mistake.
function schema.check(file)
    site(file, {}, file.value)
    check_bytes(file, {}, file.value)
    return file
end

return schema
