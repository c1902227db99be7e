--- Checks of arguments. Misuse raises, at the line of the script that called the method.
local general = require("salvor.check")

local check = {options = general.options, choice = general.choice}

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

return check
