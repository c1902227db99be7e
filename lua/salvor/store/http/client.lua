--- The client of a store over HTTP: salvor.store_http's, whose requests the log can tell of.
local http = require("salvor.store_http")
local note = require("salvor.store.note")

local client = {}
client.__index = client

--- new(options) -> client, with the options of salvor.store_http's.
function client.new(options)
    return setmetatable({native = http.client(options)}, client)
end

local function url_of(wanted)
    local pairs_of_query = {}
    for name, value in pairs(wanted.query or {}) do
        table.insert(pairs_of_query, http.escape(name) .. "=" .. http.escape(tostring(value)))
    end
    table.sort(pairs_of_query)
    local query = table.concat(pairs_of_query, "&")
    return wanted.origin .. wanted.path .. (query ~= "" and "?" .. query or "")
end

local function outcome(answer, err)
    if not answer then
        return err.status or err.code
    end
    return answer.status, answer.headers["x-amz-request-id"] or answer.headers["x-ms-request-id"]
end

--- request(wanted) -> answer, or nil and an error, both salvor.store_http's.
function client:request(wanted)
    return note.request(wanted.method, function()
        return url_of(wanted)
    end, outcome, function()
        return self.native:request(wanted)
    end)
end

return client
