--- What the server itself shows of the objects of a list: the cells of kubectl's table. A client of
--- the prompt asks for its lists as tables with the objects in them (meta/v1 Table, includeObject).
--- So the cells are those of the very objects that a script holds, whatever it then does to the
--- list, and nothing is asked for a second time.
local fields = require("salvor.k8s.fields")
local salvor = require("salvor")
local shape = require("salvor.k8s.shape")
local table_answer = require("salvor.k8s.table_answer")

local cells = {}

local OP = "k8s.list"

-- {columns, cells, namespaces} by object, and the namespace (or false) by list that has nothing in
-- it.
local kept = setmetatable({}, {__mode = "k"})
local empty = setmetatable({}, {__mode = "k"})

--- The List that the server would have sent instead of the table.
local function list_of(body, request)
    local columns = table_answer.columns(body)
    local items = salvor.list({})
    local namespaces = request.resource.namespaced and not request.namespace
    for index, row in ipairs(fields.map(body, "rows")) do
        local object = type(row) == "table" and row.object or salvor.null
        items[index] = object
        if type(object) == "table" then
            kept[object] = {columns = columns, cells = fields.map(row, "cells"),
                            namespaces = namespaces}
        end
    end
    return shape.list({
        apiVersion = request.resource.api_version,
        kind = request.resource.kind .. "List",
        metadata = body.metadata,
        items = items,
    }, request.op, request.resource)
end

--- keep(client) -> the client, whose list() keeps the cells from now on.
function cells.keep(client)
    local select, read = client._selection, client._read
    function client._selection(self, op, ...)
        local request, err = select(self, op, ...)
        if not request then
            return nil, err
        elseif op == OP then
            request.headers = {Accept = table_answer.ACCEPT}
            request.query.includeObject = "Object"
        end
        return request
    end
    function client._read(self, request)
        local body, err = read(self, request)
        if body and request.op == OP and body.kind == "Table" then
            body, err = list_of(body, request)
        end
        if not body then
            return nil, err
        elseif request.op == OP and not body.items[1] then
            empty[body.items] = request.namespace or false
        end
        return body
    end
    return client
end

--- of(object) -> {columns, cells, namespaces} | nil: the first two as a table_answer has them, and
--- whether all namespaces were looked into
function cells.of(object)
    return kept[object]
end

--- What kubectl says of a list in which nothing was found; nil of any other.
function cells.nothing(list)
    local namespace = empty[list]
    if namespace == nil or rawlen(list) > 0 then
        return nil
    end
    return namespace and "No resources found in " .. namespace .. " namespace."
        or "No resources found"
end

return cells
