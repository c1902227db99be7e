--- All about what went wrong: the error with every field of it, and where it was raised.
local errors = require("salvor.error")
local literal = require("salvor.prompt.literal")

local FIELDS = {"code", "op", "message", "hint", "status", "retryable", "details"}

local function add(rows, problem)
    if not errors.is(problem) then
        rows[#rows + 1] = type(problem) == "string" and problem or literal(problem)
        return
    end
    for _, name in ipairs(FIELDS) do
        local v = problem[name]
        if v ~= nil then
            rows[#rows + 1] = name .. ": " .. (type(v) == "string" and v or literal(v))
        end
    end
    if problem.cause ~= nil then
        rows[#rows + 1] = "because of"
        add(rows, problem.cause)
    end
end

--- failure({problem, traceback}) -> text
return function(failure)
    local rows = {}
    add(rows, failure.problem)
    rows[#rows + 1] = failure.traceback
    return table.concat(rows, "\n")
end
