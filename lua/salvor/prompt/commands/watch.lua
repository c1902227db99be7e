local evaluate = require("salvor.prompt.evaluate")
local fit = require("salvor.fit")
local show = require("salvor.prompt.show")
local task = require("salvor.task")

local watch = {summary = "show it again every two seconds, until Ctrl-C", usage = "EXPRESSION",
               complete = "lua"}

local PAUSE = 2

--- What it is now; an error is told as long as it lasts.
local function look(prompt, chunk)
    local results = table.pack(pcall(chunk))
    local texts = {}
    for index = 2, results.n do
        texts[index - 1] = results[1] and show.text(results[index], {output = prompt.output})
            or evaluate.describe(results[index])
    end
    return table.concat(texts, "\n")
end

--- As many rows as the terminal has, below the time and in front of the cursor.
local function pieces(prompt, text)
    local columns, rows = prompt.editor.console:size()
    local shown = {{os.date("%H:%M:%S"), prompt.styles.detail or ""}}
    for row in (prompt.harmless(text:gsub("\t", "    ")) .. "\n"):gmatch("([^\n]*)\n") do
        shown[#shown + 1] = "\n" .. fit(row, columns - 1)
        if #shown + 1 >= rows then
            break
        end
    end
    return table.move({"\n", true}, 1, 2, #shown + 1, shown)
end

--- The same rows are drawn anew where they differ, so nothing flickers.
function watch.run(prompt, text)
    local chunk = evaluate.must_compile(text)
    local console = prompt.editor.console
    local _ <close> = setmetatable({}, {__close = function()
        console:leave()
    end})
    while true do
        console:draw(pieces(prompt, look(prompt, chunk)))
        task.sleep(PAUSE)
    end
end

return watch
