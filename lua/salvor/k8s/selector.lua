--- Label and field selectors, from what a script gives: a text as kubectl takes it, a list of such
--- terms ({"tier in (a,b)", "!canary"}), a map ({app = "db", tier = {"a", "b"}}), or both in one.
local selector = {}

local NAME = "^%w[%w._-]*$"

--- The name of a label, with or without a prefix: "app", "app.kubernetes.io/name".
local function is_label(key)
    local prefix, name = key:match("^([^/]+)/([^/]+)$")
    return (not prefix or prefix:find(NAME) ~= nil) and (name or key):find(NAME) ~= nil
end

local function is_label_value(text)
    return text == "" or (#text <= 63 and text:find(NAME) ~= nil)
end

local function label_value(key, value)
    local text = tostring(value)
    if type(value) == "table" or type(value) == "function" or not is_label_value(text) then
        return nil, string.format("'%s' is not the value of a label (of '%s')", text, key)
    end
    return text
end

--- key = value, or one of several values.
local function label_term(key, wanted)
    if not is_label(key) then
        return nil, string.format("'%s' is not the name of a label", key)
    elseif type(wanted) ~= "table" then
        local text, problem = label_value(key, wanted)
        return text and key .. "=" .. text, problem
    end
    local values = {}
    for index, value in ipairs(wanted) do
        local text, problem = label_value(key, value)
        if not text then
            return nil, problem
        end
        values[index] = text
    end
    if not values[1] then
        return nil, string.format("'%s' has no values to choose from", key)
    end
    return string.format("%s in (%s)", key, table.concat(values, ","))
end

local function field_term(key, wanted)
    if key == "" or key:find("[=!,%s]") then
        return nil, string.format("'%s' is not the path of a field", key)
    elseif type(wanted) == "table" then
        return nil, string.format("'%s' must be one value: fields know no sets", key)
    end
    return key .. "=" .. tostring(wanted):gsub("[\\,=]", "\\%0")
end

local function build(wanted, make_term)
    if type(wanted) ~= "table" then
        return wanted
    end
    local terms = {}
    for key, value in pairs(wanted) do
        local term, problem
        if type(key) == "string" then
            term, problem = make_term(key, value)
        elseif math.type(key) and type(value) == "string" and value:find("%S") then
            term = value
        else
            problem = string.format("term %s must be a text such as 'app=db'", tostring(key))
        end
        if not term then
            return nil, problem
        end
        terms[#terms + 1] = term
    end
    table.sort(terms)
    return table.concat(terms, ",")
end

--- The text of a label selector; nil and what is wrong with it. What a text says the server checks.
function selector.label(wanted)
    return build(wanted, label_term)
end

--- The same for fields, which can only be equal or not equal.
function selector.field(wanted)
    return build(wanted, field_term)
end

--- Both of two field selectors in any form; either may be nil.
function selector.both_fields(one, other)
    local terms = {selector.field(one)}
    terms[#terms + 1] = selector.field(other)
    return terms[1] and table.concat(terms, ",")
end

return selector
