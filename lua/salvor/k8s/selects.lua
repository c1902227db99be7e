--- Whether selectors select an object, as a server decides it: for objects that no server has yet.
local dig = require("salvor").dig

-- Commas within a term, out of the way while the terms are taken apart.
local function terms_of(text)
    local terms = {}
    for term in (text or ""):gsub("%b()", function(set)
        return (set:gsub(",", " "))
    end):gmatch("[^,]+") do
        terms[#terms + 1] = term:match("^%s*(.-)%s*$")
    end
    return terms
end

local function is_one_of(words, value)
    for word in words:gmatch("%S+") do
        if word == value then
            return true
        end
    end
    return false
end

--- One requirement of a label selector. What is not equal, or not in a set, may be missing as well.
local function label_holds(term, labels)
    local key, operator, set = term:match("^(%S+)%s+(%a+)%s*%((.*)%)$")
    if key then
        return is_one_of(set, labels[key]) == (operator == "in")
    elseif term:sub(1, 1) == "!" and not term:find("=", 1, true) then
        return labels[term:match("^!%s*(.*)$")] == nil
    end
    local name, relation, wanted = term:match("^([^%s!=]+)%s*(!?=?=)%s*(.*)$")
    if name then
        return (labels[name] == wanted) == (relation ~= "!=")
    end
    return labels[term] ~= nil
end

--- One requirement of a field selector; a field that is missing is empty.
local function field_holds(term, object)
    local path, relation, wanted = term:match("^([^!=]+)(!?=?=)(.*)$")
    local parts = {}
    for part in (path or ""):gmatch("[^.]+") do
        parts[#parts + 1] = part
    end
    local value = dig(object, table.unpack(parts))
    return (tostring(value == nil and "" or value) == wanted) == (relation ~= "!=")
end

local function all_hold(holds, text, of)
    for _, term in ipairs(terms_of(text)) do
        if not holds(term, of) then
            return false
        end
    end
    return true
end

--- selects(query, object) -> boolean. query: labelSelector and fieldSelector as a request has them.
return function(query, object)
    query = query or {}
    return all_hold(label_holds, query.labelSelector, dig(object, "metadata", "labels") or {})
        and all_hold(field_holds, query.fieldSelector, object)
end
