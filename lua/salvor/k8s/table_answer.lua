--- What a server says when it is asked for a table (meta/v1 Table), or for one that it does not
--- know how to make. It comes from outside: what is not as it should be is left out.
local age = require("salvor.k8s.age")
local fail = require("salvor.error").new

local function list_of(value)
    return type(value) == "table" and value or {}
end

local function text_of(value, fallback)
    return type(value) == "string" and value or fallback
end

local function read_columns(definitions)
    local columns = {}
    for _, definition in ipairs(list_of(definitions)) do
        definition = list_of(definition)
        columns[#columns + 1] = {
            name = text_of(definition.name, ""),
            type = text_of(definition.type, "string"),
            format = text_of(definition.format, ""),
            description = text_of(definition.description, ""),
            priority = math.type(definition.priority) == "integer" and definition.priority or 0,
        }
    end
    return columns
end

local function read_object(object)
    if type(object) ~= "table" then
        return nil
    end
    object.metadata = list_of(object.metadata)
    object.metadata.managedFields = nil -- for people they are nothing, and more than all the rest
    return object
end

local function read_rows(rows)
    local read = {}
    for _, row in ipairs(list_of(rows)) do
        if type(row) == "table" then
            read[#read + 1] = {cells = list_of(row.cells), object = read_object(row.object)}
        end
    end
    return read
end

--- Servers that know no tables of a kind send the objects: their names and ages.
local function columns_of_objects()
    return read_columns({{name = "Name", format = "name"}, {name = "Age"}})
end

local function rows_of_objects(objects)
    local rows, now = {}, os.time()
    for _, item in ipairs(objects) do
        local object = read_object(item)
        if object then
            local metadata = object.metadata
            rows[#rows + 1] = {
                cells = {text_of(metadata.name, ""), age.since(metadata.creationTimestamp, now)},
                object = {apiVersion = object.apiVersion, kind = object.kind, metadata = metadata},
            }
        end
    end
    return rows
end

--- {columns, rows, continue} of an answer's body; nil and an error, whose op is given, when it is
--- nothing of the kind. is_single: one object was asked for.
return function(body, op, is_single)
    local metadata = type(body) == "table" and list_of(body.metadata)
    if not metadata then
        return nil, fail({code = "Corrupt", op = op,
                          message = "the answer is neither a table nor a list"})
    end
    local continue = text_of(metadata.continue, "")
    local page = {continue = continue ~= "" and continue or nil}
    if body.kind == "Table" then
        page.columns, page.rows = read_columns(body.columnDefinitions), read_rows(body.rows)
    else
        page.columns = columns_of_objects()
        page.rows = rows_of_objects(is_single and {body} or list_of(body.items))
    end
    return page
end
