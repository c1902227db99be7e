--- A client's lists and streams as tables: what a watch takes for an object is then the row of one,
--- {apiVersion, kind, metadata, row, columns}.
---
--- A server describes the columns in the first event of a stream only, so they are kept here.
local salvor = require("salvor")
local shape = require("salvor.k8s.shape")
local table_answer = require("salvor.k8s.table_answer")

local rows = {}
rows.__index = rows

function rows.new(client)
    return setmetatable({client = client}, rows)
end

function rows:_selection(...)
    local selection, err = self.client:_selection(...)
    if selection then
        selection.headers = {Accept = table_answer.ACCEPT}
    end
    return selection, err
end

--- What stands for the objects of a page.
function rows:objects(page, resource)
    if page.columns[1] then
        self.columns = page.columns
    end
    local objects = salvor.list({})
    for number, row in ipairs(page.rows) do
        objects[number] = {
            apiVersion = resource.api_version,
            kind = resource.kind,
            metadata = row.object and row.object.metadata,
            row = row,
            columns = self.columns or {},
        }
    end
    return objects
end

function rows:_read(read)
    local body, err = self.client:_read(read)
    if not body then
        return nil, err
    end
    local page = table_answer.read(body)
    return shape.list({
        metadata = {continue = page.continue, resourceVersion = page.version},
        items = self:objects(page, read.resource),
    }, read.op, read.resource)
end

function rows:_send(read)
    return self.client:_send(read)
end

--- The event of an object from that of a table. What is wrong with it, the watch finds.
function rows:event(event, read)
    if event.type == "ERROR" or type(event.object) ~= "table" then
        return event
    end
    local page = table_answer.read(event.object, true)
    local object = self:objects(page, read.resource)[1]
    if event.type == "BOOKMARK" and not (object and object.metadata) then
        object = {metadata = {resourceVersion = page.version}}
    end
    return {type = event.type, object = object}
end

function rows:_stream(read)
    local stream, err = self.client:_stream(read)
    if not stream then
        return nil, err
    end
    local of_rows = {}
    function of_rows.next(_, seconds)
        local event, problem = stream:next(seconds)
        return event and self:event(event, read), problem
    end
    function of_rows.close()
        stream:close()
    end
    return of_rows
end

return rows
