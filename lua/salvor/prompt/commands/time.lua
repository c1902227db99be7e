local errors = require("salvor.error")
local evaluate = require("salvor.prompt.evaluate")
local task = require("salvor.task")

local time = {summary = "run it and tell how long it took", usage = "EXPRESSION"}

function time.run(prompt, text)
    local chunk, problem = evaluate.compile(text, _G)
    if not chunk then
        error(errors.new({code = "Invalid", message = problem}), 0)
    end
    local began, memory = task.now(), collectgarbage("count")
    local results = table.pack(chunk())
    prompt:print(string.format("%.3f s, %.0f KiB more", task.now() - began,
        math.max(0, collectgarbage("count") - memory)))
    return table.unpack(results, 1, results.n)
end

return time
