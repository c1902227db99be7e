local evaluate = require("salvor.prompt.evaluate")
local fit = require("salvor.fit")
local show = require("salvor.prompt.show")
local task = require("salvor.task")

local watch = {summary = "show it again every two seconds, until Ctrl-C", usage = "EXPRESSION",
               complete = "lua"}

local PAUSE = 2

--- What it is now; an error is told as long as it lasts.
local function look(prompt, chunk)
    local ok, results = pcall(function()
        return evaluate.results(chunk())
    end)
    if not ok then
        return evaluate.describe(results)
    end
    local problem = evaluate.error_of(results)
    if problem then
        return evaluate.describe(problem)
    end
    local texts = {}
    for index = 1, results.n do
        texts[index] = show.text(results[index], {output = prompt.output})
    end
    return table.concat(texts, "\n")
end

--- As many rows of a text as can be drawn, below the time and above the cursor.
local function view(prompt, text)
    local columns, rows = prompt.editor.console:size()
    local shown = {os.date("%H:%M:%S")}
    for row in (prompt.harmless(text:gsub("\t", "    ")) .. "\n"):gmatch("([^\n]*)\n") do
        if #shown + 2 >= rows then
            break
        end
        shown[#shown + 1] = fit(row, columns - 1)
    end
    return table.concat(shown, "\n")
end

--- The same rows are drawn anew where they differ, so nothing flickers; the last ones stay.
function watch.run(prompt, text)
    local chunk = evaluate.must_compile(text)
    local last
    local _ <close> = setmetatable({}, {__close = function()
        if last then
            prompt.editor:erase()
            prompt:print(last)
        end
    end})
    while true do
        last = view(prompt, look(prompt, chunk))
        prompt.editor:draw({last, "\n", true})
        task.sleep(PAUSE)
    end
end

return watch
