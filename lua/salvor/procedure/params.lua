--- Parameter types of procedures: text from the command line becomes a checked value.
local errors = require("salvor.error")
local fs = require("salvor.fs")

local params = {}

local DURATION = {s = 1, m = 60, h = 3600, d = 86400}
local SIZE = {[""] = 1, K = 2 ^ 10, M = 2 ^ 20, G = 2 ^ 30, T = 2 ^ 40}

--- Sums "1h30m" up in the units; nil when the text is anything else.
local function duration(text)
    local total, rest = 0, text
    while rest ~= "" do
        local number, unit, tail = rest:match("^(%d+)([smhd])(.*)$")
        if not number then
            return nil
        end
        total, rest = total + tonumber(number) * DURATION[unit], tail
    end
    return text ~= "" and total or nil
end

local function size(text)
    local number, unit = text:match("^(%d+)([KMGT]?)i?B?$")
    return number and math.tointeger(tonumber(number) * SIZE[unit])
end

local BOOLEAN = {["true"] = true, yes = true, ["false"] = false, no = false}

--- From the root, so that a run that is resumed in another folder means the same place; and "~/" is
--- home even where the shell has left it as it is.
local function to_path(text)
    local home = os.getenv("HOME")
    if text:match("^~/") and home then
        text = home .. text:sub(2)
    end
    return text ~= "" and fs.absolute(text) or nil
end

--- Each: text, declaration -> value, or nil and what would be right.
local types = {
    string = function(text)
        return text
    end,
    integer = function(text)
        return math.tointeger(tonumber(text)), "a whole number"
    end,
    boolean = function(text)
        return BOOLEAN[text], "true or false"
    end,
    duration = function(text)
        return duration(text), "a duration such as 90s, 10m, 24h or 7d"
    end,
    size = function(text)
        return size(text), "a size such as 500M or 2G"
    end,
    url = function(text)
        local is_url = text:match("^%a[%w+.-]*:/")
        return text:match("^%a[%w+.-]*://.+$") or not is_url and to_path(text) or nil,
            "a URL such as sftp://user@host/path, or a folder"
    end,
    path = function(text)
        return to_path(text), "a path"
    end,
    name = function(text)
        local valid = #text <= 253 and text:match("^[%l%d][%l%d.-]*$") and text:match("[%l%d]$")
        return valid and text or nil, "a Kubernetes name (a-z, 0-9, '-', '.')"
    end,
    enum = function(text, declaration)
        for _, allowed in ipairs(declaration.values) do
            if text == allowed then
                return text
            end
        end
        return nil, "one of " .. table.concat(declaration.values, ", ")
    end,
    list = function(text)
        local items = {}
        for item in text:gmatch("[^,]+") do
            items[#items + 1] = item
        end
        return items
    end,
    secret = function(text)
        require("salvor.secret").add(text)
        return text
    end,
}

params.types = types

local function find(declarations, name)
    for _, declaration in ipairs(declarations) do
        if declaration.name == name then
            return declaration
        end
    end
end

local function wrong(message, hint)
    return nil, errors.new({code = "Usage", message = message, hint = hint})
end

--- One value, from text; nil, err names the parameter and what would be right.
local function convert(declaration, text)
    local value, expected = types[declaration.type](text, declaration)
    if value == nil then
        local shown = declaration.type == "secret" and "" or " '" .. text .. "'"
        return wrong("parameter '" .. declaration.name .. "':" .. shown .. " is not valid",
            "give " .. expected)
    end
    return value
end

--- "name=value" texts as a map of texts.
function params.split(assignments)
    local given = {}
    for _, assignment in ipairs(assignments or {}) do
        local name, text = assignment:match("^([%w_]+)=(.*)$")
        if not name then
            return wrong("'" .. assignment .. "' is no parameter", "write -p name=value")
        end
        given[name] = text
    end
    return given
end

--- resolve(declarations, texts) -> values by name | nil, err. Unknown names, missing required ones
--- and wrong values are errors.
function params.resolve(declarations, texts)
    local values = {}
    for name in pairs(texts) do
        if not find(declarations, name) then
            local names = {}
            for _, declaration in ipairs(declarations) do
                names[#names + 1] = declaration.name
            end
            return wrong("unknown parameter '" .. name .. "'",
                "this procedure has: " .. table.concat(names, ", "))
        end
    end
    for _, declaration in ipairs(declarations) do
        local text = texts[declaration.name] or declaration.default
        if text ~= nil then
            local value, err = convert(declaration, tostring(text))
            if err then
                return nil, err
            end
            values[declaration.name] = value
        elseif declaration.required then
            return wrong("parameter '" .. declaration.name .. "' is missing: " .. declaration.help,
                "add -p " .. declaration.name .. "=…")
        end
    end
    return values
end

return params
