--- Checks of arguments that modules written in Lua share. Misuse raises, at the line of the script
--- that called the function.
local salvor = require("salvor")

local check = {}

-- Frames between error() and the script: the check itself and the method.
local SCRIPT = 3

--- Raises unless every key of `opts` (nil is fine) is one of `names`, where it has the types of its
--- value ("string|number") or true for any; returns the table. An empty string is no value of an
--- option that has a type, and what is no number (nan) is none. `depth`: the functions between the
--- method and this one, none when nil.
function check.options(opts, names, what, depth)
    local script = SCRIPT + (depth or 0)
    if opts == nil then
        return {}
    end
    if type(opts) ~= "table" then
        error(string.format("%s: options must be a table, got %s", what, type(opts)), script)
    end
    for key, value in pairs(opts) do
        local expected = names[key]
        if not expected then
            error(string.format("%s: unknown option '%s'; known are %s", what, tostring(key),
                table.concat(salvor.keys(names), ", ")), script)
        end
        if type(expected) == "string" and not expected:find(type(value), 1, true) then
            error(string.format("%s: option '%s' must be a %s, got %s", what, key,
                expected:gsub("|", " or "), type(value)), script)
        end
        if value == "" and expected ~= true then
            error(string.format("%s: option '%s' is empty", what, key), script)
        elseif value ~= value then
            error(string.format("%s: option '%s' is not a number", what, key), script)
        end
    end
    return opts
end

--- Raises unless `argv` is a list of texts with at least one.
function check.command(argv, what)
    if type(argv) ~= "table" or #argv == 0 then
        error(what .. ": a command as a list expected, such as {\"ls\", \"-l\"}; got "
            .. (type(argv) == "table" and "an empty one" or type(argv)), SCRIPT)
    end
    for number, word in ipairs(argv) do
        if type(word) ~= "string" then
            error(string.format("%s: word %d of the command is a %s", what, number, type(word)),
                SCRIPT)
        end
    end
end

--- Raises unless the value is of that type, or of one of "string|number".
function check.type(value, expected, what)
    if not expected:find(type(value), 1, true) then
        error(string.format("%s: %s expected, got %s", what, expected:gsub("|", " or "),
            type(value)), SCRIPT)
    end
end

--- One of the words in `choices`; `fallback` when absent. `depth` as above.
function check.choice(value, choices, fallback, option, what, depth)
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
            table.concat(words, ", ")), SCRIPT + (depth or 0))
    end
    return chosen
end

return check
