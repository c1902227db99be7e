--- What a server says when it is asked for a table (meta/v1 Table), or for one that it does not
--- know how to make. It comes from outside: what is not as it should be is left out.
local age = require("salvor.k8s.age")
local fields = require("salvor.k8s.fields")

local map, text = fields.map, fields.text

local table_answer = {
    ACCEPT = "application/json;as=Table;v=v1;g=meta.k8s.io,"
        .. "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
}

local function read_columns(definitions)
    local columns = {}
    for number, definition in ipairs(definitions) do
        columns[number] = {
            name = text(definition, "name") or "",
            type = text(definition, "type") or "string",
            format = text(definition, "format") or "",
            description = text(definition, "description") or "",
            priority = fields.count(definition, "priority"),
        }
    end
    return columns
end

local function read_object(object)
    if type(object) ~= "table" then
        return nil
    end
    object.metadata = map(object, "metadata")
    object.metadata.managedFields = nil -- for people they are nothing, and more than all the rest
    return object
end

local function read_rows(rows)
    local read = {}
    for number, row in ipairs(rows) do
        read[number] = {cells = map(row, "cells"), object = read_object(row.object)}
    end
    return read
end

--- Servers that know no tables of a kind send the objects: their names and ages.
local function columns_of_objects()
    return read_columns({{name = "Name", format = "name"}, {name = "Age"}})
end

local function rows_of_objects(objects)
    local rows, now = {}, os.time()
    for number, object in ipairs(objects) do
        local metadata = read_object(object).metadata
        rows[number] = {
            cells = {text(metadata, "name") or "", age.since(metadata.creationTimestamp, now)},
            object = {apiVersion = object.apiVersion, kind = object.kind, metadata = metadata},
        }
    end
    return rows
end

--- The columns of a Table.
function table_answer.columns(body)
    return read_columns(map(body, "columnDefinitions"))
end

--- {columns, rows, continue, version} of an answer's body, a map. is_single: one object was asked
--- for.
function table_answer.read(body, is_single)
    local page = {continue = text(body, "metadata", "continue"),
                  version = text(body, "metadata", "resourceVersion")}
    if body.kind == "Table" then
        page.columns = table_answer.columns(body)
        page.rows = read_rows(fields.items(body, "rows"))
    else
        page.columns = columns_of_objects()
        page.rows = rows_of_objects(is_single and {body} or fields.items(body, "items"))
    end
    return page
end

return table_answer
