--- patience(seconds, fn) -> what fn() returned; nil and the problem: what it raised, or that it
--- took too long. Completion goes on without an answer, whatever a cluster or a store does.
local errors = require("salvor.error")
local task = require("salvor.task")

return function(seconds, fn)
    local ok, found, problem = pcall(task.timeout, seconds, fn)
    if not ok then
        return nil, found
    elseif found == nil and errors.is(problem, "Timeout") then
        return nil, errors.new({code = "Timeout", op = "completion", retryable = true,
                                message = string.format("no answer within %g s", seconds)})
    end
    return found
end
