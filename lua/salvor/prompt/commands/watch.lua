local errors = require("salvor.error")
local evaluate = require("salvor.prompt.evaluate")
local task = require("salvor.task")

local watch = {summary = "show it again every two seconds, until Ctrl-C", usage = "EXPRESSION"}

local PAUSE = 2

function watch.run(prompt, text)
    local chunk, problem = evaluate.compile(text, _G)
    if not chunk then
        error(errors.new({code = "Invalid", message = problem}), 0)
    end
    while true do
        local results = table.pack(chunk())
        prompt.editor.console:clear()
        prompt:print(os.date("%H:%M:%S") .. "  " .. text)
        for index = 1, results.n do
            prompt:show(results[index])
        end
        task.sleep(PAUSE)
    end
end

return watch
