local errors = require("salvor.error")
local literal = require("salvor.prompt.literal")

local trace = {summary = "all about the last error, and where it was raised"}

local FIELDS = {"code", "op", "message", "hint", "status", "retryable", "details"}

local function readable(v)
    return type(v) == "string" and v or literal(v)
end

local function add(rows, problem)
    if not errors.is(problem) then
        rows[#rows + 1] = readable(problem)
        return
    end
    for _, name in ipairs(FIELDS) do
        rows[#rows + 1] = problem[name] ~= nil and name .. ": " .. readable(problem[name]) or nil
    end
    if problem.cause ~= nil then
        rows[#rows + 1] = "because of"
        add(rows, problem.cause)
    end
end

function trace.run(prompt)
    local failure = prompt.failure
    if not failure then
        return prompt:page("there was no error")
    end
    local rows = {}
    add(rows, failure.problem)
    rows[#rows + 1] = failure.traceback
    prompt:page(table.concat(rows, "\n"))
end

return trace
