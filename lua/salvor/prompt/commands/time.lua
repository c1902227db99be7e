local evaluate = require("salvor.prompt.evaluate")
local task = require("salvor.task")
local ui = require("salvor.ui")

local time = {summary = "run it, and tell how long it took and how much memory stays in use",
              usage = "EXPRESSION", complete = "lua"}

local function memory()
    collectgarbage()
    return collectgarbage("count") * 1024
end

local function duration(seconds)
    return string.format(seconds < 1 and "%.1f ms" or "%.2f s",
        seconds < 1 and seconds * 1000 or seconds)
end

function time.run(prompt, text)
    local chunk = evaluate.must_compile(text)
    local before, began = memory(), task.now()
    local results = table.pack(chunk())
    local seconds = task.now() - began
    prompt:print(duration(seconds) .. ", " .. ui.bytes(math.max(0, memory() - before)) .. " more")
    return table.unpack(results, 1, results.n)
end

--- What does the same in a script.
function time.source(text)
    return (select(2, evaluate.compile(text)))
end

return time
