---@meta salvor.error

--- Error objects: what can fail in the world returns nil and one of these. `tostring(err)` is one
--- line, "op: message (Code)", with the hint on a second. Misuse (a wrong type, an unknown option)
--- raises a string instead.
local error_module = {}

--- The codes that Salvor itself gives: `Invalid` `NotFound` `AlreadyExists` `Conflict` `Changed`
--- `Unauthorized` `Untrusted` `Forbidden` `Timeout` `Cancelled` `Unreachable` `Disconnected`
--- `Closed` `Corrupt` `TooLarge` `NoSpace` `IO` `Refused` `Failed` `Unsupported`
--- `ServiceUnavailable` `SlowDown` `Internal`; of procedures and commands `Usage` `InvalidScript`
--- `Preflight` `Stopped`. Those of an API server are passed through as they are.
---@class salvor.Error
---@field code string What a script decides by.
---@field message string What and where, one line.
---@field op? string What was attempted: "fs.write".
---@field hint? string What to do about it.
---@field status? integer HTTP status.
---@field retryable boolean The same call may succeed later without anyone changing anything.
---@field cause? any What was behind it.
---@field details? table What the other side said in full.

---@class salvor.ErrorFields
---@field code string
---@field message string
---@field op? string
---@field hint? string
---@field status? integer
---@field retryable? boolean
---@field cause? any
---@field details? table

--- An error object of one's own; `retryable` is false unless given. Raises when `code` or `message`
--- is missing or a field has the wrong type.
---@param fields salvor.ErrorFields
---@return salvor.Error
function error_module.new(fields) end

--- Whether the value is an error object, of that code when one is named.
---@param value any
---@param code? string
---@return boolean
function error_module.is(value, code) end

return error_module
