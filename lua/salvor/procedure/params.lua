--- Parameter types of procedures: text from the command line becomes a checked value.
local errors = require("salvor.error")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local suggest = require("salvor.suggest")
local urls = require("salvor.store.url")

local params = {}

local LONGEST_NUMBER = 12 -- digits

local DURATION = {s = 1, m = 60, h = 3600, d = 86400}
local SIZE = {[""] = 1, K = 2 ^ 10, M = 2 ^ 20, G = 2 ^ 30, T = 2 ^ 40}

--- A list as one text, which means the same wherever a parameter is given: items between commas, a
--- comma or backslash within one behind a backslash.
function params.list_text(items)
    local texts = {}
    for index, item in ipairs(items) do
        texts[index] = item:gsub("[\\,]", "\\%0")
    end
    return table.concat(texts, ",")
end

-- No text that is given has a zero byte.
local HIDDEN, SHOWN = {[","] = "\0c", ["\\"] = "\0b"}, {c = ",", b = "\\"}

--- The items of such a text, empty ones left out. Before anything else a backslash is itself.
local function split(text)
    local items = {}
    for item in text:gsub("\\([\\,])", HIDDEN):gmatch("[^,]+") do
        items[#items + 1] = item:gsub("\0(.)", SHOWN)
    end
    return items
end

--- Sums "1h30m" up in the units; nil when the text is anything else.
local function duration(text)
    local total, rest = 0, text
    while rest ~= "" do
        local number, unit, tail = rest:match("^(%d+)([smhd])(.*)$")
        if not number or #number > LONGEST_NUMBER then
            return nil
        end
        total, rest = total + tonumber(number) * DURATION[unit], tail
    end
    return text ~= "" and total or nil
end

local function size(text)
    local number, unit = text:match("^(%d+)([KMGT]?)i?B?$")
    return number and math.tointeger(tonumber(number) * SIZE[unit]) or nil
end

local BOOLEAN = {["true"] = true, yes = true, ["false"] = false, no = false}

--- From the root, so that a run that is resumed in another folder means the same place; and "~/" is
--- home even where the shell has left it as it is.
local function to_path(text)
    return text ~= "" and fs.absolute(folders.expand_home(text)) or nil
end

local URL = "a URL such as s3://bucket/prefix or sftp://user@host/path, a folder, or @NAME for a "
    .. "store of the site file"

--- A store of the site ("@NAME/below"), a URL, or a folder. What stands in a URL is seen by others.
local function to_url(text)
    if text:match("^@") then
        return text:match("^@%w[%w_.-]*$") or text:match("^@%w[%w_.-]*/.*$"), URL
    elseif not text:match("^%a[%w+.-]*:/") then
        return urls.parse(text) and to_path(text), URL
    elseif urls.mask(text) ~= text then
        return nil, "it without a password, which belongs to the credentials of a named store"
    end
    return text:match("^%a[%w+.-]*://.+$"), URL
end

--- Each: text, declaration -> value, or nil and what would be right.
local types = {
    string = function(text)
        return text
    end,
    integer = function(text)
        return text:match("^[+-]?%d+$") and math.tointeger(tonumber(text)), "a whole number"
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
        return to_url(text)
    end,
    path = function(text)
        return to_path(text), "a path"
    end,
    program = function(text)
        return text:find("/", 1, true) and to_path(text) or text ~= "" and text or nil,
            "the name of a program, or its path"
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
        return type(text) == "table" and table.move(text, 1, #text, 1, {}) or split(text)
    end,
    secret = function(text)
        if text == "" then
            return nil, "a value that is not empty"
        end
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

--- What may be seen of a value that is wrong.
local function shown(declaration, text)
    if declaration.type == "secret" then
        return ""
    elseif type(text) == "table" then
        return " a list"
    end
    return " '" .. (declaration.type == "url" and urls.mask(text) or text) .. "'"
end

--- The error for what has to be given and was not.
local function missing_error(missing)
    local first = missing[1]
    if #missing == 1 then
        return wrong("parameter '" .. first.name .. "' is missing: " .. first.help,
            "add -p " .. first.name .. "=…")
    end
    local told, options = {}, {}
    for index, declaration in ipairs(missing) do
        told[index] = "'" .. declaration.name .. "' (" .. declaration.help .. ")"
        options[index] = "-p " .. declaration.name .. "=…"
    end
    return wrong("parameters are missing: " .. table.concat(told, ", "),
        "add " .. table.concat(options, " "))
end

--- One value, from text; nil, err names the parameter and what would be right.
local function convert(declaration, text, source)
    local value, expected
    if type(text) == "string" or declaration.type == "list" then
        value, expected = types[declaration.type](text, declaration)
    else
        expected = "one value"
    end
    if value == nil then
        local from = source and source ~= "flag" and source ~= "default" and " (" .. source .. ")"
        return wrong("parameter '" .. declaration.name .. "':" .. shown(declaration, text)
            .. " is not valid" .. (from or ""), "give " .. expected)
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
        elseif given[name] then
            return wrong("parameter '" .. name .. "' is given twice", "one -p for each parameter")
        end
        given[name] = text
    end
    return given
end

local function check_names(declarations, texts)
    for name in pairs(texts) do
        if not find(declarations, name) then
            local names = {}
            for index, declaration in ipairs(declarations) do
                names[index] = declaration.name
            end
            return wrong("unknown parameter '" .. name .. "'",
                suggest.hint(name, names, "this procedure has"))
        end
    end
    return true
end

--- resolve(declarations, texts, {sources =, later =}) -> values by name | nil, err. Unknown names,
--- missing required ones and wrong values are errors. `sources` say who gave a text; `later` has
--- the names of those whose value comes later.
function params.resolve(declarations, texts, options)
    local sources, later = (options or {}).sources or {}, (options or {}).later or {}
    local known, problem = check_names(declarations, texts)
    if not known then
        return nil, problem
    end
    local values, missing = {}, {}
    for _, declaration in ipairs(declarations) do
        local name = declaration.name
        local text = texts[name] or declaration.default
        if type(text) == "number" or type(text) == "boolean" then
            text = tostring(text)
        end
        if text ~= nil then
            local value, err = convert(declaration, text, sources[name])
            if err then
                return nil, err
            end
            values[name] = value
        elseif declaration.required and not later[name] then
            missing[#missing + 1] = declaration
        end
    end
    if missing[1] then
        return missing_error(missing)
    end
    return values
end

return params
