--- Checks of arguments. Misuse raises, at the line of the script that called the method.
local check = {}

-- Frames between error() and the script: the check itself and the method.
local SCRIPT = 3

--- Raises unless every key of `opts` (nil is fine) is one of `names`, a set; returns the table.
function check.options(opts, names, what)
    if opts == nil then
        return {}
    end
    if type(opts) ~= "table" then
        error(string.format("%s: options must be a table, got %s", what, type(opts)), SCRIPT)
    end
    for key, value in pairs(opts) do
        local expected = names[key]
        if not expected then
            error(string.format("%s: unknown option '%s'", what, tostring(key)), SCRIPT)
        end
        if type(expected) == "string" and not expected:find(type(value), 1, true) then
            error(string.format("%s: option '%s' must be a %s, got %s", what, key,
                expected:gsub("|", " or "), type(value)), SCRIPT)
        end
        if value == "" then
            error(string.format("%s: option '%s' is empty", what, key), SCRIPT)
        end
    end
    return opts
end

--- One of the words in `choices`; `fallback` when absent.
function check.choice(value, choices, fallback, option, what)
    if value == nil then
        return fallback
    end
    local chosen = choices[value]
    if not chosen then
        local words = {}
        for word in pairs(choices) do
            words[#words + 1] = word
        end
        table.sort(words)
        error(string.format("%s: option '%s' must be one of %s", what, option,
            table.concat(words, ", ")), SCRIPT)
    end
    return chosen
end

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

return check
