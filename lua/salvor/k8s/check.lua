--- Checks of arguments. Misuse raises, at the line of the script that called the method.
local general = require("salvor.check")
local selector = require("salvor.k8s.selector")

local check = {options = general.options, choice = general.choice}

local VERSION_MATCHES = {exact = "Exact", not_older_than = "NotOlderThan"}

local VALIDATIONS = {strict = "Strict", warn = "Warn", ignore = "Ignore"}

-- Frames between error() and the script: the check itself and the method.
local SCRIPT = 3

--- The name of an object. An empty one would make a request for the whole collection, "." and ".."
--- one for another path.
function check.name(name, what)
    if type(name) ~= "string" or name == "" or name == "." or name == ".."
        or name:find("[/%%]") then
        error(string.format("%s: %s is not the name of an object", what,
            type(name) == "string" and "'" .. name .. "'" or type(name)), SCRIPT)
    end
    return name
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

--- A number of things, at least `least`.
function check.count(value, name, what, least)
    if math.type(value) ~= "integer" or value < least then
        error(string.format("%s: %s must be a whole number of at least %d, got %s", what, name,
            least, tostring(value)), SCRIPT)
    end
    return value
end

return check
