--- What is the same in the answers of all stores over HTTP.
local dates = require("salvor.dates")
local errors = require("salvor.store.errors")
local http = require("salvor.store_http")

local answer = {}

--- The code of an error whose body does not say more.
answer.STATUSES = {
    [401] = "Unauthorized",
    [403] = "Forbidden",
    [404] = "NotFound",
    [405] = "Unsupported",
    [408] = "Timeout",
    [409] = "Changed",
    [412] = "Changed",
    [413] = "TooLarge",
    [429] = "SlowDown",
    [500] = "IO",
    [501] = "Unsupported",
    [503] = "SlowDown",
    [507] = "NoSpace",
}

local UNCLEAR = {[500] = true, [502] = true, [504] = true}

--- The text of a child of an error's body, when it is one.
function answer.text(body, name)
    local value = body[name]
    return type(value) == "string" and value ~= "" and value or nil
end

--- {Code=, Message=, ...} of an error's body; empty when it is none.
function answer.body(got)
    return got.body and http.xml(got.body, {}) or {}
end

--- What the server knows the request by.
function answer.request_id(got)
    return got.headers["x-amz-request-id"] or got.headers["x-ms-request-id"]
end

--- The error of an answer: nil and an error object. `fields`: those of errors.fail() that the
--- answer's status and headers do not tell.
function answer.fail(got, code, fields)
    fields.status, fields.request_id = got.status, fields.request_id or answer.request_id(got)
    fields.retryable = fields.retryable or UNCLEAR[got.status]
    fields.retry_after = dates.retry_after(got.headers["retry-after"], os.time())
    return errors.fail(code, fields)
end

--- name -> value of the headers that begin with `prefix`; nil when there are none.
function answer.metadata(headers, prefix)
    local metadata
    for name, value in pairs(headers) do
        if name:sub(1, #prefix) == prefix then
            metadata = metadata or {}
            metadata[name:sub(#prefix + 1)] = value
        end
    end
    return metadata
end

return answer
