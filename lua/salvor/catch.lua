--- catch(fn, ...) -> what fn(...) returns, or nil and the error object that it raises: the opposite
--- of must(). What is no error object is a fault, and goes on.
local errors = require("salvor.error")

local function sort_out(ok, first, ...)
    if ok then
        return first, ...
    elseif errors.is(first) then
        return nil, first
    end
    error(first, 0)
end

return function(fn, ...)
    return sort_out(pcall(fn, ...))
end
