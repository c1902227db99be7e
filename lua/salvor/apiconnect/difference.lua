--- How a resource differs from what a recovery needs it to be, and how it is changed: the object,
--- a merge patch, or the operator's file in place. A difference is {path (a list of keys and
--- indices), before (nil: not set), after (nil: not to be set)}.
local copy = require("salvor.copy")
local dig = require("salvor").dig
local errors = require("salvor.error")
local salvor = require("salvor")
local yaml = require("salvor.yaml")

local difference = {}

--- at(path, key, ...) -> the path with these keys behind it.
function difference.at(path, ...)
    local longer = table.move(path, 1, #path, 1, {})
    return table.move({...}, 1, select("#", ...), #longer + 1, longer)
end

--- want(list, object, path, value): adds a difference unless the object has that value there; nil
--- is no wish.
function difference.want(list, object, path, value)
    local before = dig(object, table.unpack(path))
    if value ~= nil and before ~= value then
        list[#list + 1] = {path = path, before = before, after = value}
    end
end

local function path_text(path)
    local text = {}
    for index, key in ipairs(path) do
        if math.type(key) then
            text[#text + 1] = "[" .. key - 1 .. "]"
        else
            text[index] = (index > 1 and "." or "") .. key
        end
    end
    return table.concat(text)
end

local function value_text(value)
    return value == nil and "(not set)" or tostring(value)
end

--- "spec.siteName: a -> b"
function difference.describe(one)
    return string.format("%s: %s -> %s", path_text(one.path), value_text(one.before),
        value_text(one.after))
end

--- changes(differences) -> the same as a plan shows them.
function difference.changes(differences)
    local list = salvor.list()
    for index, one in ipairs(differences) do
        list[index] = {
            op = one.before == nil and "+" or one.after == nil and "-" or "~",
            path = path_text(one.path),
            before = one.before ~= nil and tostring(one.before) or nil,
            after = one.after ~= nil and tostring(one.after) or nil,
        }
    end
    return list
end

--- changed(object, differences) -> a copy of the object with them.
function difference.changed(object, differences)
    local result = copy.deep(object)
    for _, one in ipairs(differences) do
        local place, path = result, one.path
        for index = 1, #path - 1 do
            if type(place[path[index]]) ~= "table" then
                place[path[index]] = {}
            end
            place = place[path[index]]
        end
        place[path[#path]] = one.after
    end
    return result
end

--- patch(object, differences) -> a merge patch; lists go as a whole.
function difference.patch(object, differences)
    local wanted, patch = difference.changed(object, differences), {}
    for _, one in ipairs(differences) do
        local place, from = patch, wanted
        for index, key in ipairs(one.path) do
            from = from[key]
            if index == #one.path or math.type(one.path[index + 1]) then
                place[key] = from == nil and salvor.null or from
                break
            end
            place[key] = place[key] or {}
            place = place[key]
        end
    end
    return patch
end

-- The operator's file

local function refuse(path, message, hint)
    error(errors.new({code = "Invalid", op = "resource", message = path .. ": " .. message,
                      hint = hint}), 0)
end

--- find(path, text, wanted {kind, name}) -> the object, its number among the documents of the file;
--- raises when it is not there, or not alone, or has another name.
function difference.find(path, text, wanted)
    local documents, err = yaml.load_all(text)
    if not documents then
        refuse(path, err.message)
    end
    local found, number
    for index, document in ipairs(documents) do
        if type(document) == "table" and document.kind == wanted.kind then
            if found then
                refuse(path, "there is more than one " .. wanted.kind, "give it one of them")
            end
            found, number = document, index
        end
    end
    local name = dig(found, "metadata", "name")
    if not found then
        refuse(path, "there is no " .. wanted.kind, "give the definition of " .. wanted.name)
    elseif name ~= wanted.name then
        refuse(path, wanted.kind .. " " .. tostring(name) .. " has another name than the old one, "
            .. wanted.name, "the name must be the same: the backups are bound to it")
    end
    return found, number
end

--- edited(text, number, differences) -> the text with them, everything else as it was; raises.
function difference.edited(text, number, differences)
    local document = must(yaml.edit(text, {document = number}))
    for _, one in ipairs(differences) do
        if one.after == nil then
            must(document:remove(one.path))
        else
            must(document:set(one.path, one.after))
        end
    end
    return tostring(document)
end

return difference
