--- Names of Lua: variables, fields, methods, keywords and the options of a call.
local environment = require("salvor.prompt.environment")
local lexer = require("salvor.prompt.lexer")
local objects = require("salvor.prompt.complete.objects")
local help_pages = require("salvor.prompt.help_pages")
local reference = require("salvor.reference")

local names = {}

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
    return type(key) == "string" and key:find("^%a[%w_]*$") and not lexer.is_keyword(key)
end

--- Functions are completed with their parenthesis.
local function suffix_of(v)
    return type(v) == "function" and "(" or nil
end

local function add_fields(found, v)
    for _, layer in ipairs(objects.layers(v)) do
        for key, field in next, layer do
            if is_name(key) and not found[key] then
                found[key] = {suffix = suffix_of(field)}
            end
        end
    end
end

local function add_members(found, owner)
    for _, field in ipairs(reference.fields(owner)) do
        found[field.name] = {detail = field.type}
    end
    for _, entry in ipairs(reference.members(owner)) do
        found[entry.method] = {label = entry.signature:match("[.:](.*)$"), suffix = "(",
                               detail = help_pages.first_sentence(entry.text)}
    end
end

--- Behind "value." or "value:".
local function members(chain)
    local receiver = table.move(chain, 1, #chain - 1, 1, {})
    local found, owner = {}, objects.owner(receiver)
    add_fields(found, objects.value(receiver))
    if owner then
        add_members(found, owner)
    end
    if chain[#chain] == ":" then
        for name, item in pairs(found) do
            found[name] = item.suffix and item or nil
        end
    end
    return sorted(found)
end

local function variables()
    local found = {c = {}}
    for _, keyword in ipairs(lexer.KEYWORDS) do
        found[keyword] = {}
    end
    for _, module in ipairs(environment.MODULES) do
        found[module] = {}
    end
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

--- True and false, where they are meant: the option or parameter is one of them, and the text may
--- become one.
local function booleans(where)
    local declared = where.call and objects.declaration(where.call)
    local items = {}
    for _, text in ipairs(declared and declared.type == "boolean" and {"false", "true"} or {}) do
        items[#items + 1] = text:sub(1, #where.prefix) == where.prefix and {text = text} or nil
    end
    return items
end

--- items(where) -> list of {text, label, suffix, detail}; `where` is a place of names.
function names.items(where)
    if where.chain[1] then
        return members(where.chain)
    elseif where.call and where.call.option == true then
        return options(where.call)
    end
    local items = booleans(where)
    return items[1] and items or variables()
end

return names
