--- The errors of stores: the same code and words whatever the back end.
---
---     return errors.fail("NotFound", {url = url, status = 404, request_id = id})
---     -> nil, {code = "NotFound", message = "s3://b/k does not exist (HTTP 404, request 1F)", ...}
local errors = require("salvor.error")
local secret = require("salvor.secret")

local store_errors = {}

--- What each code says of a URL, and whether the same call may succeed later. The codes are those
--- of the whole program (src/core/error.h), and Changed, SlowDown and Unsupported.
local CODES = {
    AlreadyExists = {"%s exists already"},
    Cancelled = {"%s: given up"},
    Changed = {"%s was changed meanwhile"},
    Conflict = {"%s: somebody else is writing it"},
    Corrupt = {"%s is damaged"},
    Disconnected = {"%s: the connection was lost", retryable = true},
    Forbidden = {"%s: permission denied"},
    Internal = {"%s: a fault of Salvor's own, or out of memory"},
    Invalid = {"%s is not valid"},
    IO = {"%s: cannot be read or written"},
    NoSpace = {"%s: no space left"},
    NotFound = {"%s does not exist"},
    SlowDown = {"%s: the server asks for fewer requests", retryable = true},
    Timeout = {"%s: no answer in time", retryable = true},
    TooLarge = {"%s is too large"},
    Unauthorized = {"%s: the credentials were refused"},
    Unreachable = {"%s cannot be reached", retryable = true},
    Unsupported = {"%s: not supported"},
    Untrusted = {"%s is not trusted"},
}

local FIELDS = {url = true, op = true, reason = true, hint = true, status = true, request_id = true,
                retryable = true, retry_after = true, details = true, cause = true}

local function origin(fields)
    local parts = {}
    if fields.status then
        parts[#parts + 1] = "HTTP " .. fields.status
    end
    if fields.request_id then
        parts[#parts + 1] = "request " .. fields.request_id
    end
    return #parts > 0 and " (" .. table.concat(parts, ", ") .. ")" or ""
end

--- new(code, fields) -> error object. fields: url (without secrets; what it is about), reason (what
--- the server or system said), op, hint, status, request_id, retryable (the code's own when nil),
--- retry_after (seconds), details, cause.
---
--- The object has `url` and `request_id` as fields too, and details.retry_after.
function store_errors.new(code, fields)
    local kind = CODES[code] or error("no code of stores: " .. tostring(code), 2)
    for name in pairs(fields) do
        if not FIELDS[name] then
            error("no field of an error: " .. tostring(name), 2)
        end
    end
    local message = string.format(kind[1], fields.url)
    if fields.reason and fields.reason ~= "" then
        message = message .. ": " .. fields.reason
    end
    local retryable = fields.retryable
    if retryable == nil then
        retryable = kind.retryable or false
    end
    local details = fields.details
    if fields.retry_after then
        details = details or {}
        details.retry_after = fields.retry_after
    end
    local err = errors.new({
        code = code,
        op = fields.op,
        message = secret.mask(message .. origin(fields)),
        hint = fields.hint,
        status = fields.status,
        retryable = retryable,
        details = details,
        cause = fields.cause,
    })
    err.url, err.request_id = fields.url, fields.request_id
    return err
end

--- fail(code, fields) -> nil, error object
function store_errors.fail(code, fields)
    return nil, store_errors.new(code, fields)
end

--- The same from an error object of a module written in C, whose message becomes the reason; a code
--- that stores do not know stays what it is, with the URL before the message. `fields` as above,
--- reason, status and hint of the error by default.
function store_errors.wrap(err, fields)
    local reason = fields.reason or err.message
    if not CODES[err.code] then
        err.message = fields.url .. ": " .. reason
        err.url, err.op = fields.url, fields.op or err.op
        return nil, err
    end
    local taken = {reason = reason, status = err.status, hint = err.hint, details = err.details,
                   op = err.op ~= "" and err.op or nil}
    if err.retryable then
        taken.retryable = true
    end
    for name, value in pairs(fields) do
        taken[name] = value
    end
    return nil, store_errors.new(err.code, taken)
end

return store_errors
