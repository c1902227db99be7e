--- Kubernetes objects as YAML, and lists of them as kubectl's tables.
local age = require("salvor.k8s.age")
local cells = require("salvor.prompt.show.cells")
local copy = require("salvor.copy")
local k8s = require("salvor.k8s")
local layout = require("salvor.k8s.table_layout")
local salvor = require("salvor")

local objects = {}

local function is_text_field(v, name)
    return type(rawget(v, name)) == "string"
end

function objects.is_object(v)
    return type(v) == "table" and is_text_field(v, "kind") and is_text_field(v, "apiVersion")
        and type(rawget(v, "metadata")) == "table"
end

--- The objects of a list, or of a List; nil when it is none, or has other things in it.
function objects.items(v)
    if type(v) ~= "table" then
        return nil
    elseif objects.is_object(v) then
        v = v.kind:find("List$") and type(rawget(v, "items")) == "table" and v.items or {}
    end
    for index = 1, rawlen(v) do
        if not objects.is_object(rawget(v, index)) then
            return nil
        end
    end
    return (rawlen(v) > 0 or cells.nothing(v)) and v or nil
end

-- What is read of an object

local function without_managed_fields(object)
    local shown = copy.merge(object)
    shown.metadata = copy.merge(object.metadata)
    shown.metadata.managedFields = nil
    return shown
end

--- readable(v) -> what is shown of it instead: of an object or of a list of them, without
--- managedFields; anything else is itself.
function objects.readable(v)
    local items = objects.items(v)
    if not items then
        return objects.is_object(v) and without_managed_fields(v) or v
    end
    local shown = salvor.list({})
    for index = 1, rawlen(items) do
        shown[index] = without_managed_fields(items[index])
    end
    return items == v and shown or copy.merge(v, {items = shown})
end

-- Tables

-- What may be long is last, so that it widens no other row.
local PLAIN = {{name = "Name", format = "name", priority = 0}, {name = "Age", priority = 0},
               {name = "State", priority = 0}}

local function plain_cells(object)
    local state, why = k8s.state(object)
    return {object.metadata.name, age.since(object.metadata.creationTimestamp, os.time()),
            why and state .. ": " .. why or state}
end

--- The objects by their kinds, in the order in which these come first.
local function by_kind(items)
    local groups = {}
    for index = 1, rawlen(items) do
        local object = items[index]
        local name = object.apiVersion .. " " .. object.kind
        if not groups[name] then
            groups[name] = {}
            table.insert(groups, groups[name])
        end
        table.insert(groups[name], object)
    end
    return groups
end

local function are_equal(columns, others)
    for number, column in ipairs(columns) do
        if not others[number] or others[number].name ~= column.name then
            return false
        end
    end
    return #columns == #others
end

--- The columns that the server has for all of them; nil when it has not told.
local function common_columns(group)
    local columns
    for _, object in ipairs(group) do
        local known = cells.of(object)
        if not known or columns and not are_equal(columns, known.columns) then
            return nil
        end
        columns = known.columns
    end
    return columns
end

local function rows_of(group, columns, prefix)
    local rows = {}
    for number, object in ipairs(group) do
        local texts = columns and copy.merge(cells.of(object).cells) or plain_cells(object)
        for index, column in ipairs(columns or PLAIN) do
            if column.format == "name" then
                texts[index] = prefix .. tostring(texts[index])
            end
        end
        rows[number] = {cells = texts, object = object}
    end
    return rows
end

--- Whether they are in several namespaces, or were looked for in all.
local function shows_namespaces(items)
    for index = 1, rawlen(items) do
        local known = cells.of(items[index])
        if known and known.namespaces
            or items[index].metadata.namespace ~= items[1].metadata.namespace then
            return true
        end
    end
    return false
end

--- table(items) -> text: as kubectl has it, a table for each kind.
function objects.table(items)
    local nothing = cells.nothing(items)
    if nothing then
        return nothing
    end
    local groups, parts = by_kind(items), {}
    local namespaces = shows_namespaces(items)
    for index, group in ipairs(groups) do
        local columns = common_columns(group)
        local laid = layout.new(columns or PLAIN, {namespaces = namespaces})
        laid:add_rows(rows_of(group, columns, #groups > 1 and group[1].kind:lower() .. "/" or ""))
        parts[#parts + 1] = index > 1 and "\n" or nil
        laid:write(function(text)
            parts[#parts + 1] = text
        end)
    end
    return table.concat(parts)
end

return objects
