--- Kubernetes objects as YAML, and lists of them as kubectl's tables.
local age = require("salvor.k8s.age")
local cells = require("salvor.prompt.show.cells")
local copy = require("salvor.copy")
local k8s = require("salvor.k8s")
local layout = require("salvor.k8s.table_layout")
local salvor = require("salvor")

local objects = {}

local LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

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

--- How many bytes a text of base64 stands for.
local function decoded_size(text)
    return #text // 4 * 3 - #text:match("=*$")
end

--- Values of a Secret are told by their sizes.
local function without_values(values)
    local shown = {}
    for key, text in pairs(values) do
        shown[key] = string.format("(%d bytes)", decoded_size(tostring(text)))
    end
    return shown
end

--- The object without what nobody reads, and without what is nobody's to read; whether the latter
--- was left out.
local function readable(object)
    local shown = copy.merge(object)
    shown.metadata = copy.merge(object.metadata, {managedFields = false})
    shown.metadata.managedFields = nil
    if object.kind ~= "Secret" then
        return shown, false
    end
    local annotations = shown.metadata.annotations
    if type(annotations) == "table" and annotations[LAST_APPLIED] then
        shown.metadata.annotations = copy.merge(annotations, {[LAST_APPLIED] = "(left out)"})
    end
    shown.data = type(object.data) == "table" and without_values(object.data) or nil
    return shown, true
end

--- readable(v) -> what is shown of it instead, and whether there is more: of an object or of a list
--- of them, without managedFields and without the values of Secrets; anything else is itself.
function objects.readable(v)
    local items = objects.items(v)
    if not items and objects.is_object(v) then
        return readable(v)
    elseif not items then
        return v, false
    end
    local shown, is_cut = salvor.list({}), false
    for index = 1, rawlen(items) do
        local is_secret
        shown[index], is_secret = readable(items[index])
        is_cut = is_cut or is_secret
    end
    return items == v and shown or copy.merge(v, {items = shown}), is_cut
end

-- Tables

local PLAIN = {{name = "Name", format = "name", priority = 0}, {name = "State", priority = 0},
               {name = "Age", priority = 0}}

local function plain_cells(object)
    local state, why = k8s.state(object)
    return {object.metadata.name, why and state .. ": " .. why or state,
            age.since(object.metadata.creationTimestamp, os.time())}
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

local function has_several_namespaces(items)
    for index = 2, rawlen(items) do
        if items[index].metadata.namespace ~= items[1].metadata.namespace then
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
    local namespaces = has_several_namespaces(items)
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
