--- Names of Lua: variables, fields, methods, keywords and the options of a call.
local environment = require("salvor.prompt.environment")
local objects = require("salvor.prompt.complete.objects")
local page = require("salvor.prompt.page")
local reference = require("salvor.reference")

local names = {}

local KEYWORDS = {"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto",
                  "if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true",
                  "until", "while"}

local function sorted(found)
    local items = {}
    for name, item in pairs(found) do
        item.text = name
        items[#items + 1] = item
    end
    table.sort(items, function(one, other)
        return one.text < other.text
    end)
    return items
end

local function is_name(key)
    return type(key) == "string" and key:find("^[%a_][%w_]*$") ~= nil
end

--- Functions are completed with their parenthesis.
local function suffix_of(v)
    return type(v) == "function" and "(" or nil
end

local function add_fields(found, v)
    local depth = 0
    while type(v) == "table" and depth < 10 do
        for key, field in next, v do
            if is_name(key) and not key:find("^_") and not found[key] then
                found[key] = {suffix = suffix_of(field)}
            end
        end
        local metatable = debug.getmetatable(v)
        v = type(metatable) == "table" and rawget(metatable, "__index") or nil
        depth = depth + 1
    end
end

local function add_members(found, owner)
    for _, entry in ipairs(owner and reference.members(owner) or {}) do
        found[entry.method] = {label = entry.signature:match("[.:](.*)$"), suffix = "(",
                               detail = page.first_sentence(entry.text)}
    end
end

--- Behind "value." or "value:".
local function members(chain)
    local separator = chain[#chain]
    local receiver = table.move(chain, 1, #chain - 1, 1, {})
    local v = objects.value(receiver)
    local found = {}
    if type(v) == "string" then
        v = string
    end
    add_fields(found, v)
    add_members(found, objects.owner(receiver, v))
    if separator == ":" then
        for name, item in pairs(found) do
            found[name] = item.suffix and item or nil
        end
    end
    return sorted(found)
end

local function variables()
    local found = {}
    for _, keyword in ipairs(KEYWORDS) do
        found[keyword] = {}
    end
    for _, module in ipairs(environment.MODULES) do
        found[module] = {}
    end
    found.c = {}
    add_fields(found, _G)
    return sorted(found)
end

--- Names of the options that the call takes as its argument of that number.
local function options(call)
    local entry = objects.entry(call.chain)
    local param = entry and entry.params[call.number]
    local items = {}
    for _, field in ipairs(param and reference.fields(param.type) or {}) do
        items[#items + 1] = {text = field.name, suffix = " = ",
                             detail = field.type .. (field.text ~= "" and "  " .. field.text or "")}
    end
    return items
end

function names.items(_, where)
    if where.kind ~= "name" then
        return {}
    elseif where.chain[1] then
        return members(where.chain)
    elseif where.call and where.call.option == true then
        return options(where.call)
    end
    return variables()
end

return names
