--- Checks of arguments. Misuse raises, at the line of the script that called the method.
local general = require("salvor.check")
local salvor = require("salvor")
local selector = require("salvor.k8s.selector")

local check = {choice = general.choice, command = general.command}

local VERSION_MATCHES = {exact = "Exact", not_older_than = "NotOlderThan"}

local VALIDATIONS = {strict = "Strict", warn = "Warn", ignore = "Ignore"}

-- Frames between error() and the script: the check itself and the method.
local SCRIPT = 3

--- What is wrong with the name of an object; nil when nothing is. An empty one would make a request
--- for the whole collection, "." and ".." one for another path.
function check.name_problem(name)
    if type(name) ~= "string" or name == "" or name == "." or name == ".."
        or name:find("[/%%]") then
        return string.format("%s is not the name of an object",
            type(name) == "string" and "'" .. name .. "'" or type(name))
    end
    return nil
end

function check.name(name, what)
    local problem = check.name_problem(name)
    if problem then
        error(what .. ": " .. problem, SCRIPT)
    end
    return name
end

--- As salvor.check has it; the namespace becomes part of a path too.
function check.options(opts, names, what)
    opts = general.options(opts, names, what, 1)
    local problem = opts.namespace and check.name_problem(opts.namespace)
    if problem then
        error(string.format("%s: option 'namespace': %s", what, problem), SCRIPT)
    end
    return opts
end

function check.kind(kind, what)
    if type(kind) ~= "string" or kind == "" then
        error(string.format("%s: kind must be a string such as 'pods', got %s", what,
            kind == "" and "an empty one" or type(kind)), SCRIPT)
    end
    return kind
end

--- An object to write: a table with apiVersion, kind and metadata.
function check.object(object, what)
    if type(object) ~= "table" then
        error(string.format("%s: an object (table) expected, got %s", what, type(object)), SCRIPT)
    end
    for _, field in ipairs({"apiVersion", "kind"}) do
        if type(object[field]) ~= "string" then
            error(string.format("%s: the object has no %s", what, field), SCRIPT)
        end
    end
    if type(object.metadata) ~= "table" then
        error(string.format("%s: the object has no metadata", what), SCRIPT)
    end
    local namespace = object.metadata.namespace
    local problem = namespace ~= nil and namespace ~= "" and namespace ~= salvor.null
        and check.name_problem(namespace)
    if problem then
        error(string.format("%s: metadata.namespace: %s", what, problem), SCRIPT)
    end
    return object
end

--- label_selector and field_selector of `opts`.
function check.selectors(opts, what)
    for option, build in pairs({label_selector = selector.label,
                                field_selector = selector.field}) do
        local text, problem = build(opts[option])
        if problem then
            error(string.format("%s: option '%s': %s", what, option, problem), SCRIPT)
        elseif text and not text:find("%S") then
            error(string.format("%s: option '%s' is empty", what, option), SCRIPT)
        end
    end
end

--- resource_version and resource_version_match of `opts`; returns what the match is in a query. A
--- version alone is not older than, as in a list without pages: ours has pages, where the server
--- would take it for exact.
function check.version(opts, what)
    local version = opts.resource_version
    local match = general.choice(opts.resource_version_match, VERSION_MATCHES, nil,
        "resource_version_match", what, 1)
    if match and not version then
        error(what .. ": option 'resource_version_match' needs 'resource_version'", SCRIPT)
    elseif match == "Exact" and version == "0" then
        error(what .. ": no version is exactly '0', which means any", SCRIPT)
    end
    return match or (version and version ~= "0" and "NotOlderThan") or nil
end

--- field_manager, as servers take it, and field_validation of `opts`: what they are in a query. A
--- server older than 1.25 ignores fieldValidation.
function check.write_query(opts, what)
    local name = opts.field_manager
    if name and (#name > 128 or not utf8.len(name) or name:find("%c")
        or name:find("\xC2[\x80-\x9F]")) then
        error(what .. ": option 'field_manager' must be at most 128 printable bytes", SCRIPT)
    end
    return {
        fieldManager = name,
        fieldValidation = general.choice(opts.field_validation, VALIDATIONS, nil,
            "field_validation", what, 1),
    }
end

function check.subresource(name, what)
    if name and not name:find("^[%w-]+$") then
        error(string.format("%s: '%s' is not the name of a subresource", what, name), SCRIPT)
    end
end

--- A number of things, at least `least`. `depth` as in salvor.check.
function check.count(value, name, what, least, depth)
    if math.type(value) ~= "integer" or value < least then
        error(string.format("%s: %s must be a whole number of at least %d, got %s", what, name,
            least, tostring(value)), SCRIPT + (depth or 0))
    end
    return value
end

--- The same for options that may be absent; `least`: of each by its name.
function check.counts(opts, least, what)
    for name, lowest in pairs(least) do
        if opts[name] ~= nil then
            check.count(opts[name], "option '" .. name .. "'", what, lowest, 1)
        end
    end
end

return check
